//! Moves traffic, and measures what it would experience.
//!
//! A [`Driver`] sets the target's weight somewhere an application looks and, if it can, reads it back: a flagd file, an
//! env file, an alias of the store, a pair of requests or a pair of commands. [`open`] creates the one a plan names, [`shift()`] sets a weight
//! and determines what came of it, and [`TrafficNow`] compares the traffic with what a run left. The commands and
//! requests behind two of the drivers also serve hooks, and are independent in [`action`].
//!
//! A [`Probe`] is an open-loop load: queries start when they are due, whether or not earlier ones were answered, and
//! are timed from when they were due, so a stalled server does not look better than it is.

pub mod action;
mod alias;
mod driver;
mod env_file;
mod exec;
mod file;
mod flagd;
mod open;
mod overlap;
mod probe;
mod schedule;
mod shift;
mod standing;
mod webhook;
mod weight;

pub use driver::{Driver, DriverContext, Seen};
pub use open::open;
pub use probe::{Probe, ProbeQuery, Sent};
pub use shift::{Shift, shift};
pub use standing::{Standing, TrafficNow, TrafficView};
