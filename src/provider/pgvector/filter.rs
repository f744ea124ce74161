//! A filter as a condition of SQL.
//!
//! SQL knows three truths, the filter two: each condition here is true or false and never null, so that `$ne` passes
//! rows without the field. Numbers are compared as numbers with all their digits; the bound of a filter is the
//! shortest text of its float, which keeps the order and the equality of all floats. Values are parameters, never
//! part of the statement.

use super::kind::{Item, Kind};
use super::look::Column;
use super::mapping::Mapping;
use super::name::quote;
use super::sql::Bound;
use crate::error::{Error, ErrorKind, Result};
use crate::model::Filter;
use crate::model::filter::{Order, Scalar, Test};

/// Renders `filter` over the columns of `mapping`.
///
/// # Errors
/// `Unsupported`, naming the field and its type, if the server cannot decide a node as the filter means it.
pub(super) fn render(filter: &Filter, mapping: &Mapping, bound: &mut Bound) -> Result<String> {
    let mut joined = |parts: &[Filter], word: &str, of_none: &str| {
        let parts =
            parts.iter().map(|part| render(part, mapping, bound)).collect::<Result<Vec<_>>>()?;
        let all = parts.join(word);
        Ok(if parts.is_empty() { of_none.to_owned() } else { format!("({all})") })
    };
    match filter {
        Filter::All(parts) => joined(parts, " and ", "true"),
        Filter::Any(parts) => joined(parts, " or ", "false"),
        Filter::Not(part) => Ok(format!("(not {})", render(part, mapping, bound)?)),
        Filter::Field { name, test } => field(name, test, mapping, bound),
    }
}

fn field(name: &str, test: &Test, mapping: &Mapping, bound: &mut Bound) -> Result<String> {
    let own = mapping.fields.iter().find(|column| column.name == name);
    let own =
        own.map(|column| Ok::<_, Error>((column, typed(column, test, bound)?))).transpose()?;
    let column = mapping.json.as_ref().filter(|_| !name.contains('\0'));
    let Some(column) = column else {
        // Without a column, no record has the field.
        return Ok(own.map_or("false".to_owned(), |(_, condition)| condition));
    };
    if let Some((own, condition)) = &own
        && !own.is_nullable
        && !own.is_generated
    {
        return Ok(condition.clone());
    }
    let (whole, place) = (quote(&column.name), bound.add(name.to_owned()));
    let within = json(&format!("({whole} -> {place}::text)"), test, bound);
    // Where both could have the field, it is the one that a record is read with: see `row`.
    Ok(match own {
        None => within,
        Some((own, condition)) if own.is_generated => {
            format!("case when {whole} ? {place}::text then {within} else {condition} end")
        }
        Some((own, condition)) => {
            let name = quote(&own.name);
            format!("case when {name} is null then {within} else {condition} end")
        }
    })
}

/// A test of a value within `jsonb`; `value` is null where it is missing.
fn json(value: &str, test: &Test, bound: &mut Bound) -> String {
    match test {
        Test::Exists => json_exists(value),
        Test::Is(wanted) => format!("coalesce({value} = any({}), false)", json_set(wanted, bound)),
        Test::In(wanted) => json_item(value, &format!("item = any({})", json_set(wanted, bound))),
        Test::Compare(order, limit) => {
            let limit = format!("pg_catalog.to_jsonb({})", number(*limit, bound));
            // Values of other types have a place in the order of jsonb, too.
            let is_number = "pg_catalog.jsonb_typeof(item) = 'number'";
            json_item(value, &format!("{is_number} and item {order} {limit}"))
        }
    }
}

fn json_exists(value: &str) -> String {
    format!("coalesce(pg_catalog.jsonb_typeof({value}) <> 'null', false)")
}

/// Whether the value, or an item of it if it is a list, meets a condition on `item`.
fn json_item(value: &str, condition: &str) -> String {
    let items = format!(
        "case pg_catalog.jsonb_typeof({value}) when 'array' then {value} else pg_catalog.jsonb_build_array({value}) end"
    );
    format!(
        "exists (select 1 from pg_catalog.jsonb_array_elements({items}) as one(item) where {condition})"
    )
}

fn json_set(wanted: &[Scalar], bound: &mut Bound) -> String {
    let texts: Vec<String> = wanted.iter().filter_map(json_text).collect();
    format!("{}::text[]::jsonb[]", bound.add(texts))
}

/// A scalar as JSON; `None` for a text that jsonb cannot hold, which nothing equals.
fn json_text(scalar: &Scalar) -> Option<String> {
    match scalar {
        Scalar::Bool(value) => Some(value.to_string()),
        Scalar::Number(number) => Some(digits(*number)),
        Scalar::Text(text) if text.contains('\0') => None,
        Scalar::Text(text) => serde_json::to_string(text).ok(),
    }
}

/// The shortest digits that read as this float.
fn digits(number: f64) -> String {
    format!("{number}")
}

fn number(number: f64, bound: &mut Bound) -> String {
    bound.add_as(digits(number), "numeric")
}

/// A test of a column of its own.
fn typed(column: &Column, test: &Test, bound: &mut Bound) -> Result<String> {
    let name = quote(&column.name);
    let (value, kind) = match column.kind {
        Kind::Jsonb => return Ok(json(&name, test, bound)),
        Kind::Json => return Ok(json(&format!("{name}::jsonb"), test, bound)),
        Kind::List(item) => ("item", scalar_kind(item)),
        kind => (name.as_str(), kind),
    };
    let is_list = matches!(column.kind, Kind::List(_));
    let condition = match test {
        Test::Exists => return Ok(format!("({name} is not null)")),
        // A list itself equals no scalar.
        Test::Is(_) if is_list => return Ok("false".to_owned()),
        Test::In(wanted) | Test::Is(wanted) => equals(value, kind, column, wanted, bound)?,
        Test::Compare(order, limit) => compares(value, kind, column, *order, *limit, bound)?,
    };
    Ok(match is_list {
        true => format!(
            "coalesce(pg_catalog.array_ndims({name}) = 1 and exists (select 1 from pg_catalog.unnest({name}) as one(item) where {condition}), false)"
        ),
        false => condition,
    })
}

fn scalar_kind(item: Item) -> Kind {
    match item {
        Item::Text => Kind::Text,
        Item::Int2 => Kind::Int2,
        Item::Int4 => Kind::Int4,
        Item::Int8 => Kind::Int8,
        Item::Float4 => Kind::Float4,
        Item::Float8 => Kind::Float8,
        Item::Bool => Kind::Bool,
    }
}

/// What of a filter a column's values can be compared with.
enum Like {
    Text,
    Bool,
    Number,
}

fn like(kind: Kind, column: &Column) -> Result<Like> {
    match kind {
        Kind::Text | Kind::Uuid => Ok(Like::Text),
        Kind::Bool => Ok(Like::Bool),
        Kind::Int2 | Kind::Int4 | Kind::Int8 | Kind::Float4 | Kind::Float8 | Kind::Numeric => {
            Ok(Like::Number)
        }
        _ => {
            let message = format!(
                "the field `{}` is of type {}, which a filter cannot be asked of",
                column.name, column.type_text
            );
            Err(Error::new(ErrorKind::Unsupported, message)
                .with_hint("only $exists can be asked of it: leave the condition out, or keep the field in jsonb"))
        }
    }
}

fn equals(
    value: &str,
    kind: Kind,
    column: &Column,
    wanted: &[Scalar],
    bound: &mut Bound,
) -> Result<String> {
    let condition = match like(kind, column)? {
        Like::Text => {
            let texts = wanted.iter().filter_map(|one| match one {
                Scalar::Text(text) if !text.contains('\0') => Some(text.clone()),
                _ => None,
            });
            let texts = bound.add(texts.collect::<Vec<_>>());
            match kind {
                Kind::Uuid => format!("{value}::text = any({texts}::text[])"),
                _ if column.is_bytewise => format!("{value} = any({texts}::text[])"),
                _ => format!("{value} collate \"C\" = any({texts}::text[])"),
            }
        }
        Like::Bool => {
            let truths = wanted.iter().filter_map(|one| match one {
                Scalar::Bool(truth) => Some(*truth),
                _ => None,
            });
            format!("{value} = any({}::bool[])", bound.add(truths.collect::<Vec<_>>()))
        }
        Like::Number => {
            let numbers = wanted.iter().filter_map(|one| match one {
                Scalar::Number(number) => Some(*number),
                _ => None,
            });
            let numbers: Vec<f64> = numbers.collect();
            if matches!(kind, Kind::Float4 | Kind::Float8) {
                format!("{value}::float8 = any({}::float8[])", bound.add(numbers))
            } else {
                let digits: Vec<String> = numbers.into_iter().map(digits).collect();
                format!("{value}::numeric = any({}::text[]::numeric[])", bound.add(digits))
            }
        }
    };
    Ok(format!("coalesce({condition}, false)"))
}

fn compares(
    value: &str,
    kind: Kind,
    column: &Column,
    order: Order,
    limit: f64,
    bound: &mut Bound,
) -> Result<String> {
    match like(kind, column)? {
        Like::Number => {}
        // Other types have no order here, as in an index.
        Like::Text | Like::Bool => return Ok("false".to_owned()),
    }
    Ok(match kind {
        // The server sorts NaN behind all numbers; it is greater than none.
        Kind::Float4 | Kind::Float8 => {
            let limit = bound.add(limit);
            format!("coalesce({value}::float8 {order} {limit}::float8 and {value} <> 'NaN', false)")
        }
        Kind::Numeric => {
            let limit = number(limit, bound);
            format!("coalesce({value} {order} {limit} and {value} <> 'NaN', false)")
        }
        _ => format!("coalesce({value}::numeric {order} {}, false)", number(limit, bound)),
    })
}
