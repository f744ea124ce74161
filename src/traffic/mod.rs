//! Moving traffic, and measuring what it would meet.
//!
//! A [`Driver`] sets the target's weight somewhere an application looks and, where it can, reads it back:
//! a flagd file, an env file, a pair of requests or a pair of commands. [`open`] makes the one a plan names,
//! [`shift()`] sets a weight and looks what came of it, and [`TrafficNow`] is the traffic next to what a run
//! left. The commands and requests behind two of the drivers are those of hooks, too, and stand on their own
//! in [`action`].
//!
//! A [`Probe`] is an open-loop load: queries start when they are due, whether or not earlier ones were
//! answered, and are timed from when they were due, so a stalled server is not flattered.

pub mod action;
mod atomic;
mod driver;
mod env_file;
mod exec;
mod flagd;
mod overlap;
mod probe;
mod schedule;
mod shift;
mod standing;
mod webhook;
mod weight;

pub use driver::{Driver, DriverContext, Seen, open};
pub use probe::{Probe, ProbeQuery, Sent};
pub use shift::{Shift, shift};
pub use standing::{Standing, TrafficNow, TrafficView};
