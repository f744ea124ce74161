//! Codes about what is legal but unwise, or not supported yet.

use super::code::{Code, Level, codes};

codes! {
    SHORT_BAKE Warning "V101" "short-bake"
    means "A step is watched for less time than the window of an assertion, so at its end the window still holds measurements of the step before."
    example "steps: [{ weight: 5%, bake: 1m }]\nassert: [error_rate < 1% over 10m]"
    fix "Bake for at least as long as the longest window."

    NO_MIN_SAMPLES Warning "V102" "no-min-samples"
    means "A percentile in a canary has no `min_samples`: a quiet window could pass on a handful of queries."
    example "- p95(query) < 100ms over 10m"
    fix "Use the long form with `min_samples`: 20 or more for a p95, 100 or more for a p99."

    NOT_ALL_TRAFFIC Warning "V103" "not-all-traffic"
    means "The last step of the canary leaves some traffic at the source."
    example "steps: [{ weight: 50%, bake: 24h }]"
    fix "End with `weight: 100%`, unless the rest moves by other means."

    NO_RETENTION Warning "V104" "no-retention"
    means "The source is deleted as soon as the canary ends. Once it is gone nothing can be rolled back."
    example "- { kind: decommission, confirm: brain }"
    fix "Add `after: 7d`."

    NOT_UNDONE Warning "V105" "not-undone"
    means "A `before_run` hook changes something, and no hook runs when the migration is rolled back: what it changed would stay."
    example "hooks:\n  - { when: before_run, run: [./pause-writes.sh] }"
    fix "Add a hook for `after_rollback`, or one under a stage's `rollback:`."

    IGNORED Warning "V106" "ignored"
    means "The plan language has this, and this version of vecshift does not do it yet."
    example "notify:\n  - slack: { env: SLACK_WEBHOOK_URL }"
    fix "Leave it in for a later version, or remove it."

    READS_UNMEASURED Warning "V107" "reads-unmeasured"
    means "Reads of the source are seen by the gateway or the provider's metrics endpoint, and this version has neither. The assertion's verdict will be error, which never passes, so the stage will wait."
    example "- source.reads == 0 over 24h"
    fix "Use `severity: warn` until reads can be measured, and look at the provider's console."

    UNUSED Warning "V108" "unused"
    means "Something is declared and nothing uses it: often a misspelling elsewhere."
    example "vars:\n  region: { default: us-east-1 }"
    fix "Use it or remove it."

    UNPROVEN Warning "V109" "unproven"
    means "Traffic would move, or the source be deleted, without a stage before it that proves that nothing is missing."
    example "stages:\n  - kind: copy\n  - kind: canary"
    fix "Put a `verify` stage before it."

    NO_SNAPSHOT Warning "V110" "no-snapshot"
    means "The source is deleted without a snapshot of it."
    example "- { kind: decommission, after: 7d, confirm: brain }"
    fix "Add `snapshot: file:backups/brain`."

    NOTHING_ASSERTED Warning "V111" "nothing-asserted"
    means "A stage whose purpose is to judge has no assertion that blocks: it passes whatever it sees."
    example "- kind: verify"
    fix "Add assertions, for example `missing == 0`."

    NOTHING_COLD Warning "V115" "nothing-cold"
    means "A cold query is the first one of a namespace in a run. An earlier stage has read every namespace of the target, so nothing is cold any more: the metric is not measured, and the verdict is error."
    example "- { kind: verify, queries: { count: 500 }, assert: [missing == 0] }\n- { kind: verify, id: again, queries: { count: 500 }, assert: [cold(query) < 1s] }"
    fix "Assert it in the first stage that reads the target."

    UNREAD_WEIGHT Warning "V116" "unread-weight"
    means "The source would be deleted, and the driver that moves traffic cannot read the weight back: nobody can see whether all traffic is at the target, nor that somebody moved it."
    example "traffic:\n  exec: { set: [./ops/set-weight.sh] }"
    fix "Add a `read` that says the target's share, 0 to 100."

    AMBIGUOUS Warning "V119" "ambiguous-value"
    means "A value without quotes is one thing here and another in other readers of YAML, or loses its spelling as a number: `no`, `2026-11-26`, `12:30`, `1_000`, `1e3`, `1.10`. Where it is written into metadata or asked of it, the difference would not be seen."
    example "filter: { lang: no }"
    fix "Put text in quotes; write a number in its plainest form."

    PATTERN Warning "V120" "pattern"
    means "A pattern of namespaces has a sign that means something elsewhere and nothing of the kind here. `*` matches any characters, a `/` among them, `?` one, `[ab]` one of them, `{a,b}` either; upper and lower case differ."
    example "select: [\"twin_**\"]"
    fix "Write what the label says."

    TRIMMED Warning "V121" "trimmed"
    means "Cells of a lookup begin or end with white space, which is left out: a namespace `creator_ 7` would be a mistake that nobody sees."
    example "namespace,creator_id\nns_1, 7"
    fix "Remove the spaces from the file."

    LITERAL Warning "V123" "literal"
    means "A name is taken as it is written, and this one looks like a pattern: nothing would have exactly this name."
    example "drop: [\"tmp_*\"]"
    fix "Write each name out."

    FEW_REQUESTS Warning "V124" "few-requests"
    means "More requests are asked for than the probe sends in a window: the assertion fails however well the target answers, and the run is rolled back."
    example "probe: { rate: 1/s }\nassert: [requests > 500 over 1m]"
    fix "Raise the probe's rate, or give the window more time."
}
