//! All integration tests, one binary.
#![allow(clippy::unwrap_used)]

#![allow(clippy::unwrap_used)]

mod cli;
mod cli_docs;
mod cli_rig;
mod cli_run;
mod emulator;
mod emulator_control;
mod emulator_data;
mod emulator_faults;
mod emulator_kinds;
mod floors;
mod journals;
mod plan_docs;
mod plan_files;
mod plan_properties;
mod plan_read;
mod provider;
mod provider_faults;
mod rehearsals;
mod report;
mod rig;
mod traffic_action;
mod traffic_driver;
mod traffic_flagd;
mod traffic_probe;
mod verdict;

#[test]
fn every_file_is_a_module() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it");
    let main = include_str!("main.rs");
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        assert!(name == "main" || main.contains(&format!("mod {name};")), "{name} is forgotten");
    }
}
