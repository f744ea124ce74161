//! The other drivers, against real files, processes and a server.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::get;
use tempfile::TempDir;
use vecshift::ErrorKind;
use vecshift::clock::{Clock, Timestamp};
use vecshift::journal::Aftermath;
use vecshift::model::Share;
use vecshift::plan::file::{EnvFile, ExecDriver, HttpCall, Secret, Traffic, Webhook};
use vecshift::traffic::{Driver, DriverContext, Seen, Shift, open, shift};

fn driver_of(traffic: &Traffic, folder: &Path) -> Box<dyn Driver> {
    let path = std::env::var("PATH").unwrap();
    let env = [("PATH", path.as_str()), ("TOKEN", "s3cret"), ("OTHER", "hidden")];
    let env = env.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let context = DriverContext {
        plan: "twin".into(),
        base: folder.to_owned(),
        env: BTreeMap::from(env),
        ..DriverContext::default()
    };
    open(traffic, context).unwrap()
}

fn env_file(folder: &Path) -> Box<dyn Driver> {
    let file = EnvFile {
        file: "app.env".into(),
        variable: "INDEX".into(),
        source_value: Some("twin-pod".into()),
        target_value: Some("twin-serverless".into()),
    };
    driver_of(&Traffic::EnvFile(file), folder)
}

#[tokio::test]
async fn an_env_file_says_all_or_nothing() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("app.env");
    std::fs::write(&path, "# which index\nexport INDEX='twin-pod'\nPORT=80\n").unwrap();
    let driver = env_file(folder.path());
    assert_eq!(driver.read().await.unwrap(), Seen::weight(Share(0.0)));
    assert!(is_set(&*driver, Share(1.0)).await);
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(text, "# which index\nexport INDEX='twin-serverless'\nPORT=80\n");
    assert_eq!(driver.set(Share(0.5)).await.unwrap_err().kind(), ErrorKind::Invalid);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    for foreign in ["INDEX=elsewhere\n", "INDEX=twin-pod\nINDEX=twin-serverless\n"] {
        std::fs::write(&path, foreign).unwrap();
        assert!(matches!(driver.read().await.unwrap(), Seen::Foreign(_)), "{foreign}");
    }
    std::fs::write(&path, "PORT=80\n").unwrap();
    assert_eq!(driver.read().await.unwrap(), Seen::Unset("INDEX is not set".into()));
    std::fs::remove_file(&path).unwrap();
    assert!(matches!(driver.read().await.unwrap(), Seen::Unset(_)));
}

/// Returns a clock on which waiting takes no time.
fn clock() -> Clock {
    Clock::test(Timestamp::UNIX_EPOCH)
}

/// Returns whether the weight was set and read back without a word.
async fn is_set(driver: &dyn Driver, weight: Share) -> bool {
    matches!(shift(driver, weight, &clock()).await.unwrap(), Shift::Set { despite: None, .. })
}

#[cfg(unix)]
#[tokio::test]
async fn a_replaced_file_keeps_its_mode_and_its_link() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let folder = TempDir::new().unwrap();
    let (real, link) = (folder.path().join("real.env"), folder.path().join("app.env"));
    std::fs::write(&real, "INDEX=twin-pod\n").unwrap();
    std::fs::set_permissions(&real, std::fs::Permissions::from_mode(0o640)).unwrap();
    symlink(&real, &link).unwrap();
    env_file(folder.path()).set(Share(1.0)).await.unwrap();
    assert_eq!(std::fs::metadata(&real).unwrap().permissions().mode() & 0o777, 0o640);
    assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(std::fs::read_to_string(&real).unwrap(), "INDEX=twin-serverless\n");
}

fn exec(set: &[&str], read: Option<&[&str]>) -> Traffic {
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    Traffic::Exec(ExecDriver { set: words(set), read: read.map(words), timeout: None })
}

#[tokio::test]
async fn commands_set_and_read_a_weight() {
    let folder = TempDir::new().unwrap();
    let set = ["sh", "-c", "echo $VECSHIFT_WEIGHT > weight; echo $VECSHIFT_PLAN $TOKEN > seen"];
    let driver = driver_of(&exec(&set, Some(&["cat", "weight"])), folder.path());
    for percent in [0.5, 25.0, 100.0] {
        assert!(is_set(&*driver, Share(percent / 100.0)).await);
    }
    let seen = std::fs::read_to_string(folder.path().join("seen")).unwrap();
    assert_eq!(seen, "twin\n", "the environment is not inherited");
    assert_eq!(std::fs::read_to_string(folder.path().join("weight")).unwrap(), "100\n");
}

#[tokio::test]
async fn another_weight_read_back_is_what_is_set() {
    let folder = TempDir::new().unwrap();
    let driver = driver_of(&exec(&["true"], Some(&["echo", "10%"])), folder.path());
    let Shift::NotSet { error, after } = shift(&*driver, Share(0.25), &clock()).await.unwrap()
    else {
        panic!("10% was taken for 25%")
    };
    assert_eq!(error.kind(), ErrorKind::Failed);
    assert_eq!(error.message(), "25% was set, and read back: 10%");
    assert_eq!(after, Aftermath::Read { weight: Share(0.1), print: None });
    assert!(is_set(&*driver, Share(0.1)).await);
}

/// Sets 25 % with a command that sets it, or does not, and another that reads; returns the outcome.
async fn after_a_set(set: &str, read: Option<&str>) -> Shift {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("weight"), "5").unwrap();
    let read = read.map(|script| ["sh", "-c", script]);
    let traffic = exec(&["sh", "-c", set], read.as_ref().map(|words| &words[..]));
    shift(&*driver_of(&traffic, folder.path()), Share(0.25), &clock()).await.unwrap()
}

const SETS_AND_FAILS: &str = "echo $VECSHIFT_WEIGHT > weight; echo gateway timeout >&2; exit 1";

#[tokio::test]
async fn a_set_that_fails_is_looked_at() {
    let set = after_a_set(SETS_AND_FAILS, Some("cat weight")).await;
    let Shift::Set { despite: Some(error), .. } = set else { panic!("{set:?}") };
    assert!(error.to_string().contains("gateway timeout"), "{error}");

    let not_set = after_a_set("exit 1", Some("cat weight")).await;
    let Shift::NotSet { after, error } = not_set else { panic!("{not_set:?}") };
    assert_eq!(after, Aftermath::Read { weight: Share(0.05), print: None });
    assert_eq!(error.kind(), ErrorKind::Failed);

    for read in [Some("exit 1"), Some("echo nonsense"), None] {
        let unknown = after_a_set(SETS_AND_FAILS, read).await;
        let Shift::NotSet { after, error } = unknown else { panic!("{unknown:?}") };
        assert_eq!(after, Aftermath::Unknown, "{read:?}");
        assert!(error.to_string().contains("gateway timeout"), "the first error: {error}");
    }
}

/// A command that shows 5 % until it has been asked `times` times.
fn late(times: usize) -> String {
    format!("echo >> asked; [ $(wc -l < asked) -gt {times} ] && cat weight || echo 5")
}

#[tokio::test]
async fn a_weight_that_is_seen_late_is_waited_for() {
    let sets = "echo $VECSHIFT_WEIGHT > weight";
    for times in [0, 1, 20] {
        let set = after_a_set(sets, Some(&late(times))).await;
        assert!(matches!(set, Shift::Set { despite: None, .. }), "{times}: {set:?}");
    }
    let not_in_time = after_a_set(sets, Some(&late(1000))).await;
    let Shift::NotSet { after: Aftermath::Read { weight, .. }, .. } = not_in_time else {
        panic!("{not_in_time:?}")
    };
    assert_eq!(weight, Share(0.05));
    // Nor does one read that fails decide.
    let unread = "echo >> asked; [ $(wc -l < asked) -gt 2 ] && cat weight";
    let set = after_a_set(sets, Some(unread)).await;
    assert!(matches!(set, Shift::Set { despite: None, .. }), "{set:?}");
}

#[tokio::test]
async fn a_set_that_succeeds_and_cannot_be_read_is_unknown() {
    let unknown = after_a_set("true", Some("exit 3")).await;
    let Shift::NotSet { after: Aftermath::Unknown, error } = unknown else { panic!("{unknown:?}") };
    assert!(error.to_string().contains("read the weight"), "{error}");
}

#[tokio::test]
async fn a_file_that_cannot_be_set_is_as_it_was() {
    let folder = TempDir::new().unwrap();
    std::fs::create_dir(folder.path().join("app.env")).unwrap();
    let driver = env_file(folder.path());
    let Shift::NotSet { after, .. } = shift(&*driver, Share(1.0), &clock()).await.unwrap() else {
        panic!("a folder was written as a file")
    };
    assert_eq!(after, Aftermath::Unchanged);
    assert!(!driver.check().await.is_empty());
}

#[tokio::test]
async fn what_cannot_work_is_found_by_looking() {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("plain.sh"), "echo 5").unwrap();
    let good = Some(&["echo", "5"][..]);
    for (set, read, problems) in [
        (&["true"][..], good, 0),
        (&["./gone.sh"], good, 1),
        (&["./plain.sh"], good, 1),
        (&["no-such-program-anywhere"], good, 1),
        (&["./gone.sh"], Some(&["./gone-too.sh"][..]), 2),
        (&["true"], Some(&["false"]), 1),
        (&["true"], Some(&["echo", "on"]), 1),
        (&["true"], None, 0),
    ] {
        let found = driver_of(&exec(set, read), folder.path()).check().await;
        assert_eq!(found.len(), problems, "{set:?} {read:?}: {found:?}");
    }
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(left.len(), 1, "looking leaves nothing: {left:?}");
}

#[tokio::test]
async fn a_driver_that_cannot_read_back_says_so() {
    let folder = TempDir::new().unwrap();
    let driver = driver_of(&exec(&["true"], None), folder.path());
    assert!(!driver.can_read());
    assert_eq!(driver.read().await.unwrap(), Seen::Mute);
    assert!(matches!(shift(&*driver, Share(0.25), &clock()).await.unwrap(), Shift::Requested));
}

#[tokio::test]
async fn a_command_that_fails_or_prints_nonsense_is_an_error() {
    let folder = TempDir::new().unwrap();
    let failing = ["sh", "-c", "echo no such flag >&2; exit 3"];
    let error = driver_of(&exec(&failing, None), folder.path()).set(Share(0.05)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Failed);
    assert!(error.to_string().contains("no such flag"), "{error}");
    for printed in ["", "many", "101", "-1", "NaN"] {
        let driver = driver_of(&exec(&["true"], Some(&["echo", printed])), folder.path());
        assert_eq!(driver.read().await.unwrap_err().kind(), ErrorKind::Protocol, "{printed}");
    }
}

/// The last request to the server: body and authorization.
type LastRequest = Arc<Mutex<(String, String)>>;

async fn server() -> (String, LastRequest) {
    let last = LastRequest::default();
    let put = |State(last): State<LastRequest>, headers: HeaderMap, body: String| async move {
        let header = headers.get("authorization").and_then(|value| value.to_str().ok());
        let authorization = header.unwrap_or_default().to_owned();
        if authorization != "Bearer s3cret" {
            return (StatusCode::FORBIDDEN, format!("{authorization} will not do"));
        }
        *last.lock().unwrap() = (body, authorization);
        (StatusCode::OK, String::new())
    };
    let read = |State(last): State<LastRequest>| async move {
        let body: serde_json::Value = serde_json::from_str(&last.lock().unwrap().0).unwrap();
        serde_json::json!({ "split": [{ "to": "new", "share": body["weight"] }] }).to_string()
    };
    let routes =
        axum::Router::new().route("/flags/twin", get(read).put(put)).with_state(last.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, routes).await });
    (format!("http://{address}"), last)
}

fn call(bearer: Option<&str>) -> HttpCall {
    HttpCall {
        get: None,
        post: None,
        put: None,
        patch: None,
        body: None,
        bearer: bearer.map(|name| Secret::Env(name.into())),
    }
}

fn webhook(server: &str, bearer: &str, pointer: &str) -> Traffic {
    let set = HttpCall {
        put: Some(format!("{server}/flags/{{{{ plan }}}}")),
        body: Some(r#"{"weight": {{ weight }}, "salt": {{ salt | tojson }}}"#.into()),
        ..call(Some(bearer))
    };
    let read = HttpCall { get: Some(format!("{server}/flags/twin")), ..call(None) };
    Traffic::Webhook(Webhook { set, read: Some(read), pointer: Some(pointer.into()) })
}

#[tokio::test]
async fn requests_set_and_read_a_weight() {
    let (server, last) = server().await;
    let folder = TempDir::new().unwrap();
    let driver = driver_of(&webhook(&server, "TOKEN", "/split/0/share"), folder.path());
    for (percent, body) in
        [(5.0, r#"{"weight": 5, "salt": "twin"}"#), (0.5, r#"{"weight": 0.5, "salt": "twin"}"#)]
    {
        assert!(is_set(&*driver, Share(percent / 100.0)).await);
        assert_eq!(last.lock().unwrap().0, body);
    }
    let elsewhere = driver_of(&webhook(&server, "TOKEN", "/split/1/share"), folder.path());
    assert_eq!(elsewhere.read().await.unwrap_err().kind(), ErrorKind::Protocol);
    assert!(driver.check().await.is_empty());
    assert_eq!(elsewhere.check().await.len(), 1, "the read is tried");
    let no_secret = driver_of(&webhook(&server, "NOWHERE", "/split/0/share"), folder.path());
    assert_eq!(no_secret.check().await.len(), 1, "the secret is looked for");
    assert_eq!(last.lock().unwrap().0, r#"{"weight": 0.5, "salt": "twin"}"#, "nothing was set");
}

#[tokio::test]
async fn a_refused_request_shows_all_but_the_secret() {
    let (server, _) = server().await;
    let folder = TempDir::new().unwrap();
    let driver = driver_of(&webhook(&server, "OTHER", ""), folder.path());
    let error = driver.set(Share(0.05)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized);
    let text = format!("{error} {error:?}");
    assert!(text.contains("Bearer [secret] will not do"), "{text}");
    assert!(!text.contains("hidden"), "{text}");
    let missing = driver_of(&webhook(&server, "NOWHERE", ""), folder.path());
    let error = missing.set(Share(0.05)).await.unwrap_err();
    assert!(error.to_string().contains("NOWHERE"), "{error}");
}

#[tokio::test]
async fn an_unreachable_server_can_be_tried_again_and_its_address_is_not_shown() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook/T0KEN", listener.local_addr().unwrap());
    drop(listener);
    let set = HttpCall { post: Some(url), ..call(None) };
    let traffic = Traffic::Webhook(Webhook { set, read: None, pointer: None });
    let driver = driver_of(&traffic, Path::new("."));
    let error = driver.set(Share(0.05)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.is_retryable());
    assert!(!format!("{error} {}", driver.describe()).contains("T0KEN"), "{error}");
}
