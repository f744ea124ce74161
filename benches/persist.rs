//! What it costs an emulator to keep everything over a restart: `cargo bench --bench persist`.
//!
//! Upserts of one record of 1,536 components and of a hundred, one request after the other and sixteen side by side, with
//! and without `--persist` by turns. The emulator runs as a process of its own; the folder is below `target/`, on a disk.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark prints and stops where it stands"
)]

#[path = "rig/emulator.rs"]
mod emulator;

use std::ffi::OsStr;
use std::time::Duration;

use futures::future::join_all;
use serde_json::json;
use vecshift::clock::Stopwatch;

const DIMENSION: usize = 1_536;
const ROUNDS: usize = 3;
const LONG: Duration = Duration::from_secs(3);

/// Upserts for a while; returns the requests that were answered in a second.
async fn rate(url: &str, writers: usize, records: usize) -> f64 {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let watch = Stopwatch::start();
    let write = |writer: usize| {
        let (client, watch) = (&client, &watch);
        async move {
            let mut answered = 0_u64;
            while watch.elapsed() < LONG {
                let vectors: Vec<_> = (0..records)
                    .map(|n| json!({ "id": format!("{writer}-{n}"), "values": vec![0.25; DIMENSION] }))
                    .collect();
                let request = client.post(format!("{url}/vectors/upsert"));
                let request =
                    request.header("Api-Key", "bench").json(&json!({ "vectors": vectors }));
                assert!(request.send().await.unwrap().status().is_success());
                answered += 1;
            }
            answered
        }
    };
    let answered: u64 = join_all((0..writers).map(write)).await.into_iter().sum();
    answered as f64 / watch.elapsed().as_secs_f64()
}

async fn measured(options: &[&OsStr], writers: usize, records: usize) -> f64 {
    let index = format!("a={DIMENSION}:cosine");
    let usual = ["--no-rate-limits", "--index", &index].map(OsStr::new);
    let (mut child, url) = emulator::emulate(&[&usual[..], options].concat());
    let rate = rate(&url, writers, records).await;
    child.kill().unwrap();
    child.wait().unwrap();
    rate
}

#[tokio::main]
async fn main() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    println!("upserts answered in a second, {ROUNDS} rounds of {LONG:?}:");
    for (writers, records) in [(1, 1), (16, 1), (1, 100), (16, 100)] {
        let (mut memory, mut disk) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
            memory.push(measured(&[], writers, records).await);
            let options = ["--persist".as_ref(), folder.path().as_os_str()];
            disk.push(measured(&options, writers, records).await);
        }
        println!(
            "  {writers:>2} side by side, {records:>3} records each: memory {memory:.0?}, disk {disk:.0?}"
        );
    }
}
