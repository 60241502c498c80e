//! Every operator under the laws of `laws/`.
#![allow(clippy::unwrap_used)]

#[path = "../laws/mod.rs"]
mod laws;

mod alerts;
mod compatibility;
mod currents;
mod dedup;
mod incidents;
mod joined;
mod lateness;
mod latest;
mod panes;
mod publish;
mod top;
