//! Metadata as the `google.protobuf.Struct` of the wire, read and written without an intermediate tree.

use std::str;

use bytes::{Buf, BufMut};
use prost::encoding::varint::{decode_varint, encode_varint, encoded_len_varint};
use prost::encoding::wire_type::WireType;
use prost::encoding::{
    DecodeContext, bool, decode_key, double, encode_key, int32, key_len, message, skip_field,
    string,
};
use prost::{DecodeError, Message};

use super::piece::{delimited, take};
use crate::model::{FieldName, Fields, Metadata, Value};

/// `Struct.fields`, a map from names to values.
const FIELDS: u32 = 1;
/// The members of `Value`.
const NULL: u32 = 1;
const NUMBER: u32 = 2;
const STRING: u32 = 3;
const BOOL: u32 = 4;
const STRUCT: u32 = 5;
const LIST: u32 = 6;
/// `ListValue.values`.
const ITEMS: u32 = 1;
/// The members of an entry of a map.
const NAME: u32 = 1;
const VALUE: u32 = 2;

/// The deepest nesting that is read here, as prost has it.
const DEEPEST: usize = 100;

/// Names that are kept to be shared.
const SHARED: usize = 32;

/// Names of fields that were read, which the records that follow share.
#[derive(Default)]
pub(super) struct Names(Vec<FieldName>);

impl Names {
    fn share(&mut self, text: &str) -> FieldName {
        if let Some(known) = self.0.iter().find(|known| ***known == *text) {
            return known.clone();
        }
        let name = FieldName::from(text);
        if self.0.len() < SHARED {
            self.0.push(name.clone());
        }
        name
    }
}

/// Reads metadata that is in one piece; `None` for what is none, of which the derived messages know why.
pub(super) fn read(message: &[u8], names: &mut Names) -> Option<Metadata> {
    read_fields(message, names, DEEPEST).map(Metadata)
}

fn read_fields(mut message: &[u8], names: &mut Names, deepest: usize) -> Option<Fields> {
    let mut fields = Vec::with_capacity(names.0.len());
    while !message.is_empty() {
        let mut entry = match take(&mut message)? {
            (FIELDS, own) => own?,
            _ => continue,
        };
        let (mut name, mut value) = ("", Value::Null);
        while !entry.is_empty() {
            match take(&mut entry)? {
                (NAME, own) => name = str::from_utf8(own?).ok()?,
                (VALUE, own) => value = read_value(own?, names, deepest)?,
                _ => {}
            }
        }
        fields.push((names.share(name), value));
    }
    Some(fields.into_iter().collect())
}

fn read_value(mut message: &[u8], names: &mut Names, deepest: usize) -> Option<Value> {
    let mut value = Value::Null;
    while !message.is_empty() {
        let (tag, wire_type) = decode_key(&mut message).ok()?;
        value = match (tag, wire_type) {
            (NULL, WireType::Varint) => {
                decode_varint(&mut message).ok()?;
                Value::Null
            }
            (NUMBER, WireType::SixtyFourBit) => {
                let (own, rest) = message.split_first_chunk()?;
                message = rest;
                Value::F64(f64::from_le_bytes(*own))
            }
            (STRING, WireType::LengthDelimited) => {
                Value::Text(str::from_utf8(delimited(&mut message)?).ok()?.into())
            }
            (BOOL, WireType::Varint) => Value::Bool(decode_varint(&mut message).ok()? != 0),
            (STRUCT, WireType::LengthDelimited) => {
                let own = delimited(&mut message)?;
                Value::Map(read_fields(own, names, deepest.checked_sub(1)?)?)
            }
            (LIST, WireType::LengthDelimited) => {
                let own = delimited(&mut message)?;
                Value::List(read_items(own, names, deepest.checked_sub(1)?)?)
            }
            (NULL..=LIST, _) => return None,
            _ => {
                skip_field(wire_type, tag, &mut message, DecodeContext::default()).ok()?;
                continue;
            }
        };
    }
    Some(value)
}

fn read_items(mut message: &[u8], names: &mut Names, deepest: usize) -> Option<Vec<Value>> {
    let mut items = Vec::new();
    while !message.is_empty() {
        if let (ITEMS, own) = take(&mut message)? {
            items.push(read_value(own?, names, deepest)?);
        }
    }
    Some(items)
}

impl Message for Metadata {
    fn encode_raw(&self, buf: &mut impl BufMut) {
        encode_fields(&self.0, buf);
    }

    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: WireType,
        buf: &mut impl Buf,
        ctx: DecodeContext,
    ) -> Result<(), DecodeError> {
        match tag {
            FIELDS => {
                let field: Field = merged(message::merge, wire_type, buf, ctx)?;
                self.0.insert(field.name, field.value.unwrap_or_default());
                Ok(())
            }
            _ => skip_field(wire_type, tag, buf, ctx),
        }
    }

    fn encoded_len(&self) -> usize {
        fields_len(&self.0)
    }

    fn clear(&mut self) {
        self.0.clear();
    }
}

impl Message for Value {
    fn encode_raw(&self, buf: &mut impl BufMut) {
        match self {
            // Bytes are refused before anything is sent.
            Self::Null | Self::Bytes(_) => int32::encode(NULL, &0, buf),
            Self::I64(number) => double::encode(NUMBER, &(*number as f64), buf),
            Self::U64(number) => double::encode(NUMBER, &(*number as f64), buf),
            Self::F64(number) => double::encode(NUMBER, number, buf),
            Self::Decimal(digits) => match self.as_f64() {
                Some(number) => double::encode(NUMBER, &number, buf),
                None => encode_text(digits, buf),
            },
            Self::Text(text) | Self::Time(text) => encode_text(text, buf),
            Self::Bool(value) => bool::encode(BOOL, value, buf),
            Self::Map(fields) => {
                open(STRUCT, fields_len(fields), buf);
                encode_fields(fields, buf);
            }
            Self::List(items) => {
                open(LIST, message::encoded_len_repeated(ITEMS, items), buf);
                message::encode_repeated(ITEMS, items, buf);
            }
        }
    }

    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: WireType,
        buf: &mut impl Buf,
        ctx: DecodeContext,
    ) -> Result<(), DecodeError> {
        *self = match tag {
            NULL => {
                int32::merge(wire_type, &mut 0, buf, ctx)?;
                Self::Null
            }
            NUMBER => Self::F64(merged(double::merge, wire_type, buf, ctx)?),
            STRING => Self::Text(merged(string::merge, wire_type, buf, ctx)?.into()),
            BOOL => Self::Bool(merged(bool::merge, wire_type, buf, ctx)?),
            STRUCT => Self::Map(merged(message::merge::<Metadata, _>, wire_type, buf, ctx)?.0),
            LIST => Self::List(merged(message::merge::<List, _>, wire_type, buf, ctx)?.items),
            _ => return skip_field(wire_type, tag, buf, ctx),
        };
        Ok(())
    }

    fn encoded_len(&self) -> usize {
        match self {
            Self::Null | Self::Bytes(_) => int32::encoded_len(NULL, &0),
            Self::I64(_) | Self::U64(_) | Self::F64(_) => double::encoded_len(NUMBER, &1.0),
            Self::Decimal(digits) => match self.as_f64() {
                Some(number) => double::encoded_len(NUMBER, &number),
                None => nested_len(STRING, digits.len()),
            },
            Self::Text(text) | Self::Time(text) => nested_len(STRING, text.len()),
            Self::Bool(value) => bool::encoded_len(BOOL, value),
            Self::Map(fields) => nested_len(STRUCT, fields_len(fields)),
            Self::List(items) => nested_len(LIST, message::encoded_len_repeated(ITEMS, items)),
        }
    }

    fn clear(&mut self) {
        *self = Self::Null;
    }
}

/// A member of the map of fields.
#[derive(Clone, PartialEq, Message)]
struct Field {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(message, optional, tag = "2")]
    value: Option<Value>,
}

#[derive(Clone, PartialEq, Message)]
struct List {
    #[prost(message, repeated, tag = "1")]
    items: Vec<Value>,
}

fn merged<T: Default, B: Buf>(
    merge: impl Fn(WireType, &mut T, &mut B, DecodeContext) -> Result<(), DecodeError>,
    wire_type: WireType,
    buf: &mut B,
    ctx: DecodeContext,
) -> Result<T, DecodeError> {
    let mut value = T::default();
    merge(wire_type, &mut value, buf, ctx)?;
    Ok(value)
}

fn fields_len(fields: &Fields) -> usize {
    fields
        .iter()
        .map(|(name, value)| nested_len(FIELDS, field_len(name, value.encoded_len())))
        .sum()
}

fn encode_fields(fields: &Fields, buf: &mut impl BufMut) {
    for (name, value) in fields {
        let length = value.encoded_len();
        open(FIELDS, field_len(name, length), buf);
        open(NAME, name.len(), buf);
        buf.put_slice(name.as_bytes());
        open(VALUE, length, buf);
        value.encode_raw(buf);
    }
}

fn encode_text(text: &str, buf: &mut impl BufMut) {
    open(STRING, text.len(), buf);
    buf.put_slice(text.as_bytes());
}

/// The length of a member of the map whose value has this length.
fn field_len(name: &str, value: usize) -> usize {
    nested_len(NAME, name.len()) + nested_len(VALUE, value)
}

fn nested_len(tag: u32, length: usize) -> usize {
    key_len(tag) + encoded_len_varint(length as u64) + length
}

fn open(tag: u32, length: usize, buf: &mut impl BufMut) {
    encode_key(tag, WireType::LengthDelimited, buf);
    encode_varint(length as u64, buf);
}

#[cfg(test)]
mod tests {
    use prost_types::value::Kind;
    use prost_types::{ListValue, Struct, Value as Published};

    use super::*;

    fn metadata() -> Metadata {
        let json = r#"{"n":1.5,"zero":0,"s":"x","empty":"","b":true,"no":false,"l":["é",""],"none":[],"z":null,"o":{"p":2.0,"q":{"r":["s"]}},"":1}"#;
        serde_json::from_str(json).unwrap()
    }

    fn struct_of(fields: &Fields) -> Struct {
        let fields = fields.iter().map(|(name, of)| (name.to_string(), value_of(of)));
        Struct { fields: fields.collect() }
    }

    fn value_of(value: &Value) -> Published {
        let kind = match value {
            Value::Null => Kind::NullValue(0),
            Value::Bool(value) => Kind::BoolValue(*value),
            Value::I64(value) => Kind::NumberValue(*value as f64),
            Value::F64(value) => Kind::NumberValue(*value),
            Value::Text(text) => Kind::StringValue(text.to_string()),
            Value::List(items) => {
                Kind::ListValue(ListValue { values: items.iter().map(value_of).collect() })
            }
            Value::Map(fields) => Kind::StructValue(struct_of(fields)),
            other => panic!("{other:?}"),
        };
        Published { kind: Some(kind) }
    }

    #[test]
    fn it_reads_what_the_published_messages_write_and_they_read_what_it_writes() {
        let (own, published) = (metadata(), struct_of(&metadata().0));
        assert_eq!(Metadata::decode(&*published.encode_to_vec()).unwrap(), own);
        assert_eq!(read(&published.encode_to_vec(), &mut Names::default()).unwrap(), own);
        assert_eq!(Struct::decode(&*own.encode_to_vec()).unwrap(), published);
        assert_eq!(own.encode_to_vec().len(), own.encoded_len());
    }

    #[test]
    fn a_value_of_no_kind_is_null_and_strange_members_are_passed_over() {
        assert_eq!(Value::decode(&[][..]).unwrap(), Value::Null);
        let mut bytes = Value::Bool(true).encode_to_vec();
        int32::encode(99, &7, &mut bytes);
        assert_eq!(Value::decode(&*bytes).unwrap(), Value::Bool(true));
        let read = |bytes: &[u8]| read_value(bytes, &mut Names::default(), 1);
        assert_eq!((read(&[]), read(&bytes)), (Some(Value::Null), Some(Value::Bool(true))));
    }

    #[test]
    fn nesting_without_end_is_refused() {
        let mut value = Value::Null;
        for _ in 0..200 {
            value = Value::List(vec![value]);
        }
        assert!(Value::decode(&*value.encode_to_vec()).is_err());
        assert_eq!(read_value(&value.encode_to_vec(), &mut Names::default(), DEEPEST), None);
    }
}
