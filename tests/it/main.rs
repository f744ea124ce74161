//! One binary of integration tests: a file here is a `mod` line below.

mod cli;
mod journals;
mod plan_files;
mod report;
