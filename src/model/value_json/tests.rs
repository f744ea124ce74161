use std::collections::BTreeMap;

use super::Numbers;
use crate::model::{Metadata, Value};

fn written(text: &str) -> Metadata {
    Metadata::from_json(text, Numbers::Written).unwrap()
}

fn decimal(digits: &str) -> Value {
    Value::Decimal(digits.into())
}

#[test]
fn json_is_read_without_loss() {
    let read = written(r#" {"a":9007199254740993, "b":9.5,"c":[-1,"x\n",null]} "#);
    assert_eq!(read.get("a"), Some(&Value::I64(9_007_199_254_740_993)));
    assert_eq!(read.get("b"), Some(&Value::F64(9.5)));
    let list = [Value::I64(-1), Value::Text("x\n".into()), Value::Null];
    assert_eq!(read.get("c"), Some(&Value::List(list.to_vec())));
    let read = written(r#"{"d":{"e\u0041":true},"f":false}"#);
    let inner = [("eA".to_owned(), Value::Bool(true))];
    assert_eq!(read.get("d"), Some(&Value::Map(inner.into())));
    assert!(written("null").is_empty());
}

#[test]
fn text_that_is_no_object_is_refused() {
    let deep = format!("{{\"a\":{}1{}}}", "[".repeat(200), "]".repeat(200));
    let twice = r#"{"a":1,"a":2}"#;
    for (text, part) in [
        ("[1]", "a list, not a JSON object"),
        (twice, "an object with the field `a` twice"),
        (&deep, "nested too deeply"),
    ] {
        let error = Metadata::from_json(text, Numbers::Written).unwrap_err();
        assert!(error.is_data() && error.to_string().contains(part), "{error}");
    }
    assert!(Metadata::from_json(&deep, Numbers::Exact).unwrap_err().is_data());
    for text in [twice, r#"{"b":[{"a":1e400,"a":2}]}"#] {
        let error = Metadata::from_json(text, Numbers::Exact).unwrap_err();
        assert!(error.is_data() && error.to_string().contains("`a` twice"), "{error}");
    }
    for text in ["{", r#"{"a":01}"#, "", "{} {}"] {
        for numbers in [Numbers::Written, Numbers::Exact] {
            let error = Metadata::from_json(text, numbers).unwrap_err();
            assert!(!error.is_data(), "{error}");
        }
    }
    let last = Metadata::from_json(twice, Numbers::Floats).unwrap();
    assert_eq!(last.get("a"), Some(&Value::F64(2.0)));
}

/// What somebody wrote, what a server keeps with all its digits, and what a service of floats says.
#[test]
fn a_number_is_what_its_origin_means_by_its_digits() {
    let float = Value::F64;
    for (text, of_file, of_server, of_service) in [
        ("-0", float(-0.0), float(-0.0), float(-0.0)),
        ("7", Value::I64(7), Value::I64(7), float(7.0)),
        ("7.0", float(7.0), float(7.0), float(7.0)),
        ("1.10", float(1.1), decimal("1.10"), float(1.1)),
        ("-0.00", float(-0.0), decimal("-0.00"), float(-0.0)),
        ("0.0e-400", float(0.0), float(0.0), float(0.0)),
        ("1e2", float(100.0), float(100.0), float(100.0)),
        ("0.30000000000000004", float(0.1 + 0.2), float(0.1 + 0.2), float(0.1 + 0.2)),
        ("0.10000000000000001", float(0.1), decimal("0.10000000000000001"), float(0.1)),
        (
            "0.100000000000000005",
            decimal("0.100000000000000005"),
            decimal("0.100000000000000005"),
            float(0.1),
        ),
        (
            "0.1000000000000000055511151231257827",
            float(0.1),
            decimal("0.1000000000000000055511151231257827"),
            float(0.1),
        ),
        ("1.7976931348623157e308", float(f64::MAX), float(f64::MAX), float(f64::MAX)),
    ] {
        let wanted = [of_file, of_server, of_service];
        let origins = [Numbers::Written, Numbers::Exact, Numbers::Floats];
        for (numbers, wanted) in origins.into_iter().zip(wanted) {
            let read = Value::from_json(text, numbers).unwrap();
            let is_same = std::mem::discriminant(&read) == std::mem::discriminant(&wanted);
            assert!(is_same && read.is_identical(&wanted), "{text} {numbers:?}: {read:?}");
        }
    }
}

#[test]
fn a_number_that_no_float_keeps_keeps_its_digits() {
    let large = 18_446_744_073_709_551_616.0;
    for (text, wanted) in [
        ("9007199254740993", Value::I64(9_007_199_254_740_993)),
        ("18446744073709551615", Value::U64(u64::MAX)),
        ("18446744073709551616", Value::F64(large)),
        ("18446744073709551617", decimal("18446744073709551617")),
        ("-18446744073709551617", decimal("-18446744073709551617")),
        ("340282366920938463463374607431768211456", Value::F64(2f64.powi(128))),
        (
            "340282366920938463463374607431768211457",
            decimal("340282366920938463463374607431768211457"),
        ),
        ("1e400", decimal("1e400")),
        ("-1E+400", decimal("-1E+400")),
        ("1e-400", decimal("1e-400")),
    ] {
        for numbers in [Numbers::Written, Numbers::Floats] {
            assert_eq!(Value::from_json(text, numbers).unwrap(), wanted, "{text} {numbers:?}");
        }
    }
    // Somebody's number, or the shortest digits of a float and zeros.
    let text = "12345678901234567000";
    let read = |numbers| Value::from_json(text, numbers).unwrap();
    assert_eq!(read(Numbers::Written), Value::U64(12_345_678_901_234_567_000));
    assert_eq!(read(Numbers::Floats), Value::F64(12_345_678_901_234_567_000.0));
}

#[test]
fn what_a_server_keeps_comes_back_with_every_digit() {
    for text in [
        "9007199254740993",
        "-9223372036854775808",
        "18446744073709551615",
        "18446744073709551616",
        "0.1000000000000000055511151231257827",
        "123456789012345678901234567890.123",
        "0.30000000000000004",
        "1.10",
        "-2.00",
        r#"{"a":[1.0,2.50],"b":"1.10 and 2.0","c":3.5}"#,
        r#"{"a":[1,2.5,{"b":"x\u0001"}],"c":null,"d":true}"#,
        r#"{"a":[1,2.5,{"b":"1234567890123456789"}],"c":123456789012345678901}"#,
    ] {
        let mut written = String::new();
        Value::from_json(text, Numbers::Exact).unwrap().write_json(&mut written).unwrap();
        assert_eq!(written, text);
    }
    for none in [Value::F64(f64::NAN), Value::List(vec![Value::Bytes("x".into())])] {
        assert!(none.write_json(&mut String::new()).is_err());
    }
}

#[test]
fn json_keeps_every_type_that_it_has() {
    let text =
        r#"{"a":null,"b":true,"c":1.5,"d":"x","e":["y"],"f":{"g":2},"h":18446744073709551615}"#;
    let metadata: Metadata = serde_json::from_str(text).unwrap();
    assert_eq!(serde_json::to_string(&metadata).unwrap(), text);
    assert_eq!(metadata.json_bytes(), text.len());
    assert!(metadata.most_json_bytes() >= text.len());
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig {
        failure_persistence: None,
        ..Default::default()
    })]

    #[test]
    fn the_size_is_that_of_the_json(
        texts in proptest::collection::btree_map(".{0,6}", "[ -~\u{0}-\u{1f}\u{7f}é€😀]{0,9}", 0..4),
        numbers in proptest::collection::vec(proptest::num::f64::ANY, 0..4),
        whole in proptest::num::i64::ANY,
        bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..9),
        is_true in proptest::bool::ANY,
    ) {
        let floats = [whole as f64, (whole % 100_000) as f64, -0.0, 0.0, 1e15, 999_999_999_999_999.0];
        let whole = [Value::I64(whole), Value::U64(whole.unsigned_abs()), Value::I64(0)];
        let numbers = numbers.into_iter().chain(floats).map(Value::F64).chain(whole).collect();
        let mut fields: BTreeMap<_, _> =
            texts.into_iter().map(|(name, text)| (name, Value::Text(text.into()))).collect();
        fields.insert("list".to_owned(), Value::List(numbers));
        fields.insert("none".to_owned(), Value::List(vec![]));
        fields.insert("flag".to_owned(), Value::Bool(is_true));
        fields.insert("null".to_owned(), Value::Null);
        fields.insert("digits".to_owned(), decimal("9007199254740993"));
        fields.insert("price".to_owned(), decimal("1.10"));
        fields.insert("bytes".to_owned(), Value::Bytes(bytes.into()));
        fields.insert("inner".to_owned(), Value::Map(fields.clone().into()));
        let metadata = Metadata(fields.into());
        let text = serde_json::to_string(&metadata).unwrap();
        proptest::prop_assert_eq!(metadata.json_bytes(), text.len(), "{}", text);
        proptest::prop_assert!(metadata.most_json_bytes() >= text.len(), "{}", text);
    }

    #[test]
    fn every_finite_float_comes_back(bits in proptest::num::u64::ANY) {
        let value = Value::F64(f64::from_bits(bits));
        let mut text = String::new();
        proptest::prop_assume!(value.write_json(&mut text).is_ok());
        for numbers in [Numbers::Exact, Numbers::Written, Numbers::Floats] {
            let read = Value::from_json(&text, numbers).unwrap();
            proptest::prop_assert!(read.is_identical(&value), "{} {:?}", text, read);
        }
    }
}
