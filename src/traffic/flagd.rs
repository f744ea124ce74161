//! A flag in a flagd definition file.

use std::path::PathBuf;

use async_trait::async_trait;
use serde_json::{Map, Value, json};

use super::atomic;
use super::driver::{Driver, DriverContext};
use super::weight::check;
use crate::error::{Error, ErrorKind, Result};
use crate::model::Share;
use crate::plan::file::Flagd;

/// Writes fractional targeting (flagd, "Fractional Operation", 2026).
///
/// flagd hashes the bucketing value to a point of a range that it deals out to the variants in the order in which they
/// are listed. The value is the plan's name and the attribute, and the target is listed first: its range is `[0, weight)`
/// at every weight, so whoever is in at 5 % is in at 25 % and 50 %, also after a restart, and not the same
/// people in every migration.
pub(super) struct FlagdDriver {
    flagd: Flagd,
    path: PathBuf,
    salt: String,
}

impl FlagdDriver {
    pub fn new(flagd: Flagd, context: &DriverContext) -> Self {
        let path = context.base.join(&flagd.file);
        Self { flagd, path, salt: context.plan.clone() }
    }

    fn bucket_by(&self) -> &str {
        self.flagd.bucket_by.as_deref().unwrap_or("targetingKey")
    }

    async fn document(&self) -> Result<Option<Map<String, Value>>> {
        let Some(text) = atomic::read(&self.path).await? else { return Ok(None) };
        match serde_json::from_str(&text) {
            Ok(Value::Object(document)) => Ok(Some(document)),
            Ok(_) => Err(self.conflict("the file is no flag definition: it is not an object")),
            Err(error) => Err(self.conflict("the file is not JSON").with_source(error)),
        }
    }

    fn conflict(&self, message: &str) -> Error {
        Error::new(ErrorKind::Conflict, message)
            .with_context("flag", &self.flagd.flag)
            .with_context("file", self.path.display())
    }

    /// The document in which the flag has `weight`.
    fn apply(&self, document: &mut Map<String, Value>, weight: Weights) -> Result<()> {
        if document.is_empty() {
            document.insert("$schema".into(), "https://flagd.dev/schema/v0/flags.json".into());
        }
        let flags = document.entry("flags").or_insert_with(|| json!({}));
        let flags =
            flags.as_object_mut().ok_or_else(|| self.conflict("`flags` is not an object"))?;
        let flag = flags.entry(self.flagd.flag.as_str()).or_insert_with(new_flag);
        let variants = Variants::of(flag).map_err(|message| self.conflict(&message))?;
        if !is_replaceable(flag, &variants) {
            let hint = "take the rules out, or give the migration a flag of its own";
            return Err(self.conflict("the flag has targeting rules of its own").with_hint(hint));
        }
        flag["state"] = "ENABLED".into();
        flag["defaultVariant"] =
            if weight.source == 0 { &variants.target } else { &variants.source }.as_str().into();
        flag["targeting"] = json!({ "fractional": [
            { "cat": [self.salt, { "var": self.bucket_by() }] },
            [variants.target, weight.target],
            [variants.source, weight.source],
        ] });
        Ok(())
    }

    fn weight_of(&self, flag: &Value) -> Result<Share> {
        let variants = Variants::of(flag).map_err(|message| self.conflict(&message))?;
        if flag["state"] != "ENABLED" {
            return Err(self.conflict("the flag is not enabled"));
        }
        let bucketing = json!({ "cat": [self.salt, { "var": self.bucket_by() }] });
        let rule = &flag["targeting"]["fractional"];
        if rule[0] != bucketing {
            return Err(self.conflict("the flag is not bucketed by this plan"));
        }
        let weights = shares(rule, &variants)
            .filter(|weights| weights.target.checked_add(weights.source).is_some_and(|sum| sum > 0))
            .ok_or_else(|| self.conflict("the flag's fractions are not those of this driver"))?;
        Ok(Share(weights.target as f64 / (weights.target + weights.source) as f64))
    }
}

#[async_trait]
impl Driver for FlagdDriver {
    async fn set(&self, weight: Share) -> Result<()> {
        let weights = Weights::of(weight)?;
        let before = self.document().await?;
        let mut document = before.clone().unwrap_or_default();
        self.apply(&mut document, weights)?;
        if before.as_ref() == Some(&document) {
            return Ok(());
        }
        let text = serde_json::to_string_pretty(&document).map_err(|error| {
            Error::unexpected("the flags cannot be written as JSON").with_source(error)
        })?;
        atomic::replace(&self.path, text + "\n").await
    }

    async fn read(&self) -> Result<Option<Share>> {
        let document = self.document().await?.unwrap_or_default();
        match document.get("flags").and_then(|flags| flags.get(&self.flagd.flag)) {
            Some(flag) if flag.get("targeting").is_some_and(|rule| !is_empty(rule)) => {
                self.weight_of(flag).map(Some)
            }
            _ => Err(Error::new(ErrorKind::NotFound, "the flag has no weight yet")
                .with_context("flag", &self.flagd.flag)
                .with_context("file", self.path.display())),
        }
    }

    fn describe(&self) -> String {
        format!("flag {} in {}", self.flagd.flag, self.flagd.file)
    }
}

/// The weights of both variants; their sum is 100 where that can say it, else 10,000.
#[derive(Clone, Copy)]
struct Weights {
    target: u64,
    source: u64,
}

impl Weights {
    fn of(weight: Share) -> Result<Self> {
        check(weight)?;
        for whole in [100_u64, 10_000] {
            let target = weight.0 * whole as f64;
            if (target - target.round()).abs() < 1e-6 {
                let target = target.round() as u64;
                return Ok(Self { target, source: whole - target });
            }
        }
        Err(Error::invalid(format!("{weight} is finer than a flag's hundredths of a percent")))
    }
}

/// The names of the flag's two variants.
struct Variants {
    target: String,
    source: String,
}

impl Variants {
    /// `target` and `source` where there are such, else the variants that are true and false.
    fn of(flag: &Value) -> Result<Self, String> {
        let variants = flag["variants"].as_object().ok_or("the flag has no variants")?;
        if variants.contains_key("target") && variants.contains_key("source") {
            return Ok(Self { target: "target".into(), source: "source".into() });
        }
        let named = |value: bool| {
            let mut names = variants.iter().filter(|(_, is)| **is == Value::Bool(value));
            match (names.next(), names.next()) {
                (Some((name, _)), None) => Ok(name.clone()),
                _ => Err(
                    "the flag needs variants `target` and `source`, or one that is true and one that is false",
                ),
            }
        };
        Ok(Self { target: named(true)?, source: named(false)? })
    }
}

fn new_flag() -> Value {
    json!({
        "state": "ENABLED",
        "variants": { "target": true, "source": false },
        "defaultVariant": "source",
    })
}

/// Whether the flag's targeting can be replaced without losing a rule that somebody else made.
fn is_replaceable(flag: &Value, variants: &Variants) -> bool {
    match flag.get("targeting") {
        None => true,
        Some(rule) if is_empty(rule) => true,
        Some(rule) => {
            rule.as_object().is_some_and(|rule| rule.len() == 1)
                && shares(&rule["fractional"], variants).is_some()
        }
    }
}

fn is_empty(rule: &Value) -> bool {
    rule.is_null() || rule.as_object().is_some_and(Map::is_empty)
}

/// The weights of a rule `[bucketing, [target, n], [source, m]]`, and of no other.
fn shares(rule: &Value, variants: &Variants) -> Option<Weights> {
    let [_, target, source] = rule.as_array()?.as_slice() else { return None };
    let share = |entry: &Value, name: &str| match entry.as_array()?.as_slice() {
        [variant, weight] if variant == name => weight.as_u64(),
        _ => None,
    };
    Some(Weights {
        target: share(target, &variants.target)?,
        source: share(source, &variants.source)?,
    })
}
