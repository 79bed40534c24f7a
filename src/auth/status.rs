//! How is this node doing?
//!
//! A second listener, a health check or a metric asks here; it needs no request and no Rocket, and it is answered from
//! memory, so that asking costs nothing and waits for nobody.

use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::auth::sessions::authority::Authority;
use crate::auth::sessions::event::What;
use crate::auth::sessions::rotation::Verdict;
use crate::auth::sessions::waiting::blocklist::Siblings;
use crate::ground::timings::Distribution;

/// The state of one node, as [`Portcullis::status`](crate::Portcullis::status) gives it away; cheap to clone.
///
/// ```
/// use portcullis::testing::Kit;
///
/// let kit = Kit::new();
/// let portcullis = kit.portcullis();
/// let status = portcullis.status();
/// assert!(!status.is_ready(), "nothing is launched yet");
/// let site = kit.launch(rocket::custom(kit.figment()).attach(portcullis));
/// assert!(status.is_ready());
/// assert_eq!((status.revoked(), status.follows_since()), (0, Some(std::time::Duration::ZERO)));
/// # drop(site);
/// ```
#[derive(Clone, Default)]
pub struct NodeStatus(Arc<OnceLock<Arc<Authority>>>);

impl NodeStatus {
    /// Says whose state it is, at ignition.
    pub(crate) fn begin(&self, authority: &Arc<Authority>) {
        // A fairing is ignited once; whoever attached the same one twice is told by Rocket.
        let _ = self.0.set(Arc::clone(authority));
    }

    /// Whether this node judges requests by itself: it was launched, its store answered the last time it was asked, and
    /// what it knows of revocations is not older than `auth.max_staleness`.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.0.get().is_some_and(|it| {
            let is_young = it.view.age(it.clock.monotonic()) <= it.settings.max_staleness;
            it.is_reachable.load(Ordering::Relaxed) && (is_young || it.settings.max_staleness.is_zero())
        })
    }

    /// How old this node's knowledge of revocations is; `None` before the launch.
    #[must_use]
    pub fn follows_since(&self) -> Option<Duration> {
        self.0.get().map(|it| it.view.age(it.clock.monotonic()))
    }

    /// Whether the list for sibling services has everything that this node knows; `None` where there is no such list.
    #[must_use]
    pub fn siblings_are_told(&self) -> Option<bool> {
        self.0.get()?.siblings.as_ref().map(Siblings::are_told)
    }

    /// Whether the keys in use are those of the key file: `false` when it has changed or gone and cannot be read, so that
    /// what other nodes sign by a new key is refused here. `None` where the keys come from no file, and before the launch.
    #[must_use]
    pub fn keys_are_read(&self) -> Option<bool> {
        let authority = self.0.get()?;
        authority.key_file.as_ref().map(|_| authority.keys_are_read.load(Ordering::Relaxed))
    }

    /// How many ended sessions and revoked tokens this node holds in memory.
    #[must_use]
    pub fn revoked(&self) -> usize {
        self.0.get().map_or(0, |it| it.view.len())
    }

    /// How often each thing that can happen has happened at this node since its launch; nothing before the launch.
    #[must_use]
    pub fn events(&self) -> Vec<(What, u64)> {
        self.0.get().map_or_else(Vec::new, |it| it.journal.tally.events())
    }

    /// What became of the refreshes of this node since its launch; nothing before the launch.
    #[must_use]
    pub fn refreshes(&self) -> Vec<(Verdict, u64)> {
        self.0.get().map_or_else(Vec::new, |it| it.journal.tally.verdicts())
    }

    /// How long the store took whenever it said what was revoked.
    #[must_use]
    pub fn readings(&self) -> Distribution {
        self.0.get().map(|it| it.view.readings.seen()).unwrap_or_default()
    }

    /// Whether the store answered when this node last followed it.
    #[must_use]
    pub fn reaches_store(&self) -> bool {
        self.0.get().is_some_and(|it| it.is_reachable.load(Ordering::Relaxed))
    }
}

impl std::fmt::Debug for NodeStatus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (is_ready, revoked) = (self.is_ready(), self.revoked());
        f.debug_struct("NodeStatus").field("is_ready", &is_ready).field("revoked", &revoked).finish()
    }
}
