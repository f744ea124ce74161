//! Tests of the emulator and the client against software from elsewhere: Pinecone's official Python SDKs, the stores of
//! LangChain and LlamaIndex, Pinecone's OpenAPI files, a property-based tester that makes requests from those files, an S3
//! server, and flagd's own evaluator; and of the report's page against a browser and two validators.
//!
//! These tests need Python 3 with `venv`, Node with `npm`, the package index of each (once; what is installed is kept
//! under `target/`), Chromium, and the folder `shared/openapi` beside the checkout. If one is missing a test says on
//! stderr that it was skipped, and fails with `CI=true`.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should say where")]
#![allow(clippy::disallowed_methods, reason = "tests may read the environment")]

mod bucket;
#[path = "../it/cli_rig.rs"]
#[allow(dead_code, reason = "the tests of the command line use the rest")]
mod cli_rig;
mod files;
mod flagd;
mod fuzz;
mod installed;
#[path = "../it/journals.rs"]
#[allow(dead_code, reason = "the tests of reports use the rest")]
mod journals;
mod openapi;
mod page;
#[path = "../it/pages.rs"]
#[allow(dead_code, reason = "the tests of reports use the rest")]
mod pages;
mod python;
mod sdk;
mod skip;
mod stores;
mod world;
