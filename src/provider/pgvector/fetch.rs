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
            Err(error) => waiting.extend(without_letters(session, part, error).await?),
        }
    }
    Ok(found)
}

/// Returns both halves of ids that were asked for in vain, if it may be for one that the server has no letters for; that one
/// alone is absent, and nothing is returned.
///
/// # Errors
/// `error`, if it is another one, or if the server has letters for the id: then a row that is there cannot be read.
pub(super) async fn without_letters<'a>(
    session: &Session,
    ids: &'a [RecordId],
    error: Error,
) -> Result<Vec<&'a [RecordId]>> {
    if !is_beyond_encoding(&error) {
        return Err(error);
    }
    let [id] = ids else {
        let (first, second) = ids.split_at(ids.len() / 2);
        return Ok(vec![second, first]);
    };
    let text = id.text().into_owned();
    match session.rows("fetch", "select $1::text", &[&text]).await {
        Ok(_) => Err(error),
        Err(refused) if is_beyond_encoding(&refused) => Ok(Vec::new()),
        Err(other) => Err(other),
    }
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
