//! Metadata as the `google.protobuf.Struct` of the wire, read and written without an intermediate tree.

use std::collections::BTreeMap;

use bytes::{Buf, BufMut};
use prost::encoding::varint::{encode_varint, encoded_len_varint};
use prost::encoding::wire_type::WireType;
use prost::encoding::{
    DecodeContext, bool, btree_map, double, encode_key, int32, key_len, message, skip_field, string,
};
use prost::{DecodeError, Message};

use crate::model::{Metadata, Value};

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
            FIELDS => btree_map::merge(string::merge, message::merge, &mut self.0, buf, ctx),
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
                None => string::encode(STRING, digits, buf),
            },
            Self::Text(text) | Self::Time(text) => string::encode(STRING, text, buf),
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
            STRING => Self::Text(merged(string::merge, wire_type, buf, ctx)?),
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
                None => string::encoded_len(STRING, digits),
            },
            Self::Text(text) | Self::Time(text) => string::encoded_len(STRING, text),
            Self::Bool(value) => bool::encoded_len(BOOL, value),
            Self::Map(fields) => nested_len(STRUCT, fields_len(fields)),
            Self::List(items) => nested_len(LIST, message::encoded_len_repeated(ITEMS, items)),
        }
    }

    fn clear(&mut self) {
        *self = Self::Null;
    }
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

fn fields_len(fields: &BTreeMap<String, Value>) -> usize {
    fields.iter().map(|(name, value)| nested_len(FIELDS, field_len(name, value))).sum()
}

fn encode_fields(fields: &BTreeMap<String, Value>, buf: &mut impl BufMut) {
    for (name, value) in fields {
        open(FIELDS, field_len(name, value), buf);
        string::encode(1, name, buf);
        message::encode(2, value, buf);
    }
}

fn field_len(name: &String, value: &Value) -> usize {
    string::encoded_len(1, name) + message::encoded_len(2, value)
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

    fn struct_of(fields: &BTreeMap<String, Value>) -> Struct {
        Struct { fields: fields.iter().map(|(name, of)| (name.clone(), value_of(of))).collect() }
    }

    fn value_of(value: &Value) -> Published {
        let kind = match value {
            Value::Null => Kind::NullValue(0),
            Value::Bool(value) => Kind::BoolValue(*value),
            Value::I64(value) => Kind::NumberValue(*value as f64),
            Value::F64(value) => Kind::NumberValue(*value),
            Value::Text(text) => Kind::StringValue(text.clone()),
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
        assert_eq!(Struct::decode(&*own.encode_to_vec()).unwrap(), published);
        assert_eq!(own.encode_to_vec().len(), own.encoded_len());
    }

    #[test]
    fn a_value_of_no_kind_is_null_and_strange_members_are_passed_over() {
        assert_eq!(Value::decode(&[][..]).unwrap(), Value::Null);
        let mut bytes = Value::Bool(true).encode_to_vec();
        int32::encode(99, &7, &mut bytes);
        assert_eq!(Value::decode(&*bytes).unwrap(), Value::Bool(true));
    }

    #[test]
    fn nesting_without_end_is_refused() {
        let mut value = Value::Null;
        for _ in 0..200 {
            value = Value::List(vec![value]);
        }
        assert!(Value::decode(&*value.encode_to_vec()).is_err());
    }
}
