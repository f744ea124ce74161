//! What moving one answer of 160 records of 3,072 components costs: `cargo bench --bench wire`.
//!
//! The design keeps dense values as the bytes they travel in. This measures decoding a fetch answer and encoding an
//! upsert of the same records, with values as shared bytes and, for comparison, as floats.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark prints and stops where it stands"
)]

use std::collections::HashMap;
use std::hint::black_box;
use std::time::Duration;

use bytes::Bytes;
use prost::Message;
use vecshift::clock::Stopwatch;
use vecshift::pinecone_wire::proto::{self, unpacked};

const RECORDS: usize = 160;
const DIMENSION: usize = 3_072;
const ROUNDS: u32 = 200;

fn answer() -> Bytes {
    let vectors: HashMap<String, proto::Vector> = (0..RECORDS)
        .map(|n| {
            let values: Vec<u8> =
                (0..DIMENSION).flat_map(|c| ((n * c) as f32 * 1e-4).sin().to_le_bytes()).collect();
            let id = format!("record-{n:05}");
            let vector =
                proto::Vector { id: id.clone(), values: values.into(), ..Default::default() };
            (id, vector)
        })
        .collect();
    proto::FetchResponse { vectors, namespace: "bench".to_owned(), usage: None }
        .encode_to_vec()
        .into()
}

fn report(name: &str, bytes: usize, mut work: impl FnMut() -> usize) {
    for _ in 0..ROUNDS / 10 {
        black_box(work());
    }
    let mut best = Duration::MAX;
    for _ in 0..ROUNDS {
        let watch = Stopwatch::start();
        black_box(work());
        best = best.min(watch.elapsed());
    }
    let rate = bytes as f64 / best.as_secs_f64() / 1e9;
    println!("{name:<28} best of {ROUNDS}: {:>9.1} us, {rate:>6.2} GB/s", best.as_secs_f64() * 1e6);
}

fn main() {
    let encoded = answer();
    let size = encoded.len();
    println!("{RECORDS} records x {DIMENSION} components, {size} bytes");
    report("decode + encode, bytes", size, || {
        let answer = proto::FetchResponse::decode(encoded.clone()).unwrap();
        let vectors = answer.vectors.into_values().collect();
        proto::UpsertRequest { vectors, namespace: "to".to_owned() }.encode_to_vec().len()
    });
    report("decode + encode, floats", size, || {
        let answer = unpacked::FetchResponse::decode(encoded.clone()).unwrap();
        let vectors = answer.vectors.into_values().collect();
        unpacked::UpsertRequest { vectors, namespace: "to".to_owned() }.encode_to_vec().len()
    });
}
