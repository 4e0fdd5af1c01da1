//! What an error of the Kubernetes client means: the API server's status code, or the types among the error's causes.

use super::limits::NoFinalResponse;
use checklist::Reason;
use clients::connection;
use clients::failure::{Failure, causes};
use http_body_util::LengthLimitError;
use std::error::Error;

/// What an error of the client means.
pub fn failure(error: &kube::Error, path: &str) -> Failure {
    let reason = match error {
        kube::Error::Api(status) => return refused(status.code, &status.message, path),
        kube::Error::SerdeError(_) | kube::Error::FromUtf8(_) | kube::Error::LinesCodecMaxLineLengthExceeded => {
            Reason::Decode
        }
        kube::Error::Auth(_) => Reason::Auth,
        other if has_cause(other, <dyn Error>::is::<LengthLimitError>) => Reason::Limit,
        other if has_cause(other, <dyn Error>::is::<NoFinalResponse>) => Reason::Protocol,
        other => connection::reason(other).unwrap_or(Reason::Connect),
    };
    // The texts of the HTTP client's own layers do not name the cause.
    let why = causes(error).replace("client error (Connect): ", "");
    Failure::new(reason, format!("Kubernetes API {path}: {}", why.strip_prefix("ServiceError: ").unwrap_or(&why)))
}

/// Whether an error, or one of its causes, is such a one.
pub(super) fn has_cause(error: &kube::Error, is: impl Fn(&(dyn Error + 'static)) -> bool) -> bool {
    let first: &(dyn Error + 'static) = error;
    std::iter::successors(Some(first), |&cause| cause.source()).any(is)
}

/// What a response other than success means.
pub(super) fn refused(code: u16, message: &str, path: &str) -> Failure {
    let reason = match code {
        401 => Reason::Auth,
        403 => Reason::Permission,
        404 | 410 => Reason::NotFound,
        408 | 504 => Reason::Timeout,
        _ => Reason::Protocol,
    };
    Failure::new(reason, format!("Kubernetes API {path}: {code} {message}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use kube::{Client, Config};

    async fn failed(address: &str) -> anyhow::Result<Failure> {
        let mut config = Config::new(address.parse()?);
        config.default_retry = false;
        let client = Client::try_from(config)?;
        let error = client.apiserver_version().await.map(drop).err();
        let error = error.ok_or_else(|| anyhow::anyhow!("{address} answered"))?;
        Ok(failure(&error, "/version"))
    }

    #[tokio::test]
    async fn an_unresolved_name_and_a_closed_port_have_different_reasons() -> anyhow::Result<()> {
        let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await?.local_addr()?;
        let refused = failed(&format!("http://{closed}")).await?;
        assert_eq!(refused.reason, Reason::Connect);
        assert!(
            refused.message.starts_with("Kubernetes API /version: tcp connect error: Connection refused"),
            "{refused}"
        );
        assert_eq!(failed("http://nowhere.invalid").await?.reason, Reason::Dns);
        Ok(())
    }
}
