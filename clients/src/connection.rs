//! Finds the reason of a failed connection by the types of the errors in its chain of causes, because texts differ
//! between libraries and versions.

use checklist::Reason;
use std::error::Error;
use std::io;

/// Returns the reason of a failed connection, or `None` when no error in the chain names one.
pub fn reason(error: &(dyn Error + 'static)) -> Option<Reason> {
    let mut next = Some(error);
    while let Some(cause) = next {
        if cause.is::<rustls::Error>() {
            return Some(Reason::Tls);
        }
        if let Some(reason) = cause.downcast_ref::<io::Error>().and_then(of_io) {
            return Some(reason);
        }
        next = cause.source();
    }
    None
}

/// An error of the operating system has a number. An error without a number that holds only a text comes from the
/// resolver: the standard library gives it no public kind.
fn of_io(error: &io::Error) -> Option<Reason> {
    // An `io::Error` must be unpacked here: its `source` skips the error that it holds and returns the source of that
    // one.
    match error.get_ref() {
        Some(held) if held.is::<rustls::Error>() => Some(Reason::Tls),
        Some(held) if held.is::<io::Error>() => held.downcast_ref().and_then(of_io),
        _ if error.kind() == io::ErrorKind::TimedOut => Some(Reason::Timeout),
        Some(_) if error.raw_os_error().is_none() && is_unnamed(error.kind()) => Some(Reason::Dns),
        _ => None,
    }
}

/// Returns whether the kind is none of those that errors of a connection have. What remains is the kind without a
/// public name, which the resolver uses.
fn is_unnamed(kind: io::ErrorKind) -> bool {
    use io::ErrorKind as K;
    !matches!(
        kind,
        K::Other
            | K::InvalidData
            | K::InvalidInput
            | K::UnexpectedEof
            | K::ConnectionRefused
            | K::ConnectionReset
            | K::ConnectionAborted
            | K::NotConnected
            | K::BrokenPipe
            | K::Interrupted
            | K::Unsupported
            | K::WriteZero
            | K::PermissionDenied
            | K::NotFound
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_failure_reason_comes_from_error_types_and_not_from_messages() {
        let of = |error: io::Error| reason(&error);
        let refused = rustls::Error::InvalidCertificate(rustls::CertificateError::Expired);
        assert_eq!(of(io::Error::new(io::ErrorKind::InvalidData, refused)), Some(Reason::Tls));
        assert_eq!(of(io::Error::new(io::ErrorKind::TimedOut, "x")), Some(Reason::Timeout));
        assert_eq!(of(io::Error::other("dns certificate lookup address")), None);
        assert_eq!(of(io::Error::from_raw_os_error(111)), None, "the connection was refused");
    }

    #[tokio::test]
    async fn a_name_that_does_not_resolve_has_a_reason_of_its_own() {
        // RFC 2606 reserves this name: it never resolves, with or without a resolver.
        let error = tokio::net::lookup_host(("nowhere.invalid", 80)).await.map(drop).unwrap_err();
        assert_eq!(reason(&error), Some(Reason::Dns), "{error:?}");
    }
}
