//! The byte expressions of the corpus: literals in single or double quotes, joined with `+`, repeated with `*`.

/// The bytes that `expression` stands for.
pub fn evaluate(expression: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = expression;
    loop {
        let (bytes, behind) = literal(rest);
        let (count, behind) = repetition(behind);
        out.extend(bytes.repeat(count));
        match behind.strip_prefix('+') {
            Some(next) => rest = next,
            None if behind.is_empty() => return out,
            None => panic!("no byte expression: {expression}"),
        }
    }
}

/// The literal at the start of `text`, and what follows it.
fn literal(text: &str) -> (Vec<u8>, &str) {
    let quote = text.as_bytes()[1];
    assert!(text.starts_with('b') && matches!(quote, b'\'' | b'"'), "no byte literal: {text}");
    let mut out = Vec::new();
    let mut at = 2;
    loop {
        let byte = text.as_bytes()[at];
        at += 1;
        match byte {
            b'\\' => {
                let (value, length) = escape(&text[at..]);
                out.push(value);
                at += length;
            }
            _ if byte == quote => return (out, &text[at..]),
            _ => out.push(byte),
        }
    }
}

/// The byte behind a backslash, and how many characters name it.
fn escape(text: &str) -> (u8, usize) {
    match text.as_bytes()[0] {
        b'r' => (b'\r', 1),
        b'n' => (b'\n', 1),
        b't' => (b'\t', 1),
        b'x' => (u8::from_str_radix(&text[1..3], 16).unwrap(), 3),
        other @ (b'\\' | b'\'' | b'"') => (other, 1),
        other => panic!("unknown escape {}", other.escape_ascii()),
    }
}

fn repetition(text: &str) -> (usize, &str) {
    let Some(count) = text.strip_prefix('*') else { return (1, text) };
    let end = count.find(|c: char| !c.is_ascii_digit()).unwrap_or(count.len());
    (count[..end].parse().unwrap(), &count[end..])
}

#[test]
fn evaluates_what_the_corpus_uses() {
    assert_eq!(evaluate(r#"b'a\r\n\x00\"'+b'bc'*2+b"d'""#), b"a\r\n\0\"bcbcd'");
    assert_eq!(evaluate("b''"), b"");
}
