//! That a manifest of millions of ids is sorted in bounded memory: `cargo bench --bench manifest`.
//!
//! Linux only: the peak is read from `/proc/self/status`. It only ever grows, so the sizes rise.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark prints and stops where it stands"
)]

#[path = "rig/memory.rs"]
mod memory;

use std::io::{BufWriter, Write};
use std::path::Path;

use vecshift::clock::Stopwatch;
use vecshift::model::Namespace;
use vecshift::provider::manifest::{ManifestOptions, spool};

const SIZES: [u64; 3] = [100_000, 1_000_000, 4_000_000];
const NAMESPACES: u64 = 5_000;

/// Ids in no order, spread over the namespaces.
fn write(path: &Path, rows: u64) {
    let mut file = BufWriter::new(std::fs::File::create(path).unwrap());
    writeln!(file, "namespace,id").unwrap();
    for row in 0..rows {
        let mixed = row.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        writeln!(file, "creator_{},{mixed:016x}-{row}", mixed % NAMESPACES).unwrap();
    }
    file.flush().unwrap();
}

fn main() {
    for rows in SIZES {
        let folder = tempfile::tempdir().unwrap();
        let manifest = folder.path().join("manifest.csv");
        write(&manifest, rows);
        let bytes = std::fs::metadata(&manifest).unwrap().len();
        let options = ManifestOptions { files: vec![manifest], ..ManifestOptions::default() };
        let watch = Stopwatch::start();
        let (sorted, doubles) = spool(&options, &folder.path().join("ids.csv")).unwrap();
        let sorting = watch.elapsed().as_secs_f64();
        let watch = Stopwatch::start();
        let read: u64 = (0..NAMESPACES)
            .map(|n| sorted.ids(&Namespace::from(format!("creator_{n}"))).unwrap().count() as u64)
            .sum();
        assert_eq!((sorted.rows, read, doubles.len()), (rows, rows, 0));
        println!(
            "{rows:>8} ids in {NAMESPACES} namespaces, {:>4.0} MB: sorted in {sorting:>5.1} s, read by namespace in {:>5.1} s, peak memory {:>4.0} MB",
            bytes as f64 / 1e6,
            watch.elapsed().as_secs_f64(),
            memory::peak_mb()
        );
    }
}
