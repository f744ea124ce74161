//! Files of a bucket, as a server in this process has it: what is asked of it, and what it no longer has.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use futures::stream::TryStreamExt;

use crate::ErrorKind;
use crate::model::{Cursor, Metadata, Namespace, Record, RecordId, Vector, VectorField, Vectors};
use crate::plan::file::Columns;
use crate::provider::files::Files;
use crate::provider::parquet::RecordWriter;
use crate::storage::S3Options;
use crate::store::read::{PageSize, Reading, Room};
use crate::store::{Describe, Fetch, Scan, Scope};

/// An object's bytes, and how often it was written.
type Object = (Vec<u8>, u32);

#[derive(Clone, Default)]
struct Bucket {
    objects: Arc<Mutex<BTreeMap<String, Object>>>,
    given: Arc<AtomicU64>,
}

impl Bucket {
    fn put(&self, key: &str, bytes: Vec<u8>) {
        let mut objects = self.objects.lock().unwrap();
        let version = objects.get(key).map_or(1, |(_, version)| version + 1);
        objects.insert(key.to_owned(), (bytes, version));
    }

    async fn serve(&self) -> S3Options {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let app = axum::Router::new().fallback(answer).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        S3Options::public_at(&address)
    }
}

async fn answer(
    State(bucket): State<Bucket>,
    uri: Uri,
    asked: HeaderMap,
) -> (StatusCode, HeaderMap, Vec<u8>) {
    let objects = bucket.objects.lock().unwrap();
    let mut headers = HeaderMap::new();
    headers.insert("last-modified", "Thu, 01 Jan 2026 00:00:00 GMT".parse().unwrap());
    if uri.query().is_some_and(|query| query.contains("list-type")) {
        let of = |(key, (bytes, version)): (&String, &Object)| {
            format!(
                "<Contents><Key>{key}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified>\
                 <ETag>\"{version}\"</ETag><Size>{}</Size></Contents>",
                bytes.len()
            )
        };
        let all: String = objects.iter().map(of).collect();
        let list =
            format!("<ListBucketResult>{all}<IsTruncated>false</IsTruncated></ListBucketResult>");
        return (StatusCode::OK, headers, list.into_bytes());
    }
    let Some((bytes, version)) = objects.get(uri.path().trim_start_matches("/shelf/")) else {
        return (StatusCode::NOT_FOUND, headers, Vec::new());
    };
    let tag = format!("\"{version}\"");
    if asked.get("if-match").is_some_and(|wanted| wanted.to_str().unwrap() != tag) {
        return (StatusCode::PRECONDITION_FAILED, headers, Vec::new());
    }
    headers.insert("etag", tag.parse().unwrap());
    let range = asked.get("range").map(|range| range.to_str().unwrap().to_owned());
    let Some((first, last)) =
        range.as_deref().and_then(|range| range.strip_prefix("bytes=")?.split_once('-'))
    else {
        bucket.given.fetch_add(bytes.len() as u64, Ordering::SeqCst);
        return (StatusCode::OK, headers, bytes.clone());
    };
    let (first, last): (usize, usize) = (first.parse().unwrap(), last.parse().unwrap());
    let part = bytes[first..(last + 1).min(bytes.len())].to_vec();
    let of = format!("bytes {first}-{}/{}", first + part.len() - 1, bytes.len());
    headers.insert("content-range", of.parse().unwrap());
    bucket.given.fetch_add(part.len() as u64, Ordering::SeqCst);
    (StatusCode::PARTIAL_CONTENT, headers, part)
}

/// Writes records whose vectors take far more than their ids.
fn file(folder: &Path, records: usize) -> Vec<u8> {
    let path = folder.join("made.parquet");
    let mut writer = RecordWriter::create(&path, &VectorField::plain()).unwrap();
    let made: Vec<Record> = (0..records).map(record).collect();
    writer.append(&Namespace::new("n"), &made).unwrap();
    writer.finish().unwrap();
    std::fs::read(path).unwrap()
}

fn record(at: usize) -> Record {
    let value = |of: usize| ((at * 1_664_525 + of * 22_695_477) % 1_000_003) as f32;
    Record {
        id: RecordId::new(format!("id {:05}", at * 7 % 10_000)),
        vectors: Vectors::plain(Vector::from_values((0..256).map(value)), None),
        metadata: Metadata::default(),
    }
}

async fn read(files: &Files) -> crate::Result<Vec<Record>> {
    let namespace = Namespace::new("n");
    let scope = Scope { namespace: &namespace, records: 0 };
    let range = Scan::whole(files).unwrap();
    let reading = Reading::new(Room::default(), PageSize::new(500, 1_000_000, 256));
    let pages = files.read(scope, &range, &Cursor::Start, &reading).await?;
    let pages: Vec<_> = pages.map_ok(|page| page.records).try_collect().await?;
    Ok(pages.into_iter().flatten().collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn of_objects_in_a_bucket_only_what_is_needed_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let bucket = Bucket::default();
    let bytes = file(folder.path(), 3_000);
    bucket.put("exports/0.parquet", bytes.clone());
    let options = bucket.serve().await;
    let open =
        || Files::new("s3://shelf/exports", folder.path(), options.clone(), Columns::default());
    let files = open();
    let given = || bucket.given.swap(0, Ordering::SeqCst);
    assert_eq!(files.stats().await.unwrap().total, 3_000);
    given();
    files.see_distinct(false).await.unwrap();
    assert!(given() * 10 < bytes.len() as u64, "ids need no vectors");

    let expected: Vec<Record> = (0..3_000).map(record).collect();
    assert_eq!(read(&files).await.unwrap(), expected);
    let read_once = given();
    assert!(read_once < bytes.len() as u64 * 5 / 4, "{read_once} of {} bytes", bytes.len());

    let namespace = Namespace::new("n");
    let one = std::slice::from_ref(&expected[2_222].id);
    assert_eq!(Fetch::fetch(&files, &namespace, one).await.unwrap(), expected[2_222..2_223]);

    // Other bytes of the same size, in mid-run and before the next one.
    bucket.put("exports/0.parquet", bytes.clone());
    let changed = read(&files).await.unwrap_err();
    assert_eq!(changed.kind(), ErrorKind::Conflict, "{changed}");
    assert!(changed.to_string().contains("0.parquet changed while it was being read"), "{changed}");
    assert_eq!(read(&open()).await.unwrap(), expected);

    let gone = open();
    gone.describe().await.unwrap();
    bucket.objects.lock().unwrap().clear();
    assert_eq!(read(&gone).await.unwrap_err().kind(), ErrorKind::NotFound);
    bucket.put("exports/0.parquet", bytes[..bytes.len() / 2].to_vec());
    assert_eq!(open().describe().await.unwrap_err().kind(), ErrorKind::Invalid);
}
