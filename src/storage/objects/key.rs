//! Keys that every kind of place can take.

use super::versions::is_hidden;
use crate::error::{Error, Result};
use crate::text::named;

/// Longest part of a key in bytes: a file's name on the usual file systems, without the number of a version.
const LONGEST_PART: usize = 255 - 13;

/// Longest key in bytes. S3 and Azure take 1,024, and a prefix comes before it.
const LONGEST: usize = 900;

/// Checks the key of an object.
///
/// # Errors
/// `Invalid`, with why.
pub(super) fn check(key: &str) -> Result<()> {
    let wrong =
        |why: &str| Err(Error::invalid(format!("`{}` is no key of an object: {why}", named(key))));
    if key.len() > LONGEST {
        return wrong("it is too long");
    }
    for part in key.split('/') {
        match part {
            "" => return wrong("it has an empty part"),
            "." | ".." => return wrong("it leads elsewhere"),
            _ if part.len() > LONGEST_PART => return wrong("a part of it is too long"),
            _ if part.contains('\\') => return wrong("a backslash is a folder on some systems"),
            _ if part.chars().any(char::is_control) => return wrong("it has control characters"),
            _ if is_hidden(part) => return wrong("folders keep such names to themselves"),
            _ => {}
        }
    }
    Ok(())
}

/// Checks the name of a folder to look in; an empty one is all of the place.
///
/// # Errors
/// `Invalid`, with why.
pub(super) fn check_folder(below: &str) -> Result<()> {
    match below {
        "" => Ok(()),
        _ => check(below),
    }
}

/// Returns what is behind the folder `below` in a key; `None` for one that is elsewhere.
pub(super) fn behind<'a>(below: &str, key: &'a str) -> Option<&'a str> {
    match below {
        "" => Some(key),
        _ => key.strip_prefix(below)?.strip_prefix('/'),
    }
    .filter(|behind| !behind.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys() {
        for key in ["a", "a/b c/ü%20+=&'", "log/000000000001.jsonl", "a.1", ".a", "x.partial"] {
            check(key).unwrap();
        }
        let long = "a".repeat(243);
        for key in [
            "",
            "/a",
            "a/",
            "a//b",
            "a/../b",
            ".",
            "a\\b",
            "a\nb",
            "head.json.000000000001",
            ".vecshift-x.partial",
            ".nfs0001",
            &long,
            &"a/".repeat(460),
        ] {
            assert!(check(key).is_err(), "{key:?}");
        }
    }

    #[test]
    fn a_folder_is_no_beginning_of_a_name() {
        assert_eq!(behind("a/b", "a/b/c/d"), Some("c/d"));
        assert_eq!(behind("", "a"), Some("a"));
        for elsewhere in ["a/bc", "a/b", "a/b/", "c"] {
            assert_eq!(behind("a/b", elsewhere), None, "{elsewhere}");
        }
    }
}
