//! Check that pages and files generated from the plan's types and tables do not drift from them.
//!
//! `VECSHIFT_BLESS=1 cargo test --test it plan_docs` writes them anew.

use std::path::Path;

use vecshift::plan;
use vecshift::provider::language;

fn same(path: &str, text: &str) {
    let path = Path::new("docs").join(path);
    if std::env::var_os("VECSHIFT_BLESS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        return;
    }
    let there = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(there == text, "{} has drifted: run with VECSHIFT_BLESS=1", path.display());
}

#[test]
fn the_reference_is_that_of_the_types() {
    same("plan.md", &plan::reference_markdown(language()));
}

#[test]
fn the_schema_file_is_that_of_the_types() {
    let schema = serde_json::to_string_pretty(language().schema()).unwrap();
    same("plan.schema.json", &(schema + "\n"));
}

#[test]
fn the_metrics_page_is_that_of_the_catalogue() {
    same("metrics.md", &plan::metrics_markdown());
}

#[test]
fn every_code_has_its_page_and_no_page_is_left_behind() {
    let pages = plan::error_pages(language());
    for (name, text) in &pages {
        same(&format!("errors/{name}"), text);
    }
    for entry in std::fs::read_dir("docs/errors").unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(pages.iter().any(|(page, _)| *page == name), "{name} belongs to no code");
    }
}

#[test]
fn links_of_the_reference_lead_somewhere() {
    let text = plan::reference_markdown(language());
    let headings: Vec<_> = text
        .lines()
        .filter_map(|line| line.strip_prefix("## "))
        .map(|heading| heading.to_lowercase().replace(' ', "-"))
        .collect();
    for link in text.split("](#").skip(1) {
        let anchor = link.split(')').next().unwrap();
        assert!(headings.iter().any(|heading| heading == anchor), "#{anchor} is not there");
    }
}

/// Every code that a plan file can have is shown by a file under `tests/plans`, or by a test of its own.
#[test]
fn every_code_is_shown_by_a_plan() {
    let mut shown = String::new();
    for folder in ["invalid", "warned", "valid"] {
        for entry in std::fs::read_dir(Path::new("tests/plans").join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|ending| ending == "stderr") {
                shown += &std::fs::read_to_string(path).unwrap();
            }
        }
    }
    // No such file, and a file of more than 1 MiB: `plan_read.rs`.
    let elsewhere = ["V001", "V002"];
    for (page, _) in plan::error_pages(language()) {
        let code = page.trim_end_matches(".md");
        let known =
            code == "README" || elsewhere.contains(&code) || shown.contains(&format!("[{code}]"));
        assert!(known, "no plan shows {code}");
    }
}
