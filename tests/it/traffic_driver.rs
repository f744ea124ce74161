//! The other drivers, against real files, processes and a server.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::get;
use tempfile::TempDir;
use vecshift::ErrorKind;
use vecshift::model::Share;
use vecshift::plan::file::{EnvFile, ExecDriver, HttpCall, Secret, Traffic, Webhook};
use vecshift::traffic::{Confirmed, Driver, DriverContext, open, shift};

fn driver_of(traffic: &Traffic, folder: &Path) -> Box<dyn Driver> {
    let path = std::env::var("PATH").unwrap();
    let env = [("PATH", path.as_str()), ("TOKEN", "s3cret"), ("OTHER", "hidden")];
    let env = env.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let context =
        DriverContext { plan: "twin".into(), base: folder.to_owned(), env: BTreeMap::from(env) };
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
    assert_eq!(driver.read().await.unwrap(), Some(Share(0.0)));
    assert_eq!(shift(&*driver, Share(1.0)).await.unwrap(), Confirmed::Actual);
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(text, "# which index\nexport INDEX='twin-serverless'\nPORT=80\n");
    assert_eq!(driver.set(Share(0.5)).await.unwrap_err().kind(), ErrorKind::Invalid);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    std::fs::write(&path, "INDEX=elsewhere\n").unwrap();
    assert_eq!(driver.read().await.unwrap_err().kind(), ErrorKind::Conflict);
    std::fs::remove_file(&path).unwrap();
    assert_eq!(driver.read().await.unwrap_err().kind(), ErrorKind::NotFound);
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
        assert_eq!(shift(&*driver, Share(percent / 100.0)).await.unwrap(), Confirmed::Actual);
    }
    let seen = std::fs::read_to_string(folder.path().join("seen")).unwrap();
    assert_eq!(seen, "twin\n", "the environment is not inherited");
    assert_eq!(std::fs::read_to_string(folder.path().join("weight")).unwrap(), "100\n");
}

#[tokio::test]
async fn another_weight_read_back_is_a_conflict() {
    let folder = TempDir::new().unwrap();
    let driver = driver_of(&exec(&["true"], Some(&["echo", "10%"])), folder.path());
    let error = shift(&*driver, Share(0.25)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert_eq!(error.message(), "25% was set, and 10% is read back");
    assert_eq!(shift(&*driver, Share(0.1)).await.unwrap(), Confirmed::Actual);
}

#[tokio::test]
async fn a_driver_that_cannot_read_back_says_so() {
    let folder = TempDir::new().unwrap();
    let driver = driver_of(&exec(&["true"], None), folder.path());
    assert_eq!(shift(&*driver, Share(0.25)).await.unwrap(), Confirmed::Requested);
}

#[tokio::test]
async fn a_command_that_fails_or_prints_nonsense_is_an_error() {
    let folder = TempDir::new().unwrap();
    let failing = ["sh", "-c", "echo no such flag >&2; exit 3"];
    let error = driver_of(&exec(&failing, None), folder.path()).set(Share(0.05)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(error.to_string().contains("no such flag"), "{error}");
    for printed in ["", "many", "101", "-1", "NaN"] {
        let driver = driver_of(&exec(&["true"], Some(&["echo", printed])), folder.path());
        assert_eq!(driver.read().await.unwrap_err().kind(), ErrorKind::Protocol, "{printed}");
    }
}

/// What the server was told last: the body and the authorization.
type Told = Arc<Mutex<(String, String)>>;

async fn server() -> (String, Told) {
    let told = Told::default();
    let put = |State(told): State<Told>, headers: HeaderMap, body: String| async move {
        let header = headers.get("authorization").and_then(|value| value.to_str().ok());
        let authorization = header.unwrap_or_default().to_owned();
        if authorization != "Bearer s3cret" {
            return (StatusCode::FORBIDDEN, format!("{authorization} will not do"));
        }
        *told.lock().unwrap() = (body, authorization);
        (StatusCode::OK, String::new())
    };
    let read = |State(told): State<Told>| async move {
        let body: serde_json::Value = serde_json::from_str(&told.lock().unwrap().0).unwrap();
        serde_json::json!({ "split": [{ "to": "new", "share": body["weight"] }] }).to_string()
    };
    let routes =
        axum::Router::new().route("/flags/twin", get(read).put(put)).with_state(told.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, routes).await });
    (format!("http://{address}"), told)
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
    let (server, told) = server().await;
    let folder = TempDir::new().unwrap();
    let driver = driver_of(&webhook(&server, "TOKEN", "/split/0/share"), folder.path());
    for (percent, body) in
        [(5.0, r#"{"weight": 5, "salt": "twin"}"#), (0.5, r#"{"weight": 0.5, "salt": "twin"}"#)]
    {
        assert_eq!(shift(&*driver, Share(percent / 100.0)).await.unwrap(), Confirmed::Actual);
        assert_eq!(told.lock().unwrap().0, body);
    }
    let elsewhere = driver_of(&webhook(&server, "TOKEN", "/split/1/share"), folder.path());
    assert_eq!(elsewhere.read().await.unwrap_err().kind(), ErrorKind::Protocol);
}

#[tokio::test]
async fn a_refused_request_tells_all_but_the_secret() {
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
async fn an_unreachable_server_can_be_tried_again_and_its_address_is_not_told() {
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
