//! Expressions over a request, and the index that finds the first route whose condition holds.
//!
//! Owns: the JSON form of expression trees ([`wire`]), their compilation ([`Expr`]), the tables of fetches,
//! converters and match methods, and routing ([`Router`]). Does not own: parsing HTTP (a [`View`] hands out the
//! parts), carrying out actions, sockets, clocks or state. Nothing here fails, blocks or panics on a request;
//! whatever can be wrong with an expression is told by [`Expr::compile`].
#![forbid(unsafe_code)]

mod args;
mod around;
mod compile;
mod convert;
mod crypt;
mod decided;
mod each;
mod error;
mod expr;
mod facts;
mod fetch;
mod figures;
mod keys;
mod list;
mod literals;
mod method;
mod networks;
mod node;
mod param;
mod phase;
mod ranges;
mod request;
mod router;
mod sample;
mod search;
mod table;
mod text;
mod tls;
mod value;
mod view;
mod vocabulary;
pub mod wire;
mod words;

pub use around::{Around, Asks, Change, Counter, Counters, Scope, Variable};
pub use error::Error;
pub use expr::Expr;
pub use facts::Fact;
pub use figures::Figure;
pub use list::{Entry, List, Which};
pub use request::{Certificate, Request, Secured};
pub use router::{Router, Step};
pub use sample::openssl as openssl_name;
pub use search::Method;
pub use tls::TlsFact;
pub use value::{Kind, Value};
pub use view::{Message, View};
pub use vocabulary::{Vocabulary, vocabulary};
