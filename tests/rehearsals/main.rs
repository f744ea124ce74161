//! Whole migrations against the emulator. Some judge measured latencies, so they have a binary of their own, which
//! cargo runs while no other does, and those have the machine to themselves (see `rig`).
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod audit;
mod changes;
mod copies;
mod crash;
mod erasing;
mod existing;
mod figures;
mod files;
mod files_columns;
mod guard;
mod hands;
mod idle;
mod imports;
mod kill;
mod left_alone;
mod looking;
mod loss;
mod matrix;
mod names;
mod passes;
mod plans;
mod pods;
mod rig;
mod rollback;
mod snapshots;
mod traffic;
mod verify;
