//! From records to the target: those it refuses set aside, the rest in batches that fill its requests.

use std::ops::Range;
use std::sync::Arc;

use futures::future::try_join_all;

use super::packing::{Packing, cut};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Namespace, Record, Token};
use crate::store::{Refusal, Rule, Target, Upserted, Write, both_of};

/// What became of the records of a page.
#[derive(Debug, Default)]
pub(super) struct Settled {
    pub copied: u64,
    /// The token by which all of it can be seen.
    pub token: Option<Token>,
    pub refused: Vec<(Record, Refusal)>,
}

impl Settled {
    pub fn add(&mut self, other: Self, write: &dyn Write) -> Result<()> {
        self.copied += other.copied;
        self.token = both_of(write, self.token.take(), other.token)?;
        self.refused.extend(other.refused);
        Ok(())
    }
}

/// What writes records into a target. Cloning shares what it learned of its limits.
#[derive(Clone)]
pub(super) struct Writer {
    target: Arc<dyn Write>,
    /// Records of a request.
    most: usize,
    packing: Arc<Packing>,
}

/// Records and what each weighs in a request.
pub(super) struct Weighed {
    records: Vec<Record>,
    sizes: Vec<usize>,
}

impl Weighed {
    pub fn len(&self) -> usize {
        self.records.len()
    }

    pub fn bytes(&self) -> usize {
        self.sizes.iter().sum()
    }
}

impl Writer {
    pub fn new(target: &dyn Target) -> Result<Self> {
        let limits = target.limits();
        let packing = Arc::new(Packing::new(limits.upsert_bytes));
        let target = target.must_write()?;
        Ok(Self { target, most: limits.upsert_records, packing })
    }

    /// Bytes of a full batch.
    pub fn batch_bytes(&self) -> usize {
        self.packing.limit()
    }

    pub fn weigh(&self, records: Vec<Record>) -> Weighed {
        let sizes = records.iter().map(|record| self.target.request_bytes(record)).collect();
        Weighed { records, sizes }
    }

    /// Writes records into `namespace`, all batches at once; returns when each record is acknowledged or refused, with
    /// what was `settled` before.
    pub async fn write(
        &self,
        namespace: &Namespace,
        weighed: &Weighed,
        mut settled: Settled,
    ) -> Result<Settled> {
        let batches = cut(&weighed.sizes, self.most, self.packing.limit());
        let writes = batches.into_iter().map(|batch| self.batch(namespace, weighed, batch));
        for batch in try_join_all(writes).await? {
            settled.add(batch, &*self.target)?;
        }
        Ok(settled)
    }

    /// The token by which what two checkpoints count can be seen.
    pub fn both(&self, one: Option<Token>, other: Option<Token>) -> Result<Option<Token>> {
        both_of(&*self.target, one, other)
    }

    /// Writes one batch, halving it where the target says it is too large.
    async fn batch(
        &self,
        namespace: &Namespace,
        weighed: &Weighed,
        batch: Range<usize>,
    ) -> Result<Settled> {
        let mut settled = Settled::default();
        let mut stack = vec![batch];
        while let Some(part) = stack.pop() {
            let bytes = weighed.sizes[part.clone()].iter().sum();
            let error = match self.target.upsert(namespace, &weighed.records[part.clone()]).await {
                Ok(upserted) => {
                    refuse_unanswered(&upserted, part.len())?;
                    self.packing.fits(bytes);
                    settled.copied += upserted.count;
                    settled.token = self.both(settled.token.take(), upserted.token)?;
                    let refused = upserted.refused.into_iter().map(|refused| {
                        (weighed.records[part.start + refused.at].clone(), refused.refusal)
                    });
                    settled.refused.extend(refused);
                    continue;
                }
                Err(error) => error,
            };
            if error.kind() != ErrorKind::TooLarge {
                return Err(error);
            }
            if part.len() == 1 {
                let refusal = Refusal::new(Rule::Service, error.to_string());
                settled.refused.push((weighed.records[part.start].clone(), refusal));
                continue;
            }
            self.packing.too_large(bytes);
            let middle = part.start + part.len() / 2;
            stack.extend([middle..part.end, part.start..middle]);
        }
        Ok(settled)
    }
}

/// Refuses an answer that leaves out what became of a record: nobody would know whether it is there.
fn refuse_unanswered(upserted: &Upserted, sent: usize) -> Result<()> {
    let answered = upserted.count + upserted.refused.len() as u64;
    match answered == sent as u64 {
        true => Ok(()),
        false => {
            let message = format!("of {sent} records sent the target answers for {answered}");
            Err(Error::new(ErrorKind::Protocol, message).with_operation("upsert").with_hint(
                "something in the target drops or doubles what is written, such as a trigger: nothing after the last checkpoint counts as copied",
            ))
        }
    }
}

impl Writer {
    /// The records that the target takes into `namespace`; the others are set aside with its reason.
    pub fn sort_out(&self, namespace: &Namespace, records: Vec<Record>) -> (Vec<Record>, Settled) {
        let mut settled = Settled::default();
        let take = |record| match self.target.rejects(namespace, &record, None) {
            Some(reason) => {
                settled.refused.push((record, reason));
                None
            }
            None => Some(record),
        };
        // They stay in the memory that they are in.
        let accepted = records.into_iter().filter_map(take).collect();
        (accepted, settled)
    }
}
