//! GPS records → readings or rejects: the forms producers send, the bytes nobody should send, and the three stages
//! against one another.
#![allow(clippy::unwrap_used)]

mod bad_input;
mod outcome;
mod stages;
mod topics;
mod traps;
