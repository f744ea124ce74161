//! All integration tests, one binary. `every_file_is_a_module` in this file fails on a forgotten one.

mod provider;
mod provider_faults;
