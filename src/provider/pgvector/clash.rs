//! Fields that a row has twice: in a column of their name and in the `jsonb`.

use super::kind::Kind;
use super::look::Column;
use super::mapping::Mapping;
use super::name::{literal, quote};

/// The way out of a field with two values.
pub(super) const ONE_VALUE: &str = "make the two values equal, or read a view in which the field is there once; `row.metadata` that names the `jsonb` alone leaves the columns out";

/// Returns the columns whose fields the `jsonb` may have as well, each with the condition that it has another value there.
/// A column without a value leaves the field to the `jsonb`, and what the server makes can be made again.
pub(super) fn clashes(mapping: &Mapping) -> Vec<(&Column, String)> {
    let Some(json) = &mapping.json else { return Vec::new() };
    let json = quote(&json.name);
    let fields = mapping.fields.iter().filter(|column| !column.is_generated);
    let clash = |column: &Column| {
        let (name, field) = (quote(&column.name), literal(&column.name));
        let own = format!("pg_catalog.to_jsonb({name})");
        let is_other = match column.kind {
            Kind::Timestamptz | Kind::Timestamp => {
                let theirs = moment(&format!("{json} ->> {field}"));
                format!("{theirs} is distinct from {}", moment(&format!("{own} #>> '{{}}'")))
            }
            // A number of 32 bits, or the one of 64 that equals it.
            Kind::Float4 => {
                format!("{json} -> {field} not in ({own}, pg_catalog.to_jsonb({name}::float8))")
            }
            _ => format!("{json} -> {field} <> {own}"),
        };
        format!("{json} ? {field} and {name} is not null and {is_other}")
    };
    fields.map(|column| (column, clash(column))).collect()
}

/// Returns the text of a moment without what can be written in several ways: a blank for `T`, zeros at the end of a fraction,
/// and UTC.
fn moment(text: &str) -> String {
    const ZEROS: &str = r"'(\.\d*?)0+(?=$|Z|[+-]\d\d(:?\d\d)?$)', '\1'";
    const UTC: &str = r"'\.?(Z|[+-]00(:?00)?)?$', ''";
    let with_t = format!("pg_catalog.replace({text}, ' ', 'T')");
    let short = format!("pg_catalog.regexp_replace({with_t}, {ZEROS})");
    format!("pg_catalog.regexp_replace({short}, {UTC})")
}

/// Returns the expression of the first field that a row has with two values; `None` if no row can have one.
pub(super) fn first(mapping: &Mapping) -> Option<String> {
    let clashes = clashes(mapping);
    let json = quote(&mapping.json.as_ref().filter(|_| !clashes.is_empty())?.name);
    let names: Vec<_> = clashes.iter().map(|(column, _)| literal(&column.name)).collect();
    let whens = clashes.iter().zip(&names);
    let whens: Vec<_> =
        whens.map(|((_, clash), name)| format!("when {clash} then {name}")).collect();
    // Most rows have none of them in the `jsonb`, which is then looked at once.
    Some(format!(
        "case when {json} ?| array[{}] then case {} end end",
        names.join(", "),
        whens.join(" ")
    ))
}
