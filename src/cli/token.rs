//! The OpenID Connect token of a CI job, which says who asks better than a name does.

use std::time::Duration;

use serde::Deserialize;

use super::session::Session;
use crate::journal::Letter;
use crate::tls;

/// The longest time that the CI's service may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// The audience that a token is asked for: it opens nothing elsewhere.
const AUDIENCE: &str = "vecshift";
/// The variable that holds a token where the CI does not give one out on request.
const VARIABLE: &str = "VECSHIFT_ID_TOKEN";

/// Returns a letter with the token of the job that runs this command: the one in `VECSHIFT_ID_TOKEN`, or the one that GitHub
/// Actions gives to jobs with `id-token: write`. Where there is none, or none to be had, a name is all there is; and so it is
/// in a folder of this machine, where whoever can write a letter can write a name.
pub async fn signed(session: &Session, letter: Letter) -> Letter {
    if session.place.is_folder() {
        return letter;
    }
    let Some(token) = token(session).await else { return letter };
    let letter = letter.signed(&token, AUDIENCE);
    if letter.token.is_none() {
        tracing::warn!(
            "the job's token is not made out to `{AUDIENCE}` and is not kept, only what it says: nobody can verify it later"
        );
    }
    letter
}

async fn token(session: &Session) -> Option<String> {
    let of = |name: &str| session.surroundings.get(name);
    if let Some(token) = of(VARIABLE) {
        return Some(token.to_owned());
    }
    let (url, bearer) =
        (of("ACTIONS_ID_TOKEN_REQUEST_URL")?, of("ACTIONS_ID_TOKEN_REQUEST_TOKEN")?);
    match asked(url, bearer).await {
        Ok(token) => Some(token),
        Err(error) => {
            tracing::warn!(%error, "the job has no token of its CI");
            None
        }
    }
}

async fn asked(url: &str, bearer: &str) -> Result<String, Box<dyn std::error::Error>> {
    #[derive(Deserialize)]
    struct Given {
        value: String,
    }
    let client = reqwest::Client::builder()
        .tls_backend_preconfigured(tls::client_config()?)
        .timeout(PATIENCE)
        .build()?;
    let request = client.get(url).query(&[("audience", AUDIENCE)]).bearer_auth(bearer);
    let given: Given = request.send().await?.error_for_status()?.json().await?;
    Ok(given.value)
}
