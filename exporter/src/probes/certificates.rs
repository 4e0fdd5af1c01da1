//! The signal `certificates`: one TLS handshake with each address of the name, and the validity of the certificates that
//! the servers presented and of the authority in `caFile` that they lead to.

use crate::probe::{Failure, Probe};
use crate::sources::tls::{Inspection, Inspections, Presented, ascii, inspect};
use checklist::config::Certificate as Target;
use checklist::signals::certificates::{
    NOT_AFTER, NOT_BEFORE, SPARE_NOT_AFTER, TLS_VERSION, VERIFICATION_FAILURES, VERIFIED,
};
use checklist::{Object, Reason, Samples};
use clients::tcp::resolve;
use futures::FutureExt;
use futures::future::BoxFuture;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

/// The probe of the signal `certificates`.
pub struct Certificates(pub Target);

impl Probe for Certificates {
    fn probe(&self, samples: Samples) -> BoxFuture<'_, Result<Samples, Failure>> {
        async move {
            let addresses = resolve(&ascii(&self.0.host), self.0.port).await?;
            self.at(&addresses, samples).await
        }
        .boxed()
    }
}

impl Certificates {
    /// Inspects these addresses of the target. Of certificates that differ only in their dates the one that expires
    /// first is exposed, because some of the clients are handed that one.
    pub async fn at(&self, addresses: &[SocketAddr], mut samples: Samples) -> Result<Samples, Failure> {
        let Inspections { seen, unreachable, failed } = inspect(&self.0, addresses).await?;
        let source = format!("{}:{}", self.0.host, self.0.port);
        for one in first_to_expire(&seen) {
            let labels = [&source, one.subject_cn.as_str(), &one.issuer_cn, &one.position];
            if one.spare {
                samples.set(&SPARE_NOT_AFTER, labels, one.not_after);
            } else {
                samples.set(&NOT_AFTER, labels, one.not_after);
                samples.set(&NOT_BEFORE, labels, one.not_before);
            }
        }
        samples.set(&VERIFIED, [], seen.iter().all(|one| one.refused.is_none()));
        for word in seen.iter().filter_map(|one| Some(one.refused.as_ref()?.word)).collect::<BTreeSet<_>>() {
            samples.set(&VERIFICATION_FAILURES, [word], 1_u32);
        }
        for version in seen.iter().filter_map(|one| one.version).collect::<BTreeSet<_>>() {
            samples.set(&TLS_VERSION, [version], 1_u32);
        }
        add_evidence(&seen, addresses.len(), &mut samples);
        if !unreachable.is_empty() {
            samples.evidence.note(format!("not inspected: {}", unreachable.join("; ")));
        }
        for failure in failed {
            samples.missed(Object::Certificate, failure.reason, failure.message);
        }
        Ok(samples)
    }
}

/// Returns the certificates of all servers, one for each position and name: the first one to expire.
fn first_to_expire(seen: &[Inspection]) -> impl Iterator<Item = &Presented> {
    let mut first: BTreeMap<_, &Presented> = BTreeMap::new();
    for one in seen.iter().flat_map(Inspection::all) {
        let entry = first.entry((&one.position, &one.subject_cn, &one.issuer_cn, one.spare)).or_insert(one);
        if one.not_after < entry.not_after {
            *entry = one;
        }
    }
    first.into_values()
}

/// Adds the evidence and notes for people: which certificate ends first, and why a chain was refused.
fn add_evidence(seen: &[Inspection], addresses: usize, samples: &mut Samples) {
    let distinct: BTreeSet<_> = seen.iter().flat_map(|one| &one.certificates).collect();
    samples.saw(Object::Certificate, distinct.len());
    for why in seen.iter().flat_map(|one| &one.unreadable) {
        samples.missed(Object::Certificate, Reason::Decode, why);
    }
    for one in seen {
        let at = if addresses > 1 { format!(" by {}", one.address) } else { String::new() };
        if let Some(refusal) = &one.refused {
            samples.evidence.note(format!("rejected{at}: {}", refusal.sentence));
        }
        if let Some(why) = &one.broken {
            samples.evidence.note(why);
        }
    }
    let needed = seen.iter().flat_map(|one| one.all().map(move |certificate| (certificate, one.address)));
    if let Some((first, address)) = needed.filter(|(one, _)| !one.spare).min_by_key(|(one, _)| one.not_after) {
        let end = jiff::Timestamp::from_second(first.not_after).unwrap_or_default();
        let name = if first.subject_cn.is_empty() { "without a subject" } else { &first.subject_cn };
        let at = match addresses {
            1 => String::new(),
            _ => format!(" (at {address}, of {} of {addresses} addresses)", seen.len()),
        };
        samples.evidence.note(format!("{} {name} expires first, {}{at}", first.position, end.strftime("%Y-%m-%d")));
    }
    let spares = distinct.iter().filter(|one| one.spare).count();
    if spares > 0 {
        samples.evidence.note(format!("{spares} of them not needed by clients that trust the configured CAs"));
    }
}
