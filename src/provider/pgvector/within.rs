//! What a peer knows of its tables: the one, or that of each namespace.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::family::{Family, make};
use super::look;
use super::mapping::Layout;
use super::name::TableName;
use super::peer::{Peer, locked};
use super::place::{Pattern, Place};
use super::seen::{Noted, Seen};
use super::session::Session;
use super::storage;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{IndexDescription, Namespace};

/// The table that holds a namespace.
pub(super) struct Within {
    pub seen: Arc<Seen>,
    /// What the namespace is called in it: a table that holds one has only the default one.
    pub namespace: Namespace,
}

impl Peer {
    /// Looks at the table, or at the first of them, and at what all of them have in common.
    ///
    /// # Errors
    /// `Invalid` if the plan's columns do not fit, `Refused` if tables of one index differ; those of the connection.
    pub async fn describe(&self) -> Result<Option<IndexDescription>> {
        if self.is_retired() {
            return Ok(None);
        }
        let session = self.session().await?;
        let tables = self.tables(&session).await?;
        let server = look::server(&session).await?;
        let table = match tables.first() {
            Some(name) => look::table(&session, name).await?,
            None => None,
        };
        let Some(table) = table else {
            session.give_back();
            self.forget();
            return Ok(None);
        };
        let extension = server.extension.ok_or_else(|| {
            Error::new(ErrorKind::Refused, "the extension `vector` is not in this database")
                .with_hint(
                    "CREATE EXTENSION vector, which needs the right to create in the database",
                )
        })?;
        session.read(table.is_view()).await?;
        let mut seen = self.fit(&session, (table, extension), &tables).await?;
        seen.description.marks = self.marks(&session, &seen.mapping.table).await?;
        session.give_back();
        let description = seen.description.clone();
        self.know(Arc::new(seen));
        Ok(Some(description))
    }

    /// Returns what distinguishes a table from another of its name. Which of several is the first one may change, and what is no
    /// table is not the run's to drop.
    async fn marks(
        &self,
        session: &Session,
        table: &look::Table,
    ) -> Result<BTreeMap<String, String>> {
        if !table.is_plain() || matches!(self.place, Place::Tables(_)) {
            return Ok(BTreeMap::new());
        }
        let database = self.database.get_or_try_init(|| storage::database(session)).await?;
        let cluster = database.cluster.clone().map(|cluster| ("cluster".to_owned(), cluster));
        let table = ("table".to_owned(), format!("{}/{}", database.oid, table.oid));
        Ok(cluster.into_iter().chain([table]).collect())
    }

    /// Returns what was last seen, or looks.
    ///
    /// # Errors
    /// `NotFound` if there is no such table.
    pub async fn known(&self) -> Result<Arc<Seen>> {
        if let Some(seen) = self.seen() {
            return Ok(seen);
        }
        self.describe().await?;
        self.seen().ok_or_else(|| {
            let message = format!("there is no table {}", self.place);
            Error::new(ErrorKind::NotFound, message).with_context("at", self.address.place())
        })
    }

    /// Returns the table of a namespace; `None` if each has its own, and this one has none.
    ///
    /// # Errors
    /// Those of [`Peer::known`].
    pub async fn within(&self, namespace: &Namespace) -> Result<Option<Within>> {
        let first = self.known().await?;
        let Place::Tables(pattern) = &self.place else {
            return Ok(Some(Within { seen: first, namespace: namespace.clone() }));
        };
        if let Some(seen) = locked(&self.apart).get(namespace).cloned() {
            return Ok(Some(Within { seen, namespace: Namespace::new("") }));
        }
        if pattern.refuses(namespace).is_some() {
            return Ok(None);
        }
        let session = self.session().await?;
        let table = look::table(&session, &pattern.table(namespace)).await?;
        let Some(table) = table.filter(look::Table::is_plain) else {
            session.give_back();
            return Ok(None);
        };
        let extension = first.mapping.extension.clone();
        let own = [table.name.clone()];
        let seen = Arc::new(self.fit(&session, (table, extension), &own).await?);
        session.give_back();
        locked(&self.apart).insert(namespace.clone(), seen.clone());
        Ok(Some(Within { seen, namespace: Namespace::new("") }))
    }

    /// The same for one that is written: its table is made like the first where it is missing.
    ///
    /// # Errors
    /// `Refused` if something else has the table's name; those of [`Peer::known`], and of the role's rights.
    pub async fn must_be_within(&self, namespace: &Namespace) -> Result<Within> {
        if let Some(found) = self.within(namespace).await? {
            return Ok(found);
        }
        let Place::Tables(pattern) = &self.place else {
            return Err(Error::unexpected("a table holds every namespace"));
        };
        self.make_table(pattern, namespace).await?;
        self.within(namespace).await?.ok_or_else(|| {
            let message =
                format!("something that is no table is called {}", pattern.table(namespace));
            Error::new(ErrorKind::Refused, message)
        })
    }

    async fn make_table(&self, pattern: &Pattern, namespace: &Namespace) -> Result<()> {
        let table = pattern.table(namespace);
        if let Some(why) = pattern.refuses(namespace) {
            let message = format!("the namespace `{namespace}` can have no table: it {why}");
            return Err(Error::new(ErrorKind::Refused, message));
        }
        let first = self.known().await?;
        let session = self.session().await?;
        make(&session, (&first.mapping, &table), &Noted::like(&first).comment()).await?;
        session.give_back();
        Ok(())
    }

    /// Fits a table. `tables` are those that may say how long its vectors are.
    async fn fit(
        &self,
        session: &Session,
        (table, extension): (look::Table, look::Extension),
        tables: &[TableName],
    ) -> Result<Seen> {
        let layout = self.layout(&table);
        let index = (&*self.index, self.address.place());
        Seen::fit(session, (table, extension), (&layout, tables), index).await
    }

    fn layout(&self, table: &look::Table) -> Layout {
        let layout = self.row.layout(table);
        match self.place {
            Place::Table(_) => layout,
            // A column that is called so is a field as any other.
            Place::Tables(_) => Layout { tenant: None, ..layout },
        }
    }

    /// The tables that there are, the first one first.
    pub async fn tables(&self, session: &Session) -> Result<Vec<TableName>> {
        Ok(match &self.place {
            Place::Table(name) => vec![name.clone()],
            Place::Tables(pattern) => {
                let family = Family::find(session, pattern).await?;
                family.members.into_values().map(|one| one.name).collect()
            }
        })
    }
}
