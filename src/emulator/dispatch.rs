//! From a request to its operation: key, version, fate, wire.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, Request, Response, header};

use crate::pinecone_wire::{API_KEY, Operation, Version};

use super::control;
use super::data::Call;
use super::error::{Answer, Code, Refusal};
use super::faults::{Fate, Fault};
use super::grpc;
use super::incoming::Incoming;
use super::index::Index;
use super::project::Shared;
use super::rest;
use super::server::Peer;
use super::truncate::truncated;
use super::version;

/// Header that names the index of a data plane request on the main port.
pub(crate) const INDEX_HEADER: &str = "x-vecshift-index";

/// Most bytes of a body that are read at all; the limits refuse far smaller ones.
const LARGEST_BODY: usize = 128 * 1024 * 1024;

/// The scope of a listener: the whole project, or the data plane of one index.
#[derive(Clone)]
pub(crate) struct Scope {
    project: Shared,
    index: Option<Arc<Index>>,
}

/// A request matched to its operation.
struct Asked {
    operation: Operation,
    /// The name in the path.
    name: String,
    index: Option<Arc<Index>>,
    is_grpc: bool,
    version: Version,
}

impl Scope {
    /// What answers at the main port.
    pub fn of_project(project: Shared) -> Router {
        Self { project, index: None }.router()
    }

    /// What answers at the listener of an index.
    pub fn of_index(project: Shared, index: Arc<Index>) -> Router {
        Self { project, index: Some(index) }.router()
    }

    fn router(self) -> Router {
        Router::new().fallback(handle).with_state(self)
    }

    /// Finds the operation of a request and checks key and version. A refusal is already in the wire's shape.
    fn read(&self, request: &Request<Body>) -> Result<Asked, Box<Response<Body>>> {
        let is_grpc = is_grpc(request.headers());
        let path = request.uri().path();
        let (operation, name) = match is_grpc {
            true => Operation::of_grpc(path)
                .map(|operation| (operation, String::new()))
                .ok_or_else(|| refuse_grpc(&unknown(path)))?,
            false => Operation::of_rest(request.method(), path)
                .filter(|(operation, _)| operation.is_data() || self.index.is_none())
                .ok_or_else(|| Box::new(unknown(path).control()))?,
        };
        let shaped = |refusal| Box::new(refuse(is_grpc, operation, &refusal));
        self.check_key(request.headers()).map_err(shaped)?;
        let version = version::asked(request.headers()).map_err(shaped)?;
        if version < operation.since() {
            return Err(shaped(unknown(path)));
        }
        self.refuse_unkept(operation).map_err(shaped)?;
        let index = match operation.is_data() {
            true => Some(self.find_index(request).map_err(shaped)?),
            false => None,
        };
        Ok(Asked { operation, name, index, is_grpc, version })
    }

    /// Refuses to make what would be gone after a restart, where the emulator promises that nothing is.
    fn refuse_unkept(&self, operation: Operation) -> Answer<()> {
        let what = match operation {
            _ if self.project.ledger.is_none() => return Ok(()),
            Operation::CreateCollection => "collections",
            Operation::CreateBackup => "backups",
            Operation::StartImport => "imports",
            _ => return Ok(()),
        };
        let message = format!(
            "The emulator does not keep {what} over a restart: start it without --persist to use them"
        );
        Err(Refusal::new(400, Code::Unimplemented, message))
    }

    fn check_key(&self, headers: &HeaderMap) -> Answer<()> {
        let Some(key) = &self.project.options.api_key else { return Ok(()) };
        let given = headers.get(API_KEY).map(|value| value.as_bytes());
        if given == Some(key.as_bytes()) { Ok(()) } else { Err(Refusal::unauthenticated()) }
    }

    /// Returns the index of a data plane request: the listener's own, else the one the request names, else the only
    /// one.
    fn find_index(&self, request: &Request<Body>) -> Answer<Arc<Index>> {
        if let Some(index) = &self.index {
            return Ok(Arc::clone(index));
        }
        if let Some(name) = text(request.headers(), INDEX_HEADER) {
            return self.project.index(name);
        }
        let host = request.uri().authority().map(|authority| authority.as_str());
        let host = host.or_else(|| text(request.headers(), header::HOST.as_str()));
        let label = host.and_then(|host| host.split(['.', ':']).next()).unwrap_or_default();
        if let Some(index) = self.project.find(label) {
            return Ok(index);
        }
        match <[Arc<Index>; 1]>::try_from(self.project.indexes()) {
            Ok([only]) => Ok(only),
            Err(indexes) => Err(Refusal::not_found(format!(
                "This port serves {} indexes and the request names none: use the host that describe index gives, a host name that starts with the index's name, or the header {INDEX_HEADER}",
                indexes.len()
            ))),
        }
    }
}

async fn handle(
    State(scope): State<Scope>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    request: Request<Body>,
) -> Response<Body> {
    let asked = match scope.read(&request) {
        Ok(asked) => asked,
        Err(response) => return *response,
    };
    let project = &scope.project;
    let index = asked.index.as_ref().map(|index| index.name.as_str());
    project.tally.request(asked.operation, index);
    let fate = project.dice.draw(asked.operation);
    if let Some(fault) = fate.fault {
        project.tally.fault(fault);
    }
    let response = match fate.fault {
        Some(Fault::Reset) => {
            peer.reset();
            // The connection's task drops this request when it sees the cut.
            std::future::pending().await
        }
        Some(Fault::RateLimited) => asked.refuse(&Refusal::rate_limited(
            "Too many requests (a fault of the emulator): slow down and try again",
        )),
        Some(Fault::Unavailable) => asked.refuse(&Refusal::unavailable(
            "The service is not available (a fault of the emulator): try again",
        )),
        Some(Fault::Truncated) | None => answer(project, &asked, request).await,
    };
    wait(project, &asked, &fate).await;
    let response = advised(response, project.options.retry_after);
    match fate.fault {
        Some(Fault::Truncated) => truncated(response, &peer).await,
        _ => response,
    }
}

/// Adds when to come back to an answer that asks to try again, on either wire.
fn advised(mut response: Response<Body>, after: Option<Duration>) -> Response<Body> {
    let Some(after) = after else { return response };
    let code = text(response.headers(), "grpc-status");
    let is_busy =
        matches!(code, Some("8" | "14")) || matches!(response.status().as_u16(), 429 | 503);
    if is_busy {
        response.headers_mut().insert(header::RETRY_AFTER, after.as_secs().into());
    }
    response
}

async fn answer(project: &Shared, asked: &Asked, request: Request<Body>) -> Response<Body> {
    let call = asked.index.as_ref().map(|index| Call {
        project: Arc::clone(project),
        index: Arc::clone(index),
        operation: asked.operation,
    });
    match call {
        Some(call) if asked.is_grpc => grpc::answer(call, request).await,
        call => {
            let incoming = match incoming(asked, request).await {
                Ok(incoming) => incoming,
                Err(refusal) => return asked.refuse(&refusal),
            };
            match call {
                Some(call) => rest::answer(call, incoming).await,
                None => control::answer(project, asked.operation, &incoming).await,
            }
        }
    }
}

async fn incoming(asked: &Asked, request: Request<Body>) -> Answer<Incoming> {
    let parameters = parameters(request.uri().query().unwrap_or_default());
    let body: Bytes = to_bytes(request.into_body(), LARGEST_BODY)
        .await
        .map_err(|error| Refusal::new(413, Code::OutOfRange, error.to_string()))?;
    Ok(Incoming { name: asked.name.clone(), version: asked.version, parameters, body })
}

fn parameters(query: &str) -> Vec<(String, String)> {
    let url = reqwest::Url::parse(&format!("http://localhost/?{query}"));
    url.map(|url| url.query_pairs().into_owned().collect()).unwrap_or_default()
}

/// Waits for the latency of the request's fate; the targets' latency applies only to queries of indexes a client
/// created.
async fn wait(project: &Shared, asked: &Asked, fate: &Fate) {
    let mut latency = fate.latency;
    if asked.index.as_ref().is_some_and(|index| !index.is_pod && index.is_made_by_client) {
        latency += fate.target_query_latency;
    }
    if !latency.is_zero() {
        project.clock.sleep(latency).await;
    }
}

impl Asked {
    fn refuse(&self, refusal: &Refusal) -> Response<Body> {
        refuse(self.is_grpc, self.operation, refusal)
    }
}

fn refuse(is_grpc: bool, operation: Operation, refusal: &Refusal) -> Response<Body> {
    match (is_grpc, operation.is_data()) {
        (true, _) => grpc::refuse(refusal),
        (false, true) => refusal.data(),
        (false, false) => refusal.control(),
    }
}

fn refuse_grpc(refusal: &Refusal) -> Box<Response<Body>> {
    Box::new(grpc::refuse(refusal))
}

fn unknown(path: &str) -> Refusal {
    Refusal::new(404, Code::NotFound, format!("The emulator has nothing at {path}"))
}

fn is_grpc(headers: &HeaderMap) -> bool {
    text(headers, header::CONTENT_TYPE.as_str())
        .is_some_and(|kind| kind.starts_with("application/grpc"))
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
