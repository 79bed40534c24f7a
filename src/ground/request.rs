//! Which request is it?
//!
//! A request has a name, which stands in its answer and in every line that is logged on its account, so that whoever was told
//! "something went wrong" can say which time that was. The name says nothing else: not how many there were before, nor by whom
//! they came.

use std::future::Future;
use std::sync::Arc;

use crate::ground::spans::inherited;

tokio::task_local! {
    static CURRENT: RequestId;
}

/// The name of one request, as header `X-Request-Id` and the log say it.
///
/// ```
/// use portcullis::auth::RequestId;
///
/// assert_eq!(RequestId::from_text("7f3a-51.b_c").unwrap().as_str(), "7f3a-51.b_c");
/// assert_eq!(RequestId::from_text("two words"), None, "what could be taken for something else in a line is no name");
/// assert_eq!(RequestId::current(), None, "here is no request");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId(Arc<str>);

impl RequestId {
    /// A name that somebody else gave: 1 to 64 letters, digits, `.`, `_` and `-`.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"._-".contains(byte);
        let is_name = (1..=LONGEST).contains(&text.len()) && text.as_bytes().iter().all(is_plain);
        is_name.then(|| Self(text.into()))
    }

    /// As it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name of the request that is being answered here; `None` outside of one.
    #[must_use]
    pub fn current() -> Option<Self> {
        CURRENT.try_with(Self::clone).ok()
    }

    /// Does the work of this request.
    #[cfg(feature = "app")]
    pub(crate) async fn named<T>(self, work: impl Future<Output = T>) -> T {
        CURRENT.scope(self, work).await
    }
}

/// The same work as a task of its own, on account of the request that begins it.
pub(crate) fn on_its_account<T>(
    current: Option<RequestId>,
    work: impl Future<Output = T>,
) -> impl Future<Output = T> {
    let work = inherited(work);
    async move {
        match current {
            Some(id) => CURRENT.scope(id, work).await,
            None => work.await,
        }
    }
}

/// Names for requests, of which none comes twice.
#[cfg(feature = "app")]
#[derive(Debug)]
pub(crate) struct RequestIds {
    start: u64,
    given: std::sync::atomic::AtomicU64,
}

#[cfg(feature = "app")]
impl RequestIds {
    /// Names that begin at a random place, so that two nodes give different ones.
    pub(crate) const fn starting_at(start: [u8; 8]) -> Self {
        Self { start: u64::from_be_bytes(start), given: std::sync::atomic::AtomicU64::new(0) }
    }

    /// The next one.
    pub(crate) fn draw(&self) -> RequestId {
        let count = self.given.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        // The steps of SplitMix64: one to one, and nobody reads the count out of it at a glance.
        let mut name = self.start.wrapping_add(count.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        name = (name ^ (name >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        name = (name ^ (name >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let mut text = [0; 16];
        for (at, digit) in text.iter_mut().enumerate() {
            let nibble = (name ^ (name >> 31)) >> (60 - 4 * at) & 15;
            *digit = DIGITS.get(usize::try_from(nibble).unwrap_or(0)).copied().unwrap_or(b'0');
        }
        RequestId(std::str::from_utf8(&text).unwrap_or("0").into())
    }
}

const LONGEST: usize = 64;
#[cfg(feature = "app")]
const DIGITS: &[u8; 16] = b"0123456789abcdef";

#[cfg(all(test, feature = "app"))]
mod tests {
    use super::*;

    #[test]
    fn no_name_comes_twice_and_each_is_one_that_is_taken_elsewhere() {
        let ids = RequestIds::starting_at([7; 8]);
        let drawn: std::collections::HashSet<_> =
            (0..10_000).map(|_| ids.draw().as_str().to_owned()).collect();
        assert_eq!(drawn.len(), 10_000);
        for name in &drawn {
            assert_eq!(name.len(), 16);
            assert!(RequestId::from_text(name).is_some(), "{name}");
        }
    }

    #[test]
    fn what_could_break_a_line_is_no_name() {
        for text in ["", "a b", "a\nb", "a\"b", "ä", "a;b", &"a".repeat(65)] {
            assert_eq!(RequestId::from_text(text), None, "{text:?}");
        }
    }
}
