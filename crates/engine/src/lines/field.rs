//! What the lines of a proxy may tell, under the names that HAProxy's log formats give it (configuration manual, 8.2.4).

macro_rules! fields {
    ($($variant:ident $name:literal),+ $(,)?) => {
        /// One of them.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[allow(missing_docs, reason = "the manual says what each is")]
        pub enum Field { $($variant),+ }

        impl Field {
            /// By its name in expressions, such as `log.ci`.
            fn named(name: &str) -> Option<Self> {
                match name.strip_prefix("log.")? {
                    $($name => Some(Self::$variant),)+
                    _ => None,
                }
            }
        }
    };
}

fields! {
    ClientIp "ci",
    ClientPort "cp",
    FrontIp "fi",
    FrontPort "fp",
    BackIp "bi",
    BackPort "bp",
    ServerIp "si",
    ServerPort "sp",
    Accepted "t",
    Begun "tr",
    BegunUtc "trg",
    BegunLocal "trl",
    AcceptedUtc "T",
    AcceptedLocal "Tl",
    AcceptedSeconds "Ts",
    AcceptedMillis "ms",
    Frontend "f",
    FrontendTls "ft",
    Backend "b",
    Server "s",
    Handshake "Th",
    Idle "Ti",
    RequestTime "TR",
    RequestTotal "Tq",
    QueueTime "Tw",
    ConnectTime "Tc",
    AnswerTime "Tr",
    DataTime "Td",
    ActiveTime "Ta",
    TotalTime "Tt",
    UserTime "TU",
    UserTimeToo "Tu",
    Status "ST",
    BytesOut "B",
    BytesIn "U",
    CookieCame "CC",
    CookieWent "CS",
    Ending "ts",
    EndingWithCookies "tsc",
    Process "ac",
    OfFrontend "fc",
    OfBackend "bc",
    OfServer "sc",
    Retries "rc",
    ServerQueue "sq",
    BackendQueue "bq",
    RequestHeaders "hr",
    RequestHeaderList "hrl",
    AnswerHeaders "hs",
    AnswerHeaderList "hsl",
    Request "r",
    Method "HM",
    Path "HP",
    PathOnly "HPO",
    Query "HQ",
    Uri "HU",
    Version "HV",
    Cipher "sslc",
    Tls "sslv",
    Hostname "H",
    Pid "pid",
    UniqueId "ID",
    Count "lc",
    Number "rt",
    Mode "mode",
    Tries "tries",
}

impl Field {
    /// The one that a fetch tells of, under a name of its own or one that is a field's.
    pub fn of(name: &str) -> Option<Self> {
        Some(match name {
            "bytes_in" | "req.bytes_in" => Self::BytesIn,
            "bytes_out" | "res.bytes_out" => Self::BytesOut,
            "bc_dst" => Self::ServerIp,
            "bc_dst_port" => Self::ServerPort,
            "bc_src" => Self::BackIp,
            "bc_src_port" => Self::BackPort,
            "bc.timer.connect" => Self::ConnectTime,
            "fc.timer.handshake" => Self::Handshake,
            "fc.timer.total" => Self::TotalTime,
            "req.timer.hdr" => Self::RequestTime,
            "req.timer.idle" => Self::Idle,
            "req.timer.queue" => Self::QueueTime,
            "req.timer.tq" => Self::RequestTotal,
            "res.timer.data" => Self::DataTime,
            "res.timer.hdr" => Self::AnswerTime,
            "res.timer.user" | "txn.timer.user" => Self::UserTime,
            "txn.timer.total" => Self::ActiveTime,
            "txn.conn_retries" => Self::Tries,
            "txn.sess_term_state" => Self::Ending,
            _ => return Self::named(name),
        })
    }
}
