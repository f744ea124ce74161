//! Whole records in the order of the table's key, page by page.

use std::pin::pin;
use std::sync::Arc;

use futures::TryStreamExt as _;
use tokio_postgres::Statement;

use super::address::Address;
use super::classify::classify;
use super::filter;
use super::look::Column;
use super::mapping::Mapping;
use super::range::{Cursor, KeyTexts, Range, compared, key_columns, key_texts, order, split};
use super::row::{Parts, RowReader};
use super::session::{NO_TIME_LIMIT, Session, Settings};
use super::snapshot::{View, enter};
use super::sql::{Bound, all_of, is_of_partition};
use crate::error::Result;
use crate::model::{Filter, Namespace, Record};

/// Bytes of a record beside its vectors, until some were seen.
const GUESS: usize = 500;

/// The records meant: of a partition or of all, and those that pass a filter.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scope {
    pub partition: Option<Namespace>,
    pub filter: Option<Filter>,
}

impl Scope {
    pub(super) fn conditions(&self, mapping: &Mapping, bound: &mut Bound) -> Result<Vec<String>> {
        let mut conditions = Vec::new();
        if let Some(partition) = &self.partition {
            conditions.extend(is_of_partition(mapping, partition, bound));
        }
        if let Some(filter) = &self.filter {
            conditions.push(filter::render(filter, mapping, bound)?);
        }
        Ok(conditions)
    }
}

/// The most that a page holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    pub records: usize,
    /// Bytes in memory, about.
    pub bytes: usize,
}

/// Some records, and where to go on; at the end of the range nowhere.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    pub records: Vec<Record>,
    pub next: Option<Cursor>,
}

/// Reads ranges of a view, one page at a time.
pub struct Reader {
    session: Session,
    mapping: Arc<Mapping>,
    scope: Scope,
    parts: Parts,
    prepared: Vec<(String, Statement)>,
    record_bytes: usize,
}

impl Reader {
    /// Begins to read from a view.
    ///
    /// # Errors
    /// `ViewLost` if it is lost, `Refused` if the table has no key.
    pub async fn open(
        address: &Address,
        settings: Settings,
        view: &View,
        mapping: Arc<Mapping>,
        scope: Scope,
        parts: Parts,
    ) -> Result<Self> {
        order(&mapping)?;
        let session = enter(address, settings, view).await?;
        session.read(mapping.is_read_by_names_of_role()).await?;
        if matches!(view, View::Live) {
            // As in a view: ranges are counted row by row, however long it takes.
            session.watch().await;
            session.batch("begin", NO_TIME_LIMIT).await?;
        }
        let dimensions = mapping.vectors.iter().filter_map(|(_, column)| column.dimension);
        let vectors = if parts.vectors {
            dimensions.map(|dimension| dimension as usize * 4).sum()
        } else {
            0
        };
        Ok(Self {
            session,
            mapping,
            scope,
            parts,
            prepared: Vec::new(),
            record_bytes: GUESS + vectors,
        })
    }

    /// Returns the session, to ask it something between two pages.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// Splits the scope into at most `want` ranges that can be read side by side.
    ///
    /// # Errors
    /// Those of the connection.
    pub async fn split(&self, want: usize) -> Result<Vec<Range>> {
        let mut bound = Bound::default();
        let conditions = self.scope.conditions(&self.mapping, &mut bound)?;
        split(&self.session, &self.mapping, (&conditions, &bound), want).await
    }

    /// Counts the records of a range in this view.
    ///
    /// # Errors
    /// Those of the connection.
    pub async fn count(&self, range: &Range) -> Result<u64> {
        let mut bound = Bound::default();
        let mut conditions = self.scope.conditions(&self.mapping, &mut bound)?;
        conditions.extend(within(order(&self.mapping)?, range, None, &mut bound));
        counted(&self.session, &self.mapping, &conditions, &bound).await
    }

    /// Reads the records of a range behind a place, or from its beginning.
    ///
    /// # Errors
    /// `Invalid` for a row that is no record; those of the connection, after which another reader goes on from the
    /// same place.
    pub async fn page(
        &mut self,
        range: &Range,
        after: Option<&Cursor>,
        budget: Budget,
    ) -> Result<Page> {
        let mapping = self.mapping.clone();
        let order = order(&mapping)?;
        let after = after.map(|cursor| cursor.key(order.len())).transpose()?;
        let limit = budget.records.min(budget.bytes / self.record_bytes).max(1);
        let reader = RowReader::new(&mapping, self.parts);
        let mut bound = Bound::default();
        let mut conditions = self.scope.conditions(&mapping, &mut bound)?;
        conditions.extend(within(order, range, after.as_ref(), &mut bound));
        let sql = format!(
            "select {}, {} from {} t{} order by {} limit {}::int8",
            key_texts(order),
            reader.columns(),
            mapping.table.name.quoted(),
            all_of(&conditions),
            key_columns(order),
            bound.add(i64::try_from(limit).unwrap_or(i64::MAX)),
        );
        let statement = self.statement(sql).await?;
        let mut rows = pin!(self.session.stream("scan", &statement, &bound.params()).await?);
        let (mut records, mut bytes, mut last) = (Vec::with_capacity(limit), 0, None);
        while let Some(row) = rows.try_next().await.map_err(|error| classify(error, "scan"))? {
            let record = reader.read(&row, order.len())?;
            bytes += record.held_bytes();
            records.push(record);
            last = Some(row);
        }
        if let Some(mean) = bytes.checked_div(records.len()) {
            self.record_bytes = mean.max(1);
        }
        let last = last.filter(|_| records.len() == limit);
        let key = last.map(|row| (0..order.len()).map(|at| row.get(at)).collect::<KeyTexts>());
        Ok(Page { records, next: key.as_ref().map(Cursor::behind) })
    }

    async fn statement(&mut self, sql: String) -> Result<Statement> {
        if let Some((_, known)) = self.prepared.iter().find(|(text, _)| *text == sql) {
            return Ok(known.clone());
        }
        let statement = self.session.prepare("scan", &sql).await?;
        self.prepared.push((sql, statement.clone()));
        Ok(statement)
    }
}

/// Returns the conditions that a row is of a range, behind a place in it.
fn within(
    order: &[Column],
    range: &Range,
    after: Option<&KeyTexts>,
    bound: &mut Bound,
) -> Vec<String> {
    let after = after.or(range.after.as_ref()).map(|key| compared(order, ">", key, bound));
    let until = range.until.as_ref().map(|key| compared(order, "<=", key, bound));
    after.into_iter().chain(until).collect()
}

/// Counts the rows of a table that pass conditions.
///
/// # Errors
/// Those of the connection.
pub(super) async fn counted(
    session: &Session,
    mapping: &Mapping,
    conditions: &[String],
    bound: &Bound,
) -> Result<u64> {
    let sql = format!("select count(*) from {}{}", mapping.table.name.quoted(), all_of(conditions));
    let count: i64 = session.row("count", &sql, &bound.params()).await?.get(0);
    Ok(count.unsigned_abs())
}
