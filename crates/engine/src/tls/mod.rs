//! Placeholder until the module is merged.
#![allow(missing_docs, reason = "placeholder")]
pub struct Facts;
