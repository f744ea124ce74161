//! The index over the vectors, which is made once the records are there.

use std::sync::PoisonError;

use futures::future::FutureExt;

use super::admin::analyse;
use super::index::{Progress, build, progress};
use super::kind::Kind;
use super::peer::Peer;
use super::session::Session;
use crate::error::Result;
use crate::store::read::begin;
use crate::store::{Finishing, Standing};

impl Peer {
    /// Makes the index that the table was made for, beside whoever asks; how far it is.
    pub(super) async fn finish(&self) -> Result<Option<Finishing>> {
        let seen = self.known().await?;
        let Some(noted) = &seen.noted else { return Ok(None) };
        let usual = seen.dense().map(|column| column.name.as_str());
        let plans = noted.design.indexes(&self.name, usual, noted.metric);
        let Some(last) = plans.last() else { return Ok(None) };
        let session = self.session().await?;
        // One after the other: each takes all the memory and workers that there are for it.
        let (mut plan, mut now) = (last, Progress::Ready);
        for one in &plans {
            (plan, now) = (one, progress(&session, &self.name, &one.name).await?);
            if now != Progress::Ready {
                break;
            }
        }
        session.give_back();
        let mut making = self.making.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(ended) = making.as_mut().and_then(FutureExt::now_or_never) {
            *making = None;
            ended?;
        }
        let under_way = |state: String| Ok(Some(Finishing { standing: Standing::UnderWay, state }));
        match now {
            Progress::Ready if making.is_none() => {
                Ok(Some(Finishing { standing: Standing::Done, state: "ready".to_owned() }))
            }
            Progress::Ready => under_way("bringing the planner's figures up to date".to_owned()),
            Progress::UnderWay { phase, share } => under_way(match share {
                Some(share) => format!("{phase}, {:.0} %", share * 100.0),
                None => phase,
            }),
            Progress::Absent | Progress::Invalid => {
                if making.is_none() {
                    let (address, settings) = (self.address.clone(), self.settings);
                    let (table, plan) = (self.name.clone(), plan.clone());
                    let column = seen.mapping.table.column(&plan.column);
                    let kind = column.map_or(Kind::Other, |column| column.kind);
                    let extension = seen.mapping.extension.schema.clone();
                    *making = Some(begin(async move {
                        let session = Session::open(&address, settings).await?;
                        build(&session, &table, kind, &extension, &plan).await?;
                        analyse(&session, &table).await
                    }));
                }
                under_way(format!("making the index {} of `{}`", plan.method.name(), plan.column))
            }
        }
    }
}
