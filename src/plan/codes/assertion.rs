//! Codes about assertions.

use super::code::{Code, Level, codes};

codes! {
    ASSERTION_SYNTAX Error "V080" "assertion-syntax"
    means "An assertion is `metric op value`, optionally `over` a duration: a metric of the catalogue, one of `== != < <= > >=`, and a value with its unit, `true`, `false`, a word, or a factor like `1.2x source`."
    example "- p95(query) under 100ms"
    fix "Write it like `p95(query) < 100ms over 10m`."

    UNKNOWN_METRIC Error "V081" "unknown-metric"
    means "No stage has a metric of this name, or not with this argument."
    example "- p59(query) < 100ms"
    fix "`vecshift explain metrics` lists them all."

    METRIC_ELSEWHERE Error "V082" "metric-elsewhere"
    means "The metric exists, and not in stages of this kind: nothing would ever measure it here."
    example "- kind: copy\n  assert: [missing == 0]"
    fix "Move the assertion to a stage that has the metric."

    THRESHOLD_UNIT Error "V083" "threshold"
    means "The value is of another kind than the metric: a latency is compared with a duration, an error rate with a share."
    example "- p95(query) < 100"
    fix "Write the value with the unit the message names."

    BAD_COMPARISON Error "V084" "comparison"
    means "The comparison makes no sense for this metric: words and booleans are equal or not, a measured latency or rate is never exactly a number, and no count is below 0 or share above 1."
    example "- source.metric > cosine"
    fix "Use `==` or `!=` for words and booleans, `<`, `<=`, `>` or `>=` for what is measured."

    TOO_FINE Error "V085" "too-fine"
    means "A percentile of n samples needs at least 1/(1-p) of them: with fewer, the p99 is just the largest value, and the assertion says more than was measured."
    example "- { check: p99(query) < 200ms, min_samples: 50 }"
    fix "Raise `min_samples` (20 for a p95, 100 for a p99), or use a coarser percentile."

    NO_WINDOW Error "V086" "no-window"
    means "`over` takes the measurements of the last stretch of time, which only exists where something is watched while time passes."
    example "- count_delta == 0 over 10m"
    fix "Leave `over` out: the stage measures once."

    NO_SOURCE_SIDE Error "V087" "no-source-side"
    means "`x source` compares with the same measurement of the source, and the source is not measured for this metric in this stage."
    example "- overlap@10 >= 1x source"
    fix "Compare with a value."

    SAME_ASSERTION Error "V088" "same-assertion"
    means "Two assertions of one stage have the same name, so a report could not tell them apart."
    example "assert:\n  - missing == 0\n  - missing == 0"
    fix "Remove one, or give each an `id`."

    UNKNOWN_PROBE Error "V089" "unknown-probe"
    means "`exec(name)`, `http(name)` and `prometheus(name)` read a probe that is declared under `probes:`, and there is none of this name and kind."
    example "- exec(errors) < 5"
    fix "Declare it: `probes: { errors: { exec: [./count-errors.sh] } }`."

    NO_QUERIES Error "V090" "no-queries"
    means "The metric needs queries, and the verify stage sends none."
    example "- kind: verify\n  assert: [p95(query) < 100ms]"
    fix "Add `queries: { count: 500 }` to the stage."

    BAD_LONG_FORM Error "V091" "long-form"
    means "A setting of an assertion's long form can have no effect or can never be met."
    example "- { check: missing == 0, pass_after: 0 }"
    fix "Correct or remove the setting."
}
