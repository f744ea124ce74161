//! Tests of the tables of PostgreSQL on a real server, which the tests start; see `server`.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should say where")]
#![allow(clippy::disallowed_methods, reason = "tests may read the environment")]

mod admin;
mod alias;
mod audit;
mod bad_input;
mod changed;
mod common;
#[path = "../it/conformance.rs"]
mod conformance;
mod connect;
mod crash;
mod files;
mod filter;
mod kept;
#[path = "../rehearsals/kill.rs"]
mod kill;
mod look;
mod lost;
mod peers;
mod plans;
mod program;
mod retire;
mod scan;
mod search;
mod server;
mod storage;
mod tables;
mod tls;
mod types;
mod vectors;
mod views;
mod write;
