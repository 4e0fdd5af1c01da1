//! The signal `certificates`: one TLS handshake, and the validity of the certificates that the server presented and of
//! the authority in `caFile` that they lead to.

use crate::probe::{Failure, Probe};
use crate::sources::tls::{Inspection, inspect};
use checklist::config::Certificate as Target;
use checklist::signals::certificates::{
    NOT_AFTER, NOT_BEFORE, SPARE_NOT_AFTER, TLS_VERSION, VERIFICATION_FAILURES, VERIFIED,
};
use checklist::{Object, Reason, Samples};
use futures::FutureExt;
use futures::future::BoxFuture;

/// The probe of the signal `certificates`.
pub struct Certificates(pub Target);

impl Probe for Certificates {
    fn probe(&self, mut samples: Samples) -> BoxFuture<'_, Result<Samples, Failure>> {
        async move {
            let seen = inspect(&self.0).await?;
            let source = format!("{}:{}", self.0.host, self.0.port);
            for certificate in seen.certificates.iter().chain(&seen.root) {
                let labels = [&source, certificate.subject_cn.as_str(), &certificate.issuer_cn, &certificate.position];
                if certificate.spare {
                    samples.set(&SPARE_NOT_AFTER, labels, certificate.not_after);
                } else {
                    samples.set(&NOT_AFTER, labels, certificate.not_after);
                    samples.set(&NOT_BEFORE, labels, certificate.not_before);
                }
            }
            samples.set(&VERIFIED, [], seen.refused.is_none());
            if let Some(refusal) = &seen.refused {
                samples.set(&VERIFICATION_FAILURES, [refusal.word], 1_u32);
            }
            if let Some(version) = seen.version {
                samples.set(&TLS_VERSION, [version], 1_u32);
            }
            add_samples(seen, &mut samples);
            Ok(samples)
        }
        .boxed()
    }
}

/// Adds the evidence and notes for people: which certificate ends first, and why the chain was refused.
fn add_samples(seen: Inspection, samples: &mut Samples) {
    samples.saw(Object::Certificate, seen.certificates.len());
    for why in seen.unreadable {
        samples.missed(Object::Certificate, Reason::Decode, why);
    }
    let needed = seen.certificates.iter().chain(&seen.root).filter(|one| !one.spare);
    if let Some(first) = needed.min_by_key(|one| one.not_after) {
        let end = jiff::Timestamp::from_second(first.not_after).unwrap_or_default();
        let name = if first.subject_cn.is_empty() { "without a subject" } else { &first.subject_cn };
        samples.evidence.note(format!("{} {name} expires first, {}", first.position, end.strftime("%Y-%m-%d")));
    }
    let spares = seen.certificates.iter().filter(|one| one.spare).count();
    if spares > 0 {
        samples.evidence.note(format!("{spares} of them not needed by clients that trust the configured CAs"));
    }
    if let Some(refusal) = seen.refused {
        samples.evidence.note(format!("rejected: {}", refusal.sentence));
    }
    if let Some(why) = seen.broken {
        samples.evidence.note(why);
    }
}
