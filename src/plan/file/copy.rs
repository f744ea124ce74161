//! The copy stage: what is copied, how, and what changes on the way.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::{IdKind, Rate, Span};

/// Copies every record of the selected namespaces.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Copy {
    /// The way records travel.
    #[serde(default)]
    pub strategy: Strategy,
    /// The way the source's ids are found.
    #[serde(default)]
    pub enumerate: EnumerateBy,
    /// The namespaces to copy and their names on the other side; default: all of them under their own names. A pattern
    /// that matches no namespace is named by `plan` and in the report; a copy that would take no namespace is refused
    /// before anything is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespaces: Option<Namespaces>,
    /// The records to copy: a metadata filter (`$eq $ne $gt $gte $lt $lte $in $nin $exists $and $or`), applied to each
    /// record as the source has it, before `metadata` changes it. The others are counted as left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<BTreeMap<String, serde_json::Value>>,
    /// What becomes of each record's id. Default: it stays what it is, and a record whose id is of a kind that the target
    /// does not take is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ids: Option<Ids>,
    /// Changes to each record's metadata.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<MetadataChanges>,
    /// Which vectors are copied, and under which names. A vector goes to the field of its name, or, if it is the only one of
    /// its kind (dense, sparse, multi) on both sides, to that one. What the target has no place for is refused until these
    /// words leave it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vectors: Option<VectorChanges>,
    /// Whether the application is ready for the numbers that the target answers with. One system gives a similarity where
    /// another gives a distance: the order is the same, and a threshold in the application breaks. Default: a copy between
    /// two such systems is refused, with both formulas.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scores: Option<Scores>,
    /// Namespaces copied at once; default 16.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 64))]
    pub parallel: Option<u32>,
    /// The most fetches, and the most upserts, in flight at once; default 8. Fewer are while a side asks to slow down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 256))]
    pub in_flight: Option<u32>,
    /// The place of the files of a bulk import; `strategy: auto` imports if this is given and an import applies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub import: Option<Import>,
    /// The longest that a collection, an index made from it, or a bulk import may take; default 4 h.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ready_within: Option<Span>,
    /// The treatment of ids that the target already holds with different content; default `refuse`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub existing: Option<Existing>,
    /// The most records a second that are read from the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<Rate>,
}

impl Copy {
    /// Returns whether records are changed or left out on the way.
    pub fn changes_records(&self) -> bool {
        self.ids.is_some()
            || self.vectors.as_ref().is_some_and(VectorChanges::changes_records)
            || self.metadata.is_some()
            || self.filter.is_some()
    }
}

/// What becomes of ids.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Ids {
    /// The kind that every id gets, with the same text: `42` as a number is `42` as a text, so no two ids become one. A
    /// record whose id has no such form (`007` is no number, and a UUID is 36 lower-case characters with hyphens) goes to
    /// the dead letters.
    pub to: IdKind,
}

/// The way records travel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// The best that applies: `collection` if nothing changes on the way, else `import` if the plan has a place for
    /// its files, else `stream`. `vecshift plan` says which, and why.
    #[default]
    Auto,
    /// Enumerate, fetch, transform, upsert.
    Stream,
    /// By a collection of the pod: the provider makes the target from it, free of write units; if records or names
    /// change, a staging index is made from it that lists the ids.
    Collection,
    /// By bulk import: records are written as Parquet files to the place in `import`, and the target imports them.
    Import,
}

/// What becomes of scores that mean the same and are other numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scores {
    /// The application is made for those of the target.
    Accept,
}

/// The treatment of ids that the target already holds with different content. Records that are there just as the copy
/// would write them do not matter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Existing {
    /// The copy refuses them before it writes anything.
    #[default]
    Refuse,
    /// They are overwritten.
    Overwrite,
    /// They stay as they are; `verify` does not compare them.
    Skip,
}

/// The place of the Parquet files of a bulk import. Every run has a folder of its own below it, which is removed when
/// the import is proven and by a rollback. A bucket is written to with the usual `AWS_…` variables, or the machine's
/// role.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Import {
    /// `s3://bucket/prefix`; or `file:///folder`, which only vecshift's emulator imports from.
    #[schemars(length(min = 1))]
    pub uri: String,
    /// The id of the storage integration that lets the target's service read the bucket; a public bucket needs none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub integration: Option<String>,
}

/// The way the source's ids are found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum EnumerateBy {
    Named(NamedEnumeration),
    Manifest(ManifestEnumeration),
}

impl Default for EnumerateBy {
    fn default() -> Self {
        Self::Named(NamedEnumeration::Auto)
    }
}

/// A way that needs nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NamedEnumeration {
    /// `list` if the source can list, else `sweep` if a namespace fits one, else `partition`, else `staging`.
    Auto,
    /// The index lists its ids (serverless).
    List,
    /// One query for up to 10,000 ids of each namespace (pods).
    Sweep,
    /// Cells by metadata filters, each of at most 10,000 records by the index's own count (pods).
    Partition,
    /// A collection of the pod becomes a serverless index that lists the ids; both are removed again.
    Staging,
}

/// Ids from the system of record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ManifestEnumeration {
    pub manifest: Manifest,
}

/// Ids from `file` or `exec`: CSV with a header or JSON lines with keys `namespace` and `id`, or Parquet with those
/// columns. When the copy begins they are sorted once into a file of the run, which every resume reads.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The file, or a pattern of files (`ids/*.csv`); the extension gives the format (`.csv`, `.jsonl`, `.parquet`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// A command and its arguments that prints the ids, as CSV with a header or as JSON lines; no shell. It must end
    /// with status 0. `plan` and `rehearse` do not run it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exec: Option<Vec<String>>,
    /// The longest the command may take; default `10m`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Span>,
    /// Environment variables the command inherits beside `PATH`; secrets only if named here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<String>,
    /// The column of the namespace; default `namespace`. The rows of a file without it belong to the default
    /// namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The column of the id; default `id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
}

/// The namespaces to copy, and their names on the other side.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Namespaces {
    /// Globs: `*` stands for any characters, `/` included, `?` for one, `[ab]` for one of them, `{a,b}` for either;
    /// upper and lower case differ. Default: all. `__default__` is the default namespace.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1))]
    pub select: Vec<String>,
    /// Globs of namespaces to leave out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclude: Vec<String>,
    /// A template of the new name, which knows `namespace`, `vars` and the lookups. Default: the old name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rename: Option<String>,
    /// Allows several namespaces to get one new name; their ids must be disjoint, which is proven before anything is
    /// copied. Default: two namespaces with one name are an error.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub merge: bool,
    /// Tables that templates look up by namespace.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub lookup: BTreeMap<String, Lookup>,
}

/// A CSV file as a table: the row whose `key` column is the namespace gives the `value` column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Lookup {
    /// The CSV file, with a header.
    pub file: String,
    /// The column that holds the namespace.
    pub key: String,
    /// The column that holds the value.
    pub value: String,
}

/// Changes to each record's metadata, in the order drop, rename, cast, set. A record that cannot be changed as asked
/// (a value that cannot be cast, a new name that is taken) goes to the dead letters with the reason.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MetadataChanges {
    /// Fields to leave out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub drop: Vec<String>,
    /// Fields that get another name: old to new, all at once.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub rename: BTreeMap<String, String>,
    /// Fields that get another type, by their new names; a record without such a field stays as it is.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub cast: BTreeMap<String, Cast>,
    /// Fields to set, with templates that know `namespace`, `id`, `metadata`, `vars` and the lookups. A template that
    /// is a single expression (`"{{ metadata.year }}"`) keeps the value's type; with text around it the result is
    /// text.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub set: BTreeMap<String, serde_json::Value>,
    /// What becomes of a field that is null, where the target keeps no nulls. Without these words a record that holds
    /// what the target does not keep is refused, as the audit says beforehand; with one of them every such value of every
    /// record is changed, last of all changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nulls: Option<AsNulls>,
    /// What becomes of an object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nested: Option<AsNested>,
    /// What becomes of a list of more than strings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lists: Option<AsLists>,
    /// What becomes of a number whose digits no 64-bit float keeps, like a whole number beyond 2^53.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub numbers: Option<AsNumbers>,
    /// What becomes of a time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<AsTimes>,
    /// What becomes of bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<AsBytes>,
}

/// Which vectors of a record are copied, by their names in the source.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VectorChanges {
    /// The one that is copied; all others are left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub pick: Option<String>,
    /// Those that are left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub drop: Vec<String>,
    /// Fields of the target for those of other names: old to new, all at once.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub rename: BTreeMap<String, String>,
    /// Those that the target searches by another metric than the source, where other answers are meant: what is nearest by
    /// one is not by the other, unless all vectors have the length 1. Default: they are refused.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accept_metric: Vec<String>,
}

impl VectorChanges {
    /// Returns whether a record gets other vectors, or other names for them.
    fn changes_records(&self) -> bool {
        self.pick.is_some() || !self.drop.is_empty() || !self.rename.is_empty()
    }
}

/// What a field that is null becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AsNulls {
    /// The record no longer has it.
    Drop,
}

/// What an object in a field becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AsNested {
    /// A field for each member, `object.member`, at any depth. An empty object leaves nothing.
    Flatten,
    /// Its JSON, as text.
    JsonText,
    /// The record no longer has it.
    Drop,
}

/// What a list of more than strings becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AsLists {
    /// Its JSON, as text.
    JsonText,
    /// The record no longer has it.
    Drop,
}

/// What a number becomes that no 64-bit float keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AsNumbers {
    /// Its digits, as text.
    Text,
    /// The nearest 64-bit float.
    Round,
}

/// What a time becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AsTimes {
    /// Text: RFC 3339, where that can say it.
    Text,
    /// Milliseconds since 1970 in UTC, a number; what is finer is cut off.
    EpochMs,
}

/// What bytes become.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AsBytes {
    /// Text, by base64 (RFC 4648, section 4).
    Base64,
    /// The record no longer has them.
    Drop,
}

/// The type a metadata field gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Cast {
    /// A number, from text; not from text whose digits a 64-bit float cannot keep.
    Number,
    /// Text, from a number or boolean.
    String,
    /// A boolean, from `true`, `false`, `1` and `0`, as text or number.
    Bool,
    /// A list of strings; a single value becomes a list of one.
    List,
}
