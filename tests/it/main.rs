//! All integration tests, one binary. `floors` fails on a file that is forgotten here.

mod cli;
mod emulator;
mod emulator_control;
mod emulator_data;
mod emulator_faults;
mod emulator_kinds;
mod journals;
mod plan_files;
mod provider;
mod provider_faults;
mod report;
mod traffic_action;
mod traffic_driver;
mod traffic_flagd;
mod traffic_probe;
mod verdict;
