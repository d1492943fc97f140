//! Figures about what a text names: how many servers of a backend may get work, how long a server's queue is.

use super::{Ask, Given, Row, cast, row};
use crate::{Figure, Kind, Value};

pub(super) static ROWS: &[Row] = &[
    Row {
        pure: false,
        ..row("nbsrv", &[], Kind::Int, |value, _: &Given, ask| of(Figure::ServersUp, value, ask))
    },
    Row {
        pure: false,
        ..row("srv_queue", &[], Kind::Int, |value, _: &Given, ask| of(Figure::ServerQueue, value, ask))
    },
];

/// Absent where nothing has that name.
fn of<'v>(figure: Figure, value: Value<'v>, ask: &dyn Ask<'v>) -> Value<'v> {
    let name = cast::bytes(value).unwrap_or_default();
    match std::str::from_utf8(&name) {
        Ok(name) if !name.is_empty() => ask.of(figure, name),
        _ => Value::Absent,
    }
}
