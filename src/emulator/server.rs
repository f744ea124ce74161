//! Listeners, and connections that can be cut: plain HTTP/1.1 and HTTP/2 with prior knowledge on one port.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use axum::Router;
use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use crate::error::{Error, Result};

/// A bound listener that does not serve yet, so that its address is known first.
pub(crate) struct Door {
    listener: TcpListener,
    stop: CancellationToken,
}

impl Door {
    pub async fn bind(address: SocketAddr, stop: CancellationToken) -> Result<Self> {
        let cannot = |error: io::Error| {
            let is_taken = error.kind() == io::ErrorKind::AddrInUse;
            let error = Error::io(format!("cannot listen on {address}"), error);
            match is_taken {
                true => error
                    .with_hint("another program has it; `--listen 127.0.0.1:0` picks a free port"),
                false => error,
            }
        };
        let listener = TcpListener::bind(address).await.map_err(cannot)?;
        Ok(Self { listener, stop })
    }

    pub async fn bind_free(ip: IpAddr, stop: CancellationToken) -> Result<Self> {
        Self::bind(SocketAddr::new(ip, 0), stop).await
    }

    pub fn address(&self) -> Result<SocketAddr> {
        let address = self.listener.local_addr();
        address.map_err(|error| Error::io("the listener's address is not known", error))
    }

    /// Serves until the door's token is cancelled; then every connection is cut.
    pub fn serve(self, router: Router) -> JoinHandle<()> {
        let stopped = self.stop.clone().cancelled_owned();
        let service = router.into_make_service_with_connect_info::<Peer>();
        let serving = axum::serve(self, service).with_graceful_shutdown(stopped);
        tokio::spawn(async move {
            if let Err(error) = serving.await {
                tracing::warn!(%error, "a listener of the emulator ended");
            }
        })
    }
}

impl Listener for Door {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        let (stream, address) = Listener::accept(&mut self.listener).await;
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "cannot set TCP_NODELAY");
        }
        (Connection::new(stream, self.stop.child_token()), address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A connection that ends when its token is cancelled.
pub(crate) struct Connection {
    stream: TcpStream,
    peer: Peer,
    cut: Pin<Box<WaitForCancellationFutureOwned>>,
}

/// A request's handle on the connection it came over.
#[derive(Clone)]
pub(crate) struct Peer {
    cut: CancellationToken,
    is_reset: Arc<AtomicBool>,
}

impl Peer {
    /// Ends the connection with a TCP reset, whatever else is in progress on it.
    pub fn reset(&self) {
        self.is_reset.store(true, Ordering::SeqCst);
        self.cut.cancel();
    }
}

impl Connection {
    fn new(stream: TcpStream, cut: CancellationToken) -> Self {
        let waiting = Box::pin(cut.clone().cancelled_owned());
        Self { stream, peer: Peer { cut, is_reset: Arc::default() }, cut: waiting }
    }

    fn check(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        if self.cut.as_mut().poll(context).is_pending() {
            return Ok(());
        }
        if self.peer.is_reset.load(Ordering::SeqCst) {
            self.stream.set_zero_linger()?;
        }
        Err(io::ErrorKind::ConnectionReset.into())
    }
}

impl Connected<IncomingStream<'_, Door>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Door>) -> Self {
        stream.io().peer.clone()
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check(context)?;
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.check(context)?;
        Pin::new(&mut self.stream).poll_write(context, buffer)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.check(context)?;
        Pin::new(&mut self.stream).poll_write_vectored(context, buffers)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check(context)?;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
