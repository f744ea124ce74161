//! Resolves where a plan's output files go: one function for all of them, so that a rehearsal stays in its own folder.

use std::path::{Component, Path, PathBuf};

/// Returns a place named in the plan as a path; `file:backups`, `file:///backups` and `backups` are all accepted.
pub(in crate::run) fn local(place: &str) -> &str {
    let path = place.strip_prefix("file:").unwrap_or(place);
    // The path of `file:///a` is `/a`.
    path.strip_prefix("//").filter(|path| path.starts_with('/')).unwrap_or(path)
}

/// Returns the relative path at which a rehearsal writes a file, below its own folder. The result never leaves that
/// folder.
pub(in crate::run) fn below(place: &str) -> PathBuf {
    let place = place.split_once("://").map_or(place, |(_, path)| path);
    let parts = Path::new(local(place)).components();
    let below: PathBuf = parts.filter(|part| matches!(part, Component::Normal(_))).collect();
    match below.as_os_str().is_empty() {
        true => PathBuf::from("output"),
        false => below,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_path_with_or_without_its_scheme() {
        for (place, path) in [
            ("backups/a", "backups/a"),
            ("file:backups/a", "backups/a"),
            ("file:/backups/a", "/backups/a"),
            ("file:///backups/a", "/backups/a"),
            ("/backups/a", "/backups/a"),
        ] {
            assert_eq!(local(place), path, "{place}");
        }
    }

    #[test]
    fn nothing_leads_out_of_the_folder() {
        for (place, path) in [
            ("backups/a", "backups/a"),
            ("/backups/a", "backups/a"),
            ("file:/backups/a", "backups/a"),
            ("file:///backups/a", "backups/a"),
            ("file://host/a", "host/a"),
            ("s3://shelf/a", "shelf/a"),
            ("../../a", "a"),
            ("a/../../b", "a/b"),
            ("./a", "a"),
            ("file:..", "output"),
            ("/", "output"),
            ("", "output"),
        ] {
            assert_eq!(below(place), Path::new(path), "{place}");
        }
    }
}
