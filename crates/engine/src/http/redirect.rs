//! Redirect: the text of Location, which leads where the configuration says and nowhere else.
//!
//! Browsers read `//` and `/\` at the start of a reference as a host, drop tabs and line ends anywhere in it, and skip
//! an empty host. So none of that may come from what a client sent.

use tenbin_rules::{Expr, View};

/// Appends the location; false when it would have to name a host and the request has none.
///
/// `start` is the part of the location that no request can change.
pub fn write_location<V: View>(out: &mut Vec<u8>, (location, start): (&Expr, &[u8]), view: &V) -> bool {
    let mut text = Vec::new();
    location.write(view, &mut text);
    if start.ends_with(b"//") {
        let host = text.get(start.len()).copied().unwrap_or_default();
        if !host.is_ascii_alphanumeric() && host != b'[' {
            return false;
        }
    }
    let slashes = text.iter().take_while(|byte| matches!(byte, b'/' | b'\\')).count();
    let mut rest = text.as_slice();
    if slashes > 1 && !start.starts_with(b"//") {
        out.push(b'/');
        rest = text.get(slashes..).unwrap_or_default();
    }
    for &byte in rest {
        match byte {
            b'!' | b'#'..=b';' | b'=' | b'?'..=b'[' | b']'..=b'_' | b'a'..=b'~' => out.push(byte),
            _ => out.extend_from_slice(&[b'%', digit(byte >> 4), digit(byte & 15)]),
        }
    }
    true
}

fn digit(value: u8) -> u8 {
    if value < 10 { b'0' + value } else { b'A' + value - 10 }
}

#[cfg(test)]
mod tests {
    use tenbin_rules::{Around, Expr, View, wire};

    use super::write_location;

    struct Asked {
        path: &'static [u8],
        query: &'static [u8],
        host: &'static [u8],
    }

    impl View for Asked {
        fn path(&self) -> &[u8] {
            self.path
        }
        fn query(&self) -> &[u8] {
            self.query
        }
        fn host(&self) -> &[u8] {
            self.host
        }
    }

    /// Where a redirect to `start` and then `fetch` leads.
    fn leads(start: &str, fetch: &str, asked: &Asked) -> Option<String> {
        let fetch = format!(r#"{{"op":"concat","of":[{{"op":"const","value":{start:?}}},{fetch}]}}"#);
        let tree: wire::Expr = serde_json::from_str(&fetch).unwrap();
        let expression = Expr::compile(&tree, &Around::NOTHING).unwrap();
        let mut out = Vec::new();
        write_location(&mut out, (&expression, start.as_bytes()), asked)
            .then(|| String::from_utf8(out).unwrap())
    }

    const URL: &str = r#"{"op":"fetch","name":"url"}"#;
    const HOST: &str = r#"{"op":"fetch","name":"host"}"#;
    const NEXT: &str = r#"{"op":"fetch","name":"param","args":["next"]}"#;

    #[test]
    fn no_path_becomes_a_host() {
        for (path, location) in [
            (&b"/a"[..], "/a"),
            (b"//evil.test/x", "/evil.test/x"),
            (b"///evil.test", "/evil.test"),
            (b"/\\evil.test", "/evil.test"),
            (b"\\/evil.test", "/evil.test"),
            (b"/a//b", "/a//b"),
            (b"/a\\b", "/a%5Cb"),
            (b"/\xe9\"<>", "/%E9%22%3C%3E"),
        ] {
            let asked = Asked { path, query: b"", host: b"a.test" };
            assert_eq!(leads("", URL, &asked).as_deref(), Some(location));
            let there = format!("https://b.test{}", path.escape_ascii());
            assert!(leads("https://b.test", URL, &asked).unwrap().starts_with(&there[..14]));
        }
    }

    #[test]
    fn no_parameter_becomes_a_host_or_another_line() {
        for (query, location) in [
            (&b"next=/evil.test"[..], "/evil.test"),
            (b"next=%5cevil.test", "/evil.test"),
            (b"next=%09/evil.test", "/%09/evil.test"),
            (b"next=%0d%0aSet-Cookie:%20a=b", "/%0D%0ASet-Cookie:%20a=b"),
        ] {
            let asked = Asked { path: b"/", query, host: b"a.test" };
            assert_eq!(leads("/", NEXT, &asked).as_deref(), Some(location));
        }
    }

    #[test]
    fn what_the_configuration_says_stays() {
        let asked = Asked { path: b"/x", query: b"", host: b"a.test" };
        assert_eq!(leads("//b.test", URL, &asked).as_deref(), Some("//b.test/x"));
        assert_eq!(leads("https://", HOST, &asked).as_deref(), Some("https://a.test"));
        let nowhere = Asked { path: b"/evil.test", query: b"", host: b"" };
        assert_eq!(leads("https://", HOST, &nowhere), None);
        assert_eq!(leads("https://", URL, &nowhere), None);
    }
}
