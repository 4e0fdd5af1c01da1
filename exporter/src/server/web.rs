//! Who may read: TLS, client certificates, passwords and headers from the web configuration file that Prometheus' own
//! exporters read, and tokens of the cluster that checklist.yaml names. The file and what it names are read again when
//! they change.

pub mod acceptor;
pub mod access;
pub mod auth;
pub mod config;
pub mod connections;
pub mod passwords;

pub mod tokens;

use crate::probe::Failure;
use acceptor::Acceptor;
use arc_swap::ArcSwap;
use config::{ClientAuth, WebConfig};
use hyper::header::{HeaderName, HeaderValue};
use passwords::Passwords;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

/// Files are looked at this often, and only when someone asks.
const LOOK: Duration = Duration::from_secs(1);

/// The web configuration as it holds now.
#[derive(Debug, Default)]
pub struct Rules {
    /// How connections are encrypted; plain without it.
    pub tls: Option<Acceptor>,
    /// Whose passwords are good; without them none is asked for.
    pub passwords: Option<Passwords>,
    /// Headers on every answer.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// How far clients must show certificates.
    clients: ClientAuth,
    /// The files it was read from and when they last changed.
    files: Vec<(PathBuf, Option<SystemTime>)>,
}

/// The web configuration, whatever it is at the moment.
#[derive(Debug)]
pub struct Web {
    file: Option<PathBuf>,
    rules: ArcSwap<Rules>,
    looked: Mutex<Instant>,
}

impl Web {
    /// Reads the file; without one everything is open and plain.
    ///
    /// # Errors
    /// What is wrong with the file or what it names, and where.
    pub fn open(file: Option<&Path>) -> Result<Self, Failure> {
        let rules = file.map(Rules::read).transpose()?.unwrap_or_default();
        let (file, looked) = (file.map(Path::to_owned), Mutex::new(Instant::now()));
        Ok(Self { file, rules: ArcSwap::from_pointee(rules), looked })
    }

    /// The rules of a new connection or request. When a file changed it is read again; a broken one keeps the rules as
    /// they were.
    pub fn rules(&self) -> Arc<Rules> {
        if let (Some(file), Ok(mut looked)) = (&self.file, self.looked.try_lock())
            && looked.elapsed() >= LOOK
        {
            *looked = Instant::now();
            let known = self.rules.load_full();
            let now: Vec<_> = known.files.iter().map(|(path, _)| (path.clone(), changed(path))).collect();
            if now != known.files {
                match Rules::read(file).and_then(|rules| rules.guarding_as_well_as(&known, file)) {
                    Ok(rules) => {
                        tracing::info!(file = %file.display(), "the web configuration was read again");
                        self.rules.store(Arc::new(rules));
                    }
                    Err(failure) => {
                        tracing::error!("the web configuration stays as it was: {}", failure.message);
                    }
                }
            }
        }
        self.rules.load_full()
    }
}

impl Rules {
    fn read(file: &Path) -> Result<Self, Failure> {
        // Times first: what changes while it is read is read again.
        let mut files = vec![(file.to_owned(), changed(file))];
        let config = WebConfig::read(file)?;
        for path in config.files() {
            files.push((path.clone(), changed(&path)));
        }
        let tls = config.tls.as_ref().map(Acceptor::new).transpose()?;
        let passwords = (!config.users.is_empty()).then(|| Passwords::new(config.users.clone()));
        let clients = config.tls.as_ref().map_or(ClientAuth::NoClientCert, |tls| tls.client_auth_type);
        Ok(Self { tls, passwords, headers: config.headers, clients, files })
    }

    /// These rules, unless they would take away a protection that holds: a file that is read while it is written looks
    /// like one that asks for less.
    fn guarding_as_well_as(self, before: &Self, file: &Path) -> Result<Self, Failure> {
        let lost = [
            ("TLS", before.tls.is_some() && self.tls.is_none()),
            ("passwords", before.passwords.is_some() && self.passwords.is_none()),
            ("certificates of clients", self.clients < before.clients),
        ];
        match lost.iter().find(|(_, lost)| *lost) {
            Some((what, _)) => {
                let why =
                    format!("{} asks for no {what} any more; restart the exporter if it shall not", file.display());
                Err(Failure::new(checklist::Reason::Config, why))
            }
            None => Ok(self),
        }
    }
}

fn changed(path: &Path) -> Option<SystemTime> {
    std::fs::metadata(path).and_then(|meta| meta.modified()).ok()
}
