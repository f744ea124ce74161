//! A driver that sets a flag in a flagd definition file.

use std::collections::BTreeMap;
use std::path::PathBuf;

use async_trait::async_trait;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::driver::{Driver, DriverContext, Seen};
use super::file;
use super::weight::check;
use crate::error::{Error, ErrorKind, Result};
use crate::model::Share;
use crate::plan::file::Flagd;
use crate::text::hex;

/// Writes fractional targeting (flagd, "Fractional Operation", 2026).
///
/// flagd hashes the bucketing value to a point in a range, which it divides among the variants in the order in which
/// they are listed. The value consists of the plan's name and the attribute, and the target is listed first, so its
/// range is `[0, weight)` at every weight. Whoever is in at 5 % is therefore also in at 25 % and 50 %, even after a
/// restart, and each migration starts with different people.
///
/// Everybody without the attribute would have the same value, and all of them would move at once. The fractions are
/// therefore behind an `if`: without the attribute the source is used, until the target has all the traffic.
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
        let Some(text) = file::read(&self.path).await? else { return Ok(None) };
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

    /// Sets the flag in the document to `weights`.
    fn apply(&self, document: &mut Map<String, Value>, weights: Weights) -> Result<()> {
        if document.is_empty() {
            document.insert("$schema".into(), "https://flagd.dev/schema/v0/flags.json".into());
        }
        let flags = document.entry("flags").or_insert_with(|| json!({}));
        let flags =
            flags.as_object_mut().ok_or_else(|| self.conflict("`flags` is not an object"))?;
        let flag = flags.entry(self.flagd.flag.as_str()).or_insert_with(new_flag);
        let variants = Variants::of(flag).map_err(|message| self.conflict(message))?;
        if !is_replaceable(flag, &variants) {
            let hint = "take the rules out, or give the migration a flag of its own";
            return Err(self.conflict("the flag has targeting rules of its own").with_hint(hint));
        }
        flag["state"] = "ENABLED".into();
        flag["defaultVariant"] = variants.fallback(weights).into();
        flag["targeting"] = self.rule(&variants, weights);
        Ok(())
    }

    fn rule(&self, variants: &Variants, weights: Weights) -> Value {
        json!({ "if": [
            { "var": self.bucket_by() },
            self.fractions(variants, weights),
            variants.fallback(weights),
        ] })
    }

    /// Builds the fractions, which an earlier version wrote as the whole rule.
    fn fractions(&self, variants: &Variants, weights: Weights) -> Value {
        json!({ "fractional": [
            { "cat": [self.salt, { "var": self.bucket_by() }] },
            [variants.target, weights.target],
            [variants.source, weights.source],
        ] })
    }

    /// Interprets the flag. Only exactly what this driver would write counts as a weight.
    fn seen(&self, flag: &Value) -> Seen {
        if flag["state"] != "ENABLED" {
            return Seen::Unset("the flag is disabled".to_owned());
        }
        let variants = match Variants::of(flag) {
            Ok(variants) => variants,
            Err(message) => return Seen::Foreign(message.to_owned()),
        };
        let weight = |target: u64, source: u64| Seen::Weight {
            share: Share(target as f64 / (target + source) as f64),
            print: Some(print(&flag["variants"])),
        };
        let rule = flag.get("targeting").filter(|rule| !is_empty(rule));
        let default = flag["defaultVariant"].as_str();
        let Some(rule) = rule else {
            return match default {
                Some(name) if name == variants.target => weight(1, 0),
                Some(name) if name == variants.source => weight(0, 1),
                Some(_) => Seen::Foreign("the flag's default is a third variant".to_owned()),
                None => Seen::Unset("the flag has no default variant".to_owned()),
            };
        };
        let Some(weights) = weights_of(rule, &variants) else {
            return Seen::Foreign("the flag has targeting rules of its own".to_owned());
        };
        if ![self.rule(&variants, weights), self.fractions(&variants, weights)].contains(rule) {
            return Seen::Foreign("the flag is not bucketed by this plan".to_owned());
        }
        if default != Some(variants.fallback(weights)) {
            let default = default.unwrap_or("none");
            return Seen::Foreign(format!("the flag's default variant is `{default}`"));
        }
        match weights.target.checked_add(weights.source) {
            Some(1..) => weight(weights.target, weights.source),
            _ => Seen::Foreign("the flag's fractions are none".to_owned()),
        }
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
        file::replace(&self.path, text + "\n").await
    }

    async fn read(&self) -> Result<Seen> {
        let Some(text) = file::read(&self.path).await? else {
            return Ok(Seen::Unset("the file is not there".to_owned()));
        };
        let document: Value = match serde_json::from_str(&text) {
            Ok(document) => document,
            Err(_) => return Ok(Seen::Foreign("the file is not JSON".to_owned())),
        };
        if !document.is_object() {
            return Ok(Seen::Foreign("the file is no flag definition".to_owned()));
        }
        Ok(match document.get("flags").and_then(|flags| flags.get(&self.flagd.flag)) {
            Some(flag) => self.seen(flag),
            None => Seen::Unset("the flag is not there".to_owned()),
        })
    }

    async fn check(&self) -> Vec<Error> {
        let document = self.document().await;
        let applied = document.and_then(|document| {
            self.apply(&mut document.unwrap_or_default(), Weights { target: 0, source: 100 })
        });
        let hint = "correct the file, or name another";
        let problem = applied.map_err(|error| match error.hint() {
            Some(_) => error,
            None => error.with_hint(hint),
        });
        problem.err().into_iter().chain(file::check(&self.path).err()).collect()
    }

    fn is_all_or_nothing(&self) -> bool {
        true
    }

    fn describe(&self) -> String {
        format!("flag {} in {}", self.flagd.flag, self.flagd.file)
    }
}

/// The weights of both variants. Their sum is 100 if that is precise enough, otherwise 10,000.
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
    /// Returns the variants `target` and `source` if they exist, otherwise those that are true and false.
    fn of(flag: &Value) -> Result<Self, &'static str> {
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

    /// Returns the variant for whoever is not bucketed.
    fn fallback(&self, weights: Weights) -> &str {
        if weights.source == 0 { &self.target } else { &self.source }
    }
}

fn new_flag() -> Value {
    json!({
        "state": "ENABLED",
        "variants": { "target": true, "source": false },
        "defaultVariant": "source",
    })
}

/// Returns whether the flag's targeting can be replaced without losing somebody else's rule.
fn is_replaceable(flag: &Value, variants: &Variants) -> bool {
    match flag.get("targeting") {
        None => true,
        Some(rule) => is_empty(rule) || weights_of(rule, variants).is_some(),
    }
}

fn is_empty(rule: &Value) -> bool {
    rule.is_null() || rule.as_object().is_some_and(Map::is_empty)
}

/// Returns the weights of a rule in the form that this driver, or an earlier version, writes, whatever its bucketing.
fn weights_of(rule: &Value, variants: &Variants) -> Option<Weights> {
    let only = |rule: &Value, key: &str| {
        let rule = rule.as_object()?;
        (rule.len() == 1).then(|| rule.get(key).cloned()).flatten()
    };
    if let Some(guarded) = only(rule, "if") {
        let [key, fractions, Value::String(_)] = guarded.as_array()?.as_slice() else {
            return None;
        };
        let fractions = only(fractions, "fractional")?;
        // Any condition other than the presence of the key is somebody else's.
        return (fractions[0]["cat"][1] == *key && key["var"].is_string())
            .then(|| shares(&fractions, variants))
            .flatten();
    }
    shares(&only(rule, "fractional")?, variants)
}

/// Returns the weights of `[bucketing, [target, n], [source, m]]`; `None` for anything else.
fn shares(fractions: &Value, variants: &Variants) -> Option<Weights> {
    let [_, target, source] = fractions.as_array()?.as_slice() else { return None };
    let share = |entry: &Value, name: &str| match entry.as_array()?.as_slice() {
        [variant, weight] if variant == name => weight.as_u64(),
        _ => None,
    };
    Some(Weights {
        target: share(target, &variants.target)?,
        source: share(source, &variants.source)?,
    })
}

/// Returns a short digest of the variants, independent of the order of their keys.
fn print(variants: &Value) -> String {
    let digest = Sha256::digest(sorted(variants).to_string());
    hex(&digest[..8])
}

fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(object) => {
            let sorted: BTreeMap<_, _> = object.iter().map(|(key, of)| (key, sorted(of))).collect();
            json!(sorted)
        }
        Value::Array(items) => items.iter().map(sorted).collect(),
        other => other.clone(),
    }
}
