//! What a table calls the default namespace, which has three names: none, the empty one and `__default__`. All of them are
//! read; one is written, that of the rows that are there.

use super::kind::Kind;
use super::look::Column;
use super::name::{TableName, literal, quote};
use super::session::Session;
use crate::error::Result;
use crate::model::Namespace;

/// A name of the default namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unnamed {
    Empty,
    Alias,
    Null,
}

impl Unnamed {
    const ALL: [Self; 3] = [Self::Empty, Self::Alias, Self::Null];

    /// Returns the name that a column without rows of the default namespace gets; `None` if it can hold none.
    pub(super) fn usual(column: &Column) -> Option<Self> {
        match column.kind {
            Kind::Text | Kind::Other => Some(Self::Empty),
            _ => column.is_nullable.then_some(Self::Null),
        }
    }

    /// Returns its text; a null has none.
    pub(super) fn text(self) -> Option<&'static str> {
        match self {
            Self::Empty => Some(""),
            Self::Alias => Some(Namespace::DEFAULT_ALIAS),
            Self::Null => None,
        }
    }

    /// Returns it as a statement writes a value.
    pub(super) fn literal(self) -> String {
        self.text().map_or("null".to_owned(), literal)
    }

    /// Returns the condition that a row calls it so; `None` if a column cannot.
    fn is_in(self, column: &Column) -> Option<String> {
        let name = quote(&column.name);
        match self.text() {
            None => column.is_nullable.then(|| format!("{name} is null")),
            // Equality of the bare column can be looked up in an index.
            Some(text) if column.kind == Kind::Text && column.is_bytewise => {
                Some(format!("{name} = {}", literal(text)))
            }
            Some(text) => matches!(column.kind, Kind::Text | Kind::Other)
                .then(|| format!("{name}::text = {}", literal(text))),
        }
    }
}

/// Returns the names that rows of a table have in a column, the usual one first.
///
/// # Errors
/// Those of the connection.
pub(super) async fn names(
    session: &Session,
    table: &TableName,
    column: &Column,
) -> Result<Vec<Unnamed>> {
    let possible = Unnamed::ALL.into_iter();
    let possible = possible.filter_map(|one| Some((one, one.is_in(column)?)));
    let (possible, conditions): (Vec<_>, Vec<_>) = possible.unzip();
    if possible.is_empty() {
        return Ok(Vec::new());
    }
    let table = table.quoted();
    let asked = conditions.iter().map(|one| format!("exists (select from {table} where {one})"));
    let sql = format!("select {}", asked.collect::<Vec<_>>().join(", "));
    let row = session.row("look", &sql, &[]).await?;
    let is_there = |(at, name): (usize, &Unnamed)| row.get::<_, bool>(at).then_some(*name);
    Ok(possible.iter().enumerate().filter_map(is_there).collect())
}

/// Counts the rows of each name, reading all of them.
///
/// # Errors
/// Those of the connection.
pub(super) async fn counts(
    session: &Session,
    table: &TableName,
    column: &Column,
) -> Result<Vec<i64>> {
    let conditions = Unnamed::ALL.into_iter().filter_map(|one| one.is_in(column));
    let counted: Vec<_> = conditions.map(|one| format!("count(*) filter (where {one})")).collect();
    if counted.is_empty() {
        return Ok(Vec::new());
    }
    let sql = format!("select {} from {}", counted.join(", "), table.quoted());
    let row = session.row("audit", &sql, &[]).await?;
    Ok((0..counted.len()).map(|at| row.get(at)).collect())
}
