//! The rows of the HTTP/1 corpus.

#[path = "literal.rs"]
mod literal;

/// One row of `tests/conformance/data/http1.tsv`.
pub struct Row {
    pub id: String,
    pub kind: String,
    pub raw: Vec<u8>,
    /// Every class that is right: `expected` and `also_ok`.
    pub classes: Vec<String>,
    pub after: String,
    pub method: String,
    pub max_fwd: Option<usize>,
    pub must_not: Option<regex::bytes::Regex>,
}

/// All rows, in the order of the file.
pub fn rows() -> Vec<Row> {
    let above = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let path = above.map(|folder| folder.join("tests/conformance/data/http1.tsv")).find(|path| path.exists());
    let text = std::fs::read_to_string(path.unwrap()).unwrap();
    text.lines().skip(1).map(row).collect()
}

fn row(line: &str) -> Row {
    let cells: Vec<&str> = line.split('\t').collect();
    let [id, kind, _, raw, _, expected, also_ok, after, method, max_fwd, must_not, _] = cells[..] else {
        panic!("a row has twelve cells: {line}");
    };
    let given = |cell: &str| (cell != "-" && !cell.is_empty()).then(|| cell.to_owned());
    let pattern =
        |text: String| regex::bytes::RegexBuilder::new(&text).case_insensitive(true).build().unwrap();
    Row {
        id: id.to_owned(),
        kind: kind.to_owned(),
        raw: literal::evaluate(raw),
        classes: expected.split(',').chain(also_ok.split(',')).filter_map(given).collect(),
        after: after.to_owned(),
        method: method.to_owned(),
        max_fwd: max_fwd.parse().ok(),
        must_not: given(must_not).map(pattern),
    }
}
