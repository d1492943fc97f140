//! Facts that a fetch of the same name asks the view for: one row each, no code.
//!
//! Owns names and kinds; whoever implements [`crate::View`] knows the values.

use crate::Kind;

macro_rules! facts {
    ($($variant:ident $name:literal $kind:ident),+ $(,)?) => {
        /// A fact without arguments.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[allow(missing_docs, reason = "the names of the fetches say it")]
        pub enum Fact { $($variant),+ }

        impl Fact {
            /// Every fact.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// As expressions call it.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }

            /// What it yields, unless it is absent.
            pub fn kind(self) -> Kind {
                match self { $(Self::$variant => Kind::$kind),+ }
            }
        }
    };
}

facts! {
    Destination "dst" Ip,
    DestinationPort "dst_port" Int,
    FrontendName "fe_name" Str,
    FrontendId "fe_id" Int,
    BackendName "be_name" Str,
    BackendId "be_id" Int,
    ServerName "srv_name" Str,
    ServerId "srv_id" Int,
    ListenerName "so_name" Str,
    ListenerId "so_id" Int,
    UniqueId "unique-id" Str,
    HttpFirst "http_first_req" Bool,
    Date "date" Int,
    DateMicros "date_us" Int,
    Pid "pid" Int,
}
