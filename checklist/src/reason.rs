//! Why a check could not look at its target.

use std::fmt;

/// Why a run could not look at its target: a closed set, one counter each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// The credentials were refused.
    Auth,
    /// The configuration of the check cannot work (an unreadable secret file).
    Config,
    /// No connection, or it broke.
    Connect,
    /// The answer is not what the protocol's data format allows.
    Decode,
    /// The host name does not resolve.
    Dns,
    /// The answer is larger than the check's bound.
    Limit,
    /// A lock on the target did not become free in time.
    Lock,
    /// The bucket, table, namespace or path does not exist.
    NotFound,
    /// The probe itself broke.
    Panic,
    /// The credentials are good, the right is missing.
    Permission,
    /// The target answers with an error of its own.
    Protocol,
    /// The deadline passed.
    Timeout,
    /// The TLS handshake failed.
    Tls,
}

impl Reason {
    /// Every reason, in exposition order.
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

    /// Whether it is about the way to the target and not about what is asked there. Every check of the target fails for it.
    pub const fn is_of_the_way(self) -> bool {
        matches!(self, Self::Auth | Self::Connect | Self::Dns | Self::Tls)
    }

    /// Whether it may be about the way: no answer in time is, when no check of the target gets one.
    pub const fn may_be_of_the_way(self) -> bool {
        self.is_of_the_way() || matches!(self, Self::Config | Self::Timeout)
    }

    /// What it means, for people.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Auth => "login refused",
            Self::Config => "its settings cannot be used",
            Self::Connect => "connection refused or lost",
            Self::Decode => "answer not understood",
            Self::Dns => "name does not resolve",
            Self::Limit => "answer too large",
            Self::Lock => "locked",
            Self::NotFound => "not found",
            Self::Panic => "the check itself broke",
            Self::Permission => "permission denied",
            Self::Protocol => "answered with an error",
            Self::Timeout => "no answer in time",
            Self::Tls => "TLS handshake failed",
        }
    }

    /// The label value.
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
