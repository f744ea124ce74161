//! Records by their ids.

use super::classify::is_beyond_encoding;
use super::fit::id_text;
use super::mapping::Mapping;
use super::name::quote;
use super::row::{Parts, RowReader};
use super::session::Session;
use super::sql::{Bound, is_of_partition};
use crate::error::{Error, Result};
use crate::model::{Namespace, Record, RecordId};

/// Returns the records of these ids. One that is not there, or that the column could not hold, is absent. Where ids
/// are not unique, all of an id's records come.
///
/// # Errors
/// Those of the connection.
pub async fn fetch(
    session: &Session,
    mapping: &Mapping,
    partition: &Namespace,
    ids: &[RecordId],
    parts: Parts,
) -> Result<Vec<Record>> {
    let (mut found, mut waiting) = (Vec::new(), vec![ids]);
    while let Some(part) = waiting.pop() {
        match fetch_at_once(session, mapping, partition, part, parts).await {
            Ok(records) => found.extend(records),
            // An id that the server has no letters for is absent; the others of the part may be there.
            Err(error) if is_beyond_encoding(&error) => match part {
                [id] => refuse_unreadable(session, id, error).await?,
                _ => waiting.extend(halves(part)),
            },
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

/// Refuses a row whose own text has no letters here: it is there, and only an id that the server cannot hold is not.
///
/// # Errors
/// `error`, if the server takes the id.
pub(super) async fn refuse_unreadable(
    session: &Session,
    id: &RecordId,
    error: Error,
) -> Result<()> {
    let text = id.text().into_owned();
    match session.rows("fetch", "select $1::text", &[&text]).await {
        Ok(_) => Err(error),
        Err(refused) if is_beyond_encoding(&refused) => Ok(()),
        Err(other) => Err(other),
    }
}

/// Returns both halves of ids of which one cannot be there; nothing of that one alone.
pub(super) fn halves(ids: &[RecordId]) -> impl Iterator<Item = &[RecordId]> {
    let (first, second) = ids.split_at(ids.len() / 2);
    [second, first].into_iter().filter(|half| ids.len() > 1 && !half.is_empty())
}

async fn fetch_at_once(
    session: &Session,
    mapping: &Mapping,
    partition: &Namespace,
    ids: &[RecordId],
    parts: Parts,
) -> Result<Vec<Record>> {
    let mut bound = Bound::default();
    let Some(mut conditions) = of_ids(mapping, ids, &mut bound) else { return Ok(Vec::new()) };
    conditions.extend(is_of_partition(mapping, partition, &mut bound));
    let reader = RowReader::new(mapping, parts);
    let sql = format!(
        "select {} from {} where {}",
        reader.columns(),
        mapping.table.name.quoted(),
        conditions.join(" and "),
    );
    let rows = session.rows("fetch", &sql, &bound.params()).await?;
    rows.iter().map(|row| reader.read(row, 0)).collect()
}

/// Returns the condition that a row has one of these ids; `None` if no row can have one.
pub(super) fn of_ids(
    mapping: &Mapping,
    ids: &[RecordId],
    bound: &mut Bound,
) -> Option<Vec<String>> {
    let texts: Vec<String> = ids.iter().filter_map(|id| id_text(&mapping.id, id).ok()).collect();
    if texts.is_empty() {
        return None;
    }
    let column = &mapping.id;
    let place = bound.add(texts);
    Some(vec![format!("{} = any({place}::text[]::{}[])", quote(&column.name), column.plain_type)])
}
