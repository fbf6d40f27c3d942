//! The memory that calls may take together.
//!
//! A call takes all that it may come to need in one go: for its request, what is made of that, and the answer. Before, it holds nothing
//! but what flow control lets through; after, it waits for no other call, only for its peer, which has a time limit, and for a processor.
//! So whatever was taken comes back, those that wait get it in the order in which they came, and nothing can wait for ever.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tonic::Status;

use super::{metrics::Metrics, timing::Late};

/// How many times its size a request takes at the most, as measured: the bytes received, the same decoded, copies in the answer.
const TIMES: usize = 5;

/// What a call takes beside that.
const EACH: usize = 64 << 10;

/// The semaphore counts in these, because its numbers have 32 bits.
const UNIT: usize = 1 << 10;

/// What is left to share out; clones share it.
#[derive(Clone)]
pub(super) struct Budget {
    units: Arc<Semaphore>,
    total: usize,
    metrics: Metrics,
}

impl Budget {
    /// So many bytes.
    pub(super) fn new(bytes: usize, metrics: Metrics) -> Self {
        let total = bytes.min(usize::try_from(u32::MAX).unwrap_or(usize::MAX).saturating_mul(UNIT));
        metrics.budget(total);
        Self { units: Arc::new(Semaphore::new(total / UNIT)), total, metrics }
    }

    /// The largest request for which there is ever room.
    pub(super) fn largest(&self) -> usize {
        self.total.saturating_sub(EACH) / TIMES
    }

    /// Waits for the share of a call with a request of so many bytes.
    pub(super) async fn take(&self, request: usize, late: Late) -> Result<Share, Status> {
        let bytes = cost(request);
        let refused = |why: &str| {
            let [size, most, total] = [request, bytes, self.total].map(megabytes);
            let advice = "raise the memory limit of the function's pods, or their number";
            Status::resource_exhausted(format!("a request of {size} MB takes up to {most} MB of the {total} MB {why}; {advice}"))
        };
        if bytes > self.total {
            return Err(refused("that there are for all calls together"));
        }
        let waiting = self.metrics.waiting();
        let permit = tokio::select! {
            biased;
            permit = Arc::clone(&self.units).acquire_many_owned(units(bytes)) => permit.map_err(|error| Status::internal(error.to_string()))?,
            why = late => return Err(why.status(|limit| refused(&format!("that other calls have taken for more than {limit:?}")))),
        };
        drop(waiting);
        let mut share = Share { permit, metrics: self.metrics.clone(), bytes: 0 };
        share.count();
        Ok(share)
    }
}

/// What one call has of the budget, until it is dropped.
pub(super) struct Share {
    permit: OwnedSemaphorePermit,
    metrics: Metrics,
    /// What of it is counted.
    bytes: usize,
}

impl Share {
    /// Gives back what is not needed for an answer of so many bytes.
    pub(super) fn shrink(&mut self, answer: usize) {
        let needed = usize::try_from(units(answer.saturating_add(EACH))).unwrap_or(usize::MAX);
        drop(self.permit.split(self.permit.num_permits().saturating_sub(needed)));
        self.count();
    }

    fn count(&mut self) {
        let bytes = self.permit.num_permits().saturating_mul(UNIT);
        self.metrics.in_flight(self.bytes, bytes);
        self.bytes = bytes;
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.metrics.in_flight(self.bytes, 0);
    }
}

fn cost(request: usize) -> usize {
    request.saturating_mul(TIMES).saturating_add(EACH)
}

fn units(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX)
}

fn megabytes(bytes: usize) -> usize {
    bytes.div_ceil(1 << 20)
}
