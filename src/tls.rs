//! TLS with the system's certificate authorities, for REST and gRPC alike.
//!
//! `rustls-native-certs` reads the system's store (also on Windows and macOS) and honours `SSL_CERT_FILE` and
//! `SSL_CERT_DIR`; tonic's `with_native_roots` goes through the same crate.

use std::sync::{Arc, OnceLock};

use rustls::{ClientConfig, RootCertStore};

use crate::error::{Error, Result};

/// Returns a client configuration that negotiates HTTP/2 and HTTP/1.1. The store is read once per process, as that
/// takes longer than opening a connection.
pub fn client_config() -> Result<ClientConfig> {
    static CONFIG: OnceLock<ClientConfig> = OnceLock::new();
    if let Some(config) = CONFIG.get() {
        return Ok(config.clone());
    }
    let config = read_config()?;
    Ok(CONFIG.get_or_init(|| config).clone())
}

fn read_config() -> Result<ClientConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::unexpected("TLS cannot be set up").with_source(error))?
        .with_root_certificates(roots())
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

/// Returns the system's authorities. An empty store is no error here: a plain `http` address needs none, and a TLS
/// handshake without any says so itself.
fn roots() -> RootCertStore {
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        tracing::warn!(%error, "a certificate authority could not be read");
    }
    let mut roots = RootCertStore::empty();
    let (_, ignored) = roots.add_parsable_certificates(found.certs);
    if ignored > 0 {
        tracing::debug!(ignored, "certificate authorities that could not be used");
    }
    if roots.is_empty() {
        tracing::warn!(
            "no certificate authorities found: set SSL_CERT_FILE to a PEM file to reach https addresses"
        );
    }
    roots
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_configuration_needs_no_installed_provider() {
        let config = super::client_config().unwrap();
        assert_eq!(config.alpn_protocols.len(), 2);
    }
}
