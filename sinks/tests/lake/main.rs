//! The lake against real folders: every row once, whatever fails, and readable by others.
#![allow(clippy::unwrap_used)]

mod columns;
mod commits;
mod disks;
mod faults;
mod large;
mod made;
mod races;
mod readers;
mod refusals;
mod shape;
