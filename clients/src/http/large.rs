//! A memory budget for large HTTP responses, shared by all requests, as long as the responses are being read. However
//! many targets send endless answers at once, the total stays within the budget. A request that is dropped in the
//! middle frees its part. A complete response belongs to its caller and does not count any more.

use crate::failure::Failure;
use bytes::Bytes;
use checklist::Reason;
use std::collections::VecDeque;
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

const MIB: usize = 1024 * 1024;
/// The budget in bytes, for a pod with a memory limit of 128 MiB. The rules API of a Prometheus answers with some MiB.
pub const MOST: usize = 10 * MIB;
/// Answers of at most this many bytes do not count.
const SMALL: usize = MIB;
/// The deadline for a large response, so that slow servers do not hold the budget.
const WITHIN: Duration = Duration::from_secs(10);

static ROOM: Semaphore = Semaphore::const_new(MOST / MIB);

/// A body while it is received, in pieces of equal size. A vector that grows would take up to three times the size of
/// its content.
#[derive(Default)]
pub(crate) struct Pieces {
    pieces: VecDeque<Vec<u8>>,
    length: usize,
}

/// The size of a piece in bytes.
const PIECE: usize = 64 * 1024;

impl Pieces {
    pub(crate) fn len(&self) -> usize {
        self.length
    }

    /// Appends received bytes.
    pub(crate) fn add(&mut self, mut bytes: &[u8]) {
        self.length += bytes.len();
        while !bytes.is_empty() {
            let room = self.pieces.back().map_or(0, |last| PIECE - last.len());
            if room == 0 {
                self.pieces.push_back(Vec::with_capacity(PIECE));
                continue;
            }
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            if let Some(last) = self.pieces.back_mut() {
                last.extend_from_slice(now);
            }
            bytes = later;
        }
    }

    /// Joins the pieces. Each piece is freed as soon as it is copied.
    pub(crate) fn whole(mut self) -> Bytes {
        let mut whole = Vec::with_capacity(self.length);
        while let Some(piece) = self.pieces.pop_front() {
            whole.extend_from_slice(&piece);
        }
        whole.into()
    }
}

/// The part of the budget that one response holds.
pub(crate) struct Large {
    counts: bool,
    taken: Option<(SemaphorePermit<'static>, Instant)>,
}

impl Large {
    /// Begins a response. `counts` is whether it counts to the budget.
    pub(crate) const fn new(counts: bool) -> Self {
        Self { counts, taken: None }
    }

    /// Reserves the budget for a response of this size, and waits while other answers hold it.
    pub(crate) async fn grow(&mut self, bytes: usize) -> Result<(), Failure> {
        if bytes <= SMALL || !self.counts {
            return Ok(());
        }
        if bytes > MOST {
            return Err(Failure::new(Reason::Limit, format!("the response is larger than {MOST} bytes")));
        }
        let until = self.taken.as_ref().map_or_else(|| Instant::now() + WITHIN, |(_, until)| *until);
        let held = self.taken.as_ref().map_or(0, |(taken, _)| taken.num_permits());
        let missing = u32::try_from(bytes.div_ceil(MIB).saturating_sub(held)).unwrap_or(u32::MAX);
        if missing > 0 {
            let more = tokio::time::timeout_at(until, ROOM.acquire_many(missing)).await.ok().and_then(Result::ok);
            let too_many = || Failure::new(Reason::Limit, "too many large responses are being read at the same time");
            let more = more.ok_or_else(too_many)?;
            match &mut self.taken {
                Some((taken, _)) => taken.merge(more),
                None => self.taken = Some((more, until)),
            }
        }
        if Instant::now() >= until {
            return Err(Failure::new(Reason::Timeout, format!("a large response did not arrive within {WITHIN:?}")));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_in_several_chunks_is_assembled() {
        let mut pieces = Pieces::default();
        let bytes: Vec<u8> = (0..200_000_u32).map(|n| n.to_le_bytes()[0]).collect();
        for part in bytes.chunks(70_001) {
            pieces.add(part);
        }
        assert_eq!(pieces.len(), bytes.len());
        assert!(pieces.pieces.iter().all(|piece| piece.capacity() == PIECE));
        assert_eq!(pieces.whole(), bytes);
    }

    #[tokio::test(start_paused = true)]
    async fn large_responses_share_a_memory_budget_that_aborted_reads_release() {
        let mut one = Large::new(true);
        assert!(one.grow(MOST - MIB).await.is_ok());
        let mut other = Large::new(true);
        assert!(other.grow(SMALL).await.is_ok(), "a small one needs none of it");
        assert!(other.grow(3 * MIB).await.is_err_and(|failure| failure.reason == Reason::Limit));
        // The deadline of the first response is over by now.
        assert!(one.grow(MOST - MIB).await.is_err_and(|failure| failure.reason == Reason::Timeout));
        drop(one);
        assert!(Large::new(true).grow(MOST).await.is_ok());
    }
}
