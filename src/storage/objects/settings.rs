//! Settings of clients, from variables as an environment has them.

use std::collections::BTreeMap;
use std::str::FromStr;

pub(super) struct Settings<'a>(pub &'a BTreeMap<String, String>);

impl Settings<'_> {
    /// Whether a variable is set; an empty one is not.
    pub fn has(&self, name: &str) -> bool {
        self.0.get(name).is_some_and(|value| !value.is_empty())
    }

    /// Returns the variables with this prefix that a client knows.
    pub fn of<K: FromStr>(&self, prefix: &str) -> impl Iterator<Item = (K, &str)> {
        self.0.iter().filter_map(move |(name, value)| {
            let is_ours = name.starts_with(prefix) && !value.is_empty();
            let key = name.to_ascii_lowercase().parse().ok()?;
            is_ours.then_some((key, value.as_str()))
        })
    }
}
