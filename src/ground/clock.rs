//! What time is it?
//! The only file of the crate that reads a clock, so that a test can move time instead of sleeping.
//!
//! Time is a whole number of seconds since 1970, as in a JWT (`NumericDate`, RFC 7519 §2).
//! This file does not format times for people; that is the business of the pages.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A moment, in whole seconds since 1970-01-01T00:00:00Z (RFC 7519 §2, `NumericDate`).
///
/// ```
/// use portcullis::auth::UnixTime;
/// use std::time::Duration;
///
/// let login = UnixTime::from_secs(1_700_000_000);
/// assert_eq!((login + Duration::from_secs(300)).as_secs(), 1_700_000_300);
/// assert_eq!(login.until(login + Duration::from_secs(9)), Duration::from_secs(9));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct UnixTime(i64);

impl UnixTime {
    /// The moment that lies `seconds` after 1970.
    #[must_use]
    pub const fn from_secs(seconds: i64) -> Self {
        Self(seconds)
    }

    /// Seconds since 1970.
    #[must_use]
    pub const fn as_secs(self) -> i64 {
        self.0
    }

    /// How long it is from this moment to a later one; zero when `later` is not later.
    #[must_use]
    pub fn until(self, later: Self) -> Duration {
        Duration::from_secs(u64::try_from(later.0.saturating_sub(self.0)).unwrap_or(0))
    }
}

impl std::ops::Add<Duration> for UnixTime {
    type Output = Self;

    fn add(self, span: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(span.as_secs()).unwrap_or(i64::MAX)))
    }
}

impl std::ops::Sub<Duration> for UnixTime {
    type Output = Self;

    fn sub(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(span.as_secs()).unwrap_or(i64::MAX)))
    }
}

/// Where the crate gets its time from.
///
/// ```
/// use portcullis::auth::{Clock, SystemClock, UnixTime};
/// use portcullis::{Portcullis, store};
/// use std::sync::Arc;
/// use std::time::Duration;
///
/// /// A machine whose clock is a minute slow.
/// struct Slow(SystemClock);
///
/// impl Clock for Slow {
///     fn now(&self) -> UnixTime {
///         self.0.now() - Duration::from_secs(60)
///     }
///
///     fn monotonic(&self) -> Duration {
///         self.0.monotonic()
///     }
/// }
///
/// let portcullis = Portcullis::new(store::memory().sessions).clock(Arc::new(Slow(SystemClock::new())));
/// ```
pub trait Clock: Send + Sync + 'static {
    /// The time of day, for everything that is written into a token or a row.
    fn now(&self) -> UnixTime;

    /// Time that only ever grows, for ages and time-outs; its origin means nothing.
    fn monotonic(&self) -> Duration;
}

/// The machine's clock.
///
/// ```
/// use portcullis::auth::{Clock, SystemClock, UnixTime};
///
/// let clock = SystemClock::new();
/// assert!(clock.now() > UnixTime::from_secs(1_700_000_000));
/// let before = clock.monotonic();
/// assert!(clock.monotonic() >= before);
/// ```
#[derive(Debug)]
pub struct SystemClock {
    started: Instant,
}

impl SystemClock {
    /// A clock that shows the machine's time.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this file is the one that reads the clock")]
    pub fn new() -> Self {
        Self { started: Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this file is the one that reads the clock")]
    fn now(&self) -> UnixTime {
        // A machine set before 1970 reads as 1970: every token is then refused as not yet valid.
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        UnixTime::default() + since
    }

    fn monotonic(&self) -> Duration {
        self.started.elapsed()
    }
}

/// A clock that stands still until it is moved: time travel for tests.
///
/// ```
/// use portcullis::auth::{Clock, ManualClock, UnixTime};
/// use std::time::Duration;
///
/// let clock = ManualClock::at(UnixTime::from_secs(1_700_000_000));
/// clock.advance(Duration::from_secs(301));
/// assert_eq!(clock.now().as_secs(), 1_700_000_301);
/// ```
#[derive(Debug)]
pub struct ManualClock {
    origin: i64,
    /// For how many seconds it has been moved forward.
    passed: AtomicI64,
    /// By how many seconds its time of day was set otherwise.
    set_by: AtomicI64,
}

impl ManualClock {
    /// A clock that shows `start`.
    #[must_use]
    pub fn at(start: UnixTime) -> Self {
        Self { origin: start.0, passed: AtomicI64::new(0), set_by: AtomicI64::new(0) }
    }

    /// Moves the clock forward, both its time of day and its monotonic time.
    pub fn advance(&self, span: Duration) {
        self.passed.fetch_add(i64::try_from(span.as_secs()).unwrap_or(i64::MAX), Ordering::SeqCst);
    }

    /// Sets the time of day, forward or back, as an administrator or a time server does; the monotonic time goes on.
    pub fn set(&self, time: UnixTime) {
        let now = self.origin.saturating_add(self.passed.load(Ordering::SeqCst));
        self.set_by.store(time.0.saturating_sub(now), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> UnixTime {
        let now = self.origin.saturating_add(self.passed.load(Ordering::SeqCst));
        UnixTime(now.saturating_add(self.set_by.load(Ordering::SeqCst)))
    }

    fn monotonic(&self) -> Duration {
        Duration::from_secs(u64::try_from(self.passed.load(Ordering::SeqCst)).unwrap_or(0))
    }
}

/// How far the clock of this node may be behind the one by which a token of ours was signed: another node's, or its own
/// before it was set back. Expiry knows no such allowance.
pub(crate) const CLOCKS_APART: Duration = Duration::from_secs(60);
