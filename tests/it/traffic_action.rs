//! Commands and requests, and their deadlines.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use serde_json::json;
use vecshift::ErrorKind;
use vecshift::plan::file::HttpCall;
use vecshift::traffic::action::{Command, run_command, send_http};

const LONG: Duration = Duration::from_secs(60);

fn command(argv: &[&str], timeout: Duration) -> Command {
    let argv: Vec<String> = argv.iter().map(|word| (*word).to_owned()).collect();
    let env = BTreeMap::from([
        ("PATH".to_owned(), std::env::var("PATH").unwrap()),
        ("NAMED".to_owned(), "yes".to_owned()),
        ("SECRET".to_owned(), "no".to_owned()),
    ]);
    Command::new(&argv, &env, &["NAMED".to_owned()], Path::new("/"), timeout)
}

#[tokio::test]
async fn a_command_gets_its_input_and_only_the_environment_it_may_see() {
    let echo = command(&["sh", "-c", "cat; echo $NAMED-$SECRET-$EXTRA >&2; pwd"], LONG)
        .with_env("EXTRA", "more")
        .with_stdin(r#"{"event":"paused"}"#);
    let output = run_command(&echo).await.unwrap().success().unwrap();
    assert_eq!(output.stdout, "{\"event\":\"paused\"}/\n");
    assert_eq!(output.stderr, "yes--more\n");
}

#[tokio::test]
async fn there_is_no_shell() {
    let output = run_command(&command(&["echo", "$HOME; echo 2"], LONG)).await.unwrap();
    assert_eq!(output.stdout, "$HOME; echo 2\n");
}

#[tokio::test]
async fn a_program_by_path_starts_at_the_folder_of_the_plan() {
    let folder = tempfile::TempDir::new().unwrap();
    let script = folder.path().join("ops.sh");
    std::fs::write(&script, "#!/bin/sh\necho ran $1\n").unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&script, mode).unwrap();
    let mut relative = command(&["./ops.sh", "once"], LONG);
    relative.directory = folder.path().to_owned();
    assert_eq!(run_command(&relative).await.unwrap().stdout, "ran once\n");
}

#[tokio::test]
async fn output_is_bounded_and_its_end_is_kept() {
    let noisy = command(&["sh", "-c", "yes | head -c 1000000; echo last"], LONG);
    let output = run_command(&noisy).await.unwrap();
    assert!(output.stdout.len() <= 4096);
    assert!(output.stdout.ends_with("last\n"));
}

#[tokio::test]
async fn unread_input_is_no_error() {
    let deaf = command(&["true"], LONG).with_stdin(vec![b'x'; 1_000_000]);
    assert!(run_command(&deaf).await.unwrap().status.success());
}

#[tokio::test]
async fn a_deadline_kills_the_command_and_what_it_started() {
    let folder = tempfile::TempDir::new().unwrap();
    let pipe = folder.path().join("alive");
    let made = command(&["mkfifo", pipe.to_str().unwrap()], LONG);
    run_command(&made).await.unwrap().success().unwrap();
    // The grandchild holds the pipe open for writing, so its reader sees the end only when it is dead.
    let script = "(exec 3>\"$0\"; echo started >&3; cat /dev/zero >/dev/null) & wait";
    let slow = command(&["sh", "-c", script, pipe.to_str().unwrap()], Duration::from_millis(300));
    let reader = tokio::spawn(async move { tokio::fs::read_to_string(pipe).await });
    let error = run_command(&slow).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(!error.is_retryable(), "it may have had its effect");
    let read = tokio::time::timeout(LONG, reader).await.expect("the grandchild lives on");
    assert_eq!(read.unwrap().unwrap(), "started\n");
}

#[tokio::test]
async fn what_runs_on_after_the_command_is_not_waited_for() {
    let leaves = command(&["sh", "-c", "echo done; cat /dev/zero >/dev/null & echo $!"], LONG);
    let output = tokio::time::timeout(LONG / 2, run_command(&leaves)).await.unwrap().unwrap();
    let pid = output.stdout.strip_prefix("done\n").unwrap().trim().to_owned();
    let kill = command(&["kill", &pid], LONG);
    run_command(&kill).await.unwrap().success().expect("it was left running");
}

#[tokio::test]
async fn a_command_that_is_not_there_is_said() {
    let error = run_command(&command(&["no-such-program-here"], LONG)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("no-such-program-here"));
    let error = run_command(&command(&[], LONG)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
}

fn post(url: String, body: &str) -> HttpCall {
    HttpCall {
        get: None,
        post: Some(url),
        put: None,
        patch: None,
        body: Some(body.into()),
        bearer: None,
    }
}

#[tokio::test]
async fn a_request_is_rendered_strictly() {
    let echo = axum::routing::post(|headers: axum::http::HeaderMap, body: String| async move {
        format!("{} {body}", headers["content-type"].to_str().unwrap())
    });
    let routes = axum::Router::new().route("/{stage}", echo);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/{{{{ event.stage }}}}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, routes).await });
    let event = json!({ "event": { "stage": "canary", "text": "a \"b\" <c>" } });
    let send = |body: &str| {
        let call = post(url.clone(), body);
        let event = event.clone();
        async move { send_http(&call, &event, None, LONG).await }
    };
    let answer = send("{{ event | tojson }}").await.unwrap();
    let (kind, body) = answer.body.split_once(' ').unwrap();
    assert_eq!((answer.status, kind), (200, "application/json"));
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(body, event["event"]);
    let answer = send("{{ event.text }}").await.unwrap();
    assert_eq!(answer.tail(), "text/plain; charset=utf-8 a \"b\" <c>");
    let error = send("{{ evnt }}").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
}

#[tokio::test]
async fn a_request_has_a_deadline() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let call = post(format!("http://{}/", listener.local_addr().unwrap()), "");
    let error = send_http(&call, &json!({}), None, Duration::from_millis(50)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
}
