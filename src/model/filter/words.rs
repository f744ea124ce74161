//! Filters in words, for people.

use std::fmt;

use super::tree::{Filter, Order, Scalar, Test};

/// The most values of a set that are shown.
const SHOWN: usize = 3;

/// Formats as `kind in ["a", "b"] and not (year < 2020)`.
impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All(parts) if parts.is_empty() => f.write_str("everything"),
            Self::Any(parts) if parts.is_empty() => f.write_str("nothing"),
            Self::All(parts) => joined(f, parts, " and "),
            Self::Any(parts) => joined(f, parts, " or "),
            Self::Not(part) => write!(f, "not ({part})"),
            Self::Field { name, test } => write!(f, "{name} {test}"),
        }
    }
}

fn joined(f: &mut fmt::Formatter<'_>, parts: &[Filter], word: &str) -> fmt::Result {
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            f.write_str(word)?;
        }
        match part {
            Filter::All(parts) | Filter::Any(parts) if parts.len() > 1 => write!(f, "({part})")?,
            part => write!(f, "{part}")?,
        }
    }
    Ok(())
}

impl fmt::Display for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exists => f.write_str("exists"),
            Self::In(wanted) => set(f, "=", "in", wanted),
            Self::Is(wanted) => set(f, "is itself", "is itself in", wanted),
            Self::Compare(order, bound) => write!(f, "{order} {bound}"),
        }
    }
}

fn set(f: &mut fmt::Formatter<'_>, one: &str, several: &str, wanted: &[Scalar]) -> fmt::Result {
    match wanted {
        [only] => write!(f, "{one} {only}"),
        many if many.len() > SHOWN => write!(f, "{several} {} values", many.len()),
        few => {
            let few: Vec<String> = few.iter().map(Scalar::to_string).collect();
            write!(f, "{several} [{}]", few.join(", "))
        }
    }
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
        })
    }
}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => value.fmt(f),
            Self::Number(number) => number.fmt(f),
            Self::Text(text) => write!(f, "{text:?}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_read_as_conditions() {
        for (filter, words) in [
            (serde_json::json!({"year": {"$lt": 2020.5}}), "year < 2020.5"),
            (
                serde_json::json!({"kind": {"$in": ["a", "b"]}, "n": {"$nin": [1, 2, 3, 4]}}),
                r#"kind in ["a", "b"] and not (n in 4 values)"#,
            ),
            (
                serde_json::json!({"a": true, "$or": [{"b": 1}, {"c": {"$exists": false}}]}),
                "a = true and (b = 1 or not (c exists))",
            ),
        ] {
            assert_eq!(Filter::read(&filter).unwrap().to_string(), words);
        }
        assert_eq!(Filter::All(Vec::new()).to_string(), "everything");
    }
}
