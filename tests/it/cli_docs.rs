//! The generated pages are current.

use crate::cli_rig::Cli;

#[test]
fn generated_pages_are_current() {
    let cli = Cli::new();
    let docs = concat!(env!("CARGO_MANIFEST_DIR"), "/docs");
    let said = cli.run(&["docs", docs, "--check"]);
    assert_eq!(said.code, 0, "{}", said.out);
}

#[test]
fn a_page_that_drifted_is_named_and_written_again() {
    let cli = Cli::new();
    assert_eq!(cli.run(&["docs", "docs"]).code, 0);
    cli.write("docs/cli.md", "old");
    cli.write("docs/errors/V000.md", "a code that is no more");
    let said = cli.run(&["docs", "docs", "--check"]);
    assert_eq!(said.code, 4);
    assert!(said.out.contains("cli.md, errors/V000.md"), "{}", said.out);
    assert_eq!(cli.run(&["docs", "docs"]).code, 0);
    assert_eq!(cli.run(&["docs", "docs", "--check"]).code, 0);
}
