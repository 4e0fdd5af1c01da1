//! The error type of everything that asks another system: a reason from a closed set, and a sentence for people.

use crate::trust::refusal::Refusal;
use checklist::Reason;
use rustls::AlertDescription;
use std::error::Error;
use std::{fmt, io};

/// A check that could not be made. The message names what was done and to what, never a secret.
#[derive(Debug, Clone)]
pub struct Failure {
    /// The label value of the metric that counts failures.
    pub reason: Reason,
    /// What failed, where, and what to do if that is known.
    pub message: String,
}

/// The limit of a message in bytes. Servers may answer with whole pages, and the first lines name the error.
const MAX_BYTES: usize = 1024;

impl Failure {
    /// Makes a failure. The message is cut to [`MAX_BYTES`], put on one line, and bearer tokens in it are masked.
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        // Cut first, because searching a very long text for tokens takes time.
        Self { reason, message: one_line(&cut(without_tokens(cut(message.into(), 2 * MAX_BYTES)), MAX_BYTES)) }
    }

    /// Prefixes the message with what was being done: "listing <s3://b/daily/>: access denied".
    #[must_use]
    pub fn while_doing(mut self, action: impl fmt::Display) -> Self {
        self.message = one_line(&cut(format!("{action}: {}", self.message), MAX_BYTES));
        self
    }
}

/// Cuts a text to at most `most` bytes, at the border of a character.
fn cut(mut text: String, most: usize) -> String {
    if text.len() > most {
        text.truncate((0..=most - '…'.len_utf8()).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0));
        text.push('…');
    }
    text
}

/// Puts foreign text on one line: line breaks, escape codes and marks that change the direction of text become spaces.
pub fn one_line(text: &str) -> String {
    text.chars().map(|c| if is_visible(c) { c } else { ' ' }).collect()
}

/// Returns whether a character is printable, that is, has no effect on the line or on the terminal.
pub fn is_visible(c: char) -> bool {
    !c.is_control() && !matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}')
}

/// Masks what follows `Bearer`. The message of a server may repeat the header that was sent to it.
fn without_tokens(mut message: String) -> String {
    const BEARER: &str = "bearer ";
    /// No token is shorter than this, and the text "invalid bearer token" stays readable.
    const SHORTEST: usize = 8;
    let mut from = 0;
    while let Some(at) = message[from..].to_ascii_lowercase().find(BEARER) {
        let begin = from + at + BEARER.len();
        let of_tokens = |c: char| c.is_ascii_alphanumeric() || "-._~+/=".contains(c);
        let length = message[begin..].find(|c| !of_tokens(c)).unwrap_or(message.len() - begin);
        from = begin;
        if length >= SHORTEST {
            message.replace_range(begin..begin + length, "***");
        }
    }
    message
}

/// Joins an error and its chain of causes on one line.
pub fn causes(error: &(dyn Error + 'static)) -> String {
    let mut text = words(error);
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {}", words(inner));
        cause = inner.source();
    }
    text
}

/// The words of one error of a chain. Those of a refused certificate are ours: the library's are names of its types.
fn words(error: &(dyn Error + 'static)) -> String {
    match of_tls(error) {
        Some(refused @ rustls::Error::InvalidCertificate(_)) => {
            format!("the certificate was rejected: {}", Refusal::of(refused, None).sentence)
        }
        Some(rustls::Error::AlertReceived(alert)) => alerted(*alert).map_or_else(|| error.to_string(), str::to_owned),
        _ => error.to_string(),
    }
}

/// What a server that ends a handshake with an alert (RFC 8446, section 6.2) wants.
fn alerted(alert: AlertDescription) -> Option<&'static str> {
    Some(match alert {
        AlertDescription::ProtocolVersion => "the server supports neither TLS 1.2 nor TLS 1.3 (alert protocol_version)",
        AlertDescription::HandshakeFailure | AlertDescription::InsufficientSecurity => {
            "the server shares no cipher, key exchange or kind of key with today's clients, or wants a client certificate \
             (alert handshake_failure)"
        }
        AlertDescription::UnrecognisedName => {
            "the server has no certificate for the name that was sent (alert unrecognized_name)"
        }
        AlertDescription::NoApplicationProtocol => {
            "the server wants another protocol within TLS, as PostgreSQL does (alert no_application_protocol)"
        }
        AlertDescription::CertificateRequired => "the server wants a client certificate (alert certificate_required)",
        _ => return None,
    })
}

/// An `io::Error` must be unpacked: its `source` skips the error that it holds.
fn of_tls<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(held) => of_tls(held),
        None => error.downcast_ref(),
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.message, self.reason)
    }
}

impl Error for Failure {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_server_messages_are_truncated() {
        let failure = Failure::new(Reason::Protocol, "ä".repeat(10_000_000)).while_doing("b".repeat(900));
        assert!(failure.message.len() <= MAX_BYTES && failure.message.ends_with("ä…"), "{}", failure.message.len());
    }

    #[test]
    fn an_alert_that_ends_a_handshake_is_reported_in_words() {
        for (alert, part) in [
            (AlertDescription::ProtocolVersion, "neither TLS 1.2 nor TLS 1.3"),
            (AlertDescription::HandshakeFailure, "shares no cipher"),
            (AlertDescription::UnrecognisedName, "no certificate for the name"),
            (AlertDescription::CertificateRequired, "wants a client certificate"),
            (AlertDescription::InternalError, "InternalError"),
        ] {
            let error = io::Error::new(io::ErrorKind::InvalidData, rustls::Error::AlertReceived(alert));
            assert!(causes(&error).contains(part), "{}", causes(&error));
        }
    }

    #[test]
    fn a_refused_certificate_is_reported_without_rust_type_names() {
        let old = rustls::OtherError(std::sync::Arc::new(webpki::Error::UnsupportedCertVersion));
        for (invalid, part) in [
            (rustls::CertificateError::Other(old), "not an X.509 version 3"),
            (
                rustls::CertificateError::Other(rustls::OtherError(std::sync::Arc::new(
                    webpki::Error::UnsupportedCriticalExtension,
                ))),
                "critical extension that clients do not support",
            ),
            (rustls::CertificateError::UnknownIssuer, "not issued by a trusted CA"),
            (rustls::CertificateError::BadSignature, "shorter than 2048 bits"),
        ] {
            let error = rustls::Error::InvalidCertificate(invalid);
            for error in [io::Error::other(error.clone()), io::Error::other(io::Error::other(error))] {
                let text = causes(&error);
                assert!(text.starts_with("the certificate was rejected: ") && text.contains(part), "{text}");
            }
        }
    }

    #[test]
    fn server_messages_are_reduced_to_one_line() {
        let failure = Failure::new(Reason::Protocol, "one\ntwo\u{1b}[31m\u{202e}").while_doing("a\nkey");
        assert_eq!(failure.message, "a key: one two [31m ");
    }

    #[test]
    fn a_token_that_a_server_echoes_is_removed_from_the_message() {
        for (text, shown) in [
            ("401 {\"authorization\": \"Bearer abc.def-123\"}", "401 {\"authorization\": \"Bearer ***\"}"),
            ("bearer aaaaaaaa, BEARER bbbbbbbb", "bearer ***, BEARER ***"),
            ("[invalid bearer token, expired]", "[invalid bearer token, expired]"),
            ("Bearer ", "Bearer "),
            ("\u{130}bearer aaaaaaaa\u{e4}", "\u{130}bearer ***\u{e4}"),
        ] {
            assert_eq!(Failure::new(Reason::Auth, text).message, shown);
        }
    }
}
