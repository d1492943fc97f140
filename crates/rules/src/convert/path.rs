//! A place in a JSON document, `$.a[0].b`, and the walk to it. Only what lies on the way is looked at, so that a
//! document may be broken elsewhere; nothing recurses, however deep it nests.

use std::ops::Range;

/// A parsed place.
#[derive(Debug, Clone)]
pub(crate) struct Path {
    steps: Box<[Step]>,
}

/// What stands at a place.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found<'d> {
    /// A text between its quotes, escapes and all.
    Text(&'d [u8]),
    Number(&'d [u8]),
    Truth(bool),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Member(Box<str>),
    Element(usize),
}

impl Path {
    /// Reads `$`, `.name` (dots in names behind a backslash) and `[number]`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let refused = || format!("{text:?} is not a path such as $.a[0].b");
        let mut rest = text.strip_prefix('$').ok_or_else(refused)?;
        let mut steps = Vec::new();
        while !rest.is_empty() {
            if let Some(inner) = rest.strip_prefix('[') {
                let (number, after) = inner.split_once(']').ok_or_else(refused)?;
                steps.push(Step::Element(number.parse().map_err(|_| refused())?));
                rest = after;
                continue;
            }
            let (name, after) = member(rest.strip_prefix('.').ok_or_else(refused)?);
            if name.is_empty() {
                return Err(refused());
            }
            steps.push(Step::Member(name.into()));
            rest = after;
        }
        Ok(Self { steps: steps.into() })
    }

    /// What stands there, if it is text, a number or a truth value.
    pub fn find<'d>(&self, document: &'d [u8]) -> Option<Found<'d>> {
        let mut walk = Walk { document, at: 0 };
        for step in &self.steps {
            match step {
                Step::Member(name) => walk.enter_member(name.as_bytes())?,
                Step::Element(index) => walk.enter_element(*index)?,
            }
        }
        walk.value()
    }
}

/// The name up to the next dot or bracket, and what follows.
fn member(text: &str) -> (String, &str) {
    let mut name = String::new();
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '.' | '[' => return (name, text.get(at..).unwrap_or_default()),
            '\\' => name.extend(letters.next().map(|(_, escaped)| escaped)),
            _ => name.push(letter),
        }
    }
    (name, "")
}

struct Walk<'d> {
    document: &'d [u8],
    at: usize,
}

impl<'d> Walk<'d> {
    /// The next byte that is no blank.
    fn next(&mut self) -> Option<u8> {
        let blanks = self.document.get(self.at..)?.iter().take_while(|byte| byte.is_ascii_whitespace());
        self.at += blanks.count();
        self.document.get(self.at).copied()
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        (self.next()? == byte).then(|| self.at += 1)
    }

    fn enter_member(&mut self, name: &[u8]) -> Option<()> {
        self.expect(b'{')?;
        loop {
            let key = self.text()?;
            self.expect(b':')?;
            if self.document.get(key)? == name {
                return Some(());
            }
            self.skip()?;
            self.expect(b',')?;
        }
    }

    fn enter_element(&mut self, index: usize) -> Option<()> {
        self.expect(b'[')?;
        for _ in 0..index {
            self.skip()?;
            self.expect(b',')?;
        }
        Some(())
    }

    /// Where the text lies, without its quotes.
    fn text(&mut self) -> Option<Range<usize>> {
        self.expect(b'"')?;
        let start = self.at;
        loop {
            match self.document.get(self.at)? {
                b'"' => break,
                b'\\' => self.at += 2,
                _ => self.at += 1,
            }
        }
        self.at += 1;
        Some(start..self.at - 1)
    }

    /// Goes behind the value.
    fn skip(&mut self) -> Option<()> {
        let mut depth = 0usize;
        loop {
            match self.next()? {
                b'"' => {
                    self.text()?;
                }
                b'{' | b'[' => {
                    depth += 1;
                    self.at += 1;
                }
                b'}' | b']' if depth > 0 => {
                    depth -= 1;
                    self.at += 1;
                }
                b'}' | b']' | b',' if depth == 0 => return None,
                b':' | b',' => self.at += 1,
                _ => {
                    self.word();
                }
            }
            if depth == 0 {
                return Some(());
            }
        }
    }

    /// A number, `true`, `false` or `null`, or whatever else stands there.
    fn word(&mut self) -> &'d [u8] {
        let rest = self.document.get(self.at..).unwrap_or_default();
        let ends = |byte: &u8| byte.is_ascii_whitespace() || b",:{}[]\"".contains(byte);
        let word = rest.split(ends).next().unwrap_or_default();
        self.at += word.len().max(1);
        word
    }

    fn value(&mut self) -> Option<Found<'d>> {
        match self.next()? {
            b'"' => {
                let range = self.text()?;
                self.document.get(range).map(Found::Text)
            }
            b'-' | b'0'..=b'9' => Some(Found::Number(self.word())),
            _ => match self.word() {
                b"true" => Some(Found::Truth(true)),
                b"false" => Some(Found::Truth(false)),
                _ => None,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broken_documents_end_the_walk() {
        let path = Path::parse("$.a[1].b").unwrap();
        for text in
            ["", "{", "{\"a\"", "{\"a\":[", "{\"a\":[1,", "{\"a\":[1,{\"b\":", "{\"a\":[1 2", "}]", "{\"\\"]
        {
            assert_eq!(path.find(text.as_bytes()), None, "{text}");
        }
        let deep = [b"{\"a\":".as_slice(), &vec![b'['; 1 << 20]].concat();
        assert_eq!(path.find(&deep), None);
        assert_eq!(path.find(b"{\"x\":{\"a\":{}},\"a\":[[],{\"b\":-1}"), Some(Found::Number(b"-1")));
    }
}
