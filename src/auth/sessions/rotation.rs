//! May this refresh token be used, and what becomes of its session?
//!
//! One pure state machine: a session's [`State`], the generation that was presented and the time go in,
//! the new state and a [`Verdict`] come out.
//! It knows no store and no HTTP; a store driver runs [`step`] inside its transaction and keeps what it returns,
//! so every driver decides alike and a race is settled by the store's own locking.
//!
//! A refresh token says only "generation *g* of session *s*", signed.
//! Generation *g* can therefore be minted again at any time, and a caller whose answer was lost, or whose second tab
//! was faster, is given the *same* successor again instead of being taken for a thief.

use std::time::Duration;

use crate::ground::clock::UnixTime;

/// The part of a session that rotation decides upon.
///
/// ```
/// use portcullis::auth::{State, UnixTime};
/// use std::time::Duration;
///
/// let now = UnixTime::from_secs(1_700_000_000);
/// let state = State::begin(now, Duration::from_secs(600), Duration::from_secs(3600));
/// assert_eq!(state.generation, 1);
/// assert!(state.is_live(now + Duration::from_secs(599)));
/// assert!(!state.is_live(now + Duration::from_secs(600)), "it lay idle for too long");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// The newest generation that was handed out; the first is 1.
    pub generation: u64,
    /// When that generation was handed out first, or last before anybody was seen with it.
    /// The grace window counts from here; it never slides once the generation has been seen in use.
    pub rotated_at: UnixTime,
    /// Whether a token of that generation has been used: only then is its predecessor surely abandoned.
    pub confirmed: bool,
    /// How long the session may lie idle.
    pub idle_ttl: Duration,
    /// When it ends unless it is refreshed before.
    pub idle_deadline: UnixTime,
    /// When it ends whatever happens; never extended (OWASP ASVS 7.3.2).
    pub absolute_deadline: UnixTime,
    /// When and why it ended, if it did.
    pub ended: Option<Ended>,
}

/// The end of a session.
///
/// ```
/// use portcullis::auth::{EndReason, Ended, State, UnixTime};
/// use std::time::Duration;
///
/// let now = UnixTime::from_secs(1_700_000_000);
/// let state = State::begin(now, Duration::from_secs(600), Duration::from_secs(3600));
/// let ended = state.end(now, EndReason::LoggedOut).end(now, EndReason::Operator);
/// assert_eq!(ended.ended, Some(Ended { at: now, reason: EndReason::LoggedOut }), "the first reason stays");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// When.
    pub at: UnixTime,
    /// Why.
    pub reason: EndReason,
}

/// Why a session ended.
///
/// ```
/// use portcullis::auth::EndReason;
///
/// assert_eq!(EndReason::TooMany.as_str(), "too_many");
/// assert_eq!(EndReason::from_word("too_many"), Some(EndReason::TooMany));
/// assert_eq!(EndReason::from_word("bored"), None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EndReason {
    /// The person signed out.
    LoggedOut,
    /// A refresh token that had long been replaced was used again: somebody has a copy.
    Reused,
    /// The person signed in again in the same browser.
    Replaced,
    /// The person ended it from another session.
    EndedElsewhere,
    /// The password was changed.
    PasswordChanged,
    /// The account was disabled.
    AccountDisabled,
    /// The account's roles were changed.
    RolesChanged,
    /// An operator ended it.
    Operator,
    /// The person opened more sessions than the configured number.
    TooMany,
}

impl EndReason {
    const ALL: [(Self, &'static str); 9] = [
        (Self::LoggedOut, "logged_out"),
        (Self::Reused, "reused"),
        (Self::Replaced, "replaced"),
        (Self::EndedElsewhere, "ended_elsewhere"),
        (Self::PasswordChanged, "password_changed"),
        (Self::AccountDisabled, "account_disabled"),
        (Self::RolesChanged, "roles_changed"),
        (Self::Operator, "operator"),
        (Self::TooMany, "too_many"),
    ];

    /// Every reason.
    pub fn all() -> impl Iterator<Item = Self> {
        Self::ALL.iter().map(|(reason, _)| *reason)
    }

    /// The stable word for this reason, as stores and logs write it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(reason, _)| *reason == self).map_or("operator", |(_, word)| word)
    }

    /// The reason whose word this is.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| *known == word).map(|(reason, _)| *reason)
    }
}

/// How forgiving rotation is.
///
/// ```
/// use portcullis::auth::{Leniency, State, UnixTime, Verdict, rotation::step};
/// use std::time::Duration;
///
/// let strict = Leniency { grace: Duration::ZERO, lost_response: Duration::ZERO };
/// let lenient = Leniency { grace: Duration::from_secs(30), ..strict };
/// let now = UnixTime::from_secs(1_700_000_000);
/// let (state, _) = step(&State::begin(now, Duration::from_secs(600), Duration::from_secs(3600)), 1, now, lenient);
/// // Two seconds later, a second tab presents the token that was just replaced.
/// let later = now + Duration::from_secs(2);
/// assert_eq!(step(&state, 1, later, lenient).1, Verdict::Replayed);
/// assert_eq!(step(&state, 1, later, strict).1, Verdict::Reused);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leniency {
    /// For how long after a rotation its predecessor may be presented again (default 30 s, `auth.refresh_grace`).
    pub grace: Duration,
    /// For how long it may be presented again while nobody has been seen with the successor:
    /// the answer may have been lost on its way to a laptop that then slept.
    pub lost_response: Duration,
}

/// What is to be done with the caller who presented a refresh token.
///
/// ```
/// use portcullis::auth::{Leniency, State, UnixTime, Verdict, rotation::step};
/// use std::time::Duration;
///
/// let leniency = Leniency { grace: Duration::from_secs(30), lost_response: Duration::from_secs(600) };
/// let now = UnixTime::from_secs(1_700_000_000);
/// let state = State::begin(now, Duration::from_secs(600), Duration::from_secs(3600));
/// let (rotated, verdict) = step(&state, 1, now, leniency);
/// assert_eq!((rotated.generation, verdict), (2, Verdict::Rotated));
/// assert_eq!(step(&rotated, 7, now, leniency).1, Verdict::NeverIssued);
/// assert_eq!(step(&rotated, 2, now + Duration::from_secs(600), leniency).1, Verdict::Expired);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The token was current: its successor is handed out.
    Rotated,
    /// The token is the immediate predecessor, presented again for an honest reason:
    /// the current generation is minted once more, and nothing changes but the beginning of an unseen successor's window.
    Replayed,
    /// An abandoned token came back: the session has been ended.
    Reused,
    /// A generation that was never handed out.
    /// The store was rolled back, or somebody holds the signing key; it is refused, and not called theft.
    NeverIssued,
    /// The session had ended before.
    AlreadyEnded,
    /// A deadline has passed.
    Expired,
}

impl Verdict {
    /// The stable word for this verdict, as metrics write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rotated => "rotated",
            Self::Replayed => "replayed",
            Self::Reused => "reused",
            Self::NeverIssued => "never_issued",
            Self::AlreadyEnded => "already_ended",
            Self::Expired => "expired",
        }
    }
}

impl State {
    /// The state of a session that begins now.
    #[must_use]
    pub fn begin(now: UnixTime, idle_ttl: Duration, absolute_ttl: Duration) -> Self {
        let absolute_deadline = now + absolute_ttl;
        Self {
            generation: 1,
            rotated_at: now,
            confirmed: true,
            idle_ttl,
            idle_deadline: (now + idle_ttl).min(absolute_deadline),
            absolute_deadline,
            ended: None,
        }
    }

    /// When the session ends unless somebody refreshes it.
    #[must_use]
    pub fn deadline(&self) -> UnixTime {
        self.idle_deadline.min(self.absolute_deadline)
    }

    /// Whether the session lives at `now`: neither ended nor past a deadline.
    #[must_use]
    pub fn is_live(&self, now: UnixTime) -> bool {
        self.ended.is_none() && now < self.deadline()
    }

    /// The state after a token of `generation` was used somewhere.
    #[must_use]
    pub fn seen(mut self, generation: u64) -> Self {
        self.confirmed |= generation == self.generation;
        self
    }

    /// The state after the session was ended; an end is final and keeps its first reason.
    #[must_use]
    pub fn end(mut self, at: UnixTime, reason: EndReason) -> Self {
        self.ended.get_or_insert(Ended { at, reason });
        self
    }
}

/// Presents `generation` of the session in `state`.
///
/// The order of the questions matters: an ended session answers first,
/// so that a token revoked a moment ago is never taken for a retry.
#[must_use]
pub fn step(state: &State, generation: u64, now: UnixTime, leniency: Leniency) -> (State, Verdict) {
    let unchanged = |verdict| (state.clone(), verdict);
    if state.ended.is_some() {
        return unchanged(Verdict::AlreadyEnded);
    }
    if now >= state.deadline() {
        return unchanged(Verdict::Expired);
    }
    if generation == 0 || generation > state.generation {
        return unchanged(Verdict::NeverIssued);
    }
    if generation == state.generation {
        return (rotate(state, now), Verdict::Rotated);
    }
    let is_predecessor = generation.checked_add(1) == Some(state.generation);
    let age = state.rotated_at.until(now);
    let may_have_been_lost = !state.confirmed && age <= leniency.lost_response.min(state.idle_ttl);
    if is_predecessor && may_have_been_lost {
        // The first answer to arrive may be this one, long after the rotation, while another tab of the same browser is
        // on its way with the token that this answer replaces: that tab, too, has a whole grace window.
        return (State { rotated_at: now, ..state.clone() }, Verdict::Replayed);
    }
    if is_predecessor && age <= leniency.grace {
        return unchanged(Verdict::Replayed);
    }
    (state.clone().end(now, EndReason::Reused), Verdict::Reused)
}

fn rotate(state: &State, now: UnixTime) -> State {
    State {
        generation: state.generation.saturating_add(1),
        rotated_at: now,
        confirmed: false,
        idle_deadline: (now + state.idle_ttl).min(state.absolute_deadline),
        ..state.clone()
    }
}
