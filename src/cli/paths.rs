//! Paths by one name, and from one to another.

use std::path::{Component, Path, PathBuf};

/// Returns the one name of a path, which need not exist.
pub fn settled(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut plain = PathBuf::new();
    for component in absolute.components() {
        match component {
            Component::ParentDir => {
                plain.pop();
            }
            Component::CurDir => {}
            other => plain.push(other),
        }
    }
    // A part of it may be reached through links.
    let there = plain.ancestors().find_map(|above| Some((above, above.canonicalize().ok()?)));
    match there.map(|(above, real)| (plain.strip_prefix(above), real)) {
        Some((Ok(below), real)) if below.as_os_str().is_empty() => real,
        Some((Ok(below), real)) => real.join(below),
        _ => plain,
    }
}

/// Returns the relative path from one absolute folder to a path, if both are on one disk.
pub fn way(folder: &Path, path: &Path) -> Option<PathBuf> {
    let same = folder.components().zip(path.components()).take_while(|(a, b)| a == b).count();
    if same == 0 {
        return None;
    }
    let up = folder.components().skip(same).map(|_| Component::ParentDir);
    Some(up.chain(path.components().skip(same)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_has_one_name_whether_it_is_there_or_not() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        std::fs::create_dir(root.join("a")).unwrap();
        assert_eq!(settled(&root.join("a/../b/./c")), root.join("b/c"));
        assert_eq!(settled(&root.join("a/.")), root.join("a"));
        assert_eq!(way(&root.join("a"), &root.join("b/c")).unwrap(), Path::new("../b/c"));
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(root.join("a"), root.join("link")).unwrap();
            assert_eq!(settled(&root.join("link/new")), root.join("a/new"));
        }
    }
}
