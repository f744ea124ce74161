//! From a page to its file.

use std::borrow::Cow;
use std::sync::LazyLock;

use minijinja::value::Serde;
use minijinja::{Environment, Output, State, UndefinedBehavior, Value, escape_formatter};

use super::page::Page;
use crate::error::{Error, Result};
use crate::text::visible;

/// The name of the template. What it writes is escaped because it ends in `.html`.
const NAME: &str = "report.html";

static ENVIRONMENT: LazyLock<Result<Environment<'static>, minijinja::Error>> =
    LazyLock::new(|| {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_formatter(write);
        environment.add_template(NAME, include_str!("report.html"))?;
        Ok(environment)
    });

pub fn render(page: &Page) -> Result<String> {
    let render = || {
        let environment = ENVIRONMENT.as_ref().map_err(ToString::to_string)?;
        let template = environment.get_template(NAME).map_err(|error| error.to_string())?;
        template.render(Serde(page)).map_err(|error| format!("{error:#}"))
    };
    render().map_err(|error| Error::unexpected(format!("the report cannot be drawn: {error}")))
}

/// Writes a value so that it is read and nothing more: no markup, no control character, nothing that turns the order
/// of the text around it.
fn write(
    out: &mut Output<'_>,
    state: &mut State<'_, '_>,
    value: &Value,
) -> Result<(), minijinja::Error> {
    match value.as_str().map(seen) {
        Some(Cow::Owned(text)) => escape_formatter(out, state, &Value::from(text)),
        _ => escape_formatter(out, state, value),
    }
}

/// Returns a text with its lines, and whatever else is acted on shown instead.
fn seen(text: &str) -> Cow<'_, str> {
    match text.contains('\n') {
        true => Cow::Owned(text.split('\n').map(visible).collect::<Vec<_>>().join("\n")),
        false => visible(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::html::page::{Block, Mood, Section};

    fn page(text: &str) -> Page {
        Page {
            title: text.into(),
            kind: "Test",
            name: text.into(),
            route: None,
            mood: Mood::Plain,
            symbol: "",
            verdict: text.into(),
            reason: Some(text.into()),
            note: None,
            next: None,
            tiles: Vec::new(),
            facts: Vec::new(),
            sections: vec![Section { id: "s", title: "S", blocks: vec![Block::text(text)] }],
            program: "vecshift 0",
        }
    }

    #[test]
    fn what_is_written_is_read_and_nothing_more() {
        let hostile = "</title><script>alert(1)</script> \"'><img src=x onerror=y> & {{ 7 * 7 }} \u{202e}x\u{0}\na";
        let text = render(&page(hostile)).unwrap();
        for markup in ["<script", "<img", "\u{202e}", "\u{0}"] {
            assert!(!text.contains(markup), "{markup}");
        }
        assert!(text.contains("\\u{202e}x\\u{0}\na"), "{text}");
        assert!(text.contains("{{ 7 * 7 }}"));
    }

    /// Nothing of a page is trusted, so the template has no way around the formatter either.
    #[test]
    fn the_template_marks_nothing_as_safe_and_names_nothing_elsewhere() {
        let template = include_str!("report.html");
        for forbidden in ["|safe", "| safe", "autoescape", "<script", "http:", "https:", "@import"]
        {
            assert!(!template.contains(forbidden), "{forbidden}");
        }
    }
}
