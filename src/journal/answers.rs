//! What an event says of the request that it answers.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The letter that an event answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answers {
    /// The letter's name. It is taken up once.
    pub id: String,
    /// What the token of the job says, which nobody has verified: `iss`, `sub`, `repository`, `actor` and the like.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub claims: BTreeMap<String, String>,
}

/// The claims that say who asks, of those that the token of a CI job makes.
const KEPT: [&str; 12] = [
    "iss",
    "sub",
    "aud",
    "actor",
    "repository",
    "ref",
    "environment",
    "job_workflow_ref",
    "run_id",
    "user_login",
    "project_path",
    "pipeline_id",
];

/// Returns what a token says, unverified; nothing if it is no token.
pub(super) fn claims(token: &str) -> BTreeMap<String, String> {
    let said = read(token).unwrap_or_default();
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    KEPT.iter().filter_map(|name| Some(((*name).to_owned(), text(said.get(*name)?)))).collect()
}

/// Returns whether a token is made out to `audience`, alone or among others.
pub(super) fn is_for(token: &str, audience: &str) -> bool {
    match read(token).as_ref().and_then(|said| said.get("aud")) {
        Some(Value::String(one)) => one == audience,
        Some(Value::Array(several)) => several.iter().any(|one| one == audience),
        _ => false,
    }
}

fn read(token: &str) -> Option<Map<String, Value>> {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    serde_json::from_slice(&payload).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_claims_of_a_token_that_say_who_asks_are_kept_and_anything_else_is_no_token() {
        use base64::Engine as _;
        let part = |text: &str| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text);
        let payload =
            r#"{"iss":"https://issuer","sub":"repo:a/b:environment:c","exp":7,"run_id":12}"#;
        let token = format!("{}.{}.{}", part("{}"), part(payload), part("signature"));
        let kept: Vec<_> = claims(&token).into_iter().collect();
        let expected =
            [("iss", "https://issuer"), ("run_id", "12"), ("sub", "repo:a/b:environment:c")];
        assert_eq!(kept, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
        for wrong in ["", "a", "a.b", "a.!.c", &format!("a.{}.c", part("7"))] {
            assert!(claims(wrong).is_empty(), "{wrong}");
        }
    }
}
