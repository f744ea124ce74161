//! Records put in batches: `COPY` into a table of the session, then one `INSERT ... ON CONFLICT DO UPDATE`.

use std::collections::{HashMap, HashSet};
use std::ops::Range as Span;
use std::pin::pin;
use std::sync::Arc;

use bytes::Bytes;
use futures::SinkExt as _;

use super::address::Address;
use super::audit::of_writing;
use super::changed;
use super::classify::{classify, is_refusal_of_records};
use super::fit::encode;
use super::mapping::Mapping;
use super::misfit::{Misfit, Strictness};
use super::partition;
use super::put::{BATCH, batch_table, direct, gone, insert, taken};
use super::session::{NAMES_OF_ROLE, Session, Settings};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Namespace, Record, RecordId};

/// The signature, flags and length of the extension of a binary copy (PostgreSQL, "COPY", "Binary Format").
const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
const TRAILER: &[u8] = &[0xff, 0xff];

/// Bytes that are handed to the connection at once.
const CHUNK: usize = 1 << 20;

/// An id that is there already (PostgreSQL, "Error Codes").
const UNIQUE_VIOLATION: &str = "23505";

/// What became of a batch. Each of its records is written, superseded or refused.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ack {
    pub written: u64,
    /// Records before one of the same id in the same batch.
    pub superseded: u64,
    pub refused: Vec<Refused>,
    /// Bytes sent.
    pub bytes: u64,
}

/// A record that was not written.
#[derive(Clone, Debug, PartialEq)]
pub struct Refused {
    /// Its place in the batch.
    pub at: usize,
    pub id: RecordId,
    pub why: Misfit,
}

/// Puts records into a table.
pub struct Writer {
    session: Session,
    mapping: Arc<Mapping>,
    strictness: Strictness,
    statements: Statements,
    partitions: HashSet<Namespace>,
}

/// The statements of a table. Each names the columns of a batch by their places, which are this table's alone.
struct Statements {
    insert: String,
    taken: Option<String>,
    /// The statement that finds records that a trigger did not let be.
    gone: Option<String>,
    /// The statement that finds values that would become others.
    changed: Option<String>,
    /// The statement that copies into the table itself, as long as no id was met that is there already.
    direct: Option<String>,
}

impl Statements {
    fn of(mapping: &Mapping) -> Self {
        Self {
            insert: insert(mapping),
            taken: taken(mapping),
            gone: gone(mapping),
            changed: changed::changed(mapping),
            direct: direct(mapping),
        }
    }
}

/// The rows of a batch, one behind the other.
struct Rows {
    bytes: Vec<u8>,
    /// The place of each in the batch, and of its bytes.
    spans: Vec<(usize, Span<usize>)>,
}

impl Writer {
    /// Connects, and makes the table of the session.
    ///
    /// # Errors
    /// `Refused` if no key keeps ids apart, so that nothing could be replaced, or if a needed column is the server's to fill;
    /// `Unauthorized` if the role may not write or use temporary tables.
    pub async fn open(
        address: &Address,
        settings: Settings,
        mapping: Arc<Mapping>,
        strictness: Strictness,
    ) -> Result<Self> {
        refuse_unwritable(&mapping)?;
        let session = Session::open(address, settings).await?;
        session.batch("write", &format!("{NAMES_OF_ROLE}; {}", batch_table(&mapping))).await?;
        Ok(Self {
            statements: Statements::of(&mapping),
            partitions: HashSet::new(),
            session,
            mapping,
            strictness,
        })
    }

    /// Turns to another table, unless it is this one.
    ///
    /// # Errors
    /// Those of [`Writer::open`].
    pub(super) async fn turn_to(
        &mut self,
        mapping: &Arc<Mapping>,
        strictness: Strictness,
    ) -> Result<()> {
        if Arc::ptr_eq(&self.mapping, mapping) {
            return Ok(());
        }
        refuse_unwritable(mapping)?;
        let batch = batch_table(mapping);
        if batch != batch_table(&self.mapping) {
            self.session.batch("write", &format!("drop table {BATCH}; {batch}")).await?;
        }
        self.statements = Statements::of(mapping);
        (self.mapping, self.strictness) = (mapping.clone(), strictness);
        self.partitions.clear();
        Ok(())
    }

    /// Puts records into a partition: those with an id that is there are replaced in all columns of the mapping. What an
    /// answer says is written is committed.
    ///
    /// # Errors
    /// Those of the connection and of the server as a whole; then none of the records counts as written, and putting them
    /// again is safe.
    pub async fn put(&mut self, partition: &Namespace, records: &[Record]) -> Result<Ack> {
        let mut ack = Ack::default();
        let mut superseded = Vec::new();
        let rows = self.encode(partition, records, &mut ack, &mut superseded);
        if !rows.spans.is_empty() {
            self.make_partition(partition).await?;
        }
        let whole = 0..rows.spans.len();
        let mut waiting = vec![whole];
        while let Some(part) = waiting.pop() {
            if part.is_empty() {
                continue;
            }
            match self.send_either(&rows, part.clone(), records, &mut ack).await {
                Ok(()) => {}
                Err(error) if !is_of_records(&error) => return Err(error),
                Err(error) if part.len() == 1 => {
                    let at = rows.spans[part.start].0;
                    ack.refused.push(Refused { at, id: records[at].id.clone(), why: said(&error) });
                }
                Err(_) => {
                    let half = part.start + part.len() / 2;
                    waiting.push(half..part.end);
                    waiting.push(part.start..half);
                }
            }
        }
        // What was to make room for a record that is refused is not there either.
        for (at, by) in superseded {
            match ack.refused.iter().find(|refused| refused.at == by) {
                None => ack.superseded += 1,
                Some(Refused { why, .. }) => {
                    let why = why.clone();
                    ack.refused.push(Refused { at, id: records[at].id.clone(), why });
                }
            }
        }
        ack.refused.sort_by_key(|refused| refused.at);
        Ok(ack)
    }

    /// Returns the session, to ask it something between two batches.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// `superseded` gets the place of each record that another of the same id follows, and of that one.
    fn encode(
        &self,
        partition: &Namespace,
        records: &[Record],
        ack: &mut Ack,
        superseded: &mut Vec<(usize, usize)>,
    ) -> Rows {
        let mut rows = Rows { bytes: Vec::new(), spans: Vec::with_capacity(records.len()) };
        let mut last_of = HashMap::new();
        // The last record of an id is the one that stays.
        for (at, record) in records.iter().enumerate().rev() {
            let last = *last_of.entry(&record.id).or_insert(at);
            if last != at {
                superseded.push((at, last));
            }
        }
        let gone: HashSet<usize> = superseded.iter().map(|(at, _)| *at).collect();
        for (at, record) in records.iter().enumerate().filter(|(at, _)| !gone.contains(at)) {
            let start = rows.bytes.len();
            match encode(&self.mapping, self.strictness, (partition, record), &mut rows.bytes) {
                Ok(()) => rows.spans.push((at, start..rows.bytes.len())),
                Err(why) => {
                    rows.bytes.truncate(start);
                    ack.refused.push(Refused { at, id: record.id.clone(), why });
                }
            }
        }
        rows
    }

    async fn make_partition(&mut self, tenant: &Namespace) -> Result<()> {
        if partition::is_by_tenant(&self.mapping) && !self.partitions.contains(tenant) {
            partition::make(&self.session, &self.mapping, tenant).await?;
            self.partitions.insert(tenant.clone());
        }
        Ok(())
    }

    /// Copies a part of the rows into the table itself if all of them may be new, which saves writing them twice; else, or
    /// if one of them is not, puts them by way of the session's table.
    async fn send_either(
        &mut self,
        rows: &Rows,
        part: Span<usize>,
        records: &[Record],
        ack: &mut Ack,
    ) -> Result<()> {
        if let Some(copy) = self.statements.direct.clone() {
            match self.send_new(rows, part.clone(), &copy, ack).await {
                Err(error) if is_of_records(&error) => {
                    // From here on others are probably there as well.
                    if error.context_of("sqlstate") == Some(UNIQUE_VIOLATION) {
                        self.statements.direct = None;
                    }
                }
                other => return other,
            }
        }
        self.send(rows, part, records, ack).await
    }

    async fn send_new(
        &mut self,
        rows: &Rows,
        part: Span<usize>,
        sql: &str,
        ack: &mut Ack,
    ) -> Result<()> {
        let spans = &rows.spans[part];
        let transaction =
            self.session.client().transaction().await.map_err(|error| classify(error, "write"))?;
        let (written, bytes) = copy(&transaction, sql, rows, spans).await?;
        transaction.commit().await.map_err(|error| classify(error, "write"))?;
        ack.written += written;
        ack.bytes += bytes;
        Ok(())
    }

    /// Sends a part of the rows in a transaction of its own.
    async fn send(
        &mut self,
        rows: &Rows,
        part: Span<usize>,
        records: &[Record],
        ack: &mut Ack,
    ) -> Result<()> {
        let client = self.session.client();
        let transaction = client.transaction().await.map_err(|error| classify(error, "write"))?;
        let spans = &rows.spans[part];
        let (_, bytes) =
            copy(&transaction, &format!("copy {BATCH} from stdin (format binary)"), rows, spans)
                .await?;
        let failed = |error| classify(error, "write");
        let mut refused = match &self.statements.changed {
            Some(sql) => take_out(&transaction, sql, &self.mapping, (spans, records)).await?,
            None => Vec::new(),
        };
        let written = transaction.execute(&self.statements.insert, &[]).await.map_err(failed)?;
        if written + (refused.len() as u64) < spans.len() as u64
            && let Some(sql) = &self.statements.taken
        {
            let taken = transaction.query(sql, &[]).await.map_err(failed)?;
            let taken: HashSet<String> = taken.iter().map(|row| row.get(0)).collect();
            let is_taken =
                |(at, _): &&(usize, Span<usize>)| taken.contains(&records[*at].id.to_string());
            refused.extend(spans.iter().filter(is_taken).map(|(at, _)| Refused {
                at: *at,
                id: records[*at].id.clone(),
                why: Misfit::new("id_taken", &self.mapping.id.name, "another partition has a record of this id, and the key holds ids of all partitions apart"),
            }));
        }
        if let Some(sql) = &self.statements.gone {
            // Triggers that wait for the end of the transaction run before it is looked at.
            transaction.batch_execute("set constraints all immediate").await.map_err(failed)?;
            if !transaction.query(sql, &[]).await.map_err(failed)?.is_empty() {
                return Err(altered(&self.mapping));
            }
        }
        transaction.commit().await.map_err(failed)?;
        ack.written += written;
        ack.bytes += bytes;
        ack.refused.extend(refused);
        Ok(())
    }
}

/// Takes the records out of the session's table of which a value would become another, and returns them.
async fn take_out(
    transaction: &tokio_postgres::Transaction<'_>,
    sql: &str,
    mapping: &Mapping,
    (spans, records): (&[(usize, Span<usize>)], &[Record]),
) -> Result<Vec<Refused>> {
    let failed = |error| classify(error, "write");
    let rows = transaction.query(sql, &[]).await.map_err(failed)?;
    let mut changed = HashMap::new();
    for row in &rows {
        let at = usize::try_from(row.get::<_, i32>(1)).unwrap_or_default();
        if let Some(why) = changed::misfit(mapping, at, (row.get(2), row.get(3))) {
            changed.entry(row.get::<_, String>(0)).or_insert(why);
        }
    }
    if changed.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<&String> = changed.keys().collect();
    let sql = format!("delete from {BATCH} where c0 = any($1::text[])");
    transaction.execute(&sql, &[&ids]).await.map_err(failed)?;
    let refused = spans.iter().filter_map(|(at, _)| {
        let id = &records[*at].id;
        Some(Refused { at: *at, id: id.clone(), why: changed.remove(&id.to_string())? })
    });
    Ok(refused.collect())
}

/// Returns the rows that the server took, and their bytes.
async fn copy(
    transaction: &tokio_postgres::Transaction<'_>,
    sql: &str,
    rows: &Rows,
    spans: &[(usize, Span<usize>)],
) -> Result<(u64, u64)> {
    let failed = |error| classify(error, "write");
    let sink = transaction.copy_in(sql).await.map_err(failed)?;
    let mut sink = pin!(sink);
    let mut chunk = Vec::with_capacity(CHUNK + CHUNK / 4);
    chunk.extend_from_slice(HEADER);
    let mut bytes = 0;
    for (_, span) in spans {
        chunk.extend_from_slice(&rows.bytes[span.clone()]);
        bytes += span.len() as u64;
        if chunk.len() >= CHUNK {
            let full = std::mem::replace(&mut chunk, Vec::with_capacity(CHUNK + CHUNK / 4));
            sink.feed(Bytes::from(full)).await.map_err(failed)?;
        }
    }
    chunk.extend_from_slice(TRAILER);
    sink.send(Bytes::from(chunk)).await.map_err(failed)?;
    let written = sink.finish().await.map_err(failed)?;
    Ok((written, bytes))
}

/// The context of an error that names triggers.
const TRIGGERS: &str = "triggers";

fn altered(mapping: &Mapping) -> Error {
    let message = "a trigger of the table gives the record another id, or takes it out";
    Error::invalid(message).with_context(TRIGGERS, mapping.table.triggers.join(", "))
}

/// Whether it is some of the records that were refused, and the others may be taken.
fn is_of_records(error: &Error) -> bool {
    is_refusal_of_records(error) || error.context_of(TRIGGERS).is_some()
}

fn said(error: &Error) -> Misfit {
    let field = error.context_of("column").or(error.context_of("constraint")).map(str::to_owned);
    Misfit { rule: "server", field, message: error.message().to_owned() }
}

fn refuse_unwritable(mapping: &Mapping) -> Result<()> {
    let found = of_writing(mapping);
    let in_the_way = found.iter().find_map(|one| Some((one, one.way_out?)));
    let Some((found, way_out)) = in_the_way else { return Ok(()) };
    let is_forbidden = found.rule == "may_not_write";
    let kind = if is_forbidden { ErrorKind::Unauthorized } else { ErrorKind::Refused };
    let message = format!("{} cannot be written: {}", mapping.table.name, found.sentence());
    Err(Error::new(kind, message).with_hint(way_out))
}
