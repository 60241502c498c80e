//! The speed layer against a real Redis: every answer of the script, every loss, and what readers see meanwhile.
#![allow(clippy::unwrap_used)]

mod chaos;
mod engine;
mod feed;
mod losses;
mod memory;
mod script;
mod starts;
mod views;
mod wire;
mod world;
mod writes;
