//! Ranges of rows and places in them as a journal keeps them. Only files read these.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::model::{Cursor, Range};

/// A range as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Way {
    /// All rows of a namespace, whatever there are. Earlier versions, which read them in the order of their ids, said
    /// `list`.
    #[serde(alias = "list")]
    Rows,
    Groups(Groups),
}

/// The row groups from one on up to another, and the files that had rows of the namespace when it was split.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Groups {
    /// The first; `None` for the first there is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Group>,
    /// The one behind the last; `None` for all that follow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Group>,
    /// A digest of those files: with other files a place among them means nothing.
    pub of: String,
}

/// A row group: the path of its file, and its number in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Group(pub String, pub usize);

/// A place as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Kept {
    Row(Place),
}

/// A place between rows: so many rows of a row group are done, and all groups before it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Place {
    pub file: String,
    pub group: usize,
    pub rows: u64,
}

impl Way {
    /// Reads a range.
    ///
    /// # Errors
    /// `Invalid` if it is one of another kind of store.
    pub fn of(range: &Range) -> Result<Self> {
        range.inside().ok_or_else(|| {
            let message = format!("a range of another kind of store: `{}`", range.name());
            Error::invalid(message)
        })
    }

    pub fn range(&self) -> Range {
        Range::new(self)
    }

    /// Returns whether it is less than its namespace.
    pub fn is_part(&self) -> bool {
        matches!(self, Self::Groups(groups) if groups.from.is_some() || groups.until.is_some())
    }

    /// Returns whether it has a row group of a file.
    pub fn has(&self, file: &str, group: usize) -> bool {
        let Self::Groups(groups) = self else { return true };
        let is = |other: &Group| (file, group).cmp(&(other.0.as_str(), other.1));
        groups.from.as_ref().is_none_or(|from| is(from) != Ordering::Less)
            && groups.until.as_ref().is_none_or(|until| is(until) == Ordering::Less)
    }
}

impl Place {
    /// Reads a place; `None` at the start and at the end.
    ///
    /// # Errors
    /// `Invalid` if it is none in files.
    pub fn of(cursor: &Cursor) -> Result<Option<Self>> {
        Ok(cursor.inside()?.map(|Kept::Row(place)| place))
    }

    pub fn cursor(self) -> Cursor {
        Cursor::at(&Kept::Row(self))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn ranges_share_out_the_row_groups_in_the_order_of_paths() {
        let group = |file: &str, group| Some(Group(file.to_owned(), group));
        let all = [
            Groups { from: None, until: group("a/1", 2), of: String::new() },
            Groups { from: group("a/1", 2), until: group("b", 0), of: String::new() },
            Groups { from: group("b", 0), until: None, of: String::new() },
        ];
        for (file, number, of) in
            [("a/0", 7, 0), ("a/1", 1, 0), ("a/1", 2, 1), ("a/2", 0, 1), ("b", 0, 2), ("c", 0, 2)]
        {
            let has: Vec<bool> =
                all.iter().map(|groups| Way::Groups(groups.clone()).has(file, number)).collect();
            let expected: Vec<bool> = (0..3).map(|at| at == of).collect();
            assert_eq!(has, expected, "{file} {number}");
        }
        assert!(all.iter().all(|groups| Way::Groups(groups.clone()).is_part()));
        assert!(!Way::Groups(Groups::default()).is_part() && Way::Rows.has("x", 0));
    }

    #[test]
    fn what_is_kept_is_read_again_and_what_others_kept_is_not() {
        let way =
            Way::Groups(Groups { from: None, until: Some(Group("a".into(), 3)), of: "7".into() });
        let range: Range =
            serde_json::from_value(json!({ "groups": { "until": ["a", 3], "of": "7" } })).unwrap();
        assert_eq!(Way::of(&range).unwrap(), way);
        assert_eq!(way.range(), range);
        let place = Place { file: "a".into(), group: 1, rows: 9 };
        assert_eq!(Place::of(&place.clone().cursor()).unwrap(), Some(place));
        assert_eq!(
            Way::of(&Range::new(&"list")).unwrap(),
            Way::Rows,
            "as earlier versions wrote it"
        );
        assert!(Way::of(&Range::new(&json!({ "keys": {} }))).is_err());
        for (kept, is_read) in [
            (Cursor::Start, true),
            (Cursor::End, true),
            (Cursor::At(json!({ "after": "id 7" })), false),
            (Cursor::At(json!({ "page": { "after": "id 7" } })), false),
        ] {
            assert_eq!(Place::of(&kept).is_ok(), is_read, "{kept:?}");
        }
    }
}
