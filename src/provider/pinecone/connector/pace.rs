//! How fast Pinecone's indexes can be by what they allow (2026-11). Pods document nothing.

use crate::model;
use crate::pinecone_wire::{Deployment, limits};
use crate::provider::advice::{Fetches, Pace, Rated};
use crate::provider::pinecone::rates::Rates;

pub(super) fn pace(deployment: &model::Deployment, allowed: Rates) -> Pace {
    let Some(Deployment::Serverless { .. }) = Deployment::of(deployment) else {
        return Pace::default();
    };
    let rated = |given: Option<f64>, documented: Option<f64>, (usual, own): (_, _)| {
        let words = if given == documented { usual } else { own };
        given.map(|a_second| Rated { a_second, words })
    };
    let documented = Rates::DOCUMENTED;
    let fetches = ("100 fetches/s of the source", "`limits.fetches` of the source");
    let lists = ("200 lists/s of the source", "`limits.lists` of the source");
    let written = ("50 MB/s a namespace of the target", "`limits.upserted` of the target");
    let listed = rated(allowed.lists, documented.lists, lists);
    Pace {
        fetches: rated(allowed.fetches, documented.fetches, fetches).map(|rated| Fetches {
            rated,
            ids: limits::FETCH_IDS as f64,
            bytes: limits::UPSERT_BYTES as f64,
        }),
        listed: listed
            .map(|rated| Rated { a_second: rated.a_second * limits::LIST_IDS as f64, ..rated }),
        written: rated(allowed.upserted, documented.upserted, written),
    }
}
