//! Integration tests, one binary. `floors` fails on a file that is forgotten here.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should say where")]
#![allow(clippy::disallowed_methods, reason = "tests may read the environment")]

mod cli;
mod cli_docs;
mod cli_files;
mod cli_holds;
mod cli_hooks;
mod cli_namespaces;
mod cli_outputs;
mod cli_rig;
mod cli_run;
mod cli_status;
mod cli_takeover;
mod cli_traffic;
mod compare;
mod conformance;
mod copying;
mod emulator;
mod emulator_backups;
mod emulator_control;
mod emulator_data;
mod emulator_faults;
mod emulator_imports;
mod emulator_kinds;
mod emulator_resources;
mod emulator_schema;
mod erase;
mod floors;
mod journals;
mod peers;
mod plan_docs;
mod plan_files;
mod plan_hints;
mod plan_properties;
mod plan_read;
mod provider;
mod provider_faults;
mod provider_stranger;
mod report;
mod source_tree;
mod systems;
mod traffic_action;
mod traffic_driver;
mod traffic_flagd;
mod traffic_probe;
mod verdict;
