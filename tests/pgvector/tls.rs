//! Secure connections. The server of the tests is built without them, so a front of ours answers for it.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use vecshift::provider::Secret;
use vecshift::provider::pgvector::{Address, Session, Settings};
use vecshift::{ErrorKind, Result};

use crate::server;

/// Makes an authority, and a certificate of it for `localhost`.
fn certificates(folder: &Path) {
    let openssl = |arguments: &[&str]| {
        let output = Command::new("openssl").args(arguments).current_dir(folder).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    let key = ["-newkey", "rsa:2048", "-nodes"];
    let authority = [
        "req",
        "-x509",
        "-days",
        "2",
        "-subj",
        "/CN=authority",
        "-keyout",
        "ca.key",
        "-out",
        "ca.pem",
    ];
    openssl(&[&authority[..], &key].concat());
    openssl(
        &[
            &["req", "-subj", "/CN=localhost", "-keyout", "server.key", "-out", "server.csr"][..],
            &key,
        ]
        .concat(),
    );
    std::fs::write(
        folder.join("names"),
        "subjectAltName = DNS:localhost\nbasicConstraints = CA:FALSE\n",
    )
    .unwrap();
    openssl(&[
        "x509",
        "-req",
        "-in",
        "server.csr",
        "-CA",
        "ca.pem",
        "-CAkey",
        "ca.key",
        "-CAcreateserial",
        "-days",
        "2",
        "-extfile",
        "names",
        "-out",
        "server.pem",
    ]);
    std::fs::copy(folder.join("ca.pem"), folder.join("right ca.pem")).unwrap();
    openssl(
        &[
            &[
                "req",
                "-x509",
                "-days",
                "2",
                "-subj",
                "/CN=other",
                "-keyout",
                "other.key",
                "-out",
                "other.pem",
            ][..],
            &key,
        ]
        .concat(),
    );
}

/// Answers the request for encryption, and passes on what comes.
async fn front(folder: &Path, to: u16) -> u16 {
    let chain =
        CertificateDer::pem_file_iter(folder.join("server.pem")).unwrap().flatten().collect();
    let key = PrivateKeyDer::from_pem_file(folder.join("server.key")).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("localhost:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let mut request = [0; 8];
                client.read_exact(&mut request).await.unwrap();
                assert_eq!(request[4..], 80_877_103_u32.to_be_bytes());
                client.write_all(b"S").await.unwrap();
                let Ok(mut client) = acceptor.accept(client).await else { return };
                let mut server = TcpStream::connect(("127.0.0.1", to)).await.unwrap();
                drop(tokio::io::copy_bidirectional(&mut client, &mut server).await);
            });
        }
    });
    port
}

#[tokio::test]
async fn a_certificate_is_trusted_as_far_as_the_url_says() {
    let db = server::database().await;
    let folder = tempfile::tempdir().unwrap();
    certificates(folder.path());
    let port = front(folder.path(), db.server().port()).await;
    let place = folder.path().display().to_string();
    let own = db
        .url()
        .replace(&format!("127.0.0.1:{}", db.server().port()), &format!("localhost:{port}"));
    let open = async |host: &str, rest: &str| -> Result<Session> {
        let url = own.replace("localhost", host);
        let address = Address::read(&Secret::new(format!("{url}?{rest}")))?;
        Session::open(&address, Settings::default()).await
    };
    let (right, other) =
        (format!("sslrootcert={place}/right%20ca.pem"), format!("sslrootcert={place}/other.pem"));
    for (host, rest) in [
        ("localhost", "sslmode=prefer".to_owned()),
        ("localhost", "sslmode=require".to_owned()),
        ("127.0.0.1", "sslmode=require".to_owned()),
        ("localhost", format!("sslmode=verify-ca&{right}")),
        ("127.0.0.1", format!("sslmode=verify-ca&{right}")),
        ("localhost", format!("sslmode=verify-full&{right}")),
    ] {
        open(host, &rest).await.unwrap_or_else(|error| panic!("{host} {rest}: {error}"));
    }
    for (host, rest) in [
        ("localhost", format!("sslmode=verify-ca&{other}")),
        ("localhost", format!("sslmode=require&{other}")),
        ("127.0.0.1", format!("sslmode=verify-full&{right}")),
        ("localhost", "sslmode=verify-full".to_owned()),
    ] {
        let error = open(host, &rest).await.err().unwrap_or_else(|| panic!("{host} {rest}"));
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
        assert!(error.to_string().contains("certificate"), "{error}");
    }
    for (rest, kind) in [
        (format!("sslmode=verify-full&sslrootcert={place}/none.pem"), ErrorKind::NotFound),
        (format!("sslmode=verify-full&sslrootcert={place}/ca.key"), ErrorKind::Invalid),
    ] {
        let error = open("localhost", &rest).await.err().unwrap();
        assert_eq!(error.kind(), kind, "{error:?}");
    }
}
