use std::time::Duration;

use vecshift::ErrorKind;
use vecshift::provider::Secret;
use vecshift::provider::pgvector::{Address, Layout, Pool, Scope, Session, Settings, look};

use crate::common::{count, mapping};
use crate::server;

async fn open(url: &str) -> vecshift::Result<Session> {
    Session::open(&Address::read(&Secret::new(url)).unwrap(), Settings::default()).await
}

#[tokio::test]
async fn what_cannot_be_reached_or_entered_says_why() {
    let db = server::database().await;
    let url = db.url();
    let wrong_password = db.url_of("vecshift", "s3cret");
    let no_user = db.url_of("nobody_at_all", "s3cret");
    let no_database = url.replace(&format!("/{}", db.name), "/none");
    for (url, kind) in [
        (wrong_password.as_str(), ErrorKind::Unauthorized),
        (&no_user, ErrorKind::Unauthorized),
        (&no_database, ErrorKind::NotFound),
        ("postgres://u:s3cret@127.0.0.1:1/d", ErrorKind::Unavailable),
        ("postgres://u:s3cret@no-such-host.invalid/d", ErrorKind::Unavailable),
    ] {
        let error = open(url).await.err().unwrap();
        assert_eq!(error.kind(), kind, "{error:?}");
        assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
    }
    // The server of the tests has no certificate, and whoever asks for encryption does not get less.
    let error = open(&format!("{url}?sslmode=require")).await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
    assert!(open(&format!("{url}?sslmode=prefer")).await.is_ok());
}

#[tokio::test]
async fn a_session_is_known_by_its_name_and_reads_times_in_utc() {
    let db = server::database().await;
    db.run(&format!("alter database {} set timezone = 'Asia/Tokyo'", db.name)).await;
    let session = db.session().await;
    let names = db.rows("select 1 from pg_stat_activity where application_name = 'vecshift' and datname = current_database()").await;
    assert_eq!(names.len(), 1);
    let seen = look::server(&session).await.unwrap();
    assert_eq!(seen.role, "vecshift");
    assert!(seen.extension.is_some() && seen.may_create && !seen.is_standby);
    assert!(session.version() >= 130_000);
}

#[tokio::test]
async fn a_statement_that_takes_too_long_or_waits_for_a_lock_is_ended() {
    let db = server::database().await;
    db.run("create table slow (id text primary key, embedding vector(1)); insert into slow values ('a', '[1]')").await;
    let mapping = mapping(&db, "slow", &Layout::default()).await;
    db.run("begin; lock table slow in access exclusive mode").await;
    let settings = Settings { lock_timeout: Duration::from_millis(50), ..Settings::default() };
    let session = Session::open(&db.address(), settings).await.unwrap();
    let error = count(&session, &mapping, &Scope::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
    assert!(error.is_retryable());
    let none = Duration::ZERO;
    let settings =
        Settings { statement_timeout: Duration::from_millis(50), lock_timeout: none, ..settings };
    let session = Session::open(&db.address(), settings).await.unwrap();
    let error = count(&session, &mapping, &Scope::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error:?}");
}

#[tokio::test]
async fn sessions_are_lent_again_unless_they_failed() {
    let db = server::database().await;
    let pool: Pool<Session> = Pool::default();
    let address = db.address();
    let open = || Session::open(&address, Settings::default());
    let ours = "select count(*) from pg_stat_activity where application_name = 'vecshift' and datname = current_database()";
    let (first, second) = (pool.take(open()).await.unwrap(), pool.take(open()).await.unwrap());
    assert_eq!(db.text(ours).await, "2");
    first.give_back();
    second.give_back();
    let again = pool.take(open()).await.unwrap();
    assert_eq!(db.text(ours).await, "2");
    // One that is not given back is closed.
    drop(again);
    server::until(&db, &format!("select ({ours}) = 1")).await;
    // So is one whose connection was lost while it waited.
    db.run("select pg_terminate_backend(pid, 5000) from pg_stat_activity where application_name = 'vecshift' and datname = current_database()").await;
    loop {
        let lent = pool.take(open()).await.unwrap();
        if look::server(&lent).await.is_ok() {
            break;
        }
    }
}
