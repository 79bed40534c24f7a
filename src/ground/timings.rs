//! How often did something happen, and how long did it take?
//!
//! Counted without a lock, in classes of doubled length, from a tenth of a millisecond to a little more than six seconds.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How long things took since the program began.
#[derive(Debug, Default)]
pub(crate) struct Timings {
    classes: [AtomicU64; CLASSES + 1],
    micros: AtomicU64,
}

/// What was counted by now.
///
/// ```
/// use portcullis::auth::Distribution;
///
/// let none = Distribution::default();
/// assert_eq!((none.count(), none.sum), (0, std::time::Duration::ZERO));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Distribution {
    /// How long all of it took together.
    pub sum: Duration,
    /// Up to which length, and how many took so long and longer than the class before; the last class, which has no end, says
    /// [`Duration::MAX`].
    pub classes: Vec<(Duration, u64)>,
}

impl Timings {
    /// Nothing yet.
    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    pub(crate) const fn new() -> Self {
        Self { classes: [const { AtomicU64::new(0) }; CLASSES + 1], micros: AtomicU64::new(0) }
    }

    /// Counts one that took so long.
    pub(crate) fn add(&self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let class = (0..CLASSES).find(|class| micros <= SHORTEST << class).unwrap_or(CLASSES);
        if let Some(count) = self.classes.get(class) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        self.micros.fetch_add(micros, Ordering::Relaxed);
    }

    /// What was counted by now.
    pub(crate) fn seen(&self) -> Distribution {
        let end = |class: usize| match class {
            CLASSES => Duration::MAX,
            class => Duration::from_micros(SHORTEST << class),
        };
        let counts = self.classes.iter().map(|count| count.load(Ordering::Relaxed));
        let classes = counts.enumerate().map(|(class, count)| (end(class), count)).collect();
        Distribution { sum: Duration::from_micros(self.micros.load(Ordering::Relaxed)), classes }
    }
}

impl Distribution {
    /// How many there were.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.classes.iter().map(|(_, count)| count).sum()
    }
}

/// In microseconds.
const SHORTEST: u64 = 100;
const CLASSES: usize = 17;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_counted_once_in_the_class_that_it_fits_into() {
        let timings = Timings::default();
        let took = [0, 100, 101, 200, 6_553_600, 6_553_601, u64::MAX / 4].map(Duration::from_micros);
        took.into_iter().for_each(|took| timings.add(took));
        let seen = timings.seen();
        assert_eq!(seen.count(), 7);
        let counts: Vec<u64> =
            seen.classes.iter().map(|(_, count)| *count).filter(|count| *count > 0).collect();
        assert_eq!(counts, [2, 2, 1, 2]);
        assert_eq!(seen.classes.last().map(|(end, _)| *end), Some(Duration::MAX));
    }
}
