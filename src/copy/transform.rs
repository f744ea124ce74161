//! What changes of a record on its way.

use std::collections::BTreeMap;

use serde_json::json;

use crate::error::Result;
use crate::model::{Metadata, MetadataValue, Namespace, Record};
use crate::plan::{Plan, Template, file};

/// Changes to each record's metadata: drop, then rename, then set.
pub struct Transform {
    drop: Vec<String>,
    rename: BTreeMap<String, String>,
    set: Vec<(String, Setter)>,
    lookups: BTreeMap<String, BTreeMap<String, String>>,
}

enum Setter {
    Fixed(MetadataValue),
    Rendered(Template),
}

impl Transform {
    /// The changes a copy stage asks for; none where it asks for none.
    ///
    /// # Errors
    /// `Invalid` where a template does not parse (which reading the plan has excluded).
    pub fn new(plan: &Plan, changes: Option<&file::MetadataChanges>) -> Result<Self> {
        let mut transform = Self {
            drop: Vec::new(),
            rename: BTreeMap::new(),
            set: Vec::new(),
            lookups: plan.lookups.clone(),
        };
        let Some(changes) = changes else { return Ok(transform) };
        transform.drop.clone_from(&changes.drop);
        transform.rename.clone_from(&changes.rename);
        for (field, value) in &changes.set {
            let setter = match value {
                serde_json::Value::String(text) if text.contains("{{") => {
                    Setter::Rendered(plan.template(text)?)
                }
                value => Setter::Fixed(MetadataValue::from(value)),
            };
            transform.set.push((field.clone(), setter));
        }
        Ok(transform)
    }

    /// The record as the target shall have it; id and vectors never change.
    ///
    /// # Errors
    /// `Invalid` where a template cannot be rendered for this record.
    pub fn apply(&self, namespace: &Namespace, mut record: Record) -> Result<Record> {
        if self.drop.is_empty() && self.rename.is_empty() && self.set.is_empty() {
            return Ok(record);
        }
        let before = self.needs_metadata().then(|| record.metadata.clone());
        let fields = &mut record.metadata.0;
        self.drop.iter().for_each(|field| drop(fields.remove(field)));
        for (old, new) in &self.rename {
            if let Some(value) = fields.remove(old) {
                fields.insert(new.clone(), value);
            }
        }
        for (field, setter) in &self.set {
            let value = match setter {
                Setter::Fixed(value) => value.clone(),
                Setter::Rendered(template) => {
                    let context = self.context(namespace, record.id.as_str(), before.as_ref());
                    let rendered = template.render(&context).map_err(|error| {
                        error.with_context("id", &record.id).with_context("namespace", namespace)
                    })?;
                    MetadataValue::String(rendered)
                }
            };
            record.metadata.0.insert(field.clone(), value);
        }
        Ok(record)
    }

    fn needs_metadata(&self) -> bool {
        self.set.iter().any(|(_, setter)| matches!(setter, Setter::Rendered(_)))
    }

    fn context(
        &self,
        namespace: &Namespace,
        id: &str,
        metadata: Option<&Metadata>,
    ) -> serde_json::Value {
        let mut context = namespace_context(namespace, &self.lookups);
        context["id"] = json!(id);
        context["metadata"] = json!(metadata);
        context
    }
}

/// What a per-namespace template sees: `namespace` and each lookup's value for it.
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
