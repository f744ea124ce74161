//! Whether a column keeps the values that travel as texts: a server rounds, pads, cuts and rewrites many of them without a word.

use jiff::Timestamp;

use super::kind::Kind;
use super::look::Column;
use super::mapping::Mapping;
use super::misfit::Misfit;
use super::put::BATCH;
use super::travel::{needs_cast, written};

/// The most characters of what a value would become that a refusal shows.
const SHOWN: usize = 60;

/// Returns the statement that finds what of a batch would be read as something else than was sent: the text of the id, the
/// place of the column among those that are written, the value and what it would become. `None` if no column can change any.
pub(super) fn changed(mapping: &Mapping) -> Option<String> {
    let columns = written(mapping);
    let is_sure = |column: &Column| match column.kind {
        Kind::Numeric => column.type_text == column.plain_type,
        kind => column.name == mapping.id.name && kind != Kind::Other,
    };
    let unsure = columns.iter().enumerate();
    let unsure = unsure.filter(|(_, column)| needs_cast(mapping, column) && !is_sure(column));
    let values =
        unsure.map(|(at, column)| format!("({at}, c{at}, {})", as_read(mapping, column, at)));
    let values: Vec<_> = values.collect();
    (!values.is_empty()).then(|| {
        format!(
            "select c0, value.at, value.sent, value.becomes \
             from {BATCH} cross join lateral (values {}) as value(at, sent, becomes) \
             where value.becomes is distinct from value.sent",
            values.join(", ")
        )
    })
}

/// Returns the text that would be read of a value once the column holds it; see `row` and `cell` for how it is read. A
/// namespace and an id are read as the server writes their column, and nothing that is equal to one is it.
fn as_read(mapping: &Mapping, column: &Column, at: usize) -> String {
    let kept = format!("c{at}::{}", column.type_text);
    let shaped = |form: &str, written: &str| {
        format!(
            "(select case when it like '{form}' and it not like '% BC' then {written} else it end from (select ({kept})::text) as one(it))"
        )
    };
    match column.kind {
        _ if is_name(mapping, column) => format!("({kept})::text"),
        // How many zeros are behind it does not make it another number.
        Kind::Numeric => {
            format!("case when {kept} = c{at}::numeric then c{at} else ({kept})::text end")
        }
        Kind::Timestamptz => shaped(
            "____-__-__ %+00",
            "pg_catalog.replace(pg_catalog.left(it, -3), ' ', 'T') || 'Z'",
        ),
        Kind::Timestamp => shaped("____-__-__ %", "pg_catalog.replace(it, ' ', 'T')"),
        _ => format!("({kept})::text"),
    }
}

fn is_tenant(mapping: &Mapping, column: &Column) -> bool {
    mapping.tenant.as_ref().is_some_and(|tenant| tenant.name == column.name)
}

/// Returns whether a column's text is a name, of a record or of a namespace.
fn is_name(mapping: &Mapping, column: &Column) -> bool {
    column.name == mapping.id.name || is_tenant(mapping, column)
}

/// Returns why a record is refused whose value of a column would become another; `None` if that is the same moment, which
/// `kept` says beforehand.
pub(super) fn misfit(
    mapping: &Mapping,
    at: usize,
    (sent, becomes): (&str, Option<&str>),
) -> Option<Misfit> {
    let column = written(mapping).get(at).copied().unwrap_or(&mapping.id);
    let moment = |text: &str| text.parse::<Timestamp>().ok();
    if column.kind == Kind::Timestamptz
        && !is_name(mapping, column)
        && moment(sent).is_some_and(|sent| becomes.and_then(moment) == Some(sent))
    {
        return None;
    }
    let shown = |text: &str| format!("`{}`", text.chars().take(SHOWN).collect::<String>());
    let becomes = becomes.map_or("null".to_owned(), shown);
    let rule = match column.name == mapping.id.name {
        true => "id",
        false if is_tenant(mapping, column) => "partition",
        false => "altered",
    };
    let message = format!("{} would make {becomes} of it", column.type_text);
    Some(Misfit::new(rule, &column.name, message))
}
