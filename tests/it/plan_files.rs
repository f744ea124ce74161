//! Every file under `tests/plans/` is a test: a plan, and beside it the messages of reading it (`.stderr`).
//!
//! `VECSHIFT_BLESS=1 cargo test --test it plan_files` writes the `.stderr` files anew.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use vecshift::plan::{Colour, Diagnostics, Inputs};
use vecshift::provider::language;

/// The plans of a folder, by name.
pub fn plans(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new("tests/plans").join(folder);
    let entries = std::fs::read_dir(&folder).unwrap();
    let mut plans: Vec<_> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "yaml"))
        .filter(|path| !path.to_string_lossy().ends_with(".base.yaml"))
        .collect();
    plans.sort();
    assert!(!plans.is_empty(), "no plans under {}", folder.display());
    plans
}

pub fn inputs() -> Inputs {
    let env = BTreeMap::from([("HOME_REGION".to_owned(), "eu-west-1".to_owned())]);
    Inputs { env, ..Inputs::default() }
}

fn shown(diagnostics: &Diagnostics) -> String {
    match diagnostics.is_empty() {
        true => String::new(),
        false => format!("{}{}\n", diagnostics.render(Colour::Never), diagnostics.summary()),
    }
}

/// Compares with the `.stderr` beside the plan, or writes it; a difference is returned as a message.
fn compare(path: &Path, actual: &str) -> Option<String> {
    let expected_path = path.with_extension("stderr");
    if std::env::var_os("VECSHIFT_BLESS").is_some() {
        std::fs::write(&expected_path, actual).unwrap();
        return None;
    }
    let Ok(expected) = std::fs::read_to_string(&expected_path) else {
        return Some(format!("{} is not there", expected_path.display()));
    };
    (expected != actual).then(|| {
        format!("{} differs\n--- expected\n{expected}\n--- actual\n{actual}", path.display())
    })
}

fn check(folder: &str, right: impl Fn(&Path, &str) -> Result<String, String>) {
    let problems: Vec<String> = plans(folder)
        .iter()
        .filter_map(|path| match right(path, folder) {
            Ok(shown) => compare(path, &shown),
            Err(problem) => Some(problem),
        })
        .collect();
    assert!(problems.is_empty(), "{}", problems.join("\n\n"));
}

#[test]
fn invalid_plans_are_refused_with_the_expected_words() {
    check("invalid", |path, _| match language().read(path, &inputs()) {
        Err(found) if found.has_errors() => Ok(shown(&found)),
        Err(_) => Err(format!("{} was refused without an error", path.display())),
        Ok(_) => Err(format!("{} was read without an error", path.display())),
    });
}

#[test]
fn unwise_plans_are_read_with_the_expected_warnings() {
    check("warned", |path, _| match language().read(path, &inputs()) {
        Ok(read) if !read.warnings.is_empty() => Ok(shown(&read.warnings)),
        Ok(_) => Err(format!("{} has no warnings", path.display())),
        Err(found) => Err(format!("{} is refused\n{}", path.display(), shown(&found))),
    });
}

#[test]
fn valid_plans_are_read() {
    check("valid", |path, _| match language().read(path, &inputs()) {
        Ok(read) => Ok(shown(&read.warnings)),
        Err(found) => Err(format!("{} is refused\n{}", path.display(), shown(&found))),
    });
}

#[test]
fn no_expected_text_is_left_behind() {
    for folder in ["invalid", "warned", "valid"] {
        for entry in std::fs::read_dir(Path::new("tests/plans").join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|ending| ending == "stderr") {
                assert!(path.with_extension("yaml").exists(), "{} has no plan", path.display());
            }
        }
    }
}
