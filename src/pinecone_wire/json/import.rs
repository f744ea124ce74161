use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::Int;

/// The treatment of a record that cannot be imported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum OnError {
    #[default]
    Abort,
    Continue,
}

impl OnError {
    pub fn word(self) -> &'static str {
        match self {
            Self::Abort => "abort",
            Self::Continue => "continue",
        }
    }

    pub fn read(word: &str) -> Option<Self> {
        [Self::Abort, Self::Continue].into_iter().find(|mode| mode.word() == word)
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StartImport<'a> {
    pub uri: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub integration_id: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_mode: Option<ErrorMode<'a>>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ErrorMode<'a> {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_error: Option<Cow<'a, str>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ImportStarted {
    pub id: String,
}

/// The description of an import.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ImportModel {
    #[serde(default)]
    pub id: String,
    #[serde(default)]
    pub uri: String,
    #[serde(default)]
    pub status: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub percent_complete: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub records_imported: Option<Int>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn an_import_is_written_as_it_is_read() {
        let asked = StartImport {
            uri: "s3://b/p".into(),
            integration_id: Some("i".into()),
            error_mode: Some(ErrorMode { on_error: Some(OnError::Abort.word().into()) }),
        };
        let text = serde_json::to_string(&asked).unwrap();
        let expected =
            json!({"uri": "s3://b/p", "integrationId": "i", "errorMode": {"onError": "abort"}});
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), expected);
        assert_eq!(serde_json::from_str::<StartImport>(&text).unwrap(), asked);

        let model = ImportModel {
            id: "1".to_owned(),
            uri: "s3://b/p".to_owned(),
            status: "InProgress".to_owned(),
            created_at: Some("2026-11-27T00:00:00Z".to_owned()),
            percent_complete: Some(12.5),
            records_imported: Some(Int(7)),
            ..ImportModel::default()
        };
        let text = serde_json::to_string(&model).unwrap();
        let expected = json!({"id": "1", "uri": "s3://b/p", "status": "InProgress",
            "createdAt": "2026-11-27T00:00:00Z", "percentComplete": 12.5, "recordsImported": 7});
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), expected);
        assert_eq!(serde_json::from_str::<ImportModel>(&text).unwrap(), model);
    }

    #[test]
    fn the_mode_has_two_words() {
        assert_eq!(OnError::read("continue"), Some(OnError::Continue));
        assert_eq!(OnError::read("stop"), None);
    }
}
