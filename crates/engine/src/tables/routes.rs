//! Routes compiled: edits, and what decides about a request.

use tenbin_rules::Around;

use super::build::Refusal;
use super::draft::{Known, base64, expression, is_text, is_token, refuse};
use super::frontend::{Action, Edit, Fixed, Route};
use crate::wire;

/// Compiles a route.
pub(super) fn draft_route(
    path: &str,
    route: &wire::Route,
    known: &Known<'_>,
    around: &Around<'_>,
) -> Result<Route, Refusal> {
    Ok(Route {
        request: edits(&format!("{path}.request"), &route.request, around)?,
        answer: edits(&format!("{path}.answer"), &route.answer, around)?,
        rewrite: route.rewrite.as_ref().map(|r| (r.prefix.clone().into_bytes(), r.to.clone().into_bytes())),
        action: match &route.action {
            Some(action) => Some(draft_action(&format!("{path}.action"), action, known, around)?),
            None => None,
        },
    })
}

fn edits(path: &str, edits: &[wire::HeaderEdit], around: &Around<'_>) -> Result<Vec<Edit>, Refusal> {
    let compile = |(index, edit): (usize, &wire::HeaderEdit)| {
        let value = edit
            .value
            .as_ref()
            .map(|value| expression(&format!("{path}[{index}].value"), value, around))
            .transpose()?;
        if value.is_none() && edit.verb != wire::HeaderVerb::Remove {
            return refuse(format!("{path}[{index}].value"), "missing: only remove has none");
        }
        Ok(Edit { verb: edit.verb, name: edit.name.clone().into_bytes(), value })
    };
    edits.iter().enumerate().map(compile).collect()
}

fn draft_action(
    path: &str,
    action: &wire::Action,
    known: &Known<'_>,
    around: &Around<'_>,
) -> Result<Action, Refusal> {
    match action {
        wire::Action::Backend { name: Some(name), .. } => {
            Ok(Action::Named(expression(&format!("{path}.name"), name, around)?))
        }
        wire::Action::Backend { backend, name: None } => {
            if known.contains(backend.as_str()) {
                return Ok(Action::Backend(backend.clone()));
            }
            refuse(format!("{path}.backend"), format!("no backend is called {backend:?}"))
        }
        wire::Action::Redirect { location, code } => {
            if ![301, 302, 303, 307, 308].contains(code) {
                return refuse(format!("{path}.code"), format!("{code} is no redirection"));
            }
            let start = constant_start(location).as_bytes().to_vec();
            let location = expression(&format!("{path}.location"), location, around)?;
            Ok(Action::Redirect { location, start, code: *code })
        }
        wire::Action::Respond { status, headers, body } => {
            if !(200..=599).contains(status) {
                return refuse(format!("{path}.status"), format!("found {status}, expected 200 to 599"));
            }
            let Some(body) = base64(body) else { return refuse(format!("{path}.body"), "not base64") };
            let mut lines = Vec::new();
            for (name, value) in headers {
                if !is_token(name) || !is_text(value) {
                    return refuse(format!("{path}.headers"), format!("{name:?} is no field"));
                }
                lines.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
            }
            Ok(Action::Respond(Fixed { status: *status, lines, body }))
        }
        wire::Action::Deny { status } if (400..=599).contains(status) => Ok(Action::Deny(*status)),
        wire::Action::Deny { status } => {
            refuse(format!("{path}.status"), format!("found {status}, expected 400 to 599"))
        }
    }
}

/// The text that an expression begins with, whatever the request.
pub(super) fn constant_start(wire: &tenbin_rules::wire::Expr) -> String {
    use tenbin_rules::wire::{Const, Expr};
    let parts = match wire {
        Expr::Concat { of } => of.as_slice(),
        other => std::slice::from_ref(other),
    };
    let texts = parts.iter().map_while(|part| match part {
        Expr::Const { value: Const::Str(text) } => Some(text.as_str()),
        _ => None,
    });
    texts.collect()
}
