//! Records taken away.

use super::fetch::{of_ids, without_letters};
use super::mapping::Mapping;
use super::partition;
use super::scan::Scope;
use super::session::{NAMES_OF_ROLE, OWN_NAMES, Session};
use super::sql::{Bound, is_of_partition};
use crate::error::{Error, Result};
use crate::model::{Namespace, RecordId};

/// Deletes the records of these ids in a partition and returns their number; ids that are not there are ignored.
///
/// # Errors
/// Those of the connection, and of the role's rights.
pub async fn by_ids(
    session: &Session,
    mapping: &Mapping,
    partition: &Namespace,
    ids: &[RecordId],
) -> Result<u64> {
    let (mut deleted, mut waiting) = (0, vec![ids]);
    while let Some(part) = waiting.pop() {
        let mut bound = Bound::default();
        let Some(mut conditions) = of_ids(mapping, part, &mut bound) else { continue };
        conditions.extend(is_of_partition(mapping, partition, &mut bound));
        match delete(session, mapping, &conditions, &bound).await {
            Ok(rows) => deleted += rows,
            Err(error) => waiting.extend(without_letters(session, part, error).await?),
        }
    }
    Ok(deleted)
}

/// Deletes the records of a scope and returns their number.
///
/// # Errors
/// `Invalid` for a scope that is everything; those of the connection.
pub async fn matching(session: &Session, mapping: &Mapping, scope: &Scope) -> Result<u64> {
    if scope.filter.is_none() {
        return Err(Error::invalid("a deletion by filter has no filter"));
    }
    let mut bound = Bound::default();
    let conditions = scope.conditions(mapping, &mut bound)?;
    delete(session, mapping, &conditions, &bound).await
}

/// Deletes a partition with all its records and returns their number. Of a table without tenants the default partition
/// is all there is.
///
/// # Errors
/// Those of the connection, and of the role's rights.
pub async fn partition(session: &Session, mapping: &Mapping, partition: &Namespace) -> Result<u64> {
    let mut bound = Bound::default();
    let conditions: Vec<_> = is_of_partition(mapping, partition, &mut bound).into_iter().collect();
    let deleted = delete(session, mapping, &conditions, &bound).await?;
    if partition::is_by_tenant(mapping) && mapping.table.may.own {
        partition::remove(session, mapping, partition).await?;
    }
    Ok(deleted)
}

async fn delete(
    session: &Session,
    mapping: &Mapping,
    conditions: &[String],
    bound: &Bound,
) -> Result<u64> {
    let sql =
        format!("delete from {}{}", mapping.table.name.quoted(), super::sql::all_of(conditions));
    session.batch("delete", NAMES_OF_ROLE).await?;
    let deleted = session.execute("delete", &sql, &bound.params()).await;
    session.batch("delete", OWN_NAMES).await?;
    deleted
}
