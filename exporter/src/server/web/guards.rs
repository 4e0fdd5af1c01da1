//! Comparison of web configurations: finds out whether a new one protects less than the old one. A file that is only
//! half written does.

use super::config::{ClientAuth, Version, WebConfig};
use hyper::header::HeaderName;
use std::collections::HashSet;

/// The protections of a web configuration.
#[derive(Debug, Clone, Default)]
pub struct Guards {
    tls: bool,
    passwords: bool,
    clients: ClientAuth,
    versions: (Version, Option<Version>),
    /// Whether the lists `client_allowed_sans`, `cipher_suites` and `curve_preferences` are set.
    narrowed: [bool; 3],
    headers: HashSet<HeaderName>,
}

/// A protection that a new configuration no longer has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// A whole mechanism: TLS, passwords or client certificates. Only a restart removes it.
    Door(&'static str),
    /// A part of a mechanism. It is removed if the file stays unchanged for a while.
    Part(&'static str),
}

impl Guards {
    /// Returns the protections of a configuration.
    pub fn of(config: &WebConfig) -> Self {
        let tls = config.tls.as_ref();
        let narrowed = tls.map(|tls| {
            [&tls.client_allowed_sans, &tls.cipher_suites, &tls.curve_preferences].map(|list| !list.is_empty())
        });
        Self {
            tls: tls.is_some(),
            passwords: !config.users.is_empty(),
            clients: tls.map_or(ClientAuth::NoClientCert, |tls| tls.client_auth_type),
            versions: tls.map_or_else(Default::default, |tls| (tls.min_version, tls.max_version)),
            narrowed: narrowed.unwrap_or_default(),
            headers: config.headers.iter().map(|(name, _)| name.clone()).collect(),
        }
    }

    /// Returns the first protection that `before` has and `self` lacks, whole mechanisms first.
    pub fn loss(&self, before: &Self) -> Option<Loss> {
        let newest = |guards: &Self| guards.versions.1.unwrap_or(Version::TLS13);
        let narrowed = |at: usize| before.narrowed[at] && !self.narrowed[at];
        let losses = [
            (before.tls && !self.tls, Loss::Door("TLS")),
            (before.passwords && !self.passwords, Loss::Door("passwords")),
            (self.clients < before.clients, Loss::Door("client certificates")),
            (self.versions.0 < before.versions.0, Loss::Part("min_version")),
            (before.tls && newest(self) < newest(before), Loss::Part("max_version")),
            (narrowed(0), Loss::Part("client_allowed_sans")),
            (narrowed(1), Loss::Part("cipher_suites")),
            (narrowed(2), Loss::Part("curve_preferences")),
            (!self.headers.is_superset(&before.headers), Loss::Part("headers")),
        ];
        losses.into_iter().find_map(|(lost, what)| lost.then_some(what))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    const WHOLE: &str = "\
basic_auth_users:
  ann: $2y$10$aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
tls_server_config:
  cert_file: server.pem
  key_file: server.key
  client_auth_type: RequireAndVerifyClientCert
  client_ca_file: ca.pem
  min_version: TLS13
  curve_preferences: [X25519]
  client_allowed_sans: [prometheus]
http_server_config:
  headers: {X-Frame-Options: deny}
";

    fn of(text: &str) -> Option<Guards> {
        WebConfig::parse(Path::new("web.yaml"), text.as_bytes()).ok().map(|config| Guards::of(&config))
    }

    #[test]
    fn a_truncated_web_configuration_is_invalid_or_less_strict() {
        let whole = of(WHOLE).unwrap();
        assert_eq!(whole.loss(&whole), None);
        for end in 0..WHOLE.len() {
            let cut = of(&WHOLE[..end]);
            // Without its last line break the file still means the same.
            let same = end + 1 >= WHOLE.len();
            assert!(same || cut.is_none_or(|cut| cut.loss(&whole).is_some()), "{}", &WHOLE[..end]);
        }
    }

    #[test]
    fn each_removed_requirement_is_named() {
        let whole = of(WHOLE).unwrap();
        for (line, with, lost) in [
            ("  min_version: TLS13\n", "", Loss::Part("min_version")),
            ("  min_version: TLS13\n", "  max_version: TLS12\n", Loss::Part("min_version")),
            ("  client_allowed_sans: [prometheus]\n", "", Loss::Part("client_allowed_sans")),
            ("  curve_preferences: [X25519]\n", "", Loss::Part("curve_preferences")),
            ("RequireAndVerifyClientCert", "VerifyClientCertIfGiven", Loss::Door("client certificates")),
            ("{X-Frame-Options: deny}", "{}", Loss::Part("headers")),
        ] {
            assert!(WHOLE.contains(line));
            let other = of(&WHOLE.replace(line, with)).unwrap();
            assert_eq!(other.loss(&whole), Some(lost), "{line}");
            assert_eq!(whole.loss(&other), None, "to ask for more is always good");
        }
    }
}
