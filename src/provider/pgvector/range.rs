//! Parts of a table in the order of its key, and places in it.

use serde::{Deserialize, Serialize};

use super::look::{Column, Form};
use super::mapping::Mapping;
use super::name::quote;
use super::session::Session;
use super::sql::{Bound, all_of};
use crate::error::{Error, ErrorKind, Result};

/// Rows looked at for each range that is wanted.
const SAMPLE: f64 = 400.0;

/// The values of a key, as texts.
pub(super) type KeyTexts = Vec<String>;

/// The rows after one key, up to and with another.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Range {
    pub(super) after: Option<KeyTexts>,
    pub(super) until: Option<KeyTexts>,
}

/// A place behind a row. What it holds is for this connector alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cursor(String);

impl Cursor {
    pub(super) fn behind(key: &KeyTexts) -> Self {
        Self(serde_json::Value::from(key.clone()).to_string())
    }

    /// # Errors
    /// `Invalid` if it was not made for a key of so many columns.
    pub(super) fn key(&self, columns: usize) -> Result<KeyTexts> {
        let key: Option<KeyTexts> = serde_json::from_str(&self.0).ok();
        key.filter(|key| key.len() == columns)
            .ok_or_else(|| Error::invalid("a cursor is not one of this table"))
    }
}

/// Returns the key by which a table is read.
///
/// # Errors
/// `Refused` if it has none.
pub(super) fn order(mapping: &Mapping) -> Result<&[Column]> {
    mapping.order.as_deref().ok_or_else(|| {
        Error::new(ErrorKind::Refused, format!("{} has no key to read it by", mapping.table.name))
            .with_hint(
                "it needs a primary key, or a unique key whose columns are all NOT NULL, and neither may be deferrable; or name \
                 what is unique in `row.key`",
            )
    })
}

/// Splits a table into at most `want` ranges of about as many rows, by a sample of its keys.
///
/// # Errors
/// `Refused` if it has no key; those of the connection.
pub(super) async fn split(
    session: &Session,
    mapping: &Mapping,
    condition: (&[String], &Bound),
    want: usize,
) -> Result<Vec<Range>> {
    let order = order(mapping)?;
    if want < 2 {
        return Ok(vec![Range::default()]);
    }
    // Names of our own: a column may have any.
    let own = |text: &str| {
        (0..order.len()).map(|at| text.replace('#', &at.to_string())).collect::<Vec<_>>().join(", ")
    };
    let columns: Vec<_> = order
        .iter()
        .enumerate()
        .map(|(at, column)| format!("{} as k{at}", quote(&column.name)))
        .collect();
    let (conditions, bound) = condition;
    let sql = format!(
        "select {} from (select *, row_number() over (order by {}) as place, count(*) over () as total \
         from (select {} from {}{}{}) s) t \
         where total >= {want} and place < total and place * {want} / total > (place - 1) * {want} / total \
         order by place",
        own("k#::text"),
        own("k#"),
        columns.join(", "),
        mapping.table.name.quoted(),
        sample(mapping, want),
        all_of(conditions),
    );
    let rows = session.rows("split", &sql, &bound.params()).await?;
    let bounds =
        rows.iter().map(|row| (0..order.len()).map(|at| row.get(at)).collect::<KeyTexts>());
    let mut ranges = vec![Range::default()];
    for bound in bounds.take(want - 1) {
        if let Some(last) = ranges.last_mut() {
            last.until = Some(bound.clone());
        }
        ranges.push(Range { after: Some(bound), until: None });
    }
    Ok(ranges)
}

/// Looks at a share of the pages of a large table.
fn sample(mapping: &Mapping, want: usize) -> String {
    let wanted = SAMPLE * want as f64;
    let has_pages = !matches!(mapping.table.form, Form::View | Form::Foreign);
    match mapping.table.estimated_rows.filter(|_| has_pages) {
        Some(rows) if rows as f64 > wanted => {
            let percent = (wanted / rows as f64 * 100.0).max(0.001);
            format!(" tablesample system ({percent}) repeatable (0)")
        }
        _ => String::new(),
    }
}

/// Returns the columns of a key of the table that is called `t`. Without its name, the text of a column that is
/// selected would stand for the column in the order.
pub(super) fn key_columns(order: &[Column]) -> String {
    let names: Vec<_> = order.iter().map(|column| format!("t.{}", quote(&column.name))).collect();
    names.join(", ")
}

pub(super) fn key_texts(order: &[Column]) -> String {
    let texts: Vec<_> =
        order.iter().map(|column| format!("{}::text", quote(&column.name))).collect();
    texts.join(", ")
}

/// Returns the condition that a row's key is beyond, or up to, the given one.
pub(super) fn compared(
    order: &[Column],
    operator: &str,
    key: &KeyTexts,
    bound: &mut Bound,
) -> String {
    let names: Vec<_> = order.iter().map(|column| quote(&column.name)).collect();
    let values: Vec<_> = order
        .iter()
        .zip(key)
        .map(|(column, text)| bound.add_as(text, &column.plain_type))
        .collect();
    format!("({}) {operator} ({})", names.join(", "), values.join(", "))
}
