//! Figures about something by name: `be_conn("app")`, `srv_is_up("app/s1")`. One row each, no code.
//!
//! Without a name, or with an empty one, the figure is about what the exchange itself goes through.

use crate::Kind;
use crate::args::{self, Parameter};
use crate::facts::facts;
use crate::phase::Phase;
use crate::value::Yields;

facts! {
    /// A figure about a frontend, a backend or a server.
    Figure:
    // Frontends.
    FrontendConnections "fe_conn" Int Connection,
    FrontendRequestRate "fe_req_rate" Int Connection,
    FrontendSessionRate "fe_sess_rate" Int Connection,
    // Backends.
    BackendConnections "be_conn" Int Connection,
    BackendConnectionsFree "be_conn_free" Int Connection,
    BackendSessionRate "be_sess_rate" Int Connection,
    ServersUp "nbsrv" Int Connection,
    Slots "connslots" Int Connection,
    Queue "queue" Int Connection,
    QueueAverage "avg_queue" Int Connection,
    // Servers, as `backend/server`.
    ServerConnections "srv_conn" Int Connection,
    ServerConnectionsFree "srv_conn_free" Int Connection,
    ServerUp "srv_is_up" Bool Connection,
    ServerQueue "srv_queue" Int Connection,
    ServerSessionRate "srv_sess_rate" Int Connection,
    ServerWeight "srv_weight" Int Connection,
    ServerWeightInitial "srv_iweight" Int Connection,
    ServerWeightUser "srv_uweight" Int Connection,
}

impl Figure {
    /// A server must be named: there is none yet when most conditions are tested.
    pub(crate) fn parameters(self) -> &'static [Parameter] {
        const SERVER: &[Parameter] = &[args::text("a server")];
        const NAME: &[Parameter] = &[args::optional_text("a name")];
        if self.name().starts_with("srv_") { SERVER } else { NAME }
    }
}
