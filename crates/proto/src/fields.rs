//! Field lines of one head: where name and value stand, which field it is, whether it may travel on.
//!
//! Owns: the list, recognition of names, lookups. Does not own: parsing of lines (`line`) and what fields mean
//! (`request`, `response`).

use crate::Span;
use crate::known::CONNECTION_FIELDS;
pub use crate::known::Known;

/// One field line.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// The name as it was written.
    pub name: Span,
    /// The value without white space around it.
    pub value: Span,
    /// Which field it is.
    pub known: Known,
    /// Hop-by-hop by itself or nominated by Connection: never forwarded.
    pub hop: bool,
    /// The line stands in the head exactly as it would be written: `name: value CR LF`.
    pub plain: bool,
}

impl Field {
    /// A field found by a parser; hop-by-hop ones know it from their name.
    #[inline]
    pub(crate) fn new(name: Span, value: Span, known: Known, plain: bool) -> Self {
        Self { name, value, known, hop: known.bit() & CONNECTION_FIELDS != 0, plain }
    }

    /// Whether it may be forwarded and is of no kind in `skip`.
    #[inline]
    pub(crate) fn travels(&self, skip: u32) -> bool {
        !self.hop && self.known.bit() & skip == 0
    }

    /// Where the line of a plain field ends.
    #[inline]
    pub(crate) fn line_end(&self) -> usize {
        self.value.end as usize + 2
    }
}

/// The field lines of one head in their order; keeps its memory from message to message.
#[derive(Clone, Debug, Default)]
pub struct Fields {
    list: Vec<Field>,
    dropped: u32,
    /// The kinds of all fields, as a set.
    kinds: u32,
    /// A line is not plain, was dropped or was marked: the lines are no longer one block to be copied.
    uneven: bool,
}

impl Fields {
    /// Every field in order.
    #[inline]
    pub fn iter(&self) -> std::slice::Iter<'_, Field> {
        self.list.iter()
    }

    /// The first field called `name`, whatever its case.
    #[inline]
    pub fn find(&self, bytes: &[u8], name: &[u8]) -> Option<&Field> {
        self.list.iter().find(|field| is_named(field, bytes, name))
    }

    /// Every field called `name`, whatever its case.
    pub fn find_all<'a>(&'a self, bytes: &'a [u8], name: &'a [u8]) -> impl Iterator<Item = &'a Field> {
        self.list.iter().filter(move |field| is_named(field, bytes, name))
    }

    /// The first field of that kind; for `Known::Other` use `find`.
    #[inline]
    pub fn find_known(&self, known: Known) -> Option<&Field> {
        if self.kinds & known.bit() == 0 {
            return None;
        }
        self.list.iter().find(|field| field.known == known)
    }

    /// Every field of that kind.
    pub fn find_all_known(&self, known: Known) -> impl Iterator<Item = &Field> {
        self.list.iter().filter(move |field| field.known == known)
    }

    /// How many fields there are, dropped ones not counted.
    #[inline]
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there are none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// How many lines were left out because their name holds an underscore, which some servers read as a dash.
    pub fn dropped(&self) -> usize {
        self.dropped as usize
    }

    /// Forgets everything but the memory.
    #[inline]
    pub fn clear(&mut self) {
        self.list.clear();
        self.dropped = 0;
        self.kinds = 0;
        self.uneven = false;
    }

    #[inline]
    pub(crate) fn push(&mut self, field: Field) {
        self.kinds |= field.known.bit();
        self.uneven |= !field.plain;
        self.list.push(field);
    }

    /// Keeps only the fields that `keeps` says; how many were taken out.
    pub(crate) fn retain(&mut self, keeps: impl FnMut(&Field) -> bool) -> usize {
        let before = self.list.len();
        self.list.retain(keeps);
        let removed = before - self.list.len();
        if removed > 0 {
            self.uneven = true;
            self.kinds = self.list.iter().fold(0, |kinds, field| kinds | field.known.bit());
        }
        removed
    }

    pub(crate) fn put(&mut self, index: usize, field: Field) {
        if let Some(place) = self.list.get_mut(index) {
            self.uneven |= !field.plain;
            *place = field;
        }
    }

    pub(crate) fn drop_one(&mut self) {
        self.dropped = self.dropped.saturating_add(1);
        self.uneven = true;
    }

    /// Lines seen, dropped ones too: what the limit counts.
    #[inline]
    pub(crate) fn lines(&self) -> usize {
        self.list.len() + self.dropped as usize
    }

    #[inline]
    pub(crate) fn get(&self, index: usize) -> Option<Field> {
        self.list.get(index).copied()
    }

    /// Whether the lines stand one behind the other as they would be written, and none is of a kind in `kinds`.
    #[inline]
    pub(crate) fn is_even_without(&self, kinds: u32) -> bool {
        !self.uneven && self.kinds & kinds == 0
    }

    /// The last line.
    #[inline]
    pub(crate) fn last(&self) -> Option<&Field> {
        self.list.last()
    }

    /// Marks every field called `name` as hop-by-hop.
    pub(crate) fn mark_hop(&mut self, bytes: &[u8], name: &[u8]) {
        self.uneven = true;
        for field in self.list.iter_mut().filter(|field| is_named(field, bytes, name)) {
            field.hop = true;
        }
    }

    /// Marks every field of that kind as hop-by-hop.
    pub(crate) fn mark_hop_known(&mut self, known: Known) {
        self.uneven = true;
        for field in self.list.iter_mut().filter(|field| field.known == known) {
            field.hop = true;
        }
    }
}

impl<'a> IntoIterator for &'a Fields {
    type Item = &'a Field;
    type IntoIter = std::slice::Iter<'a, Field>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

fn is_named(field: &Field, bytes: &[u8], name: &[u8]) -> bool {
    field.name.len() == name.len() && field.name.of(bytes).eq_ignore_ascii_case(name)
}

#[cfg(test)]
mod tests {
    use super::{Field, Fields, Known};
    use crate::Span;

    #[test]
    fn looks_up_by_name_and_kind() {
        let bytes = b"Abcd";
        let mut fields = Fields::default();
        fields.push(Field::new(Span::new(0, 2), Span::new(2, 4), Known::Other, true));
        assert_eq!(fields.find(bytes, b"aB").unwrap().value.of(bytes), b"cd");
        assert!(fields.find(bytes, b"a").is_none());
        assert!(fields.find_known(Known::Te).is_none());
        assert_eq!((fields.len(), fields.find_all(bytes, b"AB").count()), (1, 1));
        fields.clear();
        assert!(fields.is_empty());
    }
}
