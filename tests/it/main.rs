//! All integration tests, in one binary.

mod emulator;
mod emulator_control;
mod emulator_data;
mod emulator_faults;
mod emulator_kinds;
