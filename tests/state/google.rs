//! A stand-in for the XML API of Google Cloud Storage, for which there is no server to be had: generations in place of
//! tags, pages of lists, uploads in parts. After the documentation, "XML API overview" and its pages, 2026-11.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Path};
use axum::http::{HeaderMap, Method, Response, Uri};
use axum::routing::any;
use bytes::Bytes;
use jiff::fmt::rfc2822::DateTimePrinter;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use vecshift::clock::{Clock, Timestamp};
use vecshift::storage::objects::{Objects, open};

/// Keys in a page of a list.
const PAGE: usize = 100;

pub struct Google {
    variables: BTreeMap<String, String>,
    server: JoinHandle<()>,
}

impl Drop for Google {
    fn drop(&mut self) {
        self.server.abort();
    }
}

#[derive(Clone)]
struct Object {
    bytes: Bytes,
    generation: u64,
    modified: Timestamp,
}

#[derive(Default)]
struct Shelf {
    objects: BTreeMap<String, Object>,
    /// Parts by their numbers, by the ids of uploads.
    uploads: BTreeMap<String, BTreeMap<usize, Bytes>>,
    last: u64,
}

impl Google {
    pub async fn start() -> Self {
        let shelf = Arc::new(Mutex::new(Shelf::default()));
        let listed = shelf.clone();
        let list = move |uri: Uri| async move { listed.lock().unwrap().list(&query(&uri)) };
        let object = move |method: Method,
                           uri: Uri,
                           Path(key): Path<String>,
                           headers: HeaderMap,
                           body: Bytes| async move {
            shelf.lock().unwrap().answer(&method, &query(&uri), &key, &headers, body)
        };
        let router = axum::Router::new().route("/shelf", any(list));
        let router = router.route("/shelf/{*key}", any(object)).layer(DefaultBodyLimit::disable());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        let variables = [("GOOGLE_BASE_URL", address.as_str()), ("GOOGLE_BEARER_TOKEN", "a")];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        Self { variables, server }
    }

    pub fn open(&self, prefix: &str) -> Arc<dyn Objects> {
        let uri = format!("gs://shelf/{prefix}");
        open(&uri, &self.variables, Duration::from_secs(30)).unwrap()
    }
}

fn query(uri: &Uri) -> BTreeMap<String, String> {
    let url = format!("http://shelf/?{}", uri.query().unwrap_or_default());
    reqwest::Url::parse(&url).unwrap().query_pairs().into_owned().collect()
}

fn refused(status: u16, code: &str) -> Response<Body> {
    let body = format!("<Error><Code>{code}</Code><Message>no</Message></Error>");
    Response::builder().status(status).body(body.into()).unwrap()
}

fn escaped(key: &str) -> String {
    key.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

impl Shelf {
    fn answer(
        &mut self,
        method: &Method,
        query: &BTreeMap<String, String>,
        key: &str,
        headers: &HeaderMap,
        body: Bytes,
    ) -> Response<Body> {
        let upload = query.get("uploadId").cloned();
        match (method.as_str(), upload) {
            ("GET", _) => match self.objects.get(key) {
                Some(object) => shown(object, object.bytes.clone()),
                None => refused(404, "NoSuchKey"),
            },
            ("PUT", None) => {
                let there = self.objects.get(key).map_or(0, |object| object.generation);
                let wanted = headers.get("x-goog-if-generation-match");
                match wanted.is_none_or(|wanted| wanted == &there.to_string()) {
                    true => shown(self.write(key, body), Bytes::new()),
                    false => refused(412, "PreconditionFailed"),
                }
            }
            ("POST", None) => {
                self.last += 1;
                let id = format!("upload-{}", self.last);
                self.uploads.insert(id.clone(), BTreeMap::new());
                let body = format!(
                    "<InitiateMultipartUploadResult><UploadId>{id}</UploadId></InitiateMultipartUploadResult>"
                );
                Response::new(body.into())
            }
            ("PUT", Some(id)) => {
                self.uploads
                    .get_mut(&id)
                    .unwrap()
                    .insert(query["partNumber"].parse().unwrap(), body);
                Response::builder().header("etag", "\"part\"").body(Body::empty()).unwrap()
            }
            ("POST", Some(id)) => {
                let parts = self.uploads.remove(&id).unwrap();
                let whole: Vec<u8> = parts.into_values().flatten().collect();
                let object = self.write(key, whole.into());
                shown(object, "<CompleteMultipartUploadResult><ETag>\"whole\"</ETag></CompleteMultipartUploadResult>".into())
            }
            _ => refused(405, "MethodNotAllowed"),
        }
    }

    fn write(&mut self, key: &str, bytes: Bytes) -> &Object {
        self.last += 1;
        let object = Object { bytes, generation: self.last, modified: Clock::system().now() };
        self.objects.insert(key.to_owned(), object);
        &self.objects[key]
    }

    fn list(&self, query: &BTreeMap<String, String>) -> Response<Body> {
        let prefix = query.get("prefix").map_or("", String::as_str);
        let after = query.get("continuation-token").map_or("", String::as_str);
        let mut page = self
            .objects
            .iter()
            .filter(|(key, _)| key.starts_with(prefix) && key.as_str() > after)
            .take(PAGE + 1)
            .collect::<Vec<_>>();
        let mut body = String::from("<ListBucketResult>");
        if page.len() > PAGE {
            page.pop();
            let last = page[PAGE - 1].0;
            body += &format!("<NextContinuationToken>{}</NextContinuationToken>", escaped(last));
        }
        let mut folders = BTreeSet::new();
        for (key, object) in page {
            let folder = key[prefix.len()..].split_once('/').map(|(folder, _)| folder);
            if let (Some(folder), Some(_)) = (folder, query.get("delimiter")) {
                folders.insert(format!("{prefix}{folder}/"));
                continue;
            }
            let (bytes, modified) = (object.bytes.len(), object.modified);
            body += &format!(
                "<Contents><Key>{}</Key><LastModified>{modified}</LastModified><Size>{bytes}</Size></Contents>",
                escaped(key)
            );
        }
        for folder in folders {
            body +=
                &format!("<CommonPrefixes><Prefix>{}</Prefix></CommonPrefixes>", escaped(&folder));
        }
        Response::new((body + "</ListBucketResult>").into())
    }
}

fn shown(object: &Object, body: Bytes) -> Response<Body> {
    let modified = DateTimePrinter::new().timestamp_to_rfc9110_string(&object.modified).unwrap();
    Response::builder()
        .header("etag", "\"the same for all\"")
        .header("x-goog-generation", object.generation.to_string())
        .header("last-modified", modified)
        .body(body.into())
        .unwrap()
}
