//! One handshake and the certificates it showed.

use crate::probe::{Failure, Probe};
use crate::sources::tls::inspect;
use checklist::config::Certificate as Target;
use checklist::signals::certificates::{NOT_AFTER, NOT_BEFORE, SIGNAL, TLS_VERSION, VERIFICATION_FAILURES, VERIFIED};
use checklist::{Object, Samples};
use futures::FutureExt;
use futures::future::BoxFuture;

/// The probe of the signal `certificates`.
pub struct Certificates(pub Target);

impl Probe for Certificates {
    fn probe(&self) -> BoxFuture<'_, Result<Samples, Failure>> {
        async {
            let seen = inspect(&self.0).await?;
            let source = format!("{}:{}", self.0.host, self.0.port);
            let mut samples = SIGNAL.samples();
            samples.saw(Object::Certificate, seen.certificates.len());
            for certificate in &seen.certificates {
                let labels = [&source, certificate.subject_cn.as_str(), &certificate.issuer_cn, certificate.position];
                samples.set(&NOT_AFTER, labels, certificate.not_after);
                samples.set(&NOT_BEFORE, labels, certificate.not_before);
            }
            samples.set(&VERIFIED, [], seen.refused.is_none());
            if let Some(reason) = seen.refused {
                samples.set(&VERIFICATION_FAILURES, [reason], 1_u32);
            }
            samples.set(&TLS_VERSION, [seen.version], 1_u32);
            Ok(samples)
        }
        .boxed()
    }
}
