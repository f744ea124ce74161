//! The emulator and the client held to what nobody here wrote: Pinecone's official Python SDKs, Pinecone's OpenAPI
//! files, a property-based tester that makes requests from those files, a server of S3, and flagd's own evaluator.
//!
//! These tests need Python 3 with `venv`, the package index (once; environments are kept under `target/`) and the
//! folder `shared/openapi` beside the checkout. Where one is missing a test says on stderr that it was skipped, and
//! fails with `CI=true`.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should say where")]
#![allow(clippy::disallowed_methods, reason = "tests may read the environment")]

mod bucket;
mod files;
mod flagd;
mod fuzz;
mod openapi;
mod python;
mod sdk;
mod skip;
mod world;
