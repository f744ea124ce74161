//! Processes of the program on machines that share nothing but a bucket.
#![cfg(unix)]

mod asked;
mod bad;
mod crash;
mod ended;
mod looks;
mod moved;
mod outage;
mod readers;
mod taken;
mod whole;
