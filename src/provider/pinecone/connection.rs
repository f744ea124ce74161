//! A connection to one index host: gRPC, REST, or gRPC until it turns out that the host has none.

use std::sync::atomic::{AtomicBool, Ordering};

use futures::future::BoxFuture;

use super::grpc::GrpcPlane;
use super::http::{Server, with_scheme};
use super::plane::Plane;
use super::rest::RestPlane;
use crate::error::Result;
use crate::provider::Transport;

/// Both wires to one host.
pub struct Connection {
    grpc: GrpcPlane,
    rest: RestPlane,
    transport: Transport,
    fell_back: AtomicBool,
}

impl Connection {
    /// Makes a connection to `host`, with or without a scheme; connects on first use.
    pub fn new(
        host: &str,
        control: &Server,
        transport: Transport,
        user_agent: &str,
    ) -> Result<Self> {
        let address = with_scheme(host);
        let grpc = GrpcPlane::new(&address, &control.key, control.version.clone(), user_agent)?;
        let rest = RestPlane(Server { address, ..control.clone() });
        Ok(Self { grpc, rest, transport, fell_back: AtomicBool::new(false) })
    }

    /// Returns whether the data plane speaks REST now.
    pub fn is_rest(&self) -> bool {
        self.transport == Transport::Rest || self.fell_back.load(Ordering::Relaxed)
    }

    /// Returns the host over REST, for what gRPC does not have.
    pub fn server(&self) -> &Server {
        &self.rest.0
    }

    /// Makes one call on the wire that works. If the very first calls find no gRPC, the same call goes over REST, and
    /// stays there when that works; else the first error stands.
    pub async fn call<'a, T>(
        &'a self,
        call: impl Fn(&'a dyn Plane) -> BoxFuture<'a, Result<T>>,
    ) -> Result<T> {
        if self.is_rest() {
            return call(&self.rest).await;
        }
        let error = match call(&self.grpc).await {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        if self.transport != Transport::Auto || !self.grpc.is_unfit() {
            return Err(error);
        }
        let Ok(value) = call(&self.rest).await else { return Err(error) };
        if !self.fell_back.swap(true, Ordering::Relaxed) {
            let host = &self.rest.0.address;
            tracing::warn!(%host, %error, "no gRPC at the index host; using REST from now on");
        }
        Ok(value)
    }
}
