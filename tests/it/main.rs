//! All integration tests, one binary. `floors` fails on a file that is forgotten here.

mod plan_files;
mod provider;
mod provider_faults;
