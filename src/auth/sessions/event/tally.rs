//! How often did what happen?
//!
//! Counted from the launch on, one number for everything that can happen and one for each verdict of a refresh, so that an
//! operator sees a wave of wrong passwords without reading the log.

use std::sync::atomic::{AtomicU64, Ordering};

use super::What;
use crate::auth::sessions::rotation::Verdict;

/// What this node counted.
#[derive(Debug)]
pub(crate) struct Tally {
    events: Vec<(What, AtomicU64)>,
    verdicts: [(Verdict, AtomicU64); 6],
}

impl Tally {
    /// Nothing yet.
    pub(crate) fn new() -> Self {
        let verdicts = [
            Verdict::Rotated,
            Verdict::Replayed,
            Verdict::Reused,
            Verdict::NeverIssued,
            Verdict::AlreadyEnded,
            Verdict::Expired,
        ];
        Self {
            events: What::all().map(|what| (what, AtomicU64::new(0))).collect(),
            verdicts: verdicts.map(|verdict| (verdict, AtomicU64::new(0))),
        }
    }

    /// Counts an event.
    pub(crate) fn event(&self, what: What) {
        if let Some((_, count)) = self.events.iter().find(|(known, _)| *known == what) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Counts what became of a refresh.
    pub(crate) fn verdict(&self, verdict: Verdict) {
        if let Some((_, count)) = self.verdicts.iter().find(|(known, _)| *known == verdict) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How often each thing happened.
    pub(crate) fn events(&self) -> Vec<(What, u64)> {
        self.events.iter().map(|(what, count)| (*what, count.load(Ordering::Relaxed))).collect()
    }

    /// How often each verdict was given.
    pub(crate) fn verdicts(&self) -> Vec<(Verdict, u64)> {
        self.verdicts.iter().map(|(verdict, count)| (*verdict, count.load(Ordering::Relaxed))).collect()
    }
}
