//! Route: the first action whose condition holds, and the edits collected on the way to it.

use tenbin_proto::{Edits, Request};
use tenbin_rules::{Expr, View};

use super::view::path_of;
use crate::tables::{Action, Edit, Frontend, Tables};
use crate::wire::HeaderVerb;

/// Finds the action; `edited` collects the routes whose edits apply.
///
/// `knows`: whether the backend that an expression names is there.
pub fn decide<'f, V: View>(
    frontend: &'f Frontend,
    view: &V,
    edited: &mut Vec<usize>,
    knows: impl Fn(&Expr) -> bool,
) -> Option<&'f Action> {
    edited.clear();
    let mut from = 0;
    while let Some(index) = frontend.router.find(view, from) {
        let route = frontend.routes.get(index)?;
        if !route.request.is_empty() || !route.answer.is_empty() || route.rewrite.is_some() {
            edited.push(index);
        }
        match &route.action {
            None => from = index + 1,
            Some(Action::Named(name)) if knows(name) => return route.action.as_ref(),
            Some(Action::Named(_)) => from = frontend.routes.len().saturating_sub(1).max(index + 1),
            decided => return decided.as_ref(),
        }
    }
    None
}

/// The name that an expression gives, if there is such a backend.
pub fn backend_named<V: View>(tables: &Tables, name: &Expr, view: &V) -> Option<String> {
    let mut text = Vec::new();
    name.write(view, &mut text);
    String::from_utf8(text).ok().filter(|name| tables.backend(name).is_some())
}

/// Which message is edited.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The request on its way to the server.
    Request,
    /// The answer on its way to the client.
    Answer,
}

/// Evaluates the edits of the routes and hands them to `write`. Without any it costs nothing.
pub fn with_edits<V: View>(
    frontend: &Frontend,
    (edited, side): (&[usize], Side),
    view: &V,
    write: impl FnOnce(&Edits<'_>),
) {
    let routes = || edited.iter().filter_map(|index| frontend.routes.get(*index));
    let edits =
        || routes().flat_map(|route| if side == Side::Request { &route.request } else { &route.answer });
    if edits().next().is_none() {
        return write(Edits::NONE);
    }
    let values: Vec<Vec<u8>> = edits().map(|edit| text(edit, view)).collect();
    let pick = |verb: HeaderVerb| -> Vec<(&[u8], &[u8])> {
        let all = edits().zip(&values).filter(|(edit, _)| edit.verb == verb);
        all.map(|(edit, value)| (edit.name.as_slice(), value.as_slice())).collect()
    };
    let remove: Vec<&[u8]> = pick(HeaderVerb::Remove).into_iter().map(|(name, _)| name).collect();
    let (set, add) = (pick(HeaderVerb::Set), pick(HeaderVerb::Add));
    write(&Edits { remove: &remove, set: &set, add: &add });
}

fn text<V: View>(edit: &Edit, view: &V) -> Vec<u8> {
    let mut out = Vec::new();
    if let Some(value) = &edit.value {
        value.write(view, &mut out);
    }
    out
}

/// The target after the rewrites of the routes; false when none applies and the client's own is to be used.
pub fn rewrite(
    frontend: &Frontend,
    edited: &[usize],
    request: &Request,
    bytes: &[u8],
    out: &mut Vec<u8>,
) -> bool {
    out.clear();
    let rewrites = || edited.iter().filter_map(|index| frontend.routes.get(*index)?.rewrite.as_ref());
    if rewrites().next().is_none() {
        return false;
    }
    let mut changed = false;
    let mut path = path_of(request, bytes).to_vec();
    for (prefix, to) in rewrites() {
        if let Some(rest) = after_prefix(&path, prefix) {
            let mut new = to.clone();
            // `/` between the replacement and the rest, exactly once.
            while new.last() == Some(&b'/') && rest.first() == Some(&b'/') {
                new.pop();
            }
            let joined = new.ends_with(b"/") || rest.starts_with(b"/");
            if !joined && (new.is_empty() || !rest.is_empty()) {
                new.push(b'/');
            }
            new.extend_from_slice(rest);
            // A path that begins with `//` would name another host to whoever resolves it as a reference.
            let start = new.iter().take_while(|byte| **byte == b'/').count().saturating_sub(1);
            new.drain(..start);
            path = new;
            changed = true;
        }
    }
    if changed {
        out.extend_from_slice(&path);
        // From its question mark on, so that an empty query stays one.
        let target = request.target.of(bytes);
        let query = target.iter().position(|byte| *byte == b'?').and_then(|at| target.get(at..));
        out.extend_from_slice(query.unwrap_or_default());
    }
    changed
}

/// What follows a prefix that ends at a segment border.
fn after_prefix<'p>(path: &'p [u8], prefix: &[u8]) -> Option<&'p [u8]> {
    let rest = path.strip_prefix(prefix)?;
    (prefix.ends_with(b"/") || rest.is_empty() || rest.starts_with(b"/")).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::after_prefix;

    #[test]
    fn a_prefix_ends_at_a_segment() {
        assert_eq!(after_prefix(b"/api/x", b"/api"), Some(&b"/x"[..]));
        assert_eq!(after_prefix(b"/api", b"/api"), Some(&b""[..]));
        assert_eq!(after_prefix(b"/apix", b"/api"), None);
        assert_eq!(after_prefix(b"/api/x", b"/api/"), Some(&b"x"[..]));
    }
}
