//! The law of floors: a module uses only modules on lower floors, no room has circles, and no file is forgotten.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::source_tree::{Place, Tree};

/// Module and floor. A module may use itself and everything lower.
const FLOORS: [(&str, u8); 22] = [
    ("model", 0),
    ("error", 0),
    ("clock", 0),
    ("text", 0),
    ("fs", 0),
    ("tls", 0),
    ("blocking", 0),
    ("plan", 1),
    ("journal", 1),
    ("pinecone_wire", 1),
    ("storage", 1),
    ("state", 2),
    ("store", 2),
    ("provider", 3),
    ("copy", 4),
    ("assertion", 4),
    ("traffic", 4),
    ("run", 5),
    ("report", 6),
    ("emulator", 6),
    ("cli", 7),
    ("main", 8),
];

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

fn tree() -> Tree {
    let tree = Tree::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    assert!(tree.has(&["pinecone_wire", "proto", "either"]), "the sources were not found");
    tree
}

/// The drawing at the top of the library is what a newcomer sees first.
#[test]
fn the_drawing_in_the_library_is_these_floors() {
    let library = include_str!("../../src/lib.rs");
    let mut drawn = BTreeMap::new();
    for line in library.lines().filter_map(|line| line.strip_prefix("//! ")) {
        let mut words = line.split_whitespace();
        if let Some(Ok(floor)) = words.next().map(str::parse::<u8>) {
            drawn.extend(words.map(|module| (module, floor)));
        }
    }
    let floors: BTreeMap<&str, u8> =
        FLOORS.into_iter().filter(|(name, _)| *name != "main").collect();
    assert_eq!(drawn, floors);
}

#[test]
fn no_module_reaches_upward() {
    let floors: BTreeMap<&str, u8> = FLOORS.into_iter().collect();
    let floor = |place: &Place| {
        let module = place.first()?.as_str();
        Some(*floors.get(module).unwrap_or_else(|| panic!("{module} has no floor")))
    };
    let is_wrong = |from: &Place, to: &Place| match (floor(from), floor(to)) {
        _ if from.first() == to.first() => false,
        (Some(from), Some(to)) => to >= from && (from, to) != (0, 0),
        // The root only hands on.
        (from, to) => from.is_none() || to.is_none(),
    };
    let wrong: Vec<_> =
        tree().arrows().into_iter().filter(|(from, to)| is_wrong(from, to)).map(arrow).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// In every folder: what is in it uses each other in one direction, and its `mod.rs` is either below or above.
#[test]
fn no_room_has_circles() {
    let mut wrong = String::new();
    for (room, arrows) in rooms(&tree()) {
        for circle in circles(&arrows) {
            wrong += &format!("{room} has a circle:\n{}", within(&circle, &arrows));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// The arrows between the things of one room; `mod` is the room's own `mod.rs`.
type Arrows = BTreeMap<String, BTreeMap<String, Vec<String>>>;

fn rooms(tree: &Tree) -> BTreeMap<String, Arrows> {
    let mut rooms: BTreeMap<String, Arrows> = BTreeMap::new();
    for (from, to) in tree.arrows() {
        let depth = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
        let name = |place: &Place| place.get(depth).map_or("mod", String::as_str).to_owned();
        let arrows = rooms.entry(from[..depth].join("/")).or_default();
        let arrows = arrows.entry(name(&from)).or_default().entry(name(&to)).or_default();
        arrows.push(arrow((from, to)));
    }
    rooms
}

fn arrow((from, to): (Place, Place)) -> String {
    format!("{} uses {}", from.join("/"), to.join("/"))
}

/// Everything that is reached from `name`.
fn reached(name: &str, arrows: &Arrows) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    let mut todo = vec![name.to_owned()];
    while let Some(name) = todo.pop() {
        let next = arrows.get(&name).into_iter().flat_map(BTreeMap::keys);
        todo.extend(next.filter(|name| seen.insert((*name).clone())).cloned());
    }
    seen
}

/// The sets of things that all reach each other.
fn circles(arrows: &Arrows) -> BTreeSet<BTreeSet<String>> {
    let round = |name: &String| {
        let reached = reached(name, arrows);
        let back = reached.iter().filter(|other| self::reached(other, arrows).contains(name));
        back.cloned().collect::<BTreeSet<_>>()
    };
    arrows.keys().map(round).filter(|circle| !circle.is_empty()).collect()
}

fn within(circle: &BTreeSet<String>, arrows: &Arrows) -> String {
    let of = |from: &String| arrows.get(from).into_iter().flatten();
    let inside = circle.iter().flat_map(of).filter(|(to, _)| circle.contains(*to));
    inside.flat_map(|(_, arrows)| arrows).map(|arrow| format!("    {arrow}\n")).collect()
}

#[test]
fn a_circle_is_found_through_what_is_handed_on() {
    let folder = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write("lib.rs", "mod room; pub use room::Thing;");
    write("room/mod.rs", "mod a; mod b; mod c; pub use a::Thing; pub use b::*;");
    write(
        "room/a.rs",
        "use crate::room::Other; pub struct Thing(Other); #[cfg(test)] mod t { use crate::room::c; }",
    );
    write("room/b.rs", "pub struct Other; fn make(a: usize) { let _ = [crate::Thing::new(a)]; }");
    write("room/c.rs", "fn c() { println!(\"{}\", super::b::NUMBER); }");
    let rooms = rooms(&Tree::read(folder.path()));
    let circles = circles(&rooms["room"]);
    assert_eq!(circles, [["a".to_owned(), "b".to_owned()].into()].into());
    assert_eq!(rooms["room"]["c"].keys().collect::<Vec<_>>(), ["b"]);
}

#[test]
fn every_integration_test_is_a_module() {
    for folder in ["tests/it", "tests/rehearsals", "tests/state"] {
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
        .filter(|path| std::fs::read_to_string(path).unwrap().contains("acked.into_inner()"))
        .collect();
    assert_eq!(writers, [root.join("run/context/recorder.rs")]);
}

/// Types ensure this inside a run; this test covers everything else.
#[test]
fn only_the_guard_deletes_unprotects_and_shifts() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    // Providers and the emulator carry it out; an erasure takes the guard's permit.
    let may = ["run/context/guard", "run/erase", "provider", "emulator"];
    let calls = [
        ".delete_index(",
        ".retire(",
        ".configure(&",
        ".delete_collection(",
        ".delete_namespace(",
        " shift(",
    ];
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
