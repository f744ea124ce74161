//! Metadata of generated records.

use std::collections::BTreeSet;

use rand::Rng;

use super::text as words;
use crate::model::{Metadata, Value};
use crate::plan::file::RehearsalMetadata;

/// Earliest `created_at`, seconds since the epoch; records spread over two years from it.
const FIRST: u64 = 1_700_000_000;
const TWO_YEARS: u64 = 2 * 365 * 86_400;

pub(super) fn metadata(kind: RehearsalMetadata, random: &mut impl Rng) -> Metadata {
    match kind {
        RehearsalMetadata::Usual => usual(random),
        RehearsalMetadata::Skewed => skewed(random),
        RehearsalMetadata::Same => {
            fields([("kind", text("memory")), ("is_public", Value::Bool(true))])
        }
    }
}

fn fields<const N: usize>(fields: [(&str, Value); N]) -> Metadata {
    Metadata(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

fn text(text: &str) -> Value {
    Value::Text(text.into())
}

/// Draws metadata whose values many records share and others lack: 60 % of the records have the kind `message`, 40 %
/// the score 0, a tenth no score; one tag is on nearly all; `author` falls off like 1/n over 2,000 names.
fn skewed(random: &mut impl Rng) -> Metadata {
    let kind = match random.next_u64() % 10 {
        0..6 => "message",
        6..9 => "memory",
        _ => "reflection",
    };
    let author = (2_000f64.powf(share(random))) as u64;
    let mut tags = vec![text("all")];
    if random.next_u64().is_multiple_of(5) {
        tags.push(text(words::pick(random, &words::TAGS)));
    }
    let mut metadata = fields([
        ("author", text(&format!("author-{author:04}"))),
        ("is_public", Value::Bool(!random.next_u64().is_multiple_of(20))),
        ("kind", text(kind)),
        ("tags", Value::List(tags)),
    ]);
    let score = match random.next_u64() % 10 {
        0 => return metadata,
        1..5 => 0.0,
        _ => (share(random) * 40.0).exp2().floor(),
    };
    metadata.0.insert("score", Value::F64(score));
    metadata
}

/// Draws a number in [0, 1).
fn share(random: &mut impl Rng) -> f64 {
    (random.next_u64() >> 11) as f64 / (1u64 << 53) as f64
}

fn usual(random: &mut impl Rng) -> Metadata {
    let created_at = (FIRST + random.next_u64() % TWO_YEARS) as f64;
    let importance = (random.next_u64() % 1000) as f64 / 1000.0;
    let tags: BTreeSet<_> =
        (0..1 + random.next_u64() % 3).map(|_| words::pick(random, &words::TAGS)).collect();
    let tags = tags.into_iter().map(|tag| Value::Text(tag.into())).collect();
    let kind = words::pick(random, &words::KINDS);
    Metadata(
        [
            ("created_at".to_owned(), Value::F64(created_at)),
            ("importance".to_owned(), Value::F64(importance)),
            ("kind".to_owned(), Value::Text(kind.into())),
            ("tags".to_owned(), Value::List(tags)),
            ("text".to_owned(), Value::Text(words::text(random).into())),
        ]
        .into(),
    )
}
