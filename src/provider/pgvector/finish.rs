//! The index over the vectors, which is made once the records are there.
//!
//! The server says how far it is, to any session, and what is left to do follows from that alone. Only the connection that a
//! statement runs in has to be somebody's: it is this process's until the statement ends, and where the process ends first,
//! the server goes on, and whoever comes next sees that.

use futures::future::FutureExt;

use super::admin::{analyse, has_figures};
use super::index::{Progress, build, progress};
use super::kind::Kind;
use super::name::TableName;
use super::peer::{Peer, locked};
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
        let (mut plan, mut now, mut done) = (last, Progress::Ready, 0);
        for one in &plans {
            (plan, now) = (one, progress(&session, &self.name, &one.name).await?);
            if now != Progress::Ready {
                break;
            }
            done += 1;
        }
        let has_figures = now != Progress::Ready || has_figures(&session, &self.name).await?;
        session.give_back();
        let ended = {
            let mut making = locked(&self.making);
            let ended = making.as_mut().and_then(FutureExt::now_or_never);
            if ended.is_some() {
                *making = None;
            }
            ended
        };
        // What it could not do is the answer to whoever asks.
        let has_ended = ended.transpose()?.is_some();
        let total = plans.len() as u64;
        let made = |standing, state: String| Ok(Some(Finishing { standing, done, total, state }));
        match now {
            Progress::Ready if has_figures || has_ended => made(Standing::Done, "ready".to_owned()),
            Progress::Ready => {
                self.make(|session, table| async move { analyse(&session, &table).await });
                let state = "bringing the planner's figures up to date";
                made(Standing::UnderWay, state.to_owned())
            }
            Progress::UnderWay { phase, share } => made(
                Standing::UnderWay,
                match share {
                    Some(share) => format!("{phase}, {:.0} %", share * 100.0),
                    None => phase,
                },
            ),
            Progress::Absent | Progress::Invalid => {
                let column = seen.mapping.table.column(&plan.column);
                let kind = column.map_or(Kind::Other, |column| column.kind);
                let (extension, plan) = (seen.mapping.extension.schema.clone(), plan.clone());
                let state = format!("making the index {} of `{}`", plan.method.name(), plan.column);
                self.make(move |session, table| async move {
                    build(&session, &table, kind, &extension, &plan).await?;
                    analyse(&session, &table).await
                });
                made(Standing::UnderWay, state)
            }
        }
    }

    /// Begins work in a connection of its own, unless some is under way.
    fn make<W>(&self, work: impl FnOnce(Session, TableName) -> W + Send + 'static)
    where
        W: Future<Output = Result<()>> + Send + 'static,
    {
        let mut making = locked(&self.making);
        if making.is_some() {
            return;
        }
        let (address, settings, table) = (self.address.clone(), self.settings, self.name.clone());
        *making = Some(begin(async move {
            let session = Session::open(&address, settings).await?;
            work(session, table).await
        }));
    }
}
