//! What runs beside the requests, from lift-off to shutdown: this node follows the store, the clock and the key file.
//!
//! It judges nothing; it keeps current what the judgement looks at.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

use tokio::task::JoinHandle;

use crate::auth::sessions::authority::Authority;
use crate::auth::tokens::key_file::KeyFile;
use crate::ground::clock::{CLOCKS_APART, UnixTime};

/// Follows the store's log, forgets what no longer matters, and tells the store what was seen, until shutdown.
pub(crate) async fn keep_current(authority: Arc<Authority>, mut shutdown: rocket::Shutdown) {
    let mut tick = tokio::time::interval(FEED_INTERVAL);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut watched = Watched::default();
    let mut clock = Stepped { latest: authority.clock.now(), is_told: false };
    let mut round = 0_u32;
    let mut purging = None::<JoinHandle<()>>;
    loop {
        tokio::select! {
            () = &mut shutdown => return,
            _ = tick.tick() => {}
            entries = authority.store.changed() => {
                if !entries.is_empty() {
                    // What is heard needs no look at the log, which would be one of every node at the same moment.
                    authority.hear(&entries).await;
                    continue;
                }
                let start = authority.clock.monotonic();
                // Only a hint: whether it can be read, the next round says.
                let _ = authority.sync().await;
                // At most half of the time is spent on hints, however many there are.
                let took = authority.clock.monotonic().saturating_sub(start);
                tokio::time::sleep(took.min(FEED_INTERVAL)).await;
                continue;
            }
        }
        clock.look(authority.clock.now());
        // Reading comes first: it must not wait behind our own writing for somebody else's.
        let read = authority.sync().await;
        let told = authority.tell_unkept().await.and(authority.tell_confirmed().await);
        let told = told.and(authority.tell_events().await);
        let outcome = read.and(told);
        let is_reachable = outcome.is_ok();
        match (authority.is_reachable.swap(is_reachable, Ordering::Relaxed), outcome) {
            (true, Err(error)) => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(error, "the store of sessions is out of reach");
            }
            (false, Ok(())) => tracing::info!("the store of sessions is back"),
            (true, Ok(())) | (false, Err(_)) => {}
        }
        if round.is_multiple_of(ROUNDS_PER_KEY_CHECK) {
            watched.follow(&authority).await;
        }
        if round.is_multiple_of(ROUNDS_PER_SWEEP) {
            let now = authority.clock.now();
            authority.view.sweep(now);
            if is_reachable && purging.as_ref().is_none_or(JoinHandle::is_finished) {
                purging = Some(tokio::spawn(purge(Arc::clone(&authority), now)));
            }
            tracing::debug!(revoked = authority.view.len(), "swept the view of revocations");
        }
        round = round.wrapping_add(1);
    }
}

/// Keeps the list of sibling services complete, and listens to other nodes by it, until shutdown.
pub(crate) async fn keep_told(authority: Arc<Authority>, mut shutdown: rocket::Shutdown) {
    let Some(siblings) = &authority.siblings else { return };
    let mut tick = tokio::time::interval(REPAIR_INTERVAL);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = &mut shutdown => return,
            _ = tick.tick() => siblings.repair(|| authority.view.all()).await,
            () = siblings.due() => siblings.tell().await,
            () = siblings.changed() => {
                // Only a hint: whether the store can be read, its own follower says.
                let _ = authority.sync().await;
            }
        }
    }
}

/// The clock of a running server, which may be set back.
struct Stepped {
    /// The latest time that was seen.
    latest: UnixTime,
    is_told: bool,
}

impl Stepped {
    /// Tells once what the clock did, and until when that matters.
    fn look(&mut self, now: UnixTime) {
        let behind = now.until(self.latest);
        if behind < Duration::from_secs(1) {
            self.latest = now;
            self.is_told = false;
        } else if !std::mem::replace(&mut self.is_told, true) {
            let refused = behind.saturating_sub(CLOCKS_APART).as_secs();
            tracing::warn!(
                seconds = behind.as_secs(),
                "the clock was set back; sessions end that much later, and tokens signed before that are refused for \
                 {refused} s"
            );
        }
    }
}

/// The key file of a running server: a rotation takes effect without a restart.
#[derive(Default)]
struct Watched {
    /// The state of the file whose keys are in use; none at first, so that a change during the launch is not missed.
    seen: Option<SystemTime>,
    /// What was wrong with it the last time, so that it is told once.
    problem: Option<String>,
}

impl Watched {
    /// Takes the keys of a file that has changed; a file that cannot be read changes nothing and is tried again.
    async fn follow(&mut self, authority: &Authority) {
        let Some(file) = authority.key_file.clone() else { return };
        let seen = self.seen;
        let read = tokio::task::spawn_blocking(move || {
            let now = modified(&file);
            (now.is_none() || now != seen).then(|| (now, file.load()))
        });
        match read.await {
            Ok(Some((now, Ok(ring)))) => {
                let was_a_problem = self.problem.take().is_some();
                let is_change = self.seen.is_some() || was_a_problem;
                self.seen = now;
                authority.codec.take_ring(ring);
                if is_change {
                    tracing::info!("took over the keys of a changed key file");
                }
            }
            Ok(Some((_, Err(problem)))) => {
                if self.problem.as_ref() != Some(&problem) {
                    tracing::error!("{problem}; going on with the keys from before");
                    self.problem = Some(problem);
                }
            }
            // The file whose keys are in use is there, or is there again.
            Ok(None) => self.problem = None,
            Err(_) => {}
        }
        authority.keys_are_read.store(self.problem.is_none(), Ordering::Relaxed);
    }
}

fn modified(file: &KeyFile) -> Option<SystemTime> {
    std::fs::metadata(file.path()).and_then(|data| data.modified()).ok()
}

/// It may take long, and nothing waits for it; it ends when the store is closed.
async fn purge(authority: Arc<Authority>, now: UnixTime) {
    let purged = match (authority.store.purge(now).await, &authority.events) {
        (Ok(()), Some(events)) => events.purge_events(now - authority.settings.event_ttl).await,
        (outcome, _) => outcome,
    };
    if let Err(error) = purged {
        tracing::warn!(error = &error as &dyn std::error::Error, "old rows could not be purged");
    }
}

/// How often a node reads the store's log: what the command line does to a running server counts within a second.
const FEED_INTERVAL: Duration = Duration::from_millis(250);
/// How often the list of sibling services is looked at.
const REPAIR_INTERVAL: Duration = Duration::from_secs(1);
/// Once a second.
const ROUNDS_PER_KEY_CHECK: u32 = 4;
/// Once a minute.
const ROUNDS_PER_SWEEP: u32 = 240;
