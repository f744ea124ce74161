//! A driver that sets a variable in an env file.

use std::path::PathBuf;

use async_trait::async_trait;

use super::driver::{Driver, DriverContext, Seen};
use super::file;
use super::weight::check;
use crate::error::{Error, ErrorKind, Result};
use crate::model::Share;
use crate::plan::file::EnvFile;

/// Sets one variable to one of two values, by default `source` and `target`. All other lines stay as they are.
pub(super) struct EnvFileDriver {
    file: EnvFile,
    path: PathBuf,
}

impl EnvFileDriver {
    pub fn new(file: EnvFile, context: &DriverContext) -> Self {
        let path = context.base.join(&file.file);
        Self { file, path }
    }

    fn source_value(&self) -> &str {
        self.file.source_value.as_deref().unwrap_or("source")
    }

    fn target_value(&self) -> &str {
        self.file.target_value.as_deref().unwrap_or("target")
    }
}

#[async_trait]
impl Driver for EnvFileDriver {
    async fn set(&self, weight: Share) -> Result<()> {
        check(weight)?;
        let value = match weight {
            weight if weight.is_same(Share(0.0)) => self.source_value(),
            weight if weight.is_same(Share(1.0)) => self.target_value(),
            _ => {
                let message = format!("an env file can only say 0% or 100%, not {weight}");
                return Err(Error::invalid(message));
            }
        };
        let before = file::read(&self.path).await?.unwrap_or_default();
        let after = with_value(&before, &self.file.variable, value)?;
        if after == before {
            return Ok(());
        }
        file::replace(&self.path, after).await
    }

    async fn read(&self) -> Result<Seen> {
        let variable = &self.file.variable;
        let Some(text) = file::read(&self.path).await? else {
            return Ok(Seen::Unset("the file is not there".to_owned()));
        };
        let mut values = text.lines().filter_map(|line| value_of(line, variable));
        let value = values.next();
        // Which of several lines counts depends on the program that reads the file.
        if values.any(|other| Some(other) != value) {
            return Ok(Seen::Foreign(format!("{variable} is set to several values")));
        }
        Ok(match value {
            Some(value) if value == self.target_value() => Seen::weight(Share(1.0)),
            Some(value) if value == self.source_value() => Seen::weight(Share(0.0)),
            Some(_) => Seen::Foreign(format!("{variable} is neither of the plan's two values")),
            None => Seen::Unset(format!("{variable} is not set")),
        })
    }

    async fn check(&self) -> Vec<Error> {
        let mut problems = Vec::new();
        match file::read(&self.path).await {
            Err(error) => problems.push(error),
            Ok(text) => {
                let text = text.unwrap_or_default();
                let values = [self.source_value(), self.target_value()];
                let written = values.map(|value| with_value(&text, &self.file.variable, value));
                problems.extend(written.into_iter().filter_map(Result::err).take(1));
            }
        }
        problems.extend(file::check(&self.path).err());
        if let Ok(Seen::Foreign(what)) = self.read().await {
            let hint = "set it to the source's value, or correct `source_value` and `target_value`";
            let error = Error::new(ErrorKind::Refused, what);
            problems.push(error.with_context("file", &self.file.file).with_hint(hint));
        }
        problems
    }

    fn is_all_or_nothing(&self) -> bool {
        true
    }

    fn describe(&self) -> String {
        format!("{} in {}", self.file.variable, self.file.file)
    }
}

/// Returns the text with `variable` set to `value` wherever it is set; a line is added if there is none.
fn with_value(text: &str, variable: &str, value: &str) -> Result<String> {
    let mut out = String::with_capacity(text.len() + value.len());
    let mut is_set = false;
    for line in text.split_inclusive('\n') {
        match setting(line, variable) {
            Some(setting) => {
                out.push_str(setting.before);
                out.push_str(&quoted(value, setting.quote)?);
                out.push_str(setting.after);
                is_set = true;
            }
            None => out.push_str(line),
        }
    }
    if !is_set {
        if !out.is_empty() && !out.ends_with('\n') {
            out.push('\n');
        }
        out.push_str(&format!("{variable}={}\n", quoted(value, None)?));
    }
    Ok(out)
}

/// The parts of a line that sets a variable.
struct Setting<'a> {
    /// Everything up to and including the `=`.
    before: &'a str,
    /// The value without its quotes.
    value: &'a str,
    quote: Option<char>,
    /// A comment and the end of the line.
    after: &'a str,
}

fn value_of<'a>(line: &'a str, variable: &str) -> Option<&'a str> {
    setting(line, variable).map(|setting| setting.value)
}

fn setting<'a>(line: &'a str, variable: &str) -> Option<Setting<'a>> {
    let equals = line.find('=')?;
    let name = line[..equals].trim();
    let name = name.strip_prefix("export ").map_or(name, str::trim_start);
    if name != variable {
        return None;
    }
    let (before, rest) = line.split_at(equals + 1);
    let quote = rest.chars().next().filter(|first| matches!(first, '"' | '\''));
    if let Some(quote) = quote
        && let Some(end) = rest[1..].find(quote)
    {
        let (value, after) = (&rest[1..=end], &rest[end + 2..]);
        return Some(Setting { before, value, quote: Some(quote), after });
    }
    let comment = rest.find(" #").or_else(|| rest.find("\t#")).unwrap_or(rest.len());
    let end = rest[..comment].trim_end().len();
    let (value, after) = rest.split_at(end);
    Some(Setting { before, value, quote: None, after })
}

/// Formats a value for the file, in `quote` if the previous value was quoted.
fn quoted(value: &str, quote: Option<char>) -> Result<String> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-./:@%+,".contains(c);
    match quote.or_else(|| (!value.chars().all(is_plain)).then_some('"')) {
        None => Ok(value.to_owned()),
        Some(quote) if !value.contains([quote, '\n', '\r', '\\', '$', '`']) => {
            Ok(format!("{quote}{value}{quote}"))
        }
        Some(_) => Err(Error::invalid("this value cannot be written to an env file")
            .with_hint("use letters, digits and simple punctuation")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_other_lines_stay() {
        let before =
            "# top\nA=1\nexport INDEX=\"old\" # which\r\n\nINDEXES=2\nINDEX=old # tail\nZ=9";
        let after = with_value(before, "INDEX", "new").unwrap();
        let expected =
            "# top\nA=1\nexport INDEX=\"new\" # which\r\n\nINDEXES=2\nINDEX=new # tail\nZ=9";
        assert_eq!(after, expected);
    }

    #[test]
    fn a_missing_variable_is_added() {
        assert_eq!(with_value("A=1", "INDEX", "x").unwrap(), "A=1\nINDEX=x\n");
        assert_eq!(with_value("", "INDEX", "two words").unwrap(), "INDEX=\"two words\"\n");
        assert_eq!(with_value("#INDEX=a\n", "INDEX", "b").unwrap(), "#INDEX=a\nINDEX=b\n");
    }

    #[test]
    fn a_value_that_would_mean_something_else_is_refused() {
        for value in ["a\nB=1", "a\"b", "$HOME", "a`b"] {
            assert!(with_value("", "INDEX", value).is_err(), "{value}");
        }
    }

    #[test]
    fn what_was_written_is_read() {
        for line in ["", "INDEX='x'\n", "INDEX = y # z\n", "export INDEX=\"x y\"\n"] {
            let text = with_value(line, "INDEX", "my-index").unwrap();
            let value = text.lines().find_map(|line| value_of(line, "INDEX"));
            assert_eq!(value, Some("my-index"), "{text}");
        }
    }
}
