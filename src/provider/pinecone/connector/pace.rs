//! How fast Pinecone's indexes can be by the documented limits (2026-11). Pods document none.

use crate::model;
use crate::pinecone_wire::Deployment;
use crate::provider::advice::{Fetches, Pace, Rated};

const SERVERLESS: Pace = Pace {
    fetches: Some(Fetches {
        rated: Rated { a_second: 100.0, words: "100 fetches/s of the source" },
        ids: 1_000.0,
        bytes: 2e6,
    }),
    // Pages of 100 ids.
    listed: Some(Rated { a_second: 20_000.0, words: "200 lists/s of the source" }),
    written: Some(Rated { a_second: 50e6, words: "50 MB/s a namespace of the target" }),
};

pub(super) fn pace(deployment: &model::Deployment) -> Pace {
    match Deployment::of(deployment) {
        Some(Deployment::Serverless { .. }) => SERVERLESS,
        _ => Pace::default(),
    }
}
