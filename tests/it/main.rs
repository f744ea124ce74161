//! All integration tests, in one binary.

mod traffic_action;
mod traffic_driver;
mod traffic_flagd;
mod traffic_probe;
mod verdict;
