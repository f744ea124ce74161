//! Changes records on their way, and determines which ones stay behind.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::cast::cast;
use super::loss::Losses;
use super::places::Places;
use crate::error::Result;
use crate::model::{
    Fields, Filter, IdKind, Metadata, MetadataFields, Namespace, Record, RecordId, Value,
};
use crate::plan::{CopyStage, Plan, Template, file};
use crate::store::Fetch;

/// A filter for records, the kind that their ids get, the places of their vectors, and the changes to their metadata: drop,
/// rename, cast, set, then what the target does not keep.
pub struct Transform {
    filter: Option<Filter>,
    ids: Option<IdKind>,
    drop: Vec<String>,
    rename: BTreeMap<String, String>,
    cast: BTreeMap<String, file::Cast>,
    set: Vec<(String, Setter)>,
    losses: Losses,
    places: Places,
    lookups: BTreeMap<String, BTreeMap<String, String>>,
}

enum Setter {
    Fixed(Value),
    Made(Template),
    List(Vec<Setter>),
}

impl Setter {
    fn new(plan: &Plan, value: &serde_json::Value) -> Result<Self> {
        Ok(match value {
            serde_json::Value::String(text) => {
                let template = plan.template(text)?;
                match template.is_constant() {
                    true => Self::Fixed(Value::from(value)),
                    false => Self::Made(template),
                }
            }
            serde_json::Value::Array(items) => {
                let items: Result<Vec<_>> =
                    items.iter().map(|item| Self::new(plan, item)).collect();
                Self::List(items?)
            }
            value => Self::Fixed(Value::from(value)),
        })
    }

    fn value(&self, context: &serde_json::Value) -> Result<Value> {
        Ok(match self {
            Self::Fixed(value) => value.clone(),
            Self::Made(template) => Value::from(&template.evaluate(context)?),
            Self::List(items) => {
                Value::List(items.iter().map(|item| item.value(context)).collect::<Result<_>>()?)
            }
        })
    }
}

/// The result of changing a record.
#[derive(Clone, Debug, PartialEq)]
pub enum Changed {
    /// The record to write. Its id changes only in kind, and of its vectors only the names and how many they are.
    Kept(Record),
    /// The plan's filter leaves the record out.
    LeftOut,
    /// The unchanged record, and the reason why it cannot be changed as the plan asks.
    Refused(Record, String),
}

impl Changed {
    /// Returns the record to write, if there is one.
    pub fn kept(self) -> Option<Record> {
        match self {
            Self::Kept(record) => Some(record),
            Self::LeftOut | Self::Refused(..) => None,
        }
    }
}

impl Transform {
    /// Creates the changes requested by a copy stage, of which there may be none.
    ///
    /// # Errors
    /// `Invalid` if a template cannot be parsed, which reading the plan has ruled out.
    pub fn new(plan: &Plan, copy: &CopyStage, places: Places) -> Result<Self> {
        let changes = copy.asked.metadata.clone().unwrap_or_default();
        let mut set = Vec::new();
        for (field, value) in &changes.set {
            set.push((field.clone(), Setter::new(plan, value)?));
        }
        let losses = Losses::new(&changes);
        Ok(Self {
            losses,
            places,
            filter: copy.filter.clone(),
            ids: copy.asked.ids.as_ref().map(|ids| ids.to),
            drop: changes.drop,
            rename: changes.rename,
            cast: changes.cast,
            set,
            lookups: plan.lookups.clone(),
        })
    }

    /// Returns whether the filter gives the same result before and after the changes, so that a query with it means the
    /// same on both sides.
    pub fn keeps_what_is_filtered(&self) -> bool {
        let touched: BTreeSet<&str> = (self.drop.iter().chain(self.cast.keys()))
            .chain(self.rename.keys().chain(self.rename.values()))
            .chain(self.set.iter().map(|(field, _)| field))
            .map(String::as_str)
            .collect();
        let fields = self.filtered_fields();
        fields.is_empty() || self.losses.is_empty() && fields.is_disjoint(&touched)
    }

    /// Returns the fields used by the filter.
    pub fn filtered_fields(&self) -> BTreeSet<&str> {
        self.filter.as_ref().map(Filter::fields).unwrap_or_default()
    }

    /// Changes a record of the source namespace `namespace`.
    pub fn change(&self, namespace: &Namespace, record: Record) -> Changed {
        if self.filter.as_ref().is_some_and(|filter| !filter.matches(&record.metadata)) {
            return Changed::LeftOut;
        }
        let id = match self.ids.map(|kind| (kind, of_kind(&record.id, kind))) {
            None => None,
            Some((_, Some(id))) => Some(id),
            Some((kind, None)) => {
                return Changed::Refused(record, format!("the id has no form as a {kind}"));
            }
        };
        let metadata = match self.metadata(namespace, &record) {
            Ok(changed) => changed,
            Err(reason) => return Changed::Refused(record, reason),
        };
        let Record { id: own_id, vectors, metadata: own } = record;
        let (id, vectors) = (id.unwrap_or(own_id), self.places.arrange(vectors));
        Changed::Kept(Record { id, vectors, metadata: metadata.unwrap_or(own) })
    }

    /// Returns what the target is to hold of a record; `None` if the copy leaves it out. One that cannot be changed is missing
    /// there, and looked for as it is, under the id that it would have.
    pub fn expected(&self, namespace: &Namespace, record: Record) -> Option<Record> {
        match self.change(namespace, record) {
            Changed::LeftOut => None,
            Changed::Kept(record) => Some(record),
            Changed::Refused(Record { id, vectors, metadata }, _) => {
                Some(Record { id: self.looked_for(id), vectors, metadata })
            }
        }
    }

    /// Returns which of the target's fields of metadata no record of the source can bring a value for; none where the source
    /// does not say which it has.
    pub fn unbrought(&self, source: &MetadataFields, target: &MetadataFields) -> Vec<String> {
        if !source.are_all || self.losses.flattens() {
            return Vec::new();
        }
        let own = source.given.iter().chain(&source.made).filter(|name| !self.drop.contains(name));
        let own = own.map(|name| self.rename.get(name).unwrap_or(name));
        let brought: BTreeSet<_> = own.chain(self.set.iter().map(|(name, _)| name)).collect();
        target.given.iter().filter(|name| !brought.contains(name)).cloned().collect()
    }

    /// Where the vectors of a record go.
    pub fn places(&self) -> &Places {
        &self.places
    }

    /// Returns the id under which the target is looked into for one of the source: what becomes of it, or itself.
    pub fn looked_for(&self, id: RecordId) -> RecordId {
        self.ids.and_then(|kind| of_kind(&id, kind)).unwrap_or(id)
    }

    /// Returns whether the filter may leave records out.
    pub fn leaves_out(&self) -> bool {
        self.filter.is_some()
    }

    /// Returns the id of the source that the target's `id` comes from; `None` if none can become it.
    pub fn origin(&self, id: &RecordId, source: &dyn Fetch) -> Option<RecordId> {
        let Some(kind) = self.ids else { return Some(id.clone()) };
        let origin = source.own_kind(id.to(IdKind::Text)?);
        (of_kind(&origin, kind).as_ref() == Some(id)).then_some(origin)
    }

    /// Returns the metadata to write; `None` if nothing changes.
    fn metadata(&self, namespace: &Namespace, record: &Record) -> Result<Option<Metadata>, String> {
        let changes_nothing = self.drop.is_empty()
            && self.rename.is_empty()
            && self.cast.is_empty()
            && self.set.is_empty()
            && self.losses.is_empty();
        if changes_nothing {
            return Ok(None);
        }
        let mut fields = record.metadata.0.clone();
        self.drop.iter().for_each(|field| drop(fields.remove(field)));
        self.rename(&mut fields)?;
        for (field, to) in &self.cast {
            if let Some(value) = fields.remove(field) {
                let value = cast(value, *to).map_err(|reason| {
                    format!("cannot cast the metadata field `{field}`: {reason}")
                })?;
                fields.insert(field.as_str(), value);
            }
        }
        if !self.set.is_empty() {
            let context = self.context(namespace, record);
            for (field, setter) in &self.set {
                let value = setter.value(&context).map_err(|error| {
                    format!("cannot set the metadata field `{field}`: {}", error.message())
                })?;
                fields.insert(field.as_str(), value);
            }
        }
        match self.losses.is_empty() {
            true => Ok(Some(Metadata(fields))),
            false => self.losses.change(fields).map(|fields| Some(Metadata(fields))),
        }
    }

    /// Renames all fields at once, so that two can swap their names.
    fn rename(&self, fields: &mut Fields) -> Result<(), String> {
        let taken_out = |(old, new): (&String, &String)| {
            fields.remove(old).map(|value| (old.clone(), new.clone(), value))
        };
        let renamed: Vec<_> = self.rename.iter().filter_map(taken_out).collect();
        for (old, new, value) in renamed {
            if fields.contains_key(&new) {
                return Err(format!(
                    "cannot rename the metadata field `{old}`: the record has a field `{new}`"
                ));
            }
            fields.insert(new, value);
        }
        Ok(())
    }

    fn context(&self, namespace: &Namespace, record: &Record) -> serde_json::Value {
        let mut context = namespace_context(namespace, &self.lookups);
        context["id"] = json!(record.id.text());
        context["metadata"] = json!(record.metadata);
        context
    }
}

/// Returns what becomes of an id that gets a kind; `None` if it has no form of it. A negative number is a text in every store,
/// so it stays one.
fn of_kind(id: &RecordId, kind: IdKind) -> Option<RecordId> {
    let is_kept = || kind == IdKind::Number && id.is_negative_number();
    id.to(kind).or_else(|| is_kept().then(|| id.clone()))
}

/// Builds the context of a per-namespace template: `namespace` and each lookup's value for it.
pub(super) fn namespace_context(
    namespace: &Namespace,
    lookups: &BTreeMap<String, BTreeMap<String, String>>,
) -> serde_json::Value {
    let mut context = json!({ "namespace": namespace.explicit() });
    for (name, rows) in lookups {
        if let Some(value) = rows.get(namespace.explicit()) {
            context[name] = json!(value);
        }
    }
    context
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Vector, Vectors};

    fn transform(filter: serde_json::Value, changes: serde_json::Value) -> Transform {
        let changes: file::MetadataChanges = serde_json::from_value(changes).unwrap();
        Transform {
            losses: Losses::new(&changes),
            places: Places::default(),
            filter: (!filter.is_null()).then(|| Filter::read(&filter).unwrap()),
            ids: None,
            drop: changes.drop,
            rename: changes.rename,
            cast: changes.cast,
            set: changes
                .set
                .iter()
                .map(|(field, value)| (field.clone(), Setter::Fixed(value.into())))
                .collect(),
            lookups: BTreeMap::new(),
        }
    }

    fn change(transform: &Transform, metadata: serde_json::Value) -> Changed {
        let record = Record {
            id: RecordId::from("r"),
            vectors: Vectors::plain(Vector::from_values([1.0]), None),
            metadata: serde_json::from_value(metadata).unwrap(),
        };
        transform.change(&Namespace::from("n"), record)
    }

    fn kept(changed: Changed) -> serde_json::Value {
        json!(changed.kept().unwrap().metadata)
    }

    #[test]
    fn changes_come_in_their_order() {
        let changes = json!({
            "drop": ["b"], "rename": {"a": "b"}, "cast": {"b": "number", "absent": "list"}, "set": {"c": 1}
        });
        let changed = change(&transform(json!(null), changes), json!({"a": "7", "b": 1, "d": "x"}));
        assert_eq!(kept(changed), json!({"b": 7.0, "c": 1, "d": "x"}));
    }

    #[test]
    fn two_fields_swap_their_names() {
        let changes = json!({"rename": {"a": "b", "b": "a"}});
        let changed = change(&transform(json!(null), changes), json!({"a": 1, "b": 2}));
        assert_eq!(kept(changed), json!({"a": 2, "b": 1}));
    }

    #[test]
    fn a_name_that_is_taken_refuses_the_record_and_leaves_it_as_it_was() {
        let changes = json!({"rename": {"a": "b"}});
        let changed = change(&transform(json!(null), changes), json!({"a": 1, "b": 2}));
        let Changed::Refused(record, reason) = changed else { panic!("{changed:?}") };
        assert!(reason.contains("`a`") && reason.contains("`b`"), "{reason}");
        assert_eq!(json!(record.metadata), json!({"a": 1, "b": 2}));
    }

    #[test]
    fn what_cannot_be_cast_is_refused_with_the_field() {
        let changes = json!({"cast": {"year": "number"}});
        let changed = change(&transform(json!(null), changes), json!({"year": "soon"}));
        let Changed::Refused(_, reason) = changed else { panic!("{changed:?}") };
        assert!(reason.contains("`year`") && !reason.contains("soon"), "{reason}");
    }

    #[test]
    fn what_is_set_by_one_expression_keeps_its_type() {
        let text = r#"version: 1
name: example
source: { provider: pinecone, index: old }
target: { provider: pinecone, index: new }
stages:
  - kind: copy
    metadata:
      set:
        number: "{{ metadata.k }}"
        text: "{{ metadata.k }} of {{ namespace }}"
        string: "{{ metadata.k | string }}"
        list: "{{ metadata.tags }}"
        flag: "{{ metadata.k > 5 }}"
        parts: ["{{ namespace }}", "{% if metadata.k > 5 %}many{% endif %}", "fixed"]
    assert: [copy.failed == 0]
"#;
        let path = std::path::Path::new("plan.yaml");
        let plan = crate::provider::language()
            .read_text(path, text.to_owned(), &Default::default())
            .unwrap()
            .plan;
        let transform = Transform::new(&plan, &plan.copies[0], Places::default()).unwrap();
        let changed = change(&transform, json!({"k": 7, "tags": ["a", "b"]}));
        assert_eq!(
            kept(changed),
            json!({
                "k": 7, "tags": ["a", "b"], "number": 7, "text": "7 of n", "string": "7",
                "list": ["a", "b"], "flag": true, "parts": ["n", "many", "fixed"]
            })
        );
        assert!(matches!(change(&transform, json!({"k": 7})), Changed::Refused(..)));
    }

    /// A store whose ids are of one kind.
    struct Keeps(IdKind);

    #[async_trait::async_trait]
    impl Fetch for Keeps {
        fn most(&self) -> usize {
            1
        }

        fn own_kind(&self, id: RecordId) -> RecordId {
            id.to(self.0).unwrap_or(id)
        }

        async fn fetch(&self, _: &Namespace, _: &[RecordId]) -> Result<Vec<Record>> {
            Ok(Vec::new())
        }
    }

    #[test]
    fn an_id_gets_another_kind_and_keeps_its_text() {
        let uuid = RecordId::from("0123abcd-0001-0002-8003-000000000004");
        let ids = [
            RecordId::Number(42),
            uuid.to(IdKind::Uuid).unwrap(),
            "42".into(),
            "-42".into(),
            "x".into(),
        ];
        for (to, becomes) in [
            (None, [true; 5]),
            (Some(IdKind::Text), [true; 5]),
            (Some(IdKind::Number), [true, false, true, true, false]),
            (Some(IdKind::Uuid), [false, true, false, false, false]),
        ] {
            let changes = Transform { ids: to, ..transform(json!(null), json!({})) };
            for (id, becomes) in ids.iter().zip(becomes) {
                let record = Record {
                    id: id.clone(),
                    vectors: Vectors::plain(Vector::from_values([1.0]), None),
                    metadata: Metadata::default(),
                };
                let Some(changed) = changes.change(&Namespace::new("n"), record).kept() else {
                    assert!(!becomes, "{id:?} {to:?}");
                    continue;
                };
                assert!(becomes && changed.id.text() == id.text(), "{id:?} {to:?}");
                let kind = to.filter(|_| !id.is_negative_number()).unwrap_or(id.kind());
                assert_eq!(changed.id.kind(), kind);
                let found = changes.origin(&changed.id, &Keeps(id.kind()));
                assert_eq!(found.as_ref(), Some(id), "{to:?}");
            }
        }
    }

    #[test]
    fn the_filter_sees_the_record_as_the_source_has_it() {
        let transform = transform(json!({"a": 1}), json!({"drop": ["a"]}));
        assert_eq!(kept(change(&transform, json!({"a": 1, "b": 2}))), json!({"b": 2}));
        assert_eq!(change(&transform, json!({"a": 2})), Changed::LeftOut);
        assert!(!transform.keeps_what_is_filtered());
    }
}
