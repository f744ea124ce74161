//! Single attempts at requests that change something.

use super::admin::{self, Prepared};
use super::audit;
use super::delete;
use super::family::Family;
use super::fit::fits;
use super::made::table_spec;
use super::mapping::Mapping;
use super::peer::{LIMITS, Peer, locked};
use super::place::Place;
use super::refuse::refusal;
use super::scan::Scope;
use super::seen::{Noted, Seen};
use super::within::Within;
use super::write::Writer;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Filter, IndexSpec, Namespace, Record, RecordId};
use crate::store::{IndexChange, Refused, Upserted};

impl Peer {
    pub async fn upsert(&self, namespace: &Namespace, records: &[Record]) -> Result<Upserted> {
        if records.is_empty() {
            return Ok(Upserted::default());
        }
        refuse_too_large(records)?;
        let first = self.known().await?;
        if let Some(refused) = self.none_fit(&first, namespace, records) {
            return Ok(Upserted { refused, ..Upserted::default() });
        }
        let Within { seen, namespace } = self.must_be_within(namespace).await?;
        if namespace.is_default() {
            self.see_unnamed(&seen.mapping).await?;
        }
        let (address, settings) = (&self.address, self.settings);
        let open = Writer::open(address, settings, seen.mapping.clone(), seen.strictness);
        // Tables that hold a namespace each share the writers: there may be many more tables than sessions.
        let mut writer = first.writers.take(open).await?;
        writer.turn_to(&seen.mapping, seen.strictness).await?;
        let ack = writer.put(&namespace, records).await?;
        writer.give_back();
        let refused = ack.refused.into_iter();
        let refused =
            refused.map(|one| Refused { at: one.at, refusal: refusal(one.why) }).collect();
        Ok(Upserted { count: ack.written + ack.superseded, refused, token: None })
    }

    /// Looks once in the life of a table what its rows call the default namespace: records of it are written so.
    async fn see_unnamed(&self, mapping: &Mapping) -> Result<()> {
        if mapping.tenant.is_none() || mapping.unnamed.get().is_some() {
            return Ok(());
        }
        let mut known = self.unnamed.lock().await;
        let unnamed = match known.get(&mapping.table.oid) {
            Some(unnamed) => *unnamed,
            None => {
                let session = self.patient().await?;
                let unnamed = audit::refuse_two_names(&session, mapping).await?;
                Self::give_back(session).await?;
                known.insert(mapping.table.oid, unnamed);
                unnamed
            }
        };
        if let Some(unnamed) = unnamed {
            // Somebody else who looked found the same.
            let _ = mapping.unnamed.set(unnamed);
        }
        Ok(())
    }

    /// Returns the refusals of records of which no table would take one, so that none is made for them.
    fn none_fit(
        &self,
        first: &Seen,
        namespace: &Namespace,
        records: &[Record],
    ) -> Option<Vec<Refused>> {
        let Place::Tables(_) = self.place else { return None };
        let namespace = self.place.within(namespace);
        let misfit = |(at, record)| {
            let why = fits(&first.mapping, first.strictness, (&namespace, record)).err()?;
            Some(Refused { at, refusal: refusal(why) })
        };
        records.iter().enumerate().map(misfit).collect()
    }

    pub async fn create(&self, spec: &IndexSpec) -> Result<()> {
        let asked = table_spec(&self.place, &self.row, spec)?;
        self.forget();
        let session = self.session().await?;
        let there = || {
            let message = format!("{} is there already", self.place);
            Error::new(ErrorKind::AlreadyExists, message)
        };
        if let Place::Tables(pattern) = &self.place
            && Family::find(&session, pattern).await?.first().is_some()
        {
            return Err(there());
        }
        let extension = admin::make_extension(&session).await?;
        let comment = Noted::of(spec).comment();
        let made = admin::prepare(&session, &extension, &asked, &comment).await?;
        session.give_back();
        match made {
            Prepared::Made => Ok(()),
            Prepared::WasThere => Err(there()),
        }
    }

    pub async fn configure(&self, change: &IndexChange) -> Result<()> {
        let Some(is_on) = change.deletion_protection else { return Ok(()) };
        let session = self.session().await?;
        let first = self.place.first();
        let mark = admin::marked(&session, &first).await?;
        let noted = mark.map(|mark| Noted::read(mark.as_deref()));
        // Tables of namespaces that no run made are there without the first one.
        let noted = match noted {
            None if matches!(self.place, Place::Tables(_)) => Some(None),
            noted => noted,
        };
        match noted {
            None => {
                Err(Error::new(ErrorKind::NotFound, format!("there is no table {}", self.place)))
            }
            Some(None) if is_on => {
                let message = format!(
                    "{} was not made by a run, and only such tables are protected",
                    self.place
                );
                Err(Error::new(ErrorKind::Refused, message))
            }
            Some(None) => Ok(()),
            Some(Some(noted)) => {
                let noted = Noted { is_protected: is_on, ..noted };
                admin::put_mark(&session, &first, &noted.comment()).await?;
                session.give_back();
                Ok(())
            }
        }
    }

    pub async fn delete(&self, namespace: &Namespace, ids: &[RecordId]) -> Result<()> {
        if ids.len() > LIMITS.delete_ids {
            let most = LIMITS.delete_ids;
            let message = format!("{} ids in a request, and at most {most} are taken", ids.len());
            return Err(Error::new(ErrorKind::TooLarge, message));
        }
        let Some(Within { seen, namespace }) = self.within(namespace).await? else {
            return Ok(());
        };
        let session = self.session().await?;
        delete::by_ids(&session, &seen.mapping, &namespace, ids).await?;
        session.give_back();
        Ok(())
    }

    pub async fn delete_matching(&self, namespace: &Namespace, filter: &Filter) -> Result<()> {
        if filter.asks_nothing() {
            return Err(Error::invalid("a filter that asks nothing would delete everything"));
        }
        let Some(Within { seen, namespace }) = self.within(namespace).await? else {
            return Ok(());
        };
        let session = self.session().await?;
        let scope = Scope { partition: Some(namespace), filter: Some(filter.clone()) };
        delete::matching(&session, &seen.mapping, &scope).await?;
        session.give_back();
        Ok(())
    }

    /// Deletes a namespace's records, and with them the table that was made for it.
    pub async fn delete_namespace(&self, namespace: &Namespace) -> Result<()> {
        let Some(within) = self.within(namespace).await? else { return Ok(()) };
        let session = self.session().await?;
        let table = &within.seen.mapping.table;
        let is_made = matches!(self.place, Place::Tables(_))
            && table.name != self.place.first()
            && within.seen.noted.is_some()
            && table.may.own;
        if is_made {
            let mark = table.comment.as_deref().unwrap_or_default();
            match admin::drop_table(&session, &table.name, mark).await {
                // Something depends on it, or it is not what it was: it stays, without its records.
                Err(error) if matches!(error.kind(), ErrorKind::Refused | ErrorKind::Conflict) => {}
                dropped => {
                    dropped?;
                    session.give_back();
                    locked(&self.apart).remove(namespace);
                    return Ok(());
                }
            }
        }
        delete::partition(&session, &within.seen.mapping, &within.namespace).await?;
        session.give_back();
        Ok(())
    }
}

fn refuse_too_large(records: &[Record]) -> Result<()> {
    let bytes: usize = records.iter().map(Record::stored_bytes).sum();
    let is_too_large = records.len() > LIMITS.upsert_records || bytes > LIMITS.upsert_bytes;
    let message = format!("{} records of {bytes} bytes are too much at once", records.len());
    if is_too_large { Err(Error::new(ErrorKind::TooLarge, message)) } else { Ok(()) }
}
