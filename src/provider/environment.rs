use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use super::Secret;
use crate::error::{Error, Result};
use crate::plan::file;

/// Choice of the wire to a service that speaks two.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Transport {
    /// gRPC, and REST from the first call on if the host turns out to have no gRPC or only a proxy reaches it (gRPC
    /// goes direct, REST honours the system's proxy).
    #[default]
    Auto,
    Grpc,
    Rest,
}

/// The surroundings as far as providers may know them. The command line fills it; the library reads no environment.
#[derive(Clone)]
pub struct Environment {
    /// Environment variables.
    pub variables: BTreeMap<String, String>,
    /// The folder relative paths of secret files start from.
    pub base: PathBuf,
    /// The control plane's address if the plan names none; takes precedence over a variable.
    pub controller_host: Option<String>,
    /// The emulator of a rehearsal: it takes the place of every endpoint, whatever the plan says, and no secret is
    /// read.
    pub stand_in: Option<StandIn>,
    /// Stand-ins of systems that are not emulated, by their word in the plan.
    pub stand_ins: BTreeMap<String, StandIn>,
    pub transport: Transport,
    pub user_agent: String,
}

/// What is reached in place of a provider of a plan.
#[derive(Clone, Debug)]
pub struct StandIn {
    pub endpoint: String,
    pub api_key: Secret,
}

impl Default for Environment {
    fn default() -> Self {
        Self {
            variables: BTreeMap::new(),
            base: PathBuf::new(),
            controller_host: None,
            stand_in: None,
            stand_ins: BTreeMap::new(),
            transport: Transport::Auto,
            user_agent: concat!("vecshift/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}

/// Shows only the names of variables, which may hold secrets.
impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment")
            .field("variables", &self.variables.keys().collect::<Vec<_>>())
            .field("base", &self.base)
            .field("controller_host", &self.controller_host)
            .field("stand_in", &self.stand_in)
            .field("stand_ins", &self.stand_ins)
            .field("transport", &self.transport)
            .finish_non_exhaustive()
    }
}

impl Environment {
    /// Makes an environment in which every endpoint of a plan is `endpoint`, with the key `api_key`.
    pub fn stand_in(endpoint: impl Into<String>, api_key: Secret) -> Self {
        let stand_in = Some(StandIn { endpoint: endpoint.into(), api_key });
        Self { stand_in, ..Self::default() }
    }

    /// Reads the secret behind a reference. `place` is the key that asks for it, for example `source.api_key`.
    ///
    /// # Errors
    /// `Invalid` if the variable or the file is missing or empty, naming it and the place.
    pub fn secret(&self, reference: &file::Secret, place: &str) -> Result<Secret> {
        let (name, value) = match reference {
            file::Secret::Env(name) => {
                (format!("the environment variable `{name}`"), self.variables.get(name).cloned())
            }
            file::Secret::File(path) => (format!("the file `{path}`"), self.read(path, place)?),
        };
        match value.as_deref().map(str::trim) {
            Some("") => Err(missing(format!("{name} is empty"), reference, place)),
            Some(value) => Ok(Secret::new(value)),
            None => Err(missing(format!("{name} is not set"), reference, place)),
        }
    }

    fn read(&self, path: &str, place: &str) -> Result<Option<String>> {
        match std::fs::read_to_string(self.base.join(path)) {
            Ok(text) => Ok(Some(text)),
            Err(error) => Err(Error::invalid(format!("the file `{path}` cannot be read"))
                .with_context("wanted by", place)
                .with_source(error)),
        }
    }
}

fn missing(message: String, reference: &file::Secret, place: &str) -> Error {
    let hint = match reference {
        file::Secret::Env(name) => format!("set it: export {name}=…"),
        file::Secret::File(path) => format!("write the secret into `{path}`"),
    };
    Error::invalid(message).with_context("wanted by", place).with_hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment() -> Environment {
        let variables = BTreeMap::from([
            ("KEY".to_owned(), " value\n".to_owned()),
            ("EMPTY".to_owned(), String::new()),
        ]);
        Environment { variables, ..Environment::default() }
    }

    #[test]
    fn a_secret_comes_from_a_variable_or_a_file() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("key"), "from file\n").unwrap();
        let environment = Environment { base: folder.path().into(), ..environment() };
        let read = |reference| environment.secret(&reference, "source.api_key").unwrap();
        assert_eq!(read(file::Secret::Env("KEY".into())).expose(), "value");
        assert_eq!(read(file::Secret::File("key".into())).expose(), "from file");
    }

    #[test]
    fn a_missing_secret_is_named_with_the_place_that_wants_it() {
        for name in ["NOT_SET", "EMPTY"] {
            let reference = file::Secret::Env(name.into());
            let error = environment().secret(&reference, "source.api_key").unwrap_err();
            assert!(error.to_string().contains(name), "{error}");
            assert!(error.to_string().contains("source.api_key"), "{error}");
        }
        let reference = file::Secret::File("no/such/file".into());
        let error = environment().secret(&reference, "target.api_key").unwrap_err();
        assert!(error.to_string().contains("no/such/file"), "{error}");
    }

    #[test]
    fn values_of_variables_are_not_shown() {
        let shown = format!("{:?}", environment());
        assert!(shown.contains("KEY") && !shown.contains("value"), "{shown}");
    }
}
