//! Records counted, by the tables that hold them.

use std::collections::BTreeMap;

use super::family::{Family, Member};
use super::mapping::Mapping;
use super::scan::{Scope, counted};
use super::session::Session;
use super::snapshot::{View, begin_in};
use super::sql::{Bound, all_of, namespace_of};
use crate::error::Result;
use crate::model::{Filter, Namespace};

/// The most tables that a statement counts: each is locked until it ends, and a server holds so many locks.
pub(super) const AT_ONCE: usize = 50;

/// Counts the records that pass a filter, or all, by partition, reading them all.
///
/// # Errors
/// `Unsupported` if the server cannot decide the filter; those of the connection.
pub async fn counts(
    session: &Session,
    mapping: &Mapping,
    filter: Option<Filter>,
) -> Result<BTreeMap<Namespace, u64>> {
    let mut bound = Bound::default();
    let conditions = Scope { partition: None, filter }.conditions(mapping, &mut bound)?;
    let Some(column) = &mapping.tenant else {
        let all = counted(session, mapping, &conditions, &bound).await?;
        return Ok((all > 0).then(|| (Namespace::new(""), all)).into_iter().collect());
    };
    let sql = format!(
        "select {}, count(*) from {}{} group by 1",
        namespace_of(column),
        mapping.table.name.quoted(),
        all_of(&conditions),
    );
    let rows = session.rows("count", &sql, &bound.params()).await?;
    let mut counts = BTreeMap::new();
    for row in &rows {
        let name = Namespace::from(row.get::<_, &str>(0));
        *counts.entry(name).or_default() += row.get::<_, i64>(1).unsigned_abs();
    }
    Ok(counts)
}

/// The same of tables that hold a namespace each, all as they were at the moment of a snapshot.
///
/// # Errors
/// Those of [`counts`]; `ViewLost` if the snapshot is.
pub(super) async fn counts_apart(
    session: &Session,
    like: &Mapping,
    (family, view): (&Family, &View),
    filter: Option<Filter>,
) -> Result<BTreeMap<Namespace, u64>> {
    let mut counts = BTreeMap::new();
    let members: Vec<_> = family.members.iter().collect();
    for part in members.chunks(AT_ONCE) {
        begin_in(session, view).await?;
        counts.extend(counts_of(session, like, part, filter.clone()).await?);
        session.batch("count", "rollback").await?;
    }
    Ok(counts)
}

/// Counts tables that hold a namespace each, as they are to this transaction.
///
/// # Errors
/// Those of [`counts`].
pub(super) async fn counts_of(
    session: &Session,
    like: &Mapping,
    members: &[(&Namespace, &Member)],
    filter: Option<Filter>,
) -> Result<BTreeMap<Namespace, u64>> {
    let mut bound = Bound::default();
    let conditions = Scope { partition: None, filter }.conditions(like, &mut bound)?;
    let conditions = all_of(&conditions);
    let mut counts = BTreeMap::new();
    for part in members.chunks(AT_ONCE) {
        let one = |(at, (_, member)): (usize, &(&Namespace, &Member))| {
            format!("select {at}::int8, count(*) from {}{conditions}", member.name.quoted())
        };
        let all: Vec<_> = part.iter().enumerate().map(one).collect();
        let rows = session.rows("count", &all.join(" union all "), &bound.params()).await?;
        for row in &rows {
            let (at, count): (i64, i64) = (row.get(0), row.get(1));
            let namespace = usize::try_from(at).ok().and_then(|at| part.get(at));
            // An empty table holds no namespace.
            if let Some((namespace, _)) = namespace.filter(|_| count > 0) {
                counts.insert((*namespace).clone(), count.unsigned_abs());
            }
        }
    }
    Ok(counts)
}
