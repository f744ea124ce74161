//! Whether a table takes a record, decided before it is sent, and its bytes if it does.

use std::collections::BTreeSet;
use std::str::FromStr;

use bytes::BufMut as _;
use half::f16;

use super::cell::{self, put_json, put_sized, put_text};
use super::kind::{Item, Kind};
use super::look::Column;
use super::mapping::Mapping;
use super::vector_codec;
use crate::model::{
    AnyVector, IdKind, Metadata, Namespace, Rare, Record, RecordId, SparseVector, Value, Vector,
    VectorName,
};
use crate::store::Refusal;

/// Why a table refuses a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit {
    /// A word for the reason, for counts.
    pub rule: &'static str,
    /// The column or field it is about.
    pub field: Option<String>,
    pub message: String,
}

impl Misfit {
    pub(super) fn new(rule: &'static str, field: &str, message: impl Into<String>) -> Self {
        Self { rule, field: Some(field.to_owned()), message: message.into() }
    }

    fn of_value(field: &str, value: &Value, rare: Rare) -> Self {
        let rule = if rare == Rare::Time { "time" } else { "bytes" };
        Self::new(rule, field, Refusal::of_value(field, value, rare).reason)
    }
}

/// What a plan refuses that the server would take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Strictness {
    /// Zero vectors: under cosine no query ever finds them.
    pub refuses_zero_vectors: bool,
    /// Values that a half-precision column would round.
    pub refuses_rounding: bool,
}

/// The longest id that a key takes without doubt (PostgreSQL, "B-Tree": 2,704 bytes for all columns of an entry; text
/// that can be compressed may be longer, and is tried).
const SURE_ID: usize = 8_000;

/// The columns that a put writes, in the order in which they travel.
pub(super) fn written(mapping: &Mapping) -> Vec<&Column> {
    let fields = mapping.fields.iter().filter(|column| !column.is_generated);
    let vectors =
        mapping.vectors.iter().map(|(_, column)| column).filter(|column| !column.is_generated);
    [&mapping.id]
        .into_iter()
        .chain(&mapping.tenant)
        .chain(vectors)
        .chain(fields)
        .chain(&mapping.json)
        .collect()
}

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
    let is_text = matches!(column.kind, Kind::Text | Kind::Other);
    if partition.is_default() && !is_text {
        return match column.is_nullable {
            true => {
                into.put_i32(-1);
                Ok(())
            }
            false => Err(Misfit::new(
                "partition",
                &column.name,
                "the default partition has no value of this column",
            )),
        };
    }
    let text = partition.as_str();
    let fits = match column.kind {
        Kind::Int8 => comes_back::<i64>(text),
        Kind::Int4 => comes_back::<i32>(text),
        Kind::Int2 => comes_back::<i16>(text),
        Kind::Uuid => comes_back::<uuid::Uuid>(text),
        _ => true,
    };
    if !fits {
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

/// Whether a text is that of such a value, and would be read as the same text.
fn comes_back<T: FromStr + ToString>(text: &str) -> bool {
    text.parse::<T>().is_ok_and(|value| value.to_string() == text)
}

fn vectors(
    mapping: &Mapping,
    strictness: Strictness,
    record: &Record,
    into: &mut Vec<u8>,
) -> Result<(), Misfit> {
    for (name, vector) in record.vectors.iter() {
        match mapping.place(name, vector) {
            Some(column) if !column.is_generated => {}
            _ if vector.is_empty() => {}
            Some(column) => {
                let why = "the server makes the column's values itself";
                return Err(Misfit::new("vector_without_column", &column.name, why));
            }
            None => {
                let reason = Refusal::of_vector(name).reason;
                return Err(Misfit::new("vector_without_column", name.as_str(), reason));
            }
        }
    }
    for (_, column) in mapping.vectors.iter().filter(|(_, column)| !column.is_generated) {
        let is_own = |(name, vector): &(&VectorName, &AnyVector)| {
            mapping.place(name, vector).is_some_and(|place| std::ptr::eq(place, column))
        };
        let mut own = record.vectors.iter().filter(is_own);
        let Some((_, vector)) = own.next() else {
            absent(column, into)?;
            continue;
        };
        if own.next().is_some() {
            let why = "two vectors of the record are for it";
            return Err(Misfit::new("vector_without_column", &column.name, why));
        }
        if let Some((rule, why)) = misfit_of_vector(column, strictness, vector) {
            return Err(Misfit::new(rule, &column.name, why));
        }
        put_sized(into, |into| {
            vector_codec::encode(column.kind, column.dimension, vector, into);
            Ok(())
        })?;
    }
    Ok(())
}

fn absent(column: &Column, into: &mut Vec<u8>) -> Result<(), Misfit> {
    // A default stands in only where the column is not written at all, and here it is.
    match column.is_nullable {
        true => {
            into.put_i32(-1);
            Ok(())
        }
        false => Err(Misfit::new(
            "missing",
            &column.name,
            "the record has no value for it, and it must not be null",
        )),
    }
}

fn misfit_of_vector(
    column: &Column,
    strictness: Strictness,
    vector: &AnyVector,
) -> Option<(&'static str, String)> {
    match (column.kind, vector) {
        (Kind::Sparsevec, AnyVector::Sparse(sparse)) => sparse_misfit(column, strictness, sparse),
        (Kind::Sparsevec, _) => {
            Some(("vector_kind", "a dense vector, and the column holds sparse ones".to_owned()))
        }
        (_, AnyVector::Multi(_)) => {
            Some(("vector_kind", "several vectors, and the column holds one".to_owned()))
        }
        (_, AnyVector::Sparse(_)) => {
            Some(("vector_kind", "a sparse vector, and the column holds dense ones".to_owned()))
        }
        (_, AnyVector::Dense(vector)) => dense_misfit(column, strictness, vector),
    }
}

fn dense_misfit(
    column: &Column,
    strictness: Strictness,
    vector: &Vector,
) -> Option<(&'static str, String)> {
    let of = |rule, message: &str| Some((rule, message.to_owned()));
    let dimension = vector.dimension();
    if let Some(wanted) = column.dimension.filter(|wanted| dimension != *wanted as usize) {
        return Some(("dimension", format!("it has {dimension} components and not {wanted}")));
    }
    if column.kind.limit().is_some_and(|most| dimension > most as usize) {
        return Some((
            "dimension",
            format!("it has {dimension} components, more than the column can hold"),
        ));
    }
    match column.kind {
        Kind::Bit if vector.values().any(|value| value != 0.0 && value != 1.0) => {
            return of("bits", "it holds numbers other than 0 and 1");
        }
        Kind::List(_) => return zero_misfit(strictness, vector),
        _ => {}
    }
    if !vector.is_finite() {
        return of("not_finite", "it holds a number that is infinite or none");
    }
    if column.kind == Kind::Halfvec {
        if vector.values().any(|value| f16::from_f32(value).is_infinite()) {
            return of("overflow", "it holds a number beyond the half precision's largest, 65504");
        }
        if strictness.refuses_rounding
            && vector.values().any(|value| f16::from_f32(value).to_f32() != value)
        {
            return of("rounding", "it holds a number that half precision would round");
        }
    }
    zero_misfit(strictness, vector)
}

fn zero_misfit(strictness: Strictness, vector: &Vector) -> Option<(&'static str, String)> {
    let is_refused = strictness.refuses_zero_vectors && vector.values().all(|value| value == 0.0);
    is_refused
        .then(|| ("zero_vector", "all its components are zero, and it has no direction".to_owned()))
}

fn sparse_misfit(
    column: &Column,
    strictness: Strictness,
    sparse: &SparseVector,
) -> Option<(&'static str, String)> {
    let of = |rule, message: &str| Some((rule, message.to_owned()));
    let Some(dimension) = column.dimension else {
        return of(
            "dimension",
            "the column does not say how many dimensions its sparse vectors have",
        );
    };
    if sparse.indices.iter().any(|index| *index >= dimension) {
        return Some((
            "dimension",
            format!("it has an index beyond the column's {dimension} dimensions"),
        ));
    }
    if sparse.len() > 16_000 {
        return of("dimension", "it has more than 16000 components");
    }
    if sparse.indices.iter().collect::<BTreeSet<_>>().len() < sparse.len() {
        return of("sparse_indices", "it has an index twice");
    }
    if !sparse.values.is_finite() {
        return of("not_finite", "it holds a number that is infinite or none");
    }
    if sparse.values.values().any(|value| value == 0.0) {
        return of("sparse_zero", "it holds a zero, which a sparse vector here cannot");
    }
    let is_refused = strictness.refuses_zero_vectors && sparse.is_empty();
    is_refused.then(|| ("zero_vector", "it has no component".to_owned()))
}

fn metadata(mapping: &Mapping, metadata: &Metadata, into: &mut Vec<u8>) -> Result<(), Misfit> {
    for column in mapping.fields.iter().filter(|column| !column.is_generated) {
        match metadata.get(&column.name) {
            None | Some(Value::Null) => absent(column, into)?,
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
    if let (Kind::Text, Value::Text(text)) = (column.kind, value)
        && let Some(most) = too_long(column, text)
    {
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

/// The type of a column's values on their way: the server turns them into the column's own, and refuses what does not
/// fit.
pub(super) fn travel_type(mapping: &Mapping, column: &Column) -> String {
    let is_text = column.name == mapping.id.name
        || mapping.tenant.as_ref().is_some_and(|tenant| tenant.name == column.name);
    if is_text || column.kind.is_as_text() {
        return "text".to_owned();
    }
    match column.kind {
        Kind::Vector => mapping.extension_type("vector"),
        Kind::Halfvec => mapping.extension_type("halfvec"),
        Kind::Sparsevec => mapping.extension_type("sparsevec"),
        Kind::Bit if mapping.vectors.iter().any(|(_, vector)| vector.name == column.name) => {
            "bit varying".to_owned()
        }
        Kind::List(item) => format!("{}[]", item_type(item)),
        Kind::Text | Kind::Bit => "text".to_owned(),
        _ => column.plain_type.clone(),
    }
}

fn item_type(item: Item) -> &'static str {
    match item {
        Item::Text => "text",
        Item::Int2 => "int2",
        Item::Int4 => "int4",
        Item::Int8 => "int8",
        Item::Float4 => "float4",
        Item::Float8 => "float8",
        Item::Bool => "bool",
    }
}

/// Whether a column's values must be cast from the type they travel in; others are assigned, which never cuts a text.
pub(super) fn needs_cast(mapping: &Mapping, column: &Column) -> bool {
    travel_type(mapping, column) == "text" && column.kind != Kind::Text
}
