//! Whether a table takes a record, decided before it is sent, and its bytes if it does.

use bytes::BufMut as _;

use super::cell::{self, put_json, put_sized, put_text};
use super::fit_vectors::{absent, vectors};
use super::kind::{Item, Kind};
use super::look::Column;
use super::mapping::Mapping;
use super::misfit::{Misfit, Strictness};
use super::travel::written;
use crate::model::{IdKind, Metadata, Namespace, Rare, Record, RecordId, Value};
use crate::store::Refusal;

/// The longest id that a key takes without doubt (PostgreSQL, "B-Tree": 2,704 bytes for all columns of an entry; text
/// that can be compressed may be longer, and is tried).
const SURE_ID: usize = 8_000;

/// Returns whether the table would take a record into a partition, as far as that is known before it is sent, and the bytes
/// it weighs.
///
/// # Errors
/// Why not.
pub fn fits(
    mapping: &Mapping,
    strictness: Strictness,
    record: (&Namespace, &Record),
) -> Result<usize, Misfit> {
    let mut bytes = Vec::new();
    encode(mapping, strictness, record, &mut bytes)?;
    Ok(bytes.len())
}

/// Appends a record as a row of `COPY ... (FORMAT binary)`. Nothing is appended to `into` that a caller may keep if it
/// fails.
pub(super) fn encode(
    mapping: &Mapping,
    strictness: Strictness,
    (partition, record): (&Namespace, &Record),
    into: &mut Vec<u8>,
) -> Result<(), Misfit> {
    into.put_u16(u16::try_from(written(mapping).len()).unwrap_or(u16::MAX));
    let id = id_text(&mapping.id, &record.id)?;
    put_sized(into, |into| put_text(&id, into))
        .map_err(|why| Misfit::new("id", &mapping.id.name, why))?;
    tenant(mapping, partition, into)?;
    vectors(mapping, strictness, record, into)?;
    metadata(mapping, &record.metadata, into)
}

/// Returns the text of an id as its column takes it.
pub(super) fn id_text(column: &Column, id: &RecordId) -> Result<String, Misfit> {
    let text = id.to_string();
    let misfit = |rule, message: String| Err(Misfit::new(rule, &column.name, message));
    let taken = id_kind(column.kind);
    let is_negative = taken == IdKind::Number && id.is_negative_number();
    if id.kind() != taken && !is_negative {
        return misfit("id_kind", Refusal::of_id(id, taken).reason);
    }
    let fits = match column.kind {
        Kind::Int8 => text.parse::<i64>().is_ok(),
        Kind::Int4 => text.parse::<i32>().is_ok(),
        Kind::Int2 => text.parse::<i16>().is_ok(),
        _ => true,
    };
    if !fits {
        return misfit("id", format!("the id {id:?} is no {}", column.type_text));
    }
    if text.contains('\0') {
        return misfit("nul", format!("the id {id:?} holds a NUL, which no text here can"));
    }
    if let Some(most) = too_long(column, &text) {
        return misfit("id_length", format!("the id is longer than {most} characters"));
    }
    match text.len() > SURE_ID {
        true => misfit("id_length", "the id is longer than an index takes".to_owned()),
        false => Ok(text),
    }
}

/// Returns the kind of the ids that a column of this kind keeps.
pub(super) fn id_kind(kind: Kind) -> IdKind {
    match kind {
        Kind::Uuid => IdKind::Uuid,
        kind if kind.is_whole() => IdKind::Number,
        _ => IdKind::Text,
    }
}

/// Returns the most characters of a column, if a text has more.
fn too_long(column: &Column, text: &str) -> Option<u32> {
    column
        .length
        .filter(|most| text.len() > *most as usize && text.chars().count() > *most as usize)
}

fn tenant(mapping: &Mapping, partition: &Namespace, into: &mut Vec<u8>) -> Result<(), Misfit> {
    let Some(column) = &mapping.tenant else {
        return match partition.is_default() {
            true => Ok(()),
            false => Err(Misfit {
                rule: "partition",
                field: None,
                message: format!(
                    "the table has no column for the namespace `{partition}`: `row: {{ tenant: … }}` of the target names one, `rename` and `merge` of the copy's `namespaces` bring it to `__default__`"
                ),
            }),
        };
    };
    let text = match (partition.is_default(), mapping.unnamed(column)) {
        (false, _) => partition.as_str(),
        (true, Some(unnamed)) => match unnamed.text() {
            Some(text) => text,
            None => {
                into.put_i32(-1);
                return Ok(());
            }
        },
        (true, None) => {
            return Err(Misfit::new(
                "partition",
                &column.name,
                "the default partition has no value of this column",
            ));
        }
    };
    if !column.kind.has_text(text) {
        let message = format!("the namespace `{partition}` is no {}", column.type_text);
        return Err(Misfit::new("partition", &column.name, message));
    }
    if let Some(most) = too_long(column, text) {
        return Err(Misfit::new(
            "partition",
            &column.name,
            format!("its name is longer than {most} characters"),
        ));
    }
    put_sized(into, |into| put_text(text, into))
        .map_err(|why| Misfit::new("partition", &column.name, why))
}

fn metadata(mapping: &Mapping, metadata: &Metadata, into: &mut Vec<u8>) -> Result<(), Misfit> {
    for column in mapping.fields.iter().filter(|column| !column.is_generated) {
        match metadata.get(&column.name) {
            None => absent(column, "missing", into)?,
            // JSON has a null of its own; elsewhere it is that there is no value.
            Some(Value::Null) if !matches!(column.kind, Kind::Json | Kind::Jsonb) => {
                absent(column, "missing", into)?;
            }
            Some(value) => field(column, value, into)?,
        }
    }
    let has_column = |name: &str| mapping.fields.iter().any(|column| column.name == name);
    let mut rest = metadata.0.iter().filter(|(name, _)| !has_column(name)).peekable();
    let Some(column) = &mapping.json else {
        return match rest.next() {
            None => Ok(()),
            Some((name, _)) => Err(Misfit::new(
                "field_without_column",
                name,
                format!("there is no column for the field `{name}`"),
            )),
        };
    };
    let mut text = String::from("{");
    while let Some((name, value)) = rest.next() {
        if let Some(rare) = value.not_of_json() {
            return Err(Misfit::of_value(name, value, rare));
        }
        text.push_str(&serde_json::to_string(name).unwrap_or_default());
        text.push(':');
        value.write_json(&mut text).map_err(|what| {
            Misfit::new("json", name, format!("it holds {what}, which JSON cannot"))
        })?;
        if rest.peek().is_some() {
            text.push(',');
        }
    }
    text.push('}');
    put_sized(into, |into| put_json(column.kind, &text, into))
        .map_err(|why| Misfit::new("nul", &column.name, why))
}

/// A kind of value that a column does not keep, though it could be made to take it.
fn lost(column: &Column, value: &Value) -> Option<Rare> {
    match column.kind {
        Kind::Json | Kind::Jsonb => value.not_of_json(),
        Kind::Text | Kind::List(Item::Text) => {
            value.not_of_json().filter(|rare| *rare == Rare::Time)
        }
        _ => None,
    }
}

fn field(column: &Column, value: &Value, into: &mut Vec<u8>) -> Result<(), Misfit> {
    if let Some(rare) = lost(column, value) {
        return Err(Misfit::of_value(&column.name, value, rare));
    }
    let misfit = |rule, why: String| Misfit::new(rule, &column.name, why);
    let texts = match (column.kind, value) {
        (Kind::List(Item::Text), Value::List(items)) => items.as_slice(),
        (_, value) => std::slice::from_ref(value),
    };
    let too_long = |value: &Value| match value {
        Value::Text(text) => too_long(column, text),
        _ => None,
    };
    if let Some(most) = texts.iter().find_map(too_long) {
        return Err(misfit("length", format!("it is longer than {most} characters")));
    }
    let is_rounded = match column.kind {
        Kind::Numeric => is_too_fine(column, value),
        Kind::Timestamptz => is_finer_than_a_microsecond(value),
        _ => false,
    };
    if is_rounded {
        return Err(misfit("rounding", format!("{} would round it", column.type_text)));
    }
    put_sized(into, |into| cell::encode(column.kind, value, into)).map_err(|why| {
        let rule = if why == "it holds a NUL" { "nul" } else { "type" };
        misfit(
            rule,
            format!("a {} in a column of type {}: {why}", value.type_name(), column.type_text),
        )
    })
}

/// Whether a number has more digits behind its point than the column keeps.
fn is_too_fine(column: &Column, value: &Value) -> bool {
    let Some(scale) = column.scale else { return false };
    value.decimals().is_some_and(|decimals| decimals > scale as u64)
}

/// Whether a time has more than the six digits behind the second that the server keeps (PostgreSQL, "Date/Time Types").
fn is_finer_than_a_microsecond(value: &Value) -> bool {
    let (Value::Time(text) | Value::Text(text)) = value else { return false };
    let Some((_, behind)) = text.rsplit_once('.') else { return false };
    let end = behind.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(behind.len());
    behind[..end].trim_end_matches('0').len() > 6
}
