//! Codes about values that are well-formed but cannot be meant, or cannot be met.

use super::code::{Code, Level, codes};

codes! {
    NUMBER_SPELLING Error "V092" "number-spelling"
    means "A value without quotes looks like a number and is spelt so that readers of YAML disagree about it, or so that a number does not keep its digits: `01234` is 668 in YAML 1.1 and 1234 in YAML 1.2, and was perhaps a postal code."
    example "filter: { zip: 01234 }"
    fix "Write `\"01234\"` for the text, or `1234` for the number."

    UNKNOWN_TAG Error "V093" "unknown-tag"
    means "A value has a YAML tag, and a plan knows none but those of YAML's own types (`!!str`, `!!int` and so on). A tag that is passed over would change what the value means in silence."
    example "api_key: !secret brain"
    fix "A secret is `{ env: NAME }` or `{ file: PATH }`; text that starts with `!` needs quotes."

    OUT_OF_REACH Error "V094" "out-of-reach"
    means "The stage's own fields make it impossible to measure the assertion, so it would wait for a verdict that never comes: an overlap of more neighbours than the queries ask for, more samples than the probe sends, a snapshot that is not taken."
    example "- kind: verify\n  queries: { count: 500 }\n  assert: [overlap@20 >= 0.99]"
    fix "Change the field or the assertion, as the label says."

    BAD_KEY Error "V096" "template-key"
    means "Templates stand in values. A key is taken as it is written, so that a template can never change which keys a plan has."
    example "set: { \"{{ vars.field }}\": 1 }"
    fix "Write the key out."

    SHELL_PATH Error "V097" "shell-path"
    means "A path begins as a shell's does (`~`, `$HOME`), and no shell reads a plan: a run would look for, or make, a folder of just this name below the plan's."
    example "snapshot: file:~/backups"
    fix "Write the path from the root or from the plan's folder. What differs between machines can be a variable: `{{ env.HOME }}`, with `env: [HOME]`."
}
