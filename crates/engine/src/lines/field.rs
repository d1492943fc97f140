//! What the lines of a proxy may tell, under the names that HAProxy's log formats give it (configuration manual, 8.2.4).

macro_rules! fields {
    ($($variant:ident $name:literal),+ $(,)?) => {
        /// One of them.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[allow(missing_docs, reason = "the manual says what each is")]
        pub enum Field { $($variant),+ }

        impl Field {
            /// By its name in expressions, such as `log.ci`.
            pub fn named(name: &str) -> Option<Self> {
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
}
