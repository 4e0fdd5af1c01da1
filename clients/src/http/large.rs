//! Memory for large answers, shared by all who read one: however many targets answer without an end at once, together they
//! take no more than this, and one that stops in the middle gives its part back.

use crate::failure::Failure;
use checklist::Reason;
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

const MIB: usize = 1024 * 1024;
/// Of the 128 MiB that a pod may have; the rules of a Prometheus have some ten of them at most.
pub const MOST: usize = 16 * MIB;
/// Smaller answers are not counted.
const SMALL: usize = MIB;
/// A large answer comes within this, or it is given up.
const WITHIN: Duration = Duration::from_secs(10);

static ROOM: Semaphore = Semaphore::const_new(MOST / MIB);

/// What one answer takes of it.
#[derive(Default)]
pub(super) struct Large {
    taken: Option<(SemaphorePermit<'static>, Instant)>,
}

impl Large {
    /// Adds a piece to an answer, beside `others` bytes of it elsewhere.
    pub(super) async fn add(&mut self, answer: &mut Vec<u8>, piece: &[u8], others: usize) -> Result<(), Failure> {
        let length = answer.len() + piece.len();
        self.grow(length + others).await?;
        if length > SMALL && length > answer.capacity() {
            // In equal steps: a vector that doubles would take twice what is counted.
            answer.reserve_exact(MIB.max(piece.len()));
        }
        answer.extend_from_slice(piece);
        Ok(())
    }

    /// Takes what an answer of so many bytes needs, and waits for it if others have it.
    async fn grow(&mut self, bytes: usize) -> Result<(), Failure> {
        if bytes <= SMALL {
            return Ok(());
        }
        if bytes > MOST {
            return Err(Failure::new(Reason::Limit, format!("the answer is larger than {MOST} bytes")));
        }
        let until = self.taken.as_ref().map_or_else(|| Instant::now() + WITHIN, |(_, until)| *until);
        let held = self.taken.as_ref().map_or(0, |(taken, _)| taken.num_permits());
        let missing = u32::try_from(bytes.div_ceil(MIB).saturating_sub(held)).unwrap_or(u32::MAX);
        if missing > 0 {
            let more = tokio::time::timeout_at(until, ROOM.acquire_many(missing)).await.ok().and_then(Result::ok);
            let busy = || Failure::new(Reason::Limit, "too many large answers are being read to read this one too");
            let more = more.ok_or_else(busy)?;
            match &mut self.taken {
                Some((taken, _)) => taken.merge(more),
                None => self.taken = Some((more, until)),
            }
        }
        if Instant::now() >= until {
            return Err(Failure::new(Reason::Timeout, format!("a large answer did not come within {WITHIN:?}")));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn large_answers_share_their_room_and_who_stops_in_the_middle_gives_it_back() {
        let mut one = Large::default();
        assert!(one.grow(MOST - MIB).await.is_ok());
        let mut other = Large::default();
        assert!(other.grow(SMALL).await.is_ok(), "a small one needs none of it");
        assert!(other.grow(3 * MIB).await.is_err_and(|failure| failure.reason == Reason::Limit));
        // By now it has lasted too long.
        assert!(one.grow(MOST - MIB).await.is_err_and(|failure| failure.reason == Reason::Timeout));
        drop(one);
        assert!(Large::default().grow(MOST).await.is_ok());
    }
}
