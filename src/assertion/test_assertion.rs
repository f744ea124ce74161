//! Assertions for tests, in a small subset of the grammar; the plan's own parser is tested on its own floor.

use super::metric_ref;
use crate::model::{Share, Span};
use crate::plan::assertion::{NoData, Severity};
use crate::plan::{Assertion, Comparison, Place, Threshold};

/// Parses `metric op value [over duration]`.
pub(super) fn assertion(text: &str) -> Assertion {
    let words: Vec<&str> = text.split_whitespace().collect();
    let over = match words.get(words.len() - 2..) {
        Some(["over", span]) => Some(span.parse().unwrap()),
        _ => None,
    };
    Assertion {
        id: text.into(),
        text: text.into(),
        metric: metric_ref(words[0]),
        comparison: serde_json::from_value(words[1].into()).unwrap(),
        threshold: threshold(words[2]),
        over,
        severity: Severity::Block,
        min_samples: None,
        warmup: None,
        tolerate_failures: 0,
        tolerate_errors: 0,
        pass_after: 1,
        no_data: NoData::Inconclusive,
        every: None,
        place: Place { file: "plan.yaml".into(), line: 3, column: 9 },
    }
}

fn threshold(word: &str) -> Threshold {
    if let Some(factor) = word.strip_suffix('x') {
        return Threshold::TimesSource(factor.parse().unwrap());
    }
    if let Ok(share) = word.parse::<Share>() {
        return Threshold::Share(share.0);
    }
    if let Ok(span) = word.parse::<Span>() {
        return Threshold::Seconds(span.0.as_secs_f64());
    }
    match (word.parse::<bool>(), word.parse::<f64>()) {
        (Ok(value), _) => Threshold::Bool(value),
        (_, Ok(value)) => Threshold::Number(value),
        _ => Threshold::Word(word.into()),
    }
}

#[test]
fn the_small_grammar_reads_what_tests_write() {
    let read = assertion("p95(query) <= 1.2x source over 10m");
    assert_eq!(read.comparison, Comparison::LessOrEqual);
    assert_eq!(read.threshold, Threshold::TimesSource(1.2));
    assert_eq!(read.over, Some("10m".parse().unwrap()));
}
