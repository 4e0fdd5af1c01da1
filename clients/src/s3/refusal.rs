//! Turns errors of the S3 client into failures with plain messages, without the debug output of the client.

use crate::failure::{Failure, causes};
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::RequestId;
use checklist::Reason;
use std::error::Error;

/// The limit of the server's message in characters.
const MAX_MESSAGE: usize = 200;

/// Returns the failure that an error stands for. `region` is the region that the request was signed for.
pub(super) fn failure<E>(error: &SdkError<E, HttpResponse>, region: &str) -> Failure
where
    E: Error + ProvideErrorMetadata + 'static,
{
    if let Some(own) = own(error) {
        return own;
    }
    let Some(response) = error.raw_response() else { return without_response(error) };
    let service = error.as_service_error();
    let code = service.and_then(ProvideErrorMetadata::code).unwrap_or_default();
    let message = service.and_then(ProvideErrorMetadata::message).unwrap_or_default();
    let status = response.status().as_u16();
    let id = error.request_id().unwrap_or("none");
    let status_line = || format!("the server responded with {status} {code}").trim_end().to_owned();
    if let Some(right) = right_region(response, code, message).filter(|right| right != region) {
        let what =
            format!("{}: the bucket is in the region {right}, not in {region}; set region: {right}", status_line());
        return Failure::new(Reason::Config, what);
    }
    if service.is_none() {
        let why = error.source().map(causes).unwrap_or_default();
        return Failure::new(Reason::Decode, format!("{}, and the response cannot be parsed: {why}", status_line()));
    }
    if response.status().is_success() {
        return Failure::new(Reason::Decode, format!("{}, and the body is not a response of S3", status_line()));
    }
    let reason = match (code, status) {
        (
            "InvalidAccessKeyId" | "SignatureDoesNotMatch" | "ExpiredToken" | "InvalidToken" | "RequestTimeTooSkewed",
            _,
        )
        | (_, 401) => Reason::Auth,
        // Listing works, but reading is refused: the object is in an archive storage class, or is encrypted with a key
        // that this login may not use.
        ("AccessDenied" | "AllAccessDisabled" | "InvalidObjectState", _) | (_, 403) => Reason::Permission,
        ("NoSuchBucket" | "NoSuchKey", _) | (_, 404) => Reason::NotFound,
        ("AuthorizationHeaderMalformed" | "PermanentRedirect" | "InvalidBucketName", _) | (_, 301 | 307) => {
            Reason::Config
        }
        _ => Reason::Protocol,
    };
    let message: String = message.chars().filter(|c| !c.is_control()).take(MAX_MESSAGE).collect();
    let message = if message.is_empty() { message } else { format!(": {message}") };
    Failure::new(reason, format!("{}{message} (request id {id})", status_line()))
}

/// Returns the failure of this crate's HTTP connector when it is among the causes.
fn own(error: &(dyn Error + 'static)) -> Option<Failure> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(failure) = error.downcast_ref::<Failure>() {
            return Some(failure.clone());
        }
        cause = error.source();
    }
    None
}

/// Makes the failure for an error without an HTTP response.
fn without_response<E, R>(error: &SdkError<E, R>) -> Failure
where
    E: Error + 'static,
    R: std::fmt::Debug,
{
    let why = error.source().map(causes).unwrap_or_default();
    let lower = why.to_lowercase();
    let (reason, what) = match error {
        SdkError::TimeoutError(_) => (Reason::Timeout, "no response in time".to_owned()),
        _ if lower.contains("credential") => (Reason::Auth, format!("no credentials found: {why}")),
        SdkError::DispatchFailure(dispatch) if dispatch.is_timeout() => (Reason::Timeout, why),
        SdkError::DispatchFailure(dispatch) if dispatch.is_user() => (Reason::Config, why),
        SdkError::DispatchFailure(_) => (Reason::Connect, why),
        SdkError::ConstructionFailure(_) => (Reason::Config, format!("cannot build the request: {why}")),
        _ => (Reason::Decode, why),
    };
    Failure::new(reason, what)
}

/// Returns the region of the bucket when the response says that the request was made for another region.
fn right_region(response: &HttpResponse, code: &str, message: &str) -> Option<String> {
    let body = response.body().bytes().map(String::from_utf8_lossy).unwrap_or_default();
    let between = |begin: &str, end: char| {
        let (_, rest) = body.split_once(begin)?;
        rest.split(end).next().map(str::to_owned)
    };
    let misplaced = matches!(code, "AuthorizationHeaderMalformed" | "PermanentRedirect" | "IllegalLocationConstraint")
        || matches!(response.status().as_u16(), 301 | 307);
    let region_in = misplaced.then(|| {
        let header = response.headers().get("x-amz-bucket-region").map(str::to_owned);
        // "the region 'us-east-1' is wrong; expecting 'eu-west-1'"
        let expected =
            || message.split_once("expecting '").and_then(|(_, rest)| rest.split('\'').next()).map(str::to_owned);
        header.or_else(|| between("<Region>", '<')).or_else(expected)
    });
    region_in.flatten().filter(|region| {
        !region.is_empty() && region.len() < 64 && region.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
    })
}
