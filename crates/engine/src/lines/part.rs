//! The pieces of a line, compiled: what is known beforehand, what the log itself knows, and expressions.

use tenbin_rules::{Around, Error, Expr, View, wire as tree};

use super::entry::Entry;
use super::field::Field;
use super::text::Style;
use crate::wire::LogPart;

/// One piece and how it stands in the line.
pub struct Part {
    piece: Piece,
    style: Style,
}

enum Piece {
    Text(Box<[u8]>),
    /// One space, unless there is one already.
    Space,
    Field(Field),
    Value(Expr),
}

/// Compiles the pieces of a line; the error tells which.
pub fn compile(parts: &[LogPart], around: &Around<'_>) -> Result<Vec<Part>, (usize, Error)> {
    let mut compiled = Vec::with_capacity(parts.len());
    for (index, part) in parts.iter().enumerate() {
        let style = Style { quote: part.quote, escape: part.escape, hex: part.hex, dash: part.dash };
        match &part.value {
            tree::Expr::Const { value: tree::Const::Str(text) } => split(text, style, &mut compiled),
            tree::Expr::Fetch { name, args } if args.is_empty() && Field::of(name).is_some() => {
                around.asks.iter().for_each(|asks| asks.note(name));
                compiled.extend(Field::of(name).map(|field| Part { piece: Piece::Field(field), style }));
            }
            value => {
                let value = Expr::compile(value, around).map_err(|error| (index, error))?;
                compiled.push(Part { piece: Piece::Value(value), style });
            }
        }
    }
    Ok(compiled)
}

/// What stands in place of a format: who has come, and to whom.
pub fn greeting() -> Vec<Part> {
    let text = |text: &str| Piece::Text(text.as_bytes().into());
    let pieces = [
        text("Connect from "),
        Piece::Field(Field::ClientIp),
        text(":"),
        Piece::Field(Field::ClientPort),
        text(" to "),
        Piece::Field(Field::FrontIp),
        text(":"),
        Piece::Field(Field::FrontPort),
        text(" ("),
        Piece::Field(Field::Frontend),
        text("/"),
        Piece::Field(Field::Mode),
        text(")"),
    ];
    pieces.into_iter().map(|piece| Part { piece, style: Style::default() }).collect()
}

/// What stands before the listener and the reason where a connection was never served.
pub fn premature() -> Vec<Part> {
    let text = |text: &str| Piece::Text(text.as_bytes().into());
    let pieces = [
        Piece::Field(Field::ClientIp),
        text(":"),
        Piece::Field(Field::ClientPort),
        text(" ["),
        Piece::Field(Field::Accepted),
        text("] "),
        Piece::Field(Field::Frontend),
        text("/"),
    ];
    pieces.into_iter().map(|piece| Part { piece, style: Style::default() }).collect()
}

/// Spaces of a format merge with those next to them, also where nothing stands between.
fn split(text: &str, style: Style, compiled: &mut Vec<Part>) {
    for (index, word) in text.split(' ').enumerate() {
        if index > 0 {
            compiled.push(Part { piece: Piece::Space, style });
        }
        if !word.is_empty() {
            compiled.push(Part { piece: Piece::Text(word.as_bytes().into()), style });
        }
    }
}

/// Appends a line.
pub fn write<V: View>(parts: &[Part], entry: &Entry<'_>, view: &V, out: &mut Vec<u8>) {
    let mut is_spaced = true;
    for Part { piece, style } in parts {
        let before = out.len();
        match piece {
            Piece::Space if is_spaced => {}
            Piece::Space => out.push(b' '),
            Piece::Text(text) => out.extend_from_slice(text),
            Piece::Field(field) => entry.write(*field, *style, out),
            Piece::Value(value) => style.value(out, &value.eval(view)),
        }
        // A query that is empty is a word all the same, as in HAProxy.
        if out.len() > before || matches!(piece, Piece::Field(Field::Query)) {
            is_spaced = matches!(piece, Piece::Space);
        }
    }
}
