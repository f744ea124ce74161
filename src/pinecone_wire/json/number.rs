use std::fmt;

use bytes::{BufMut, BytesMut};
use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::model::Vector;

/// Dense values as an array of numbers; `null` is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Floats(pub Vector);

impl Serialize for Floats {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.values())
    }
}

impl<'de> Deserialize<'de> for Floats {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FloatsVisitor)
    }
}

struct FloatsVisitor;

impl<'de> Visitor<'de> for FloatsVisitor {
    type Value = Floats;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of numbers")
    }

    fn visit_unit<E>(self) -> Result<Floats, E> {
        Ok(Floats::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<Floats, A::Error> {
        let mut bytes = BytesMut::with_capacity(values.size_hint().unwrap_or(1024) * 4);
        while let Some(value) = values.next_element::<f32>()? {
            bytes.put_f32_le(value);
        }
        Ok(Floats(Vector::from_le_bytes(bytes.freeze()).unwrap_or_default()))
    }
}

/// A 64-bit count. proto3's JSON form is a string, the service sends a number; both are read, a number is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub(crate) struct Int(pub u64);

impl Int {
    /// Returns the count if it fits 32 bits.
    pub fn small(self) -> Option<u32> {
        u32::try_from(self.0).ok()
    }
}

impl<'de> Deserialize<'de> for Int {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(IntVisitor)
    }
}

struct IntVisitor;

impl Visitor<'_> for IntVisitor {
    type Value = Int;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a count, as a number or in a string")
    }

    fn visit_unit<E>(self) -> Result<Int, E> {
        Ok(Int(0))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Int, E> {
        Ok(Int(value))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Int, E> {
        if value >= 0.0 && value.fract() == 0.0 && value < 2f64.powi(63) {
            Ok(Int(value as u64))
        } else {
            Err(E::invalid_value(serde::de::Unexpected::Float(value), &self))
        }
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<Int, E> {
        value
            .parse()
            .map(Int)
            .map_err(|_| E::invalid_value(serde::de::Unexpected::Str(value), &self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The decimal lies just above the middle of two f32: rounding to f64 first lands on the middle and then on the
    /// even neighbour, which is the wrong one.
    #[test]
    fn floats_are_rounded_once() {
        let text = "1.000000059604644775390626";
        assert_eq!(text.parse::<f32>().unwrap(), 1.000_000_1);
        assert_eq!(text.parse::<f64>().unwrap() as f32, 1.0);
        let Floats(read) = serde_json::from_str(&format!("[{text}]")).unwrap();
        assert_eq!(read, Vector::from_values([1.000_000_1]));
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig {
            failure_persistence: None,
            ..Default::default()
        })]

        #[test]
        fn every_finite_f32_survives_json(bits in proptest::num::u32::ANY) {
            let value = f32::from_bits(bits);
            proptest::prop_assume!(value.is_finite());
            let floats = Floats(Vector::from_values([value]));
            let text = serde_json::to_string(&floats).unwrap();
            proptest::prop_assert_eq!(serde_json::from_str::<Floats>(&text).unwrap(), floats);
        }
    }

    #[test]
    fn counts_come_as_numbers_and_as_strings() {
        let read = |text: &str| serde_json::from_str::<Int>(text).map(|count| count.0);
        assert_eq!(read("5").unwrap(), 5);
        assert_eq!(read("\"5000000000\"").unwrap(), 5_000_000_000);
        assert_eq!(read("5.0").unwrap(), 5);
        assert!(read("-1").is_err());
        assert_eq!(serde_json::to_string(&Int(5)).unwrap(), "5");
    }
}
