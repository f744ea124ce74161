//! Single attempts at requests that only read.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use super::audit::{self, Finding, Use};
use super::count::{counts, counts_apart};
use super::family::{Family, listed};
use super::fetch::fetch;
use super::fit::id_kind;
use super::kept::kept;
use super::mapping::{Identity, Mapping};
use super::peer::Peer;
use super::place::{Pattern, Place};
use super::refuse::{planned_rejects, rejects};
use super::row::Parts;
use super::scan::Scope;
use super::search::{Accuracy, Effort, Query as Asked, Score, search};
use super::seen::Seen;
use super::session::Session;
use super::snapshot::{self, Snapshot};
use super::sql::Bound;
use super::within::Within;
use super::{filter, look, storage};
use crate::error::{Error, Result};
use crate::model::{
    Counted, Filter, IndexSpec, IndexStats, Namespace, Quality, Record, RecordId, View,
};
use crate::store::{Inventory, Match, Query, Refusal};

/// The most rows that are all looked at for what a reader of the plan should know.
const LOOKED_AT: u64 = 1_000_000;

impl Peer {
    pub async fn stats(&self, filter: Option<&Filter>) -> Result<IndexStats> {
        let (seen, session) = (self.known().await?, self.patient().await?);
        let filter = filter.cloned();
        let namespaces = match &self.place {
            Place::Table(_) => counts(&session, &seen.mapping, filter).await?,
            Place::Tables(pattern) => {
                let family = Family::find(&session, pattern).await?;
                let held = Snapshot::open(&self.address, self.settings).await?;
                counts_apart(&session, &seen.mapping, (&family, &held.view()), filter).await?
            }
        };
        Self::give_back(session).await?;
        Ok(summed(&seen, namespaces))
    }

    pub async fn count_view(&self, view: &View) -> Result<IndexStats> {
        let seen = self.known().await?;
        let namespaces = match &self.place {
            Place::Table(_) => {
                let session = self.enter(view).await?;
                session.read(seen.mapping.is_read_by_names_of_role()).await?;
                counts(&session, &seen.mapping, None).await?
            }
            Place::Tables(pattern) => {
                let (session, view) = (self.session().await?, snapshot::View::of(view));
                let family = Family::find(&session, pattern).await?;
                let found = counts_apart(&session, &seen.mapping, (&family, &view), None).await?;
                session.give_back();
                found
            }
        };
        Ok(summed(&seen, namespaces))
    }

    pub async fn storage(&self) -> Result<Vec<String>> {
        let session = self.session().await?;
        let tables = self.tables(&session).await?;
        let found = storage::tables(&session, self.place.schema(), &tables).await?;
        session.give_back();
        Ok(found)
    }

    /// Returns what a reader of the plan should know of the tables, with counts where they are small enough.
    pub async fn inventory(&self) -> Result<Option<Inventory>> {
        if self.describe().await?.is_none() {
            return Ok(None);
        }
        let (seen, session) = (self.known().await?, self.patient().await?);
        let mapping = &seen.mapping;
        let mut found = audit::of_server(&look::server(&session).await?, Use::Read);
        found.extend(audit::of_table(mapping, Use::Read));
        let remark = match &self.place {
            // Nothing can be counted.
            _ if mapping.table.hides_rows || !mapping.table.may.read => None,
            Place::Table(_) => {
                if mapping.table.estimated_rows.is_none_or(|rows| rows <= LOOKED_AT) {
                    found.extend(audit::of_records(&session, mapping).await?);
                } else {
                    found.extend(audit::of_distinct(&session, mapping).await?);
                }
                None
            }
            Place::Tables(pattern) => {
                let (own, remark) = of_tables(&session, mapping, pattern).await?;
                found.extend(own);
                remark
            }
        };
        Self::give_back(session).await?;
        let mut inventory = audit::inventory(&found);
        if inventory.obstacles.is_empty() {
            // All ids were looked at, or a key holds them apart.
            self.is_distinct.store(true, Ordering::Release);
        }
        inventory.remarks.extend(remark);
        let left = mapping.left_out();
        if !left.is_empty() {
            inventory.remarks.push(format!("columns that are not moved: {}", left.join(", ")));
        }
        Ok((inventory != Inventory::default()).then_some(inventory))
    }

    /// Returns what whoever writes here should know, of tables that are there or as they are planned.
    pub async fn inventory_to_write(&self, planned: Option<&IndexSpec>) -> Result<Inventory> {
        let is_there = self.describe().await?.is_some();
        let session = self.patient().await?;
        let server = look::server(&session).await?;
        let mut found = audit::of_server(&server, Use::Write);
        match self.seen().filter(|_| is_there) {
            Some(seen) => {
                found.extend(audit::of_table(&seen.mapping, Use::Write));
                found.extend(audit::of_names(&session, &seen.mapping).await?);
                if matches!(self.place, Place::Tables(_)) {
                    found.extend(audit::of_family(&server, &seen.mapping.table));
                    if seen.noted.is_none() {
                        found.extend(audit::of_model(&seen.mapping.table));
                    }
                }
            }
            None if planned.is_some() => {
                let may_create = look::may_create_in(&session, self.place.schema()).await?;
                found.extend(audit::of_planned(&server, &self.place.first(), may_create));
                let taken = look::name_taken(&session, &self.place.first()).await?;
                found.extend(taken.map(|by| audit::of_taken_name(&self.place.first(), &by)));
            }
            None => {}
        }
        Self::give_back(session).await?;
        Ok(audit::inventory(&found))
    }

    /// Returns whether no two rows are one record, by the tables' own keys or by what was looked at.
    pub fn is_distinct(&self) -> bool {
        let holds_apart = self.seen().is_some_and(|seen| seen.mapping.holds_apart());
        holds_apart || self.is_distinct.load(Ordering::Acquire)
    }

    /// Refuses rows that are one record, looking once unless it is asked to look again. Whoever asks while somebody looks
    /// waits for what he finds.
    pub async fn refuse_doubles(&self, is_anew: bool) -> Result<()> {
        let _alone = self.looking.lock().await;
        if !is_anew && self.is_distinct() {
            return Ok(());
        }
        let (seen, session) = (self.known().await?, self.patient().await?);
        match &self.place {
            Place::Table(_) => audit::refuse_doubles(&session, &seen.mapping).await?,
            Place::Tables(pattern) => {
                for member in Family::find(&session, pattern).await?.members.values() {
                    audit::refuse_doubles(&session, &seen.mapping.of(&member.name)).await?;
                }
            }
        }
        Self::give_back(session).await?;
        self.is_distinct.store(true, Ordering::Release);
        Ok(())
    }

    pub async fn fetch(&self, namespace: &Namespace, ids: &[RecordId]) -> Result<Vec<Record>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let Some(Within { seen, namespace }) = self.within(namespace).await? else {
            return Ok(Vec::new());
        };
        let session = self.reading().await?;
        let found = fetch(&session, &seen.mapping, &namespace, ids, Parts::ALL).await?;
        session.give_back();
        Ok(found)
    }

    /// Returns the id with this text that the tables' column keeps.
    pub fn own_kind(&self, id: RecordId) -> RecordId {
        let kind = self.seen().map(|seen| id_kind(seen.mapping.id.kind));
        kind.and_then(|kind| id.to(kind)).unwrap_or(id)
    }

    pub async fn query(&self, namespace: &Namespace, query: &Query) -> Result<Vec<Match>> {
        let Some(Within { seen, namespace }) = self.within(namespace).await? else {
            return Ok(Vec::new());
        };
        let mut session = self.reading().await?;
        let mut vectors = query.vectors.iter();
        let (Some((name, vector)), None) = (vectors.next(), vectors.next()) else {
            return Err(Error::unsupported("a query here has one vector"));
        };
        let column = seen.mapping.place(name, vector).ok_or_else(|| {
            Error::invalid(format!("the table has no column for the vector `{name}` of a query"))
        })?;
        let asked = Asked {
            using: &column.name,
            vector,
            distance: seen.distance(column),
            limit: query.limit,
            accuracy: Accuracy::Approximate(Effort {
                is_iterative: seen.mapping.extension.is_iterative(),
                ..Effort::default()
            }),
        };
        let scope = Scope { partition: Some(namespace), filter: query.filter.clone() };
        let found = search(&mut session, &seen.mapping, &scope, &asked).await?;
        session.give_back();
        let answer = |found: super::search::Match| Match {
            id: found.id,
            score: match found.score {
                Score::Similarity(number) | Score::Distance(number) => number as f32,
            },
        };
        Ok(found.into_iter().map(answer).collect())
    }

    /// Returns whether the columns that were last seen can be asked this.
    ///
    /// # Errors
    /// `Unsupported` with the field and its type.
    pub fn says(&self, filter: &Filter) -> Result<()> {
        let Some(seen) = self.seen() else { return Ok(()) };
        filter::render(filter, &seen.mapping, &mut Bound::default()).map(drop)
    }

    /// Returns whether triggers may run for what is written. Of several tables only one was looked at, and any may have some.
    pub fn may_alter(&self) -> bool {
        let is_apart = matches!(self.place, Place::Tables(_));
        is_apart || self.seen().is_some_and(|seen| !seen.mapping.table.triggers.is_empty())
    }

    /// Returns what the table that was last seen gives back of a record.
    pub fn kept<'a>(&self, record: &'a Record) -> Cow<'a, Record> {
        match self.seen() {
            Some(seen) => kept(&seen.mapping, record),
            None => Cow::Borrowed(record),
        }
    }

    pub fn rejects(
        &self,
        (namespace, record): (&Namespace, &Record),
        spec: Option<&IndexSpec>,
    ) -> Option<Refusal> {
        let record = (&self.place.within(namespace), record);
        match self.seen() {
            Some(seen) => rejects(&seen.mapping, seen.strictness, record),
            None => planned_rejects(&self.place, &self.row, spec?, record),
        }
    }
}

fn summed(seen: &Seen, namespaces: BTreeMap<Namespace, u64>) -> IndexStats {
    let total = namespaces.values().sum();
    let of = match seen.mapping.identity {
        Identity::NotEnforced => Counted::Rows,
        Identity::Global | Identity::PerTenant(_) => Counted::Ids,
    };
    let dimension = seen.description.spec.dimension;
    IndexStats { dimension, namespaces, total, of, quality: Quality::Exact }
}

/// Looks at the records of each of several tables, where all together are few enough, and names what was passed over.
async fn of_tables(
    session: &Session,
    mapping: &Mapping,
    pattern: &Pattern,
) -> Result<(Vec<Finding>, Option<String>)> {
    let family = Family::find(session, pattern).await?;
    let rows: u64 = family.members.values().filter_map(|one| one.estimated_rows).sum();
    let mut found: Vec<Finding> = Vec::new();
    for member in family.members.values() {
        let mapping = mapping.of(&member.name);
        let own = match rows <= LOOKED_AT {
            true => audit::of_records(session, &mapping).await?,
            false if mapping.holds_apart() => break,
            false => audit::of_distinct(session, &mapping).await?,
        };
        for one in own {
            match found.iter_mut().find(|known| known.is_like(&one)) {
                Some(known) => known.add(&one),
                None => found.push(one),
            }
        }
    }
    let others: Vec<_> = family.others.iter().map(ToString::to_string).collect();
    let remark =
        format!("their names fit, and they are no tables and not read: {}", listed(&others));
    Ok((found, (!others.is_empty()).then_some(remark)))
}
