//! Moving traffic, and measuring what it would meet.
//!
//! A [`Driver`] sets the target's weight somewhere an application looks and, where it can, reads it back:
//! a flagd file, an env file, a pair of requests or a pair of commands. [`open`] makes the one a plan names
//! and [`shift()`] sets a weight and makes sure of it. The commands and requests behind two of the drivers are
//! those of hooks, too, and stand on their own in [`action`].
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
mod webhook;
mod weight;

pub use driver::{Confirmed, Driver, DriverContext, open, shift};
pub use probe::{Probe, ProbeQuery, Sent};
