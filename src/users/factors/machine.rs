//! Is this person signed in, and if not, what is missing?
//!
//! One pure state machine of signing in, as [`rotation`](crate::auth::rotation) is one of refreshing: what counts of an
//! account, a sign-in that is under way, and a proof go in; what becomes of it comes out.
//! It knows no store, no request and no algorithm. A store runs it inside the transaction that spends the proof, so that
//! every driver decides alike, and of two who bring the same code at the same moment one is too late.
//!
//! A sign-in that is under way is no session and opens nothing. It belongs to one state of the account, its epoch: a new
//! password, other roles, a factor more or less, or being disabled ends it, whatever it has proved by then.

use std::time::Duration;

use crate::auth::UnixTime;

/// What counts of an account when somebody signs in to it.
///
/// ```
/// use portcullis::auth::UnixTime;
/// use portcullis::users::{Beginning, Standing, begin};
///
/// let now = UnixTime::from_secs(1_700_000_000);
/// let standing = Standing { epoch: 3, is_open: true, factors: 0 };
/// assert_eq!(begin(standing, 3, now), Beginning::Complete, "there is nothing else to ask for");
/// assert_eq!(begin(standing, 2, now), Beginning::Refused, "it changed since the password was compared");
/// let guarded = Standing { factors: 1, ..standing };
/// assert!(matches!(begin(guarded, 3, now), Beginning::Pending(_)));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Standing {
    /// Counts the changes after which a proof from before is worth nothing.
    pub epoch: u64,
    /// Whether the account may sign in at all.
    pub is_open: bool,
    /// How many factors besides the password are in use.
    pub factors: u32,
}

/// What a sign-in that is under way lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Lack {
    /// A factor of the person's, to be given.
    Factor,
    /// A factor to have: somebody's role needs one, and they have none yet.
    Enrolment,
}

/// A sign-in that lacks its second step.
///
/// ```
/// use std::time::Duration;
///
/// use portcullis::auth::UnixTime;
/// use portcullis::users::{Beginning, SecondOutcome, PendingState, SecondProof, Standing, begin, present};
///
/// let now = UnixTime::from_secs(1_700_000_000);
/// let standing = Standing { epoch: 1, is_open: true, factors: 1 };
/// let Beginning::Pending(mut state) = begin(standing, 1, now) else { unreachable!() };
/// for _ in 0..4 {
///     let SecondOutcome::Wrong(next) = present(state, standing, SecondProof::Wrong, now) else { unreachable!() };
///     state = next;
/// }
/// assert_eq!(present(state, standing, SecondProof::Spent, now), SecondOutcome::Complete);
/// assert_eq!(present(state, standing, SecondProof::Wrong, now), SecondOutcome::LastWrong, "the fifth failure");
/// assert_eq!(present(state, standing, SecondProof::Spent, now + PendingState::LIFE), SecondOutcome::Over);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PendingState {
    /// What it lacks.
    pub lacks: Lack,
    /// The account's epoch for which the password was right.
    pub epoch: u64,
    /// How often something wrong was given since.
    pub failures: u32,
    /// From when on it is over.
    pub expires_at: UnixTime,
    /// Whether everything was given that it takes, and only the session has not begun yet: a program that dies in between
    /// takes nobody's code along.
    pub is_proved: bool,
}

/// What follows from a password that was right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beginning {
    /// A session may begin.
    Complete,
    /// A factor is asked for, and nothing is open until it is given.
    Pending(PendingState),
    /// The account changed since the password was compared, or may not sign in.
    Refused,
}

/// What was given for the second step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SecondProof {
    /// Something right, which is spent by it and counts for nobody else.
    Spent,
    /// Something wrong, or right and spent before.
    Wrong,
}

/// What follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecondOutcome {
    /// A session of the second level may begin, once: what is kept of the sign-in is proved now, and the session takes it.
    Complete,
    /// It was wrong, and may be tried again.
    Wrong(PendingState),
    /// It was wrong once too often, and is over by that.
    LastWrong,
    /// It is over; the person begins with the password.
    Over,
}

impl PendingState {
    /// For so long the second step may take.
    pub const LIFE: Duration = Duration::from_secs(300);
    /// So many wrong answers, and it is over.
    pub const MOST_FAILURES: u32 = 5;

    fn new(lacks: Lack, standing: Standing, now: UnixTime) -> Self {
        let (epoch, expires_at) = (standing.epoch, now + Self::LIFE);
        Self { lacks, epoch, failures: 0, expires_at, is_proved: false }
    }

    /// Whether what it lacks may still be given.
    #[must_use]
    pub fn is_open(self, standing: Standing, now: UnixTime) -> bool {
        standing.is_open
            && (standing.factors > 0) == (self.lacks == Lack::Factor)
            && standing.epoch == self.epoch
            && self.failures < Self::MOST_FAILURES
            && now < self.expires_at
    }
}

/// The password was right at `proved_epoch`.
#[must_use]
pub fn begin(standing: Standing, proved_epoch: u64, now: UnixTime) -> Beginning {
    if !standing.is_open || standing.epoch != proved_epoch {
        return Beginning::Refused;
    }
    if standing.factors == 0 {
        return Beginning::Complete;
    }
    Beginning::Pending(PendingState::new(Lack::Factor, standing, now))
}

/// The password of somebody whose role needs a factor was right at `proved_epoch`. Whoever has none is asked to take one
/// into use; until then nothing else is open.
#[must_use]
pub fn begin_strong(standing: Standing, proved_epoch: u64, now: UnixTime) -> Beginning {
    match begin(standing, proved_epoch, now) {
        Beginning::Complete => Beginning::Pending(PendingState::new(Lack::Enrolment, standing, now)),
        beginning => beginning,
    }
}

/// Somebody takes a first factor into use, and proved it, for a sign-in that lacks one: that is all that it takes. `after` is
/// how the account stands by then. `None` when the sign-in is not open, or lacks something else.
#[must_use]
pub fn enrolled(
    state: PendingState,
    before: Standing,
    after: Standing,
    now: UnixTime,
) -> Option<PendingState> {
    let is_fit = state.lacks == Lack::Enrolment && state.is_open(before, now);
    let proved = PendingState { lacks: Lack::Factor, epoch: after.epoch, is_proved: true, ..state };
    (is_fit && proved.is_open(after, now)).then_some(proved)
}

/// Somebody shows a passkey that verified who they are, and gives no password. It is two things at once, and so all that it
/// takes: what is kept of the sign-in is proved. `None` when nothing follows from it.
#[must_use]
pub fn arrive(standing: Standing, proof: SecondProof, now: UnixTime) -> Option<PendingState> {
    let state = PendingState { is_proved: true, ..PendingState::new(Lack::Factor, standing, now) };
    (proof == SecondProof::Spent && state.is_open(standing, now)).then_some(state)
}

/// A proof is given for the second step. Nobody may spend one for a sign-in that is not open, or has all that it takes.
#[must_use]
pub fn present(state: PendingState, standing: Standing, proof: SecondProof, now: UnixTime) -> SecondOutcome {
    if !state.is_open(standing, now) || state.lacks != Lack::Factor {
        return SecondOutcome::Over;
    }
    match proof {
        _ if state.is_proved => SecondOutcome::Complete,
        SecondProof::Spent => SecondOutcome::Complete,
        SecondProof::Wrong => {
            let next = PendingState { failures: state.failures.saturating_add(1), ..state };
            if next.is_open(standing, now) { SecondOutcome::Wrong(next) } else { SecondOutcome::LastWrong }
        }
    }
}
