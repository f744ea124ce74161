//! What an audit finds at a table: at its columns here, and in its rows in [`rows`].

mod rows;

pub use self::rows::of_records;
pub(super) use self::rows::{of_distinct, of_names, refuse_doubles, refuse_two_names};
use super::index::{Distance, Index};
use super::kind::Kind;
use super::look::{Column, Form, Server, Table};
use super::mapping::{Identity, Mapping};
use super::name::TableName;
use super::partition::is_by_tenant;
use super::travel::written;
use crate::store::{Inventory, Obstacle};

/// Something that a plan must know before records are moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// A word for it.
    pub rule: &'static str,
    /// The column or index that it is about.
    pub about: Option<String>,
    /// The records concerned, where they were counted.
    pub records: Option<u64>,
    pub message: String,
    /// What to do about it, where nothing can be moved or something would be lost.
    pub way_out: Option<&'static str>,
}

impl Finding {
    fn of(
        rule: &'static str,
        about: impl Into<Option<String>>,
        message: impl Into<String>,
    ) -> Self {
        Self { rule, about: about.into(), records: None, message: message.into(), way_out: None }
    }

    fn counted(
        rule: &'static str,
        column: &Column,
        records: i64,
        message: impl Into<String>,
    ) -> Option<Self> {
        let found = || Self {
            records: Some(records.unsigned_abs()),
            ..Self::of(rule, column.name.clone(), message)
        };
        (records > 0).then(found)
    }

    fn in_the_way(self, way_out: &'static str) -> Self {
        Self { way_out: Some(way_out), ..self }
    }

    /// Returns whether it says the same of the same column, of other records.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        (self.rule, &self.about, &self.message) == (other.rule, &other.about, &other.message)
    }

    /// Adds the records of one that says the same.
    pub(super) fn add(&mut self, other: &Self) {
        self.records =
            self.records.zip(other.records).map(|(own, more)| own + more).or(self.records);
    }

    /// Returns it with what it is about, and its count: `` `embedding`: vectors that are all zero (3)``.
    pub(super) fn sentence(&self) -> String {
        let about = self.about.as_ref().map(|about| format!("`{about}`: ")).unwrap_or_default();
        let count = self.records.map(|records| format!(" ({records})")).unwrap_or_default();
        format!("{about}{}{count}", self.message)
    }
}

/// Sorts findings into remarks and what is in the way.
pub(super) fn inventory(found: &[Finding]) -> Inventory {
    let mut inventory = Inventory::default();
    for one in found {
        match one.way_out {
            None => inventory.remarks.push(one.sentence()),
            Some(way_out) => {
                let (what, way_out) = (one.sentence(), way_out.to_owned());
                inventory.obstacles.push(Obstacle { what, way_out });
            }
        }
    }
    inventory
}

/// The side of a migration that a table is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    Read,
    Write,
}

/// Returns what can be said without reading a record.
pub fn of_server(server: &Server, side: Use) -> Vec<Finding> {
    let mut found = Vec::new();
    match (&server.extension, &server.available) {
        (Some(_), _) => {}
        (None, Some(_)) if side == Use::Write && server.may_create => {}
        (None, Some(version)) => {
            let message =
                format!("the extension is not in this database; version {version} can be made");
            let way_out = "CREATE EXTENSION vector, as a role that may create in the database";
            found.push(Finding::of("extension_missing", None, message).in_the_way(way_out));
        }
        (None, None) => {
            let missing = Finding::of("extension_missing", None, "the server has no pgvector");
            found.push(missing.in_the_way("install pgvector where the server runs"));
        }
    }
    if side == Use::Write && server.is_standby {
        let message = "the server is a replica and takes no writes";
        found.push(Finding::of("standby", None, message).in_the_way("name the primary"));
    }
    if side == Use::Write && !server.may_use_temporary {
        let message =
            format!("the role {} may not use temporary tables, which a write needs", server.role);
        let way_out = "grant it TEMPORARY on the database";
        found.push(Finding::of("no_temporary_tables", None, message).in_the_way(way_out));
    }
    found
}

/// Returns what keeps a table from being made: `may_create` says whether tables can be made in its schema, if that is
/// there.
pub(super) fn of_planned(
    server: &Server,
    name: &TableName,
    may_create: Option<bool>,
) -> Option<Finding> {
    let (message, way_out) = match may_create {
        Some(true) => return None,
        None if server.may_create => return None,
        Some(false) => (
            format!("the role {} may not make a table in the schema {}", server.role, name.schema),
            "grant it CREATE on the schema, or make the table yourself and leave the create stage out",
        ),
        None => (
            format!(
                "there is no schema {}, and the role {} may not make one",
                name.schema, server.role
            ),
            "make the schema and grant the role CREATE on it, or grant it CREATE on the database",
        ),
    };
    Some(Finding::of("may_not_create", None, message).in_the_way(way_out))
}

/// Returns what a table's definition says, without reading a record.
pub fn of_table(mapping: &Mapping, side: Use) -> Vec<Finding> {
    let table = &mapping.table;
    let mut found = match side {
        Use::Read => of_reading(mapping),
        Use::Write => of_writing(mapping),
    };
    if table.is_unlogged && side == Use::Read {
        let message = "the table is unlogged: a crash of the server empties it";
        found.push(Finding::of("unlogged", None, message));
    }
    if table.hides_rows {
        let message =
            "row-level security decides which rows this role sees: a copy would miss the others";
        let way_out = "name the table's owner, or a role with BYPASSRLS";
        found.push(Finding::of("rows_hidden", None, message).in_the_way(way_out));
    }
    mapping.vectors.iter().for_each(|(_, column)| vector(table, column, &mut found));
    for index in table.indexes.iter().filter(|index| !index.is_valid) {
        let message = "the index is not valid: its making failed, and no query uses it";
        found.push(Finding::of("index_invalid", index.name.clone(), message));
    }
    found
}

fn may_not_read() -> Finding {
    let message = "the role may not read the table";
    let way_out = "grant it SELECT on the table and USAGE on its schema";
    Finding::of("may_not_read", None, message).in_the_way(way_out)
}

fn of_reading(mapping: &Mapping) -> Vec<Finding> {
    let mut found = Vec::new();
    if !mapping.table.may.read {
        found.push(may_not_read());
    }
    if mapping.order.is_none() {
        let message = "no key whose columns are all NOT NULL: its rows cannot be read in parts, nor gone on with";
        let way_out = "give it a primary key, or name the columns that together occur once and are never null under `row.key`";
        found.push(Finding::of("no_key", None, message).in_the_way(way_out));
    }
    if mapping.identity == Identity::NotEnforced {
        let message = "no key over the ids: whether one occurs twice is looked for in all rows";
        found.push(Finding::of("ids_not_unique", mapping.id.name.clone(), message));
    }
    found
}

/// Returns what keeps any record from being written, and what else is done to one.
pub(super) fn of_writing(mapping: &Mapping) -> Vec<Finding> {
    let (table, id) = (&mapping.table, &mapping.id);
    let mut found = Vec::new();
    if !matches!(table.form, Form::Table | Form::Partitioned) {
        let message = "it is no table and takes no records";
        found.push(Finding::of("no_table", None, message).in_the_way("name a table"));
    }
    if !table.may.may_put() {
        let message = "the role may not write the table: it needs SELECT, INSERT and UPDATE";
        let way_out = "grant it SELECT, INSERT and UPDATE on the table";
        found.push(Finding::of("may_not_write", None, message).in_the_way(way_out));
    }
    if table.is_unlogged {
        let message = "the table is unlogged: a crash of the server empties it, and what was acknowledged is lost";
        let way_out = "ALTER TABLE … SET LOGGED, of its partitions, too";
        found.push(Finding::of("unlogged", None, message).in_the_way(way_out));
    }
    if mapping.identity == Identity::NotEnforced {
        let message = "no key over the ids, so no record could be replaced";
        let way_out = "give it a primary key over the id, or over tenant and id";
        found.push(Finding::of("ids_not_unique", id.name.clone(), message).in_the_way(way_out));
    }
    if id.is_generated {
        let message = "the server gives the ids, and would not take others";
        let way_out = "make it GENERATED BY DEFAULT, or name another column under `row.id`";
        found.push(Finding::of("id_generated", id.name.clone(), message).in_the_way(way_out));
    }
    if !id.is_bytewise || id.kind == Kind::Other {
        let message = format!(
            "ids of type {} that differ may be equal to the server: one record would replace another",
            id.type_text
        );
        let way_out = "make it text of a deterministic collation, a whole number or uuid";
        found.push(Finding::of("ids_fold", id.name.clone(), message).in_the_way(way_out));
    }
    if let Some(column) = mapping.tenant.as_ref().filter(|column| !column.is_bytewise) {
        let message = format!(
            "namespaces of type {} that differ may be equal to the server: a record of one would replace that of another",
            column.type_text
        );
        let way_out = "make it text of a deterministic collation, a whole number or uuid";
        found.push(Finding::of("tenants_fold", column.name.clone(), message).in_the_way(way_out));
    }
    let is_endless =
        |column: &&Column| column.kind == Kind::Sparsevec && column.dimension.is_none();
    for column in mapping.vectors.iter().map(|(_, column)| column).filter(is_endless) {
        let message = "the column does not say how many dimensions its sparse vectors have";
        let way_out = "make it sparsevec(n), one more than the largest index";
        let endless = Finding::of("dimension_unknown", column.name.clone(), message);
        found.push(endless.in_the_way(way_out));
    }
    let written = written(mapping);
    let is_needed = |column: &&Column| {
        !column.is_nullable
            && !column.has_default
            && !column.is_generated
            && !written.iter().any(|own| own.name == column.name)
    };
    for column in table.columns.iter().filter(is_needed) {
        let message = "the column needs a value, and nothing is written to it";
        let way_out = "give it a default, let it be null, or name it in `row.metadata`";
        let needed = Finding::of("needs_value", column.name.clone(), message);
        found.push(needed.in_the_way(way_out));
    }
    let made = mapping.tenant.iter().chain(&mapping.json).filter(|column| column.is_generated);
    for column in made {
        let message = "the server makes the column's values, and would not take those of records";
        let way_out = "make it a column that is written, or name another under `row.tenant` or `row.metadata`";
        found.push(Finding::of("generated", column.name.clone(), message).in_the_way(way_out));
    }
    if is_by_tenant(mapping) && !table.may.own {
        let message = "only the owner of the table can make partitions: records of a namespace that has none, and which no default partition takes, are refused";
        found.push(Finding::of("may_not_part", None, message));
    }
    let given = mapping.fields.iter().chain(mapping.vectors.iter().map(|(_, column)| column));
    for column in given.filter(|column| column.is_generated) {
        let message =
            "the server makes the column's values: what records hold for it is not written";
        found.push(Finding::of("generated", column.name.clone(), message));
    }
    for trigger in &table.triggers {
        let message = "the trigger runs for what is written and may change it: whether each record is there is looked at, what it holds only by a `verify` stage and before the source is deleted";
        found.push(Finding::of("trigger", trigger.clone(), message));
    }
    found
}

/// Returns what keeps tables of further namespaces from being made.
pub(super) fn of_family(server: &Server, first: &Table) -> Option<Finding> {
    let message = format!(
        "the role {} may not make a table in the schema {}: the copy of a namespace that has none stops",
        server.role, first.name.schema
    );
    (!first.may.create).then(|| Finding::of("may_not_create", None, message))
}

/// Returns that a table cannot be made because something else has its name.
pub(super) fn of_taken_name(name: &TableName, by: &str) -> Finding {
    let message = format!("{name} is the name of {by} already");
    Finding::of("name_taken", None, message).in_the_way("name another table, or drop that")
}

/// Returns what a table that others are made like has and these get not.
pub(super) fn of_model(model: &Table) -> Vec<Finding> {
    let left = model.indexes.iter().filter(|index| index.is_valid && index.to_copy().is_none());
    let finding = |index: &Index| {
        let message = "tables that are made for new namespaces get no index like it, which is over an expression or leaves rows out";
        Finding::of("index_not_copied", index.name.clone(), message)
    };
    left.map(finding).collect()
}

fn vector(table: &Table, column: &Column, found: &mut Vec<Finding>) {
    let about = || Some(column.name.clone());
    match (column.dimension, column.kind.index_limit()) {
        (Some(dimension), Some(most)) if dimension > most && column.kind != Kind::Sparsevec => {
            let message = format!(
                "{dimension} components, and an index takes at most {most}: every query would look at every record"
            );
            found.push(Finding::of("over_index_limit", about(), message));
        }
        (None, Some(_)) => {
            found.push(Finding::of(
                "dimension_unknown",
                about(),
                "the column does not say how many components it holds, so no index takes it",
            ));
        }
        _ => {}
    }
    let metrics: Vec<Distance> = table
        .indexes
        .iter()
        .filter(|index| index.column.as_deref() == Some(&column.name))
        .filter_map(|index| index.distance)
        .collect();
    if metrics.iter().any(|one| *one != metrics[0]) {
        found.push(Finding::of(
            "metrics_differ",
            about(),
            "its indexes are of different distances: the plan must say which one counts",
        ));
    }
}
