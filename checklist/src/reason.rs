//! The closed set of reasons why a check could not look at its target.

use std::fmt;

/// Why a run could not look at its target. Each reason has a counter, so the set is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// The credentials were refused.
    Auth,
    /// The configuration of the check cannot work, for example an unreadable file with a secret.
    Config,
    /// The connection was refused or lost.
    Connect,
    /// The response does not have the expected data format.
    Decode,
    Dns,
    /// The response is larger than the limit of the check.
    Limit,
    /// A lock on the target was not released in time.
    Lock,
    /// The bucket, table, namespace or path does not exist.
    NotFound,
    /// The probe panicked.
    Panic,
    /// The credentials are accepted, but a right is missing.
    Permission,
    /// The target answered with an error.
    Protocol,
    /// The deadline passed.
    Timeout,
    Tls,
}

impl Reason {
    /// Every reason, in the order of the exposition.
    pub const ALL: [Self; 13] = [
        Self::Auth,
        Self::Config,
        Self::Connect,
        Self::Decode,
        Self::Dns,
        Self::Limit,
        Self::Lock,
        Self::NotFound,
        Self::Panic,
        Self::Permission,
        Self::Protocol,
        Self::Timeout,
        Self::Tls,
    ];

    /// Returns whether the reason is about the connection to the target instead of the request. Such a failure hits
    /// every check of the target.
    pub const fn is_of_the_way(self) -> bool {
        matches!(self, Self::Auth | Self::Connect | Self::Dns | Self::Tls)
    }

    /// Returns whether the reason may be about the connection. A timeout is, when it hits every check of the target.
    pub const fn may_be_of_the_way(self) -> bool {
        self.is_of_the_way() || matches!(self, Self::Config | Self::Timeout)
    }

    /// Returns the meaning in words, for users.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Auth => "authentication failed",
            Self::Config => "configuration cannot be used",
            Self::Connect => "connection refused or lost",
            Self::Decode => "response cannot be parsed",
            Self::Dns => "name does not resolve",
            Self::Limit => "response too large",
            Self::Lock => "locked",
            Self::NotFound => "not found",
            Self::Panic => "the check panicked",
            Self::Permission => "permission denied",
            Self::Protocol => "error response",
            Self::Timeout => "no response in time",
            Self::Tls => "TLS handshake failed",
        }
    }

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::Config => "config",
            Self::Connect => "connect",
            Self::Decode => "decode",
            Self::Dns => "dns",
            Self::Limit => "limit",
            Self::Lock => "lock",
            Self::NotFound => "not_found",
            Self::Panic => "panic",
            Self::Permission => "permission",
            Self::Protocol => "protocol",
            Self::Timeout => "timeout",
            Self::Tls => "tls",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
