//! The one integration binary.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should say where")]
#![allow(clippy::disallowed_methods, reason = "tests may read the environment")]

mod plan_docs;
mod plan_files;
mod plan_properties;
mod plan_read;
