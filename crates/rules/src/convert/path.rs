//! A place in a JSON document, `$.a[0].b`, and the walk to it. Only what lies on the way is looked at.

/// A parsed place.
#[derive(Debug, Clone)]
pub(crate) struct Path {
    steps: Box<[Step]>,
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
