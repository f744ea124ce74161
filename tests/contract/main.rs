//! Tests of the emulator and the client against software from elsewhere: Pinecone's official Python SDKs, the stores of
//! LangChain and LlamaIndex, Pinecone's OpenAPI files, a property-based tester that makes requests from those files, an S3
//! server, and flagd's own evaluator.
//!
//! These tests need Python 3 with `venv`, the package index (once; environments are kept under `target/`) and the
//! folder `shared/openapi` beside the checkout. If one is missing a test says on stderr that it was skipped, and fails
//! with `CI=true`.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should say where")]
#![allow(clippy::disallowed_methods, reason = "tests may read the environment")]

mod bucket;
mod files;
mod flagd;
mod fuzz;
mod installed;
mod openapi;
mod python;
mod sdk;
mod skip;
mod stores;
mod world;
