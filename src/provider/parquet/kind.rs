//! The types of columns: their names, and which part of a record each can be.

use arrow_schema::{DataType, Field, Schema, TimeUnit};
use parquet::basic::LogicalType;
use parquet::schema::types::SchemaDescriptor;

use crate::model::{Element, IdKind, VectorKind};

/// A column of a file as it is read.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Kind {
    pub data: DataType,
    is_uuid: bool,
    /// The type its writer had in mind, if the file's own types do not show it.
    meant: Option<&'static str>,
}

/// Returns the columns of a file, in order. `hinted` is the schema that an Arrow writer left in the file.
pub(super) fn kinds(
    schema: &Schema,
    hinted: &Schema,
    parquet: &SchemaDescriptor,
) -> Vec<(String, Kind)> {
    let roots = parquet.root_schema().get_fields();
    let kind = |(at, field): (usize, &std::sync::Arc<Field>)| {
        let logical =
            roots.get(at).and_then(|root| root.get_basic_info().logical_type_ref().cloned());
        let is_duration = hinted
            .fields()
            .get(at)
            .is_some_and(|hint| matches!(hint.data_type(), DataType::Duration(_)));
        let kind = Kind {
            data: field.data_type().clone(),
            is_uuid: logical == Some(LogicalType::Uuid),
            meant: is_duration.then_some("duration"),
        };
        (field.name().clone(), kind)
    };
    schema.fields().iter().enumerate().map(kind).collect()
}

impl Kind {
    /// Describes the type in the words of a message.
    pub fn words(&self) -> String {
        match (self.meant, self.is_uuid) {
            (Some(meant), _) => meant.to_owned(),
            (None, true) => "UUID".to_owned(),
            (None, false) => words(&self.data),
        }
    }

    /// Returns whether the column holds no value at all.
    pub fn is_empty(&self) -> bool {
        self.data == DataType::Null
    }

    /// Returns whether it can be a namespace.
    pub fn is_text(&self) -> bool {
        self.is_uuid || self.data == DataType::Utf8 || self.is_whole()
    }

    /// Returns the kind of the ids that it can be. 16 bytes are a UUID, also where their writer does not say so.
    pub fn ids(&self) -> Option<IdKind> {
        match &self.data {
            DataType::Utf8 => Some(IdKind::Text),
            DataType::FixedSizeBinary(16) => Some(IdKind::Uuid),
            _ => self.is_whole().then_some(IdKind::Number),
        }
    }

    /// Returns whether it can be an id.
    pub fn is_id(&self) -> bool {
        self.ids().is_some()
    }

    fn is_whole(&self) -> bool {
        self.data.is_integer() && self.meant.is_none()
    }

    /// Returns the kind of the vectors that it can be.
    pub fn vectors(&self) -> Option<VectorKind> {
        let all = [VectorKind::Dense, VectorKind::Multi, VectorKind::Sparse];
        all.into_iter().find(|kind| self.holds(*kind))
    }

    /// Returns whether it can be vectors of a kind. Lists in which every item is null can be dense ones and several.
    pub fn holds(&self, kind: VectorKind) -> bool {
        let is_component = |data: &DataType| is_float(data) || *data == DataType::Null;
        match kind {
            VectorKind::Dense => item(&self.data).is_some_and(is_component),
            VectorKind::Multi => item(&self.data).and_then(item).is_some_and(is_component),
            VectorKind::Sparse => self.is_sparse(),
        }
    }

    /// Returns what the components of its vectors are kept as, where it can be vectors.
    pub fn element(&self) -> Option<Element> {
        match component(&self.data)? {
            DataType::Float16 => Some(Element::F16),
            DataType::Float64 => Some(Element::F64),
            DataType::Float32 => Some(Element::F32),
            _ => None,
        }
    }

    fn is_sparse(&self) -> bool {
        let is = |field: Option<&std::sync::Arc<Field>>, of: fn(&DataType) -> bool| {
            field.and_then(|field| item(field.data_type())).is_some_and(of)
        };
        match &self.data {
            DataType::Struct(fields) => {
                let named = |name: &str| fields.iter().find(|field| field.name() == name);
                is(named("indices"), DataType::is_integer) && is(named("values"), is_float)
            }
            DataType::Map(entries, _) => {
                entry(entries).is_some_and(|(key, value)| key.is_integer() && is_float(value))
            }
            _ => false,
        }
    }

    /// Returns whether it can hold all of a record's metadata.
    pub fn is_metadata(&self) -> bool {
        match &self.data {
            DataType::Utf8 => true,
            DataType::Struct(fields) => fields.iter().all(|field| is_value(field.data_type())),
            DataType::Map(entries, _) => {
                entry(entries).is_some_and(|(key, value)| *key == DataType::Utf8 && is_value(value))
            }
            _ => false,
        }
    }

    /// Returns whether it is made of named parts.
    pub fn is_composed(&self) -> bool {
        matches!(self.data, DataType::Struct(_) | DataType::Map(..))
    }

    /// Returns whether it can be one field of the metadata.
    pub fn is_field(&self) -> bool {
        self.meant.is_none() && (self.is_uuid || is_value(&self.data))
    }
}

/// Returns the type of a list's items.
fn item(data: &DataType) -> Option<&DataType> {
    match data {
        DataType::List(item) => Some(item.data_type()),
        _ => None,
    }
}

/// Returns the type of the numbers in lists, lists of lists and sparse values.
fn component(data: &DataType) -> Option<&DataType> {
    match data {
        DataType::List(item) => component(item.data_type()),
        DataType::Struct(fields) => {
            component(fields.iter().find(|field| field.name() == "values")?.data_type())
        }
        DataType::Map(entries, _) => entry(entries).map(|(_, value)| value),
        other => Some(other),
    }
}

/// Returns the types of key and value of a map's entries.
fn entry(entries: &Field) -> Option<(&DataType, &DataType)> {
    match entries.data_type() {
        DataType::Struct(fields) => match fields.iter().as_slice() {
            [key, value] => Some((key.data_type(), value.data_type())),
            _ => None,
        },
        _ => None,
    }
}

fn is_float(data: &DataType) -> bool {
    matches!(data, DataType::Float16 | DataType::Float32 | DataType::Float64)
}

/// Returns whether a metadata value can be made of it.
fn is_value(data: &DataType) -> bool {
    match data {
        DataType::Null | DataType::Boolean | DataType::Utf8 => true,
        DataType::Date32 | DataType::Timestamp(..) => true,
        DataType::Time32(_) | DataType::Time64(_) => true,
        DataType::Decimal128(..) => true,
        DataType::List(item) => is_value(item.data_type()),
        DataType::Struct(fields) => fields.iter().all(|field| is_value(field.data_type())),
        DataType::Map(entries, _) => {
            entry(entries).is_some_and(|(key, value)| *key == DataType::Utf8 && is_value(value))
        }
        other => other.is_integer() || is_float(other),
    }
}

fn words(data: &DataType) -> String {
    let word = match data {
        DataType::Null => "only nulls",
        DataType::Boolean => "boolean",
        DataType::Utf8 => "text",
        DataType::Float16 => "16-bit float",
        DataType::Float32 => "32-bit float",
        DataType::Float64 => "64-bit float",
        DataType::Date32 | DataType::Date64 => "date",
        DataType::Timestamp(TimeUnit::Nanosecond, _) => "timestamp in nanoseconds",
        DataType::Timestamp(..) => "timestamp",
        DataType::Time32(_) | DataType::Time64(_) => "time of day",
        DataType::Interval(_) => "interval",
        DataType::Binary | DataType::FixedSizeBinary(_) => "binary",
        DataType::Struct(fields) => {
            let names: Vec<_> = fields.iter().map(|field| field.name().as_str()).collect();
            return format!("struct of {}", names.join(", "));
        }
        DataType::Map(entries, _) => {
            return match entry(entries) {
                Some((key, value)) => format!("map from {} to {}", words(key), words(value)),
                None => "map".to_owned(),
            };
        }
        DataType::List(item) => return format!("list of {}", words(item.data_type())),
        DataType::Decimal128(digits, scale) | DataType::Decimal256(digits, scale) => {
            return format!("decimal of {digits} digits, {scale} after the point");
        }
        other if other.is_integer() => "whole number",
        other => return other.to_string(),
    };
    word.to_owned()
}
