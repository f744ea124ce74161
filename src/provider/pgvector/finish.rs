//! The indexes over the vectors, which are made once the records are there.
//!
//! The server says how far it is, to any session, and what is left to do follows from that alone. Only the connection that a
//! statement runs in has to be somebody's: it is this process's until the statement ends, and where the process ends first,
//! the server goes on, and whoever comes next sees that.

use std::collections::BTreeSet;

use futures::future::FutureExt;

use super::admin::{analyse, has_figures};
use super::family::Family;
use super::index::{IndexPlan, Progress, build, progress, ready};
use super::kind::Kind;
use super::name::{TableName, ended, mark};
use super::peer::{Peer, locked};
use super::place::Place;
use super::seen::{Noted, Seen};
use super::session::Session;
use crate::error::Result;
use crate::store::read::begin;
use crate::store::{Finishing, Standing};

/// An index to be made, and its table.
type Planned = (TableName, IndexPlan);

impl Peer {
    /// Makes the indexes that the tables were made for, beside whoever asks; how far it is.
    pub(super) async fn finish(&self) -> Result<Option<Finishing>> {
        let (seen, session) = (self.known().await?, self.session().await?);
        let planned = self.planned(&session, &seen).await?;
        if planned.is_empty() {
            session.give_back();
            return Ok(None);
        }
        let there: BTreeSet<_> = ready(&session, self.place.schema()).await?.into_iter().collect();
        let is_left =
            |(table, plan): &&Planned| !there.contains(&(table.name.clone(), plan.name.clone()));
        let left: Vec<Planned> = planned.iter().filter(is_left).cloned().collect();
        let (now, without) = match left.first() {
            Some((table, plan)) => (progress(&session, table, &plan.name).await?, Vec::new()),
            None => (Progress::Ready, without_figures(&session, &planned).await?),
        };
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
        let (total, done) = (planned.len() as u64, (planned.len() - left.len()) as u64);
        let made = |standing, state: String| Ok(Some(Finishing { standing, done, total, state }));
        let Some((table, plan)) = left.first().cloned() else {
            if without.is_empty() || has_ended {
                return made(Standing::Done, "ready".to_owned());
            }
            self.make(|session| async move {
                for table in &without {
                    analyse(&session, table).await?;
                }
                Ok(())
            });
            return made(Standing::UnderWay, FIGURES.to_owned());
        };
        match now {
            Progress::Ready => made(Standing::UnderWay, FIGURES.to_owned()),
            Progress::UnderWay { phase, share } => made(
                Standing::UnderWay,
                match share {
                    Some(share) => format!("{phase}, {:.0} %", share * 100.0),
                    None => phase,
                },
            ),
            Progress::Absent | Progress::Invalid => {
                let of = match self.place {
                    Place::Table(_) => String::new(),
                    Place::Tables(_) => format!(" of {table}"),
                };
                let state =
                    format!("making the index {} of `{}`{of}", plan.method.name(), plan.column);
                self.make(move |session| async move { make_all(&session, &seen, &left).await });
                made(Standing::UnderWay, state)
            }
        }
    }

    /// Returns every index that is to be over the vectors, in order.
    async fn planned(&self, session: &Session, seen: &Seen) -> Result<Vec<Planned>> {
        let usual = seen.dense().map(|column| column.name.as_str());
        let of = |table: &TableName, noted: &Noted| noted.indexes(table, usual).into_iter();
        Ok(match (&self.place, &seen.noted) {
            (Place::Table(name), Some(noted)) => {
                of(name, noted).map(|plan| (name.clone(), plan)).collect()
            }
            (Place::Table(_), None) => Vec::new(),
            (Place::Tables(pattern), _) => {
                let family = Family::find(session, pattern).await?;
                let made = family
                    .members
                    .into_values()
                    .filter_map(|one| Some((one.name, Noted::read(one.comment.as_deref())?)));
                // Another namespace's table may have the plain name.
                let own = |plan: IndexPlan| {
                    let name = ended(&plan.name, &mark(&plan.name));
                    IndexPlan { name, ..plan }
                };
                made.flat_map(|(name, noted)| {
                    let plans: Vec<_> = of(&name, &noted).map(own).collect();
                    plans.into_iter().map(move |plan| (name.clone(), plan))
                })
                .collect()
            }
        })
    }

    /// Begins work in a connection of its own, unless some is under way.
    fn make<W>(&self, work: impl FnOnce(Session) -> W + Send + 'static)
    where
        W: Future<Output = Result<()>> + Send + 'static,
    {
        let mut making = locked(&self.making);
        if making.is_some() {
            return;
        }
        let (address, settings) = (self.address.clone(), self.settings);
        *making = Some(begin(async move {
            let session = Session::open(&address, settings).await?;
            work(session).await
        }));
    }
}

const FIGURES: &str = "bringing the planner's figures up to date";

/// Returns the tables that hold records of which the planner knows nothing.
async fn without_figures(session: &Session, planned: &[Planned]) -> Result<Vec<TableName>> {
    let tables: BTreeSet<&TableName> = planned.iter().map(|(table, _)| table).collect();
    let mut without = Vec::new();
    for table in tables {
        if !has_figures(session, table).await? {
            without.push(table.clone());
        }
    }
    Ok(without)
}

/// Makes one index after the other: each takes all the memory and workers that there are for it.
async fn make_all(session: &Session, seen: &Seen, left: &[Planned]) -> Result<()> {
    for (at, (table, plan)) in left.iter().enumerate() {
        let column = seen.mapping.table.column(&plan.column);
        let kind = column.map_or(Kind::Other, |column| column.kind);
        build(session, table, kind, &seen.mapping.extension.schema, plan).await?;
        if left.get(at + 1).is_none_or(|(next, _)| next != table) {
            analyse(session, table).await?;
        }
    }
    Ok(())
}
