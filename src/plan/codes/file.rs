//! Codes about the file itself: reading it, its YAML, its templates, its shape.

use super::code::{Code, Level, codes};

codes! {
    UNREADABLE Error "V001" "unreadable"
    means "The plan file, or the one it extends, cannot be opened or is not UTF-8 text."
    example "vecshift validate plans/no-such-file.yaml"
    fix "Check the path and the permissions of the file."

    TOO_LARGE Error "V002" "too-large"
    means "The file is larger than 1 MiB. A plan is read by people; one this large is a mistake or an attack, and is refused before it is parsed."
    example "# 30,000 lines of steps"
    fix "Move tables to a CSV file and use a `lookup`; move ids to a manifest."

    SYNTAX Error "V003" "syntax"
    means "The file is not well-formed YAML, so nothing after this place can be understood. Only YAML's own mistakes stop the reading; all others are reported together."
    example "source: { index: brain"
    fix "Look at the place and the line above it: a missing bracket, quote or colon, or an indentation that differs. `{{ … }}` at the start of a value needs quotes."

    DUPLICATE_KEY Error "V004" "duplicate-key"
    means "A mapping has the same key twice. Many YAML readers keep the last silently; a reviewer sees the first."
    example "target:\n  index: a\n  index: b"
    fix "Remove one of them."

    EXPANSION Error "V005" "expansion-limit"
    means "The file nests deeper than 64 levels, or its aliases expand to more than 50,000 nodes: an alias bomb, in which each anchor repeats the one before it."
    example "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]"
    fix "Write out what is meant; anchors are for sharing a block, not for multiplying one."

    BAD_EXTENDS Error "V006" "extends"
    means "`extends` names a plan that cannot be laid under this one: it is not a local path, or the base extends another plan itself (one level is the limit, so that a reviewer has two files to read and not a chain)."
    example "extends: https://example.com/base.yaml"
    fix "Name a local file that has no `extends` of its own."

    TEMPLATE_SYNTAX Error "V010" "template-syntax"
    means "A `{{ … }}` is not a template minijinja understands."
    example "rename: \"creator_{{ creator\""
    fix "Close every `{{` with `}}`, and every `{% … %}` with its end."

    UNKNOWN_NAME Error "V011" "unknown-name"
    means "A template uses a name that is not known at this place. `vars` and `env` are known everywhere; `namespace`, `id`, `metadata`, `event`, `weight`, `n` and lookups only where the reference says so."
    example "region: \"{{ vars.regoin }}\""
    fix "Declare the variable under `vars:`, list the environment variable under `env:`, or correct the name."

    NO_VALUE Error "V012" "no-value"
    means "A variable has no default and was not given, an environment variable that a template reads is not set, or `--var` gives a variable the plan does not declare."
    example "vars:\n  region: {}"
    fix "Pass `--var region=us-east-1`, set the environment variable, or add a `default:`."

    TEMPLATE_FAILED Error "V013" "template-failed"
    means "A template is well-formed and failed when it was evaluated: a filter that does not exist, or a value of the wrong type."
    example "region: \"{{ vars.region | shout }}\""
    fix "Use the filters of minijinja: `upper`, `lower`, `replace`, `default`, `tojson`, …"

    UNKNOWN_KEY Error "V020" "unknown-key"
    means "The mapping has a key that the plan language does not know at this place. A key that is ignored is a safety net that is not there, so it is an error."
    example "soruce:\n  index: brain"
    fix "Correct the key, move it to where it belongs, or remove it."

    MISSING_KEY Error "V021" "missing-key"
    means "A key that has no default is not there."
    example "source:\n  index: brain"
    fix "Add the key."

    WRONG_TYPE Error "V022" "wrong-type"
    means "The value is of another type than the key takes. A number in quotes is text; `no` and `yes` are text too."
    example "needs_approval: \"true\""
    fix "Write the type the message names; add quotes to make text of a number, and take them off to make a number of text."

    UNKNOWN_WORD Error "V023" "unknown-word"
    means "The key takes one of a few words, and this is another."
    example "metric: cosin"
    fix "Use one of the words the message lists."

    BAD_UNIT Error "V024" "unit"
    means "The value is a quantity without its unit, or with one that does not fit. A bare `90` could be seconds or minutes; a plan that is read by people says which."
    example "timeout: 90"
    fix "Add a unit: durations `250ms 90s 10m 24h 7d`, sizes `2 MB` or `2 MiB`, rates `20/s`, shares `5%`, money `$150`."

    OUT_OF_RANGE Error "V025" "out-of-range"
    means "The number is outside what the key allows, or a list or text is too short or too long."
    example "dimension: 0"
    fix "Use a value inside the range the message names."

    INLINE_SECRET Error "V026" "inline-secret"
    means "A secret is written into the plan. Plans are committed and reviewed; a secret in one is a leak. The message does not repeat it."
    example "api_key: pcsk_…"
    fix "Write where the secret is: `{ env: PINECONE_API_KEY }` or `{ file: /run/secrets/key }`. Revoke a key that was committed."

    ONE_OF Error "V027" "exactly-one"
    means "The mapping must have exactly one of a few keys, and has none or several."
    example "hooks:\n  - when: before_run"
    fix "Keep the one that is meant."

    EMPTY_VALUE Error "V028" "empty-value"
    means "A key stands there without a value, which YAML reads as null."
    example "rate:"
    fix "Give it a value, or leave the key out to have its default."
}
