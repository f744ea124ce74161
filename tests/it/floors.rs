//! The law of floors: a module uses only modules on lower floors, and no file is forgotten.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Module and floor. A module may use itself and everything lower.
const FLOORS: [(&str, u8); 16] = [
    ("model", 0),
    ("error", 0),
    ("clock", 0),
    ("text", 0),
    ("plan", 1),
    ("journal", 1),
    ("pinecone_wire", 1),
    ("provider", 2),
    ("copy", 3),
    ("assertion", 3),
    ("traffic", 3),
    ("run", 4),
    ("report", 5),
    ("emulator", 5),
    ("cli", 6),
    ("main", 6),
];

/// Names at the crate's root that every floor may use: the error type.
const ROOT: [&str; 3] = ["Error", "ErrorKind", "Result"];

fn sources(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => sources(&path, found),
            false if path.extension().is_some_and(|ending| ending == "rs") => found.push(path),
            false => {}
        }
    }
}

/// Returns the modules that a source text reaches by `crate::`.
fn reached(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices("crate::") {
        let rest = &text[at + "crate::".len()..];
        let names: Vec<&str> = match rest.strip_prefix('{') {
            Some(group) => {
                group.split_once('}').map_or(group, |(inner, _)| inner).split(',').collect()
            }
            None => vec![rest],
        };
        for name in names {
            let name: String =
                name.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            if !name.is_empty() {
                found.push(name);
            }
        }
    }
    found
}

#[test]
fn no_module_reaches_upward() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let floors: BTreeMap<&str, u8> = FLOORS.into_iter().collect();
    let mut files = Vec::new();
    sources(&root, &mut files);
    assert!(files.len() > 100, "the sources were not found");
    let mut wrong = Vec::new();
    for path in files {
        let relative = path.strip_prefix(&root).unwrap();
        let first = relative.components().next().unwrap().as_os_str().to_str().unwrap();
        let module = first.strip_suffix(".rs").unwrap_or(first);
        if module == "lib" {
            continue;
        }
        let Some(floor) = floors.get(module) else {
            wrong.push(format!("{module} has no floor"));
            continue;
        };
        let text = std::fs::read_to_string(&path).unwrap();
        for name in reached(&text) {
            let is_lower = floors.get(name.as_str()).is_some_and(|other| other < floor);
            let same_ground = *floor == 0 && floors.get(name.as_str()) == Some(&0);
            if name != module && !is_lower && !same_ground && !ROOT.contains(&name.as_str()) {
                wrong.push(format!("{} uses crate::{name}", relative.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_integration_test_is_a_module() {
    for folder in ["tests/it", "tests/rehearsals"] {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        let main = std::fs::read_to_string(dir.join("main.rs")).unwrap();
        for entry in std::fs::read_dir(&dir).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let Some(module) = name.strip_suffix(".rs").filter(|module| *module != "main") else {
                continue;
            };
            assert!(
                main.contains(&format!("mod {module};")),
                "{folder}/{name} is in no `mod` line"
            );
        }
    }
}

#[test]
fn only_the_recorder_writes_checkpoints() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    let writers: Vec<_> = files
        .into_iter()
        .filter(|path| {
            std::fs::read_to_string(path).unwrap().contains("append(Event::Checkpointed")
        })
        .collect();
    assert_eq!(writers, [root.join("run/recorder.rs")]);
}

/// Types ensure this inside a run; this test covers everything else.
#[test]
fn only_the_guard_deletes_unprotects_and_shifts() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    // Providers and the emulator carry it out; an erasure takes the guard's permit.
    let may = ["run/guard", "run/erase", "provider", "emulator"];
    let calls =
        [".delete_index(", ".configure(&", ".delete_collection(", ".delete_namespace(", " shift("];
    for path in files {
        let relative = path.strip_prefix(&root).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let is_allowed = may.iter().any(|may| relative.starts_with(may));
        for call in calls.iter().filter(|call| !is_allowed && text.contains(**call)) {
            let is_definition = relative == Path::new("traffic/shift.rs");
            assert!(is_definition, "{} calls `{call}`", relative.display());
        }
    }
}

#[test]
fn only_the_plan_knows_stages_as_they_are_written() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    let outside = files.into_iter().filter(|path| !path.starts_with(root.join("plan")));
    let written = ["file::StageKind", "file::Stage,", "file::Stage;", "StageCommon", "PlanFile"];
    for path in outside {
        let text = std::fs::read_to_string(&path).unwrap();
        let found = written.iter().find(|name| text.contains(**name));
        assert_eq!(found, None, "{}", path.display());
    }
}
