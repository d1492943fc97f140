//! Whether what has failed may be tried once more, and what a failure means.

use tenbin_balance::OutcomeKind;

use super::answer::Reason;
use super::await_answer::Failure;
use super::exchange::Exchange;
use crate::client::Client;
use crate::tables::Backend;
use crate::wire::Sight;

/// Whether the backend repeats what has failed in this way.
pub fn repeats(backend: &Backend, failure: &Failure) -> bool {
    let class = match failure {
        Failure::Closed | Failure::Reset | Failure::Untouched => "closed",
        Failure::Timeout => "timeout",
        _ => "junk",
    };
    backend.spec.retry.after.iter().any(|known| known == class)
}

/// Whether the backend has another try for it.
pub fn may_retry(client: &Client, x: &Exchange, backend: &Backend) -> bool {
    x.record.retries < backend.spec.retry.attempts && backend.group.allow_retry(client.worker.now_ms())
}

/// Whether the answer's status is one that the backend retries, and another server can be asked.
pub fn is_unwanted(client: &Client, x: &Exchange, backend: &Backend, index: usize) -> bool {
    backend.spec.retry.statuses.contains(&x.response.status)
        && repeatable(x, backend)
        && (backend.spec.retry.redispatch == 0 || has_other(x, backend, index))
        && may_retry(client, x, backend)
}

/// Whether a server that was not tried yet could take the request.
fn has_other(x: &Exchange, backend: &Backend, index: usize) -> bool {
    let untried = |place: &usize| *place != index && !x.tried.contains(place);
    let mut servers = backend.servers.iter().enumerate();
    servers.any(|(place, server)| untried(&place) && server.state.is_usable())
}

/// Whether the backend sends this request once more after a server has had it.
pub fn repeatable(x: &Exchange, backend: &Backend) -> bool {
    let any = backend.spec.retry.unsafe_methods && x.up.replayable();
    !x.state.overrides.no_retry && (any || is_repeatable(x))
}

/// Whether sending the request once more could do no harm and is possible.
pub fn is_repeatable(x: &Exchange) -> bool {
    x.up.replayable() && (x.request.method.is_idempotent() || x.up.untouched())
}

/// Whether it is a pooled connection's own fault: one that the server closed meanwhile says nothing about the server, and
/// bytes on one may belong to the answer before.
pub fn is_stale(x: &Exchange, failure: &Failure) -> bool {
    match failure {
        Failure::Closed | Failure::Reset => x.output.data().is_empty(),
        Failure::Bad(_) => true,
        _ => false,
    }
}

/// What a failure says of the server, and what the client is told; None: nobody is there to be told.
pub fn meaning(failure: &Failure) -> (OutcomeKind, Option<Reason>) {
    let of_server = |reason| (OutcomeKind::Failure, Some(reason));
    match *failure {
        Failure::ClientGone => (OutcomeKind::Aborted, None),
        Failure::Body(reason) => (OutcomeKind::Aborted, Some(reason)),
        Failure::Unfit => (OutcomeKind::Aborted, Some(Reason::Unfit)),
        Failure::Closed | Failure::Reset | Failure::Untouched | Failure::Down | Failure::Status => {
            of_server(Reason::ServerClosed)
        }
        Failure::Ended => (OutcomeKind::Aborted, Some(Reason::ServerClosed)),
        Failure::Malformed => of_server(Reason::BadAnswer("http2-malformed")),
        Failure::Timeout => of_server(Reason::ServerTimeout),
        Failure::Bad(reject) => of_server(Reason::BadAnswer(reject.reason)),
        Failure::TooManyInterim => of_server(Reason::BadAnswer("too-many-interim-answers")),
    }
}

/// What a failure that is the end of the matter shows of the server.
pub fn sight(failure: &Failure) -> Option<Sight> {
    match failure {
        Failure::Closed | Failure::Untouched => Some(Sight::Closed),
        Failure::Reset => Some(Sight::Reset),
        Failure::Timeout => Some(Sight::Late),
        Failure::Bad(_) | Failure::Malformed | Failure::TooManyInterim => Some(Sight::BadHead),
        Failure::Unfit
        | Failure::Status
        | Failure::Down
        | Failure::ClientGone
        | Failure::Ended
        | Failure::Body(_) => None,
    }
}
