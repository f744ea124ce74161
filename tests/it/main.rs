//! The one integration binary.

mod plan_files;
