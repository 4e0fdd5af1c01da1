//! Protection of the HTTP server: TLS, client certificates, passwords and headers from the web configuration file of
//! Prometheus' exporter-toolkit, and bearer tokens of a cluster. The files are read again when they change, on another
//! thread with a deadline, because their mount may hang.

pub mod acceptor;
pub mod access;
pub mod auth;
pub mod config;
pub mod connections;
pub mod files;
pub mod guards;
pub mod passwords;
pub mod queue;
pub mod tokens;
pub mod watching;

use crate::probe::Failure;
use crate::run::status::WebStatus;
use acceptor::Acceptor;
use arc_swap::ArcSwap;
use clients::file;
use config::WebConfig;
use files::{Look, exposed};
use guards::{Guards, Loss};
use hyper::header::{HeaderName, HeaderValue};
use passwords::{Passwords, Verified};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use watching::{Step, Watching};

/// Interval of checking the files for changes.
const LOOK: Duration = Duration::from_secs(1);

/// The web configuration in force.
#[derive(Debug, Default)]
pub struct Rules {
    /// The TLS acceptor; `None` for plain HTTP.
    pub tls: Option<Acceptor>,
    /// The users with passwords; `None` if no login is required.
    pub passwords: Option<Passwords>,
    /// Headers to add to every response.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The protections, to compare with those of a new configuration.
    guards: Guards,
}

/// The web configuration and its reloading.
#[derive(Debug)]
pub struct Web {
    /// The path of the file, and the digest of the files that it was opened with.
    file: Option<(PathBuf, watching::Digest)>,
    rules: ArcSwap<Rules>,
    /// The cache of valid logins, which outlives reloads.
    verified: Verified,
    /// The values of the metrics about it.
    pub status: Arc<WebStatus>,
}

impl Web {
    /// Reads the file. Without a file the server speaks plain HTTP and requires no login.
    ///
    /// # Errors
    /// Says what is wrong with the file, or with a file that it names.
    pub fn open(path: Option<&Path>, status: Arc<WebStatus>) -> Result<Self, Failure> {
        let verified = Verified::default();
        let Some(path) = path else {
            return Ok(Self { file: None, rules: ArcSwap::default(), verified, status });
        };
        let look = Look::at(path);
        let config = look.config?;
        let rules = Rules::of(&config, &verified)?;
        warn_about(&exposed(path, &config));
        status.set_in_force(true);
        Ok(Self { file: Some((path.to_owned(), look.digest)), rules: ArcSwap::from_pointee(rules), verified, status })
    }

    /// Returns the rules for a new connection or request.
    pub fn rules(&self) -> Arc<Rules> {
        self.rules.load_full()
    }

    /// Reloads the files when they change. Files that cannot be used leave the rules unchanged. Never returns.
    pub async fn follow(&self) {
        let Some((path, digest)) = &self.file else { return };
        let mut follower = Follower { web: self, path, watching: Watching::new(*digest), before: None, hangs: false };
        loop {
            tokio::time::sleep(LOOK).await;
            let own = path.clone();
            let looked = file::aside(path, file::PATIENCE, move || Look::at(&own)).await;
            follower.consider(looked, Instant::now()).await;
        }
    }
}

/// The state of reloading.
struct Follower<'a> {
    web: &'a Web,
    path: &'a Path,
    watching: Watching,
    /// The protections before a file that protects less came into force, until they are restored.
    before: Option<Guards>,
    /// Whether the last read did not end in time.
    hangs: bool,
}

impl Follower<'_> {
    /// Handles the result of a look at the files: applies, refuses or ignores them.
    async fn consider(&mut self, looked: std::io::Result<Look>, now: Instant) {
        let Look { digest, config } = match looked {
            Ok(look) => look,
            Err(error) => return self.hung(&error),
        };
        let stayed = match self.watching.look(digest, now) {
            Step::Same => {
                self.hangs = false;
                return self.web.status.set_in_force(self.before.is_none());
            }
            Step::Wait => {
                self.hangs = false;
                return;
            }
            Step::Check { stayed } => stayed,
        };
        // This reads the certificate, the key, the authorities and the file modes.
        let (own, verified) = (self.path.to_owned(), Arc::clone(&self.web.verified));
        let make = move || -> Result<_, Failure> {
            let config = config?;
            Ok((Rules::of(&config, &verified)?, exposed(&own, &config)))
        };
        let made = match file::aside(self.path, file::PATIENCE, make).await {
            Ok(made) => made,
            // The next look tries again.
            Err(error) => return self.hung(&error),
        };
        self.hangs = false;
        let (rules, exposed) = match made {
            Ok(made) => made,
            Err(failure) => return self.refuse(digest, false, &failure.message),
        };
        let present = self.web.rules();
        match rules.guards.loss(&present.guards) {
            Some(Loss::Door(what)) => {
                let why = format!("it no longer requires {what}; restart the exporter if that is intended");
                return self.refuse(digest, false, &why);
            }
            Some(Loss::Part(what)) if !stayed => {
                let why = format!(
                    "it is less strict than before ({what}); it is applied if it stays unchanged for five minutes"
                );
                return self.refuse(digest, true, &why);
            }
            Some(Loss::Part(what)) => {
                tracing::warn!("the web configuration {} is less strict than before ({what})", self.path.display());
                self.before.get_or_insert_with(|| present.guards.clone());
            }
            None => {}
        }
        if self.before.as_ref().is_some_and(|before| rules.guards.loss(before).is_none()) {
            self.before = None;
        }
        warn_about(&exposed);
        tracing::info!("reloaded the web configuration {}", self.path.display());
        self.web.rules.store(Arc::new(rules));
        self.watching.set_in_force(digest);
        self.web.status.set_in_force(self.before.is_none());
    }

    /// Logs, once, that the files cannot be read in time.
    fn hung(&mut self, error: &std::io::Error) {
        self.web.status.set_in_force(false);
        if !self.hangs {
            stays(&file::failure(self.path, error).message);
        }
        self.hangs = true;
    }

    fn refuse(&mut self, digest: watching::Digest, may_count: bool, why: &str) {
        self.watching.refuse(digest, may_count);
        self.web.status.set_in_force(false);
        stays(&format!("{}: {why}", self.path.display()));
    }
}

/// Logs that the old configuration stays in force.
fn stays(why: &str) {
    tracing::error!("cannot load the web configuration, the previous one stays: {why}");
}

fn warn_about(exposed: &[String]) {
    for what in exposed {
        tracing::warn!("web configuration: {what}");
    }
}

impl Rules {
    fn of(config: &WebConfig, verified: &Verified) -> Result<Self, Failure> {
        let tls = config.tls.as_ref().map(Acceptor::new).transpose()?;
        let passwords = (!config.users.is_empty()).then(|| Passwords::new(config.users.clone(), Arc::clone(verified)));
        Ok(Self { tls, passwords, headers: config.headers.clone(), guards: Guards::of(config) })
    }
}

#[cfg(test)]
mod tests {
    use super::watching::STAYS;
    use super::*;

    const HASH: &str = "$2y$10$aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

    #[tokio::test]
    async fn a_less_strict_web_configuration_is_reported_and_applied_only_if_it_stays() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("web.yaml");
        let users = format!("basic_auth_users: {{ann: {HASH}}}\n");
        let whole = format!("{users}http_server_config: {{headers: {{X-Frame-Options: deny}}}}\n");
        std::fs::write(&path, &whole)?;
        let web = Web::open(Some(&path), Arc::default()).map_err(|failure| anyhow::anyhow!(failure.message))?;
        let digest = web.file.as_ref().map(|(_, digest)| *digest).unwrap_or_default();
        let mut follower =
            Follower { web: &web, path: &path, watching: Watching::new(digest), before: None, hangs: false };
        let begun = Instant::now();
        // The content of the file, the time of two looks in seconds, the number of headers then in force, and whether
        // the status is good.
        for (text, at, headers, well) in [
            (whole.as_str(), 0, 1, true),
            (&users, 10, 1, false),
            (&whole, 20, 1, true),
            ("", 30, 1, false),
            ("basic_auth_users: [", 40, 1, false),
            (&users, 50, 1, false),
            (&users, 50 + STAYS.as_secs(), 0, false),
            (&users, 60 + STAYS.as_secs(), 0, false),
            (&whole, 70 + STAYS.as_secs(), 1, true),
        ] {
            std::fs::write(&path, text)?;
            let now = begun + Duration::from_secs(at);
            follower.consider(Ok(Look::at(&path)), now).await;
            follower.consider(Ok(Look::at(&path)), now).await;
            assert_eq!(web.rules().headers.len(), headers, "{text} at {at}");
            assert_eq!(web.status.in_force(), Some(well), "{text} at {at}");
            assert!(web.rules().passwords.is_some());
        }
        Ok(())
    }
}
