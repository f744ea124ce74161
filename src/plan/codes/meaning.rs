//! Codes about what the plan asks for: names, stages, traffic, copying, retiring.

use super::code::{Code, Level, codes};

codes! {
    VERSION Error "V030" "version"
    means "The plan is written in a version of the plan language that this program does not speak."
    example "version: 2"
    fix "Write `version: 1`, or use a newer vecshift."

    PLAN_NAME Error "V031" "plan-name"
    means "The plan's name is the name of its journal and the salt of its traffic buckets: 1 to 63 lower-case letters, digits and `-`, with a letter or digit at both ends. Names of folders and files that vecshift keeps for itself (`rehearsals`, `checks`, `artifacts` and a few more) are not taken."
    example "name: Digital Twin"
    fix "Use a name like `digital-twin`."

    SAME_INDEX Error "V032" "same-index"
    means "Source and target are the same index of the same account. Copying an index into itself and then retiring it would lose it."
    example "source: { index: a }\ntarget: { index: a }"
    fix "Name another index, or the `api_key` of another project."

    STAGE_ID Error "V033" "stage-id"
    means "Two stages have the same id, or an id has characters that a path or command line would stumble over. A stage without `id` is called by its kind, so two of one kind need ids."
    example "stages:\n  - kind: verify\n  - kind: verify"
    fix "Give each an `id` of lower-case letters, digits, `-` and `_`."

    STAGE_ORDER Error "V034" "stage-order"
    means "Stages run in the order they are written, and in this order one of them would undo, miss or lose what another needs."
    example "stages:\n  - kind: decommission\n  - kind: copy"
    fix "The usual order: audit, create, copy, verify, canary, decommission."

    NOT_YET Error "V035" "not-yet"
    means "The plan depends on something this version does not do. It is refused rather than ignored, because ignoring it would take away a protection or lose records."
    example "writes: dual"
    fix "Use what the message names instead, or a later version."

    BAD_HOOK Error "V036" "hook"
    means "A hook cannot run as it is written: it lacks its moment or its command, or a rollback hook names a moment although it only ever runs in the rollback."
    example "hooks:\n  - run: [./pause.sh]"
    fix "Give a hook `when` and exactly one of `run` and `http`; a hook under `rollback:` has no `when`."

    INDEX_SPEC Error "V037" "index-spec"
    means "The index that `create` is asked to make is one its system does not make: keys that do not go together or lack one another, a sparse index with a dimension, a dense one without, a size that does not exist."
    example "spec:\n  serverless: { cloud: aws, region: us-east-1 }\n  vector_type: sparse\n  dimension: 3072"
    fix "A dense index has a dimension and a metric, a sparse one no dimension. The message says what else the system asks for."

    INDEX_NAME Error "V038" "index-name"
    means "The system takes no index of this name; the note under the message says which names it takes."
    example "index: Digital_Twin"
    fix "Use the name the console shows."

    COPIES_MEET Error "V040" "copies-meet"
    means "Two copy stages would write to the same namespace of the target. Each proves its own records, so neither could say whether what is there is whole; records with equal ids would overwrite each other. The same namespace of the source may go to two namespaces of the target."
    example "stages:\n  - { kind: copy, id: first, namespaces: { select: [\"twin_*\"] } }\n  - { kind: copy, id: second, namespaces: { select: [twin_1] } }"
    fix "Give one of them other names with `namespaces.rename`, or narrow its `namespaces.select`. One copy stage brings several namespaces into one with `merge: true`."

    NO_SUCH_COPY Error "V041" "no-such-copy"
    means "A `verify` stage names the copy stage whose records it compares, and no copy stage of that id runs before it."
    example "stages:\n  - { kind: copy, id: first }\n  - { kind: verify, copy: frist }"
    fix "Write the id of a copy stage that comes before, or leave `copy` out: then every copy stage before it is compared."

    NO_TRAFFIC Error "V050" "no-traffic"
    means "A canary stage moves traffic, and the plan does not say how."
    example "stages:\n  - kind: canary\n    steps: [{ weight: 100%, bake: 1h }]"
    fix "Add `traffic:` with one driver: `flagd`, `env_file`, `alias`, `webhook` or `exec`."

    WEIGHTS Error "V051" "weights"
    means "The weights of a canary rise from step to step, starting above 0%. Traffic that goes back is a rollback, not a step."
    example "steps:\n  - { weight: 50%, bake: 1h }\n  - { weight: 25%, bake: 1h }"
    fix "Order the steps by weight."

    DRIVER_WEIGHT Error "V052" "driver-weight"
    means "The driver cannot set this weight: one variable of an env file, or an alias, is either the source or the target, so it can only be 0% or 100%."
    example "traffic:\n  env_file: { file: .env, variable: INDEX }"
    fix "Use only 100%, or a driver with shares: `flagd`, `webhook`, `exec`."

    BAD_TRAFFIC Error "V053" "traffic"
    means "The traffic driver cannot work as it is written: a request without exactly one method, or an empty command."
    example "webhook: { set: { body: \"{{ weight }}\" } }"
    fix "A request has one of `get`, `post`, `put`, `patch`; a command has at least its program."

    BAD_LOOKUP Error "V060" "lookup"
    means "A lookup's CSV file is not there, has no such column, or has one key twice. Lookups are read together with the plan, because records would go to the wrong namespace by them."
    example "lookup: { creator: { file: creators.csv, key: namespace, value: creator } }"
    fix "Correct the path (relative to the plan's folder) or the column; keep one row for each key."

    BAD_GLOB Error "V061" "glob"
    means "A namespace pattern is not a glob: `*` matches any characters, `?` one, `[ab]` one of them, `{a,b}` either."
    example "select: [\"twin_[\"]"
    fix "Close the bracket, or escape it as `[[]`."

    BAD_RENAME Error "V062" "rename"
    means "Every namespace would get the same new name, and records with equal ids would overwrite each other."
    example "rename: everything"
    fix "Use `{{ namespace }}` or a lookup in the new name."

    NO_FILE Error "V063" "no-file"
    means "A file that the plan needs is not there. Paths in a plan start from the plan's folder."
    example "manifest: { file: ids.csv }"
    fix "Correct the path, or make the file first."

    BAD_MANIFEST Error "V064" "manifest"
    means "The manifest cannot give ids as it is written: it needs exactly one of `file` and `exec`, a file's ending must say its format, and a pattern must match a file; `timeout` and `env` are for a command."
    example "manifest: { file: ids.txt }"
    fix "Use `.csv`, `.jsonl` or `.parquet` files, a pattern of such (`ids/*.csv`), or a command that prints CSV or JSON lines."

    BAD_STRATEGY Error "V065" "strategy"
    means "Two parts of the way of copying do not go together: `strategy: collection` takes the ids from what the provider made, so the plan cannot say how they are found; `strategy: import` needs a place for its files, which no other named strategy writes."
    example "strategy: collection\nenumerate: sweep"
    fix "Do what the label says, or leave the choice to `strategy: auto`."

    BAD_FILTER Error "V066" "filter"
    means "The filter of a copy is not one. It is a mapping of metadata fields to what is asked of them, in the operators indexes of this field know: `$eq $ne $gt $gte $lt $lte $in $nin $exists`, joined by `$and` and `$or`."
    example "filter: { year: { $above: 2020 } }"
    fix "Write for example `filter: { year: { $gt: 2020 }, lang: { $in: [en, de] } }`."

    BAD_METADATA Error "V067" "metadata"
    means "Two changes to a record's metadata contradict each other: a field is dropped and renamed, two fields get one name, or a value is made and then overwritten. Or they make what no index keeps: a mapping, a list of more than text, a name that is empty or begins with `$`. The order is drop, rename (all at once), cast, set."
    example "metadata: { rename: { a: c, b: c } }"
    fix "Keep the change that is meant; `cast` knows fields by their new names."

    BAD_FILES Error "V068" "files"
    means "Parquet files are a source that is only read. They have no API key, cannot be a target, answer no queries, serve no traffic and are not deleted, so a plan that copies from them ends with its verification."
    example "source: { provider: parquet, index: exports }\nstages:\n  - kind: decommission"
    fix "Leave out what the message names."

    BAD_VECTORS Error "V069" "vectors"
    means "Two words about the vectors of a copy contradict each other: one is left out and renamed, two get one name, or one is picked and others are dropped as well. Names are those of the source; `rename` gives the target's, all at once."
    example "vectors: { pick: title, drop: [body] }"
    fix "Keep the word that is meant: `pick` leaves out all others, `drop` only those it names."

    NOT_CONFIRMED Error "V070" "not-confirmed"
    means "`decommission.confirm` repeats the name of the index that is deleted, so that a plan copied from another migration cannot delete the wrong one."
    example "source: { index: brain }\nstages:\n  - { kind: decommission, confirm: brian }"
    fix "Write the source index's name, after checking that it is the one."

    BAD_SNAPSHOT Error "V071" "snapshot"
    means "A snapshot goes to a local folder, written as `file:` and a path, and an audit's sample to a local file. Other places are not there yet; `file://backups` would be a host."
    example "snapshot: s3://bucket/brain"
    fix "Use `file:backups/brain` and copy the folder with the tool of your cloud."

    BAD_ADDRESS Error "V072" "address"
    means "An address is not one vecshift can call: it needs `http://` or `https://` and a host."
    example "endpoint: localhost:5080"
    fix "Write the scheme: `http://localhost:5080`."

    BAD_COLUMNS Error "V073" "columns"
    means "The columns of the files are shared out in a way that cannot be meant: one that is read and passed over, one that is named twice, `others` in both places, or columns of something that is no file."
    example "columns: { values: embedding, ignore: [embedding] }"
    fix "Name each column once: as a part of the record, as a field of the metadata, or in `ignore`."
}
