//! Files that a plan names by a pattern.

use std::io::{Error, ErrorKind, Result};
use std::path::{Path, PathBuf};

use globset::{Glob, GlobMatcher};

/// Most folders below each other that `**` goes through.
const DEEPEST: usize = 32;

/// Returns whether a path of a plan is a pattern.
pub fn is_pattern(path: &str) -> bool {
    path.contains(['*', '?', '[', '{'])
}

/// Returns the files of `pattern` (a path, or a pattern with `*`, `?`, `[…]`, `{…}` and `**`), which starts from
/// `base`, in bytewise order. A path without a pattern is returned as it is, whether or not the file exists.
///
/// # Errors
/// `InvalidInput` if a part of the pattern is invalid; those of reading folders.
pub fn files_of(base: &Path, pattern: &str) -> Result<Vec<PathBuf>> {
    let whole = base.join(pattern);
    if !is_pattern(pattern) || whole.is_file() {
        return Ok(vec![whole]);
    }
    let mut found =
        vec![if pattern.starts_with('/') { PathBuf::from("/") } else { base.to_owned() }];
    let parts: Vec<&str> = pattern.split('/').filter(|part| !part.is_empty()).collect();
    for (at, part) in parts.iter().enumerate() {
        let is_last = at + 1 == parts.len();
        found = match *part {
            "**" => below(&found)?,
            part if !is_pattern(part) => found.iter().map(|path| path.join(part)).collect(),
            part => matching(&found, &matcher(part)?)?,
        };
        found.retain(|path| if is_last { path.is_file() } else { path.is_dir() });
    }
    found.sort();
    found.dedup();
    Ok(found)
}

fn matcher(part: &str) -> Result<GlobMatcher> {
    match Glob::new(part) {
        Ok(glob) => Ok(glob.compile_matcher()),
        Err(error) => Err(Error::new(ErrorKind::InvalidInput, error.kind().to_string())),
    }
}

fn matching(folders: &[PathBuf], matcher: &GlobMatcher) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for folder in folders {
        for entry in entries(folder)? {
            if entry.file_name().is_some_and(|name| matcher.is_match(name)) {
                found.push(entry);
            }
        }
    }
    Ok(found)
}

/// Returns the folders themselves and all folders in them.
fn below(folders: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut found = folders.to_vec();
    let mut level = folders.to_vec();
    for _ in 0..DEEPEST {
        let mut next = Vec::new();
        for folder in &level {
            // Links are not followed: they may lead back.
            next.extend(
                entries(folder)?.into_iter().filter(|path| path.is_dir() && !path.is_symlink()),
            );
        }
        if next.is_empty() {
            break;
        }
        found.extend(next.iter().cloned());
        level = next;
    }
    Ok(found)
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    std::fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_find_files_in_order() {
        let folder = tempfile::tempdir().unwrap();
        for path in ["ids/b.csv", "ids/a.csv", "ids/c.txt", "ids/more/d.csv", "ids/e.csv/x"] {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        let found = |pattern: &str| -> Vec<String> {
            let files = files_of(folder.path(), pattern).unwrap();
            let short = |path: PathBuf| {
                path.strip_prefix(folder.path()).unwrap().to_str().unwrap().to_owned()
            };
            files.into_iter().map(short).collect()
        };
        assert_eq!(found("ids/*.csv"), ["ids/a.csv", "ids/b.csv"]);
        assert_eq!(found("*/[bc].{csv,txt}"), ["ids/b.csv", "ids/c.txt"]);
        assert_eq!(found("**/d.csv"), ["ids/more/d.csv"]);
        assert_eq!(found("ids/*.parquet"), [""; 0]);
        assert_eq!(found("no/such.csv"), ["no/such.csv"]);
        assert_eq!(
            files_of(folder.path(), "ids/[.csv").unwrap_err().kind(),
            ErrorKind::InvalidInput
        );
    }
}
