//! Where a server is and how it is spoken to, read from a URL.

use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

use super::tls::Tls;
use super::trust::{Roots, Trust};
use crate::error::{Error, Result};
use crate::provider::Secret;

/// The longest wait for a connection where the URL names none.
/// The time after which a silent connection is asked whether it is there, and the driver's own.
const IDLE: Duration = Duration::from_secs(30);
const USUAL_IDLE: Duration = Duration::from_secs(2 * 3600);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The port where the URL names none.
const PORT: u16 = 5432;

/// The name that sessions have on the server where the URL names none.
const APPLICATION: &str = "vecshift";

/// A parsed URL. It holds a secret and is never printed.
#[derive(Clone)]
pub struct Address {
    pub(super) config: Config,
    trust: Trust,
    roots: Roots,
    /// Made for the first connection.
    tls: Arc<OnceLock<Tls>>,
}

impl Address {
    /// Reads `postgres://user:password@host:port/database?sslmode=verify-full`, with the parameters of libpq.
    ///
    /// # Errors
    /// `Invalid`; the message never holds the URL.
    pub fn read(url: &Secret) -> Result<Self> {
        let url = url.expose();
        if !["postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme)) {
            return Err(Error::invalid("the URL does not begin with postgres://"));
        }
        let (base, query) = url.split_once('?').unwrap_or((url, ""));
        let (mut trust, mut roots, mut others) = (Trust::Prefer, None, Vec::new());
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            match pair.split_once('=') {
                Some(("sslmode", word)) => trust = Trust::read(word)?,
                Some(("sslrootcert", "system")) => roots = Some(Roots::System),
                Some(("sslrootcert", path)) => roots = Some(Roots::File(unescape(path)?.into())),
                _ => others.push(pair),
            }
        }
        // As in libpq: who names an authority wants it to be looked at.
        if trust == Trust::Require && matches!(roots, Some(Roots::File(_))) {
            trust = Trust::VerifyCa;
        }
        let rest = format!("{base}?{}", others.join("&"));
        let mut config = Config::from_str(rest.trim_end_matches('?'))
            .map_err(|error| Error::invalid("the URL cannot be read").with_source(error))?;
        config.ssl_mode(match trust {
            Trust::Disable => SslMode::Disable,
            Trust::Prefer => SslMode::Prefer,
            _ => SslMode::Require,
        });
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_TIMEOUT);
        }
        // A connection that somebody between forgot, or whose server is gone, is noticed in a minute, however long a statement takes.
        if config.get_keepalives_idle() == USUAL_IDLE {
            config.keepalives_idle(IDLE);
        }
        if config.get_keepalives_interval().is_none() {
            config.keepalives_interval(IDLE / 3);
        }
        if config.get_keepalives_retries().is_none() {
            config.keepalives_retries(3);
        }
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(IDLE * 2);
        }
        if config.get_application_name().is_none() {
            config.application_name(APPLICATION);
        }
        Ok(Self { config, trust, roots: roots.unwrap_or(Roots::System), tls: Arc::default() })
    }

    /// Returns what makes its secure connections.
    ///
    /// # Errors
    /// See [`Tls::new`].
    pub(super) fn tls(&self) -> Result<Tls> {
        if let Some(made) = self.tls.get() {
            return Ok(made.clone());
        }
        let made = Tls::new(self.trust, &self.roots)?;
        Ok(self.tls.get_or_init(|| made).clone())
    }

    pub fn trust(&self) -> Trust {
        self.trust
    }

    /// Returns host, port and database: what tells one server from another.
    pub fn place(&self) -> String {
        let hosts = self.config.get_hosts().iter().map(|host| match host {
            Host::Tcp(name) => name.clone(),
            Host::Unix(path) => path.display().to_string(),
        });
        let ports: Vec<u16> = self.config.get_ports().to_vec();
        let port = |at: usize| ports.get(at).or(ports.first()).copied().unwrap_or(PORT);
        let all: Vec<_> =
            hosts.enumerate().map(|(at, host)| format!("{host}:{}", port(at))).collect();
        let database = self.config.get_dbname().or(self.config.get_user()).unwrap_or_default();
        format!("{}/{database}", all.join(","))
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({:?} {:?})", self.config.get_hosts(), self.trust)
    }
}

/// Reads the percent signs of a URL's parameter.
fn unescape(text: &str) -> Result<String> {
    let wrong = || Error::invalid("a parameter of the URL is not escaped as URLs are");
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || rest.next().and_then(|byte| char::from(byte).to_digit(16));
        let (Some(high), Some(low)) = (digit(), digit()) else { return Err(wrong()) };
        bytes.push((high * 16 + low) as u8);
    }
    String::from_utf8(bytes).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(url: &str) -> Result<Address> {
        Address::read(&Secret::new(url))
    }

    #[test]
    fn the_words_of_libpq_are_known() {
        let address = read(
            "postgres://u:s3cret@h:1/d?sslmode=verify-full&sslrootcert=%2Fa%20b&application_name=x",
        )
        .unwrap();
        assert_eq!(address.trust, Trust::VerifyFull);
        assert_eq!(address.roots, Roots::File("/a b".into()));
        assert_eq!(address.config.get_application_name(), Some("x"));
        assert!(address.place().ends_with("/d"), "{}", address.place());
        assert!(!format!("{address:?}").contains("s3cret"));
        assert_eq!(read("postgres://h/d").unwrap().trust, Trust::Prefer);
        assert_eq!(read("postgresql:///d?host=/tmp").unwrap().trust, Trust::Prefer);
        assert_eq!(
            read("postgres://h/d?sslmode=require&sslrootcert=/a").unwrap().trust,
            Trust::VerifyCa
        );
    }

    #[test]
    fn a_url_that_is_none_is_refused_without_its_secret() {
        for url in [
            "mysql://u:s3cret@h/d",
            "postgres://u:s3cret@h/d?sslmode=maybe",
            "postgres://u:s3cret@h:x/d",
        ] {
            let error = read(url).unwrap_err();
            assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
        }
    }
}
