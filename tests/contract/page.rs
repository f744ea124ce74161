//! The report as a page, in a browser: what axe finds in both schemes, what html-validate finds, and what the page asks for.

use std::path::{Path, PathBuf};
use std::process::Command;

use vecshift::report::{early_html, html};

use crate::cli_rig::Cli;
use crate::installed::{installed, said};
use crate::pages::{early, reports};
use crate::skip::skip;

const PACKAGES: [&str; 3] = ["axe-core@4.14.1", "html-validate@10.17.0", "puppeteer-core@24.43.1"];

const PLAN: &str = r#"version: 1
name: small
source: { provider: pinecone, index: old }
target: { provider: pinecone, index: new }
traffic: { env_file: { file: search.env, variable: INDEX, source_value: old, target_value: new } }
stages:
  - { kind: audit, assert: [source.records > 0] }
  - kind: create
    spec: { serverless: { cloud: aws, region: us-east-1 }, dimension: 8, metric: cosine }
  - { kind: copy, assert: [copy.complete == true] }
  - { kind: verify, assert: [missing == 0, mismatched == 0] }
  - kind: canary
    steps: [{ weight: 100%, bake: 30m }]
    assert: [{ check: p95(query) < LIMIT, min_samples: 20 }]
rehearsal:
  source: { kind: pod, records: 60, namespaces: 3, dimension: 8, metric: cosine }
"#;

/// Returns the browser and the folder with what drives it; `None`, with a message, if one is missing.
fn browser() -> Option<(PathBuf, PathBuf)> {
    let found = chromium().and_then(|chromium| Ok((chromium, packages()?)));
    found.inspect_err(|why| skip("the report as a page in a browser", why)).ok()
}

fn chromium() -> Result<PathBuf, String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders = std::env::split_paths(&path);
    let found = folders.find_map(|folder| {
        let named = ["chromium", "chromium-browser", "google-chrome"].map(|name| folder.join(name));
        named.into_iter().find(|path| path.is_file())
    });
    found.ok_or_else(|| "there is no chromium".to_owned())
}

fn packages() -> Result<PathBuf, String> {
    let node = said(Command::new("node").arg("--version"))?;
    installed("node/page", &format!("{node}{PACKAGES:?}"), |folder| {
        let install = ["install", "--no-audit", "--no-fund", "--ignore-scripts", "--save-exact"];
        said(Command::new("npm").args(install).arg("--prefix").arg(folder).args(PACKAGES))
    })
}

/// Returns what is wrong with pages, and how many were looked at.
fn looked_at((chromium, packages): &(PathBuf, PathBuf), pages: &[PathBuf]) -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/contract/page.js");
    let mut node = Command::new("node");
    node.arg(script).arg(chromium).args(pages).current_dir(packages);
    said(&mut node).unwrap()
}

#[test]
fn pages_of_all_kinds_of_runs_are_sound() {
    let Some(browser) = browser() else { return };
    let cli = Cli::new();
    let mut pages = Vec::new();
    for (name, limit, code) in [("done", "10s", 0), ("failed", "0.001ms", 6)] {
        let (plan, page) = (format!("{name}.yaml"), format!("{name}.html"));
        cli.write(&plan, &PLAN.replace("LIMIT", limit));
        let said = cli.run(&["rehearse", &plan, "--report-html", &page]);
        assert_eq!(said.code, code, "{said:?}");
        pages.push(cli.path(&page));
    }
    let drawn = reports().into_iter().map(|(name, report)| (name, html(&report).unwrap()));
    for (name, text) in drawn.chain([("early", early_html(&early()).unwrap())]) {
        let name = format!("{name}.html");
        cli.write(&name, &text);
        pages.push(cli.path(&name));
    }
    assert_eq!(looked_at(&browser, &pages), format!("{} pages\n", pages.len()));
}

/// A look that finds nothing is worth as much as what it would find.
#[test]
fn a_page_that_is_wrong_is_found_to_be() {
    let Some(browser) = browser() else { return };
    let cli = Cli::new();
    cli.write(
        "wrong.html",
        "<!DOCTYPE html><html><head><title>x</title></head><body><img src=\"other.png\">\
         <p style=\"color: #aaa; background: #fff\">faint</p><script>console.log('said')</script>\
         <div style=\"width: 2000px\">wide</div></body></html>",
    );
    let found = looked_at(&browser, &[cli.path("wrong.html")]);
    for wrong in [
        "html-validate: element-required-attributes",
        "request: file:",
        "console: said",
        "pixels wide on a screen of 320",
        "elements that load or run something",
        "axe, light: color-contrast",
        "axe, dark: color-contrast",
    ] {
        assert!(found.contains(wrong), "{wrong}: {found}");
    }
}
