//! Tests of places where a run's state is kept: homes by one suite, objects against stores from elsewhere.
//!
//! These tests need Python 3 with `venv` and Node with `npm`, and the package index of each (once; what is installed is
//! kept under `target/`). They fail where one is missing: what is promised of conditions has no other proof.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should say where")]
#![allow(clippy::disallowed_methods, reason = "tests may read the environment")]

mod bad_stores;
#[path = "../it/cli_rig.rs"]
#[allow(dead_code, reason = "the tests of the command line use the rest")]
mod cli_rig;
mod errors;
mod google;
mod homes;
#[path = "../contract/installed.rs"]
mod installed;
mod machines;
mod objects;
mod processes;
mod proxy;
#[path = "../contract/python.rs"]
#[allow(dead_code, reason = "the contract tests use the rest")]
mod python;
mod servers;
#[path = "../contract/skip.rs"]
mod skip;
mod workflow;
