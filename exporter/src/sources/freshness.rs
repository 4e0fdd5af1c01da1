//! Figures that another program took, such as a kubelet: they count only if they were taken lately.

use clients::AHEAD;
use jiff::{SignedDuration, Timestamp};

/// Age from which on figures are not believed. Kubelets and metrics servers look every minute.
const STALE: SignedDuration = SignedDuration::from_mins(15);

/// Returns when figures were taken, if that is long ago or in the future: then they say nothing about now. Figures
/// without a time, or with one that cannot be read, are believed.
pub fn not_of_now(time: Option<&str>) -> Option<Timestamp> {
    let (time, now) = (time?.parse::<Timestamp>().ok()?, Timestamp::now());
    // The zero time of programs in Go is no time.
    let known = Some(time).filter(|time| time.as_second() > 0);
    known.filter(|time| *time < now - STALE || *time > now + AHEAD)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_of_long_ago_and_of_the_future_are_not_of_now() {
        let at = |minutes: i64| (Timestamp::now() + SignedDuration::from_mins(minutes)).to_string();
        for (time, is_of_now) in [
            (Some(at(-1)), true),
            (Some(at(3)), true),
            (Some(at(-16)), false),
            (Some(at(24 * 60)), false),
            (Some("0001-01-01T00:00:00Z".to_owned()), true),
            (Some("lately".to_owned()), true),
            (None, true),
        ] {
            assert_eq!(not_of_now(time.as_deref()).is_none(), is_of_now, "{time:?}");
        }
    }
}
