//! What a stick table can remember of a key: the data types, their names and what each is made of.
//!
//! One row each, in the order in which HAProxy shows them. Owns no values.

/// What one counter is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A number of 32 bits that wraps.
    Number,
    /// A number of 64 bits.
    Sum,
    /// How often something happened within a period.
    Rate,
    /// The number of a text that the table knows.
    Name,
}

macro_rules! data {
    ($($variant:ident $name:literal $form:ident $array:literal),+ $(,)?) => {
        /// What a counter counts. Nothing tells two of them apart but who counts what.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[allow(missing_docs, reason = "HAProxy's manual says what each is for")]
        #[repr(u8)]
        pub enum Data { $($variant),+ }

        impl Data {
            /// Every one, in order.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The one of that name.
            pub fn named(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Self::$variant),)+
                    _ => None,
                }
            }

            /// As configurations call it.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }

            /// What one of it is made of.
            pub const fn form(self) -> Form {
                match self { $(Self::$variant => Form::$form),+ }
            }

            /// Whether an entry has a number of them.
            pub const fn is_array(self) -> bool {
                match self { $(Self::$variant => $array),+ }
            }
        }
    };
}

data! {
    ServerId "server_id" Number false,
    Gpt0 "gpt0" Number false,
    Gpc0 "gpc0" Number false,
    Gpc0Rate "gpc0_rate" Rate false,
    ConnCnt "conn_cnt" Number false,
    ConnRate "conn_rate" Rate false,
    ConnCur "conn_cur" Number false,
    SessCnt "sess_cnt" Number false,
    SessRate "sess_rate" Rate false,
    HttpReqCnt "http_req_cnt" Number false,
    HttpReqRate "http_req_rate" Rate false,
    HttpErrCnt "http_err_cnt" Number false,
    HttpErrRate "http_err_rate" Rate false,
    BytesInCnt "bytes_in_cnt" Sum false,
    BytesInRate "bytes_in_rate" Rate false,
    BytesOutCnt "bytes_out_cnt" Sum false,
    BytesOutRate "bytes_out_rate" Rate false,
    Gpc1 "gpc1" Number false,
    Gpc1Rate "gpc1_rate" Rate false,
    ServerKey "server_key" Name false,
    HttpFailCnt "http_fail_cnt" Number false,
    HttpFailRate "http_fail_rate" Rate false,
    Gpt "gpt" Number true,
    Gpc "gpc" Number true,
    GpcRate "gpc_rate" Rate true,
    GlitchCnt "glitch_cnt" Number false,
    GlitchRate "glitch_rate" Rate false,
}

impl Data {
    /// How often a general purpose counter grows.
    pub(crate) const fn rate(self) -> Option<Self> {
        match self {
            Self::Gpc0 => Some(Self::Gpc0Rate),
            Self::Gpc1 => Some(Self::Gpc1Rate),
            Self::Gpc => Some(Self::GpcRate),
            _ => None,
        }
    }

    /// Where it is when a table has arrays instead: `gpc0` is the first of `gpc`.
    pub(crate) const fn in_array(self) -> Option<(Self, usize)> {
        match self {
            Self::Gpt0 => Some((Self::Gpt, 0)),
            Self::Gpc0 => Some((Self::Gpc, 0)),
            Self::Gpc1 => Some((Self::Gpc, 1)),
            Self::Gpc0Rate => Some((Self::GpcRate, 0)),
            Self::Gpc1Rate => Some((Self::GpcRate, 1)),
            _ => None,
        }
    }
}
