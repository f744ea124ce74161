//! Whole migrations against the emulator. They judge latencies that were measured, so they have a binary of their
//! own and run one after the other: cargo runs the binaries one by one, and each test takes the machine's lock.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod crash;
mod loss;
mod plans;
mod rig;
mod rollback;
