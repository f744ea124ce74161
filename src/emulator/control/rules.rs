//! Rules for names, tags and the other words in a body.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::emulator::error::{Answer, Refusal};
use crate::model::Metric;
use crate::pinecone_wire::limits::{RESOURCE_NAME_CHARS, TAG_KEY_CHARS, TAG_VALUE_CHARS, TAGS};
use crate::pinecone_wire::{Version, words};

/// Reads a body.
pub(crate) fn read<T: DeserializeOwned>(body: &[u8]) -> Answer<T> {
    serde_json::from_slice(body).map_err(Refusal::unreadable)
}

pub(crate) fn check_name(what: &str, name: &str) -> Answer<()> {
    let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let is_right = (1..=RESOURCE_NAME_CHARS).contains(&name.len())
        && name.chars().all(|c| is_word(c) || c == '-')
        && name.starts_with(is_word)
        && name.ends_with(is_word);
    if is_right {
        return Ok(());
    }
    Err(Refusal::invalid(format!(
        "{what} must be 1-{RESOURCE_NAME_CHARS} characters long, start and end with an alphanumeric character, and consist only of lower case alphanumeric characters or '-', got '{name}'."
    )))
}

/// Merges tags into the existing ones; an empty value removes a tag.
pub(crate) fn merge_tags(
    tags: &mut BTreeMap<String, String>,
    changes: BTreeMap<String, String>,
    version: Version,
) -> Answer<()> {
    for (key, value) in changes {
        check_tag(&key, &value, version)?;
        match value.is_empty() {
            true => tags.remove(&key),
            false => tags.insert(key, value),
        };
    }
    if tags.len() > TAGS {
        return Err(Refusal::invalid(format!("At most {TAGS} tags, got {}.", tags.len())));
    }
    Ok(())
}

fn check_tag(key: &str, value: &str, version: Version) -> Answer<()> {
    let is_key = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
    if !(1..=TAG_KEY_CHARS).contains(&key.len()) || !key.chars().all(is_key) {
        let message = format!(
            "Tag keys are 1-{TAG_KEY_CHARS} alphanumeric characters, '_' or '-', got '{key}'."
        );
        return Err(Refusal::invalid(message));
    }
    let is_value = |c: char| match version.has_schema() {
        true => c == ' ' || c.is_ascii_graphic(),
        false => c.is_ascii_alphanumeric() || ";@_-.+ ".contains(c),
    };
    if value.len() > TAG_VALUE_CHARS || !value.chars().all(is_value) {
        let message = format!(
            "Tag values are at most {TAG_VALUE_CHARS} characters of those that are allowed, got '{value}' for '{key}'."
        );
        return Err(Refusal::invalid(message));
    }
    Ok(())
}

/// Returns the value of a member that a body must have: without it the body is not readable.
pub(crate) fn required<T>(name: &str, value: Option<T>) -> Answer<T> {
    value.ok_or_else(|| Refusal::unreadable(format!("missing field `{name}`")))
}

/// Refuses members that the version does not know.
pub(crate) fn refuse_unknown(unknown: &BTreeMap<String, Value>) -> Answer<()> {
    match unknown.keys().next() {
        None => Ok(()),
        Some(name) => Err(Refusal::unreadable(format!("unknown field `{name}`"))),
    }
}

/// Reads the deletion protection; `None` if the body does not mention it.
pub(crate) fn read_protection(word: Option<&str>) -> Answer<Option<bool>> {
    let read = |word: &str| {
        words::read_switch(word).ok_or_else(|| {
            let message = format!("deletion_protection must be enabled or disabled, got '{word}'.");
            Refusal::invalid(message)
        })
    };
    word.map(read).transpose()
}

pub(crate) fn read_metric(word: &str) -> Answer<Metric> {
    words::read_metric(word).ok_or_else(|| {
        let message = format!("metric must be cosine, euclidean or dotproduct, got '{word}'.");
        Refusal::invalid(message)
    })
}

pub(crate) fn check_pod_type(word: &str) -> Answer<()> {
    let is_right = word.split_once('.').is_some_and(|(kind, size)| {
        words::POD_KINDS.contains(&kind) && words::POD_SIZES.contains(&size)
    });
    if is_right {
        return Ok(());
    }
    Err(Refusal::invalid(format!(
        "pod_type must be s1, p1 or p2 with .x1, .x2, .x4 or .x8, got '{word}'."
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for right in ["a", "a-1", "0", &"x".repeat(45)] {
            assert!(check_name("Index name", right).is_ok(), "{right}");
        }
        for wrong in ["", "-a", "a-", "A", "a_b", "a.b", &"x".repeat(46)] {
            assert_eq!(check_name("Index name", wrong).unwrap_err().status, 400, "{wrong}");
        }
    }

    #[test]
    fn tags_merge_and_an_empty_value_deletes() {
        let of = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
            pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
        };
        let mut tags = of(&[("a", "1"), ("b", "2")]);
        let old = Version::V2026_04;
        merge_tags(&mut tags, of(&[("a", ""), ("c", "x@y.z")]), old).unwrap();
        assert_eq!(tags, of(&[("b", "2"), ("c", "x@y.z")]));
        for wrong in [("", "x"), ("a b", "x"), ("a", "x/y"), ("a", &"x".repeat(121))] {
            assert!(merge_tags(&mut tags, of(&[wrong]), old).is_err(), "{wrong:?}");
        }
        let many = (0..21).map(|n| (format!("k{n}"), "v".to_owned())).collect();
        assert!(merge_tags(&mut BTreeMap::new(), many, old).is_err());
        merge_tags(&mut tags, of(&[("a", "x/y")]), Version::V2026_07).unwrap();
    }

    #[test]
    fn pod_types() {
        assert!(check_pod_type("p1.x1").is_ok());
        for wrong in ["p1", "p3.x1", "p1.x3", "starter"] {
            assert!(check_pod_type(wrong).is_err(), "{wrong}");
        }
    }
}
