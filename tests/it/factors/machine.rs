//! The machine of signing in, over every interleaving of its owner, a thief who knows the password, sees codes and has copies
//! of what passkeys answered, an administrator and a clock.
//!
//! Moments are told apart without what does not matter to the future, so the search ends by itself: it is exhaustive for
//! its setting, at any depth.

use std::collections::HashSet;
use std::time::Duration;

use portcullis::auth::UnixTime;
use portcullis::users::{
    Beginning, Lack, PendingState, SecondOutcome, SecondProof, Standing, arrive, begin, begin_strong,
    enrolled, present,
};

const START: i64 = 1_700_000_000;
/// The owner's browser, and the thief's.
const BROWSERS: usize = 2;
const THIEF: usize = 1;

/// One moment.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct World {
    epoch: u64,
    disabled: bool,
    /// Whether the account's role needs a factor.
    strong: bool,
    /// Apps, and passkeys, which only the owner has in hand.
    apps: u32,
    passkeys: u32,
    /// The step of now, and the newest whose code was spent.
    step: u64,
    spent: u64,
    /// The code that the thief has seen over a shoulder.
    seen: Option<u64>,
    recovery: u32,
    browsers: [Browser; BROWSERS],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Browser {
    Out,
    /// The password was right at this epoch, and nobody has asked yet what follows.
    Proved(u64),
    Pending(PendingState),
    /// Signed in, at the first level or the second.
    In(u8),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Event {
    Password(usize),
    Ask(usize),
    /// Somebody takes a first app into use for a sign-in that lacks one.
    Enrol(usize),
    Code(usize),
    Recovery(usize),
    /// A passkey for a second step.
    Passkey,
    /// A passkey and nothing else.
    Arrive,
    /// The thief sends again what a passkey has answered.
    Replay,
    Wrong(usize),
    ThiefLooks,
    AddApp,
    RemoveApp,
    AddPasskey,
    RemovePasskey,
    ChangePassword,
    Disable,
    Enable,
    Reset,
    HalfMinute,
    FiveMinutes,
    /// The session of a sign-in that is proved is kept.
    Begin(usize),
}

impl World {
    const fn begin(strong: bool) -> Self {
        Self {
            epoch: 0,
            disabled: false,
            strong,
            apps: 0,
            passkeys: 0,
            step: 1,
            spent: 0,
            seen: None,
            recovery: 0,
            browsers: [Browser::Out; BROWSERS],
        }
    }

    const fn factors(&self) -> u32 {
        self.apps + self.passkeys
    }

    const fn standing(&self) -> Standing {
        Standing { epoch: self.epoch, is_open: !self.disabled, factors: self.factors() }
    }

    /// What follows from a password that was right at this epoch.
    fn follows(&self, epoch: u64) -> Beginning {
        let begin = if self.strong { begin_strong } else { begin };
        begin(self.standing(), epoch, self.now())
    }

    fn now(&self) -> UnixTime {
        UnixTime::from_secs(START) + Duration::from_secs(30 * self.step)
    }

    fn events(&self) -> Vec<Event> {
        let mut events = vec![
            Event::ThiefLooks,
            Event::AddApp,
            Event::RemoveApp,
            Event::AddPasskey,
            Event::RemovePasskey,
            Event::Passkey,
            Event::Arrive,
            Event::Replay,
            Event::ChangePassword,
            Event::Disable,
            Event::Enable,
            Event::Reset,
            Event::HalfMinute,
            Event::FiveMinutes,
        ];
        for browser in 0..BROWSERS {
            let own =
                [Event::Password(browser), Event::Ask(browser), Event::Code(browser), Event::Begin(browser)];
            events.extend(own);
            events.extend(self.strong.then_some(Event::Enrol(browser)));
        }
        // Only its owner has recovery codes; and whose mistakes they are makes no difference.
        events.extend([Event::Recovery(0), Event::Wrong(THIEF)]);
        events
    }

    /// Every session ends, and whoever was in is out.
    fn end_all(&mut self) {
        for browser in &mut self.browsers {
            if matches!(browser, Browser::In(_)) {
                *browser = Browser::Out;
            }
        }
    }

    /// What one event makes of it, or the law that it breaks.
    fn after(&self, event: Event) -> Result<Self, String> {
        let mut next = self.clone();
        match event {
            Event::Password(who) => {
                if matches!(self.browsers[who], Browser::Out | Browser::Pending(_)) && !self.disabled {
                    next.browsers[who] = Browser::Proved(self.epoch);
                }
            }
            Event::Ask(who) => {
                if let Browser::Proved(epoch) = self.browsers[who] {
                    next.browsers[who] = match self.follows(epoch) {
                        Beginning::Complete => Browser::In(1),
                        Beginning::Pending(state) => Browser::Pending(state),
                        Beginning::Refused => Browser::Out,
                    };
                    if next.browsers[who] == Browser::In(1)
                        && (self.factors() > 0 || self.disabled || self.strong)
                    {
                        return Err(
                            "a password alone signed somebody in who has a factor, or may not".to_owned()
                        );
                    }
                }
            }
            Event::Enrol(who) => {
                if let Browser::Pending(state) = self.browsers[who]
                    && self.spent < self.step
                {
                    let mut after = self.clone();
                    after.spent = self.step;
                    after.apps += 1;
                    after.epoch += 1;
                    after.recovery = 2;
                    if let Some(state) = enrolled(state, self.standing(), after.standing(), self.now()) {
                        if self.factors() > 0 || self.disabled || state.epoch != after.epoch {
                            return Err(
                                "a first factor was added where there is one, or to nobody's".to_owned()
                            );
                        }
                        after.browsers[who] = Browser::Pending(state);
                        next = after;
                    }
                }
            }
            Event::Code(who) => {
                let code = if who == THIEF { self.seen } else { Some(self.step) };
                if let Some(code) = code {
                    // The code of this step and of the one before count.
                    let counts = code + 1 >= self.step && code > self.spent && self.apps > 0;
                    next.give(self, who, counts, |world| world.spent = code)?;
                }
            }
            Event::Recovery(who) => next.give(self, who, self.recovery > 0, |world| world.recovery -= 1)?,
            Event::Wrong(who) => next.give(self, who, false, |_| {})?,
            // Each answer is to a challenge of its own, which is spent by it.
            Event::Passkey => next.give(self, 0, self.passkeys > 0, |_| {})?,
            Event::Arrive => {
                let proof = if self.passkeys > 0 { SecondProof::Spent } else { SecondProof::Wrong };
                let arrived = arrive(self.standing(), proof, self.now());
                if arrived.is_some() && (self.passkeys == 0 || self.disabled) {
                    return Err("somebody arrived without a passkey, or may not".to_owned());
                }
                if arrived.is_none() && self.passkeys > 0 && !self.disabled {
                    return Err("an honest passkey is no way in".to_owned());
                }
                if let (Some(state), Browser::Out | Browser::Pending(_)) = (arrived, self.browsers[0]) {
                    next.browsers[0] = Browser::Pending(state);
                }
            }
            Event::Replay => {
                next.give(self, THIEF, false, |_| {})?;
                if arrive(self.standing(), SecondProof::Wrong, self.now()).is_some() {
                    return Err("what a passkey had answered before was taken again".to_owned());
                }
            }
            Event::Begin(who) => {
                if let Browser::Pending(state) = self.browsers[who]
                    && state.is_proved
                {
                    // As the store does it: by a voucher that still counts, and once.
                    let counts = state.is_open(self.standing(), self.now());
                    next.browsers[who] = if counts { Browser::In(2) } else { Browser::Out };
                }
            }
            Event::ThiefLooks => next.seen = Some(self.step),
            Event::AddApp | Event::AddPasskey => {
                // Whoever adds one is signed in, and for an app spends the code of now.
                let is_in = self.browsers[..THIEF].iter().any(|browser| matches!(browser, Browser::In(_)));
                let is_app = event == Event::AddApp;
                if is_in && self.factors() < 2 && (self.spent < self.step || !is_app) {
                    next.spent = if is_app { self.step } else { self.spent };
                    next.apps += u32::from(is_app);
                    next.passkeys += u32::from(!is_app);
                    next.epoch += 1;
                    next.recovery = if self.factors() == 0 { 2 } else { self.recovery };
                }
            }
            Event::RemoveApp | Event::RemovePasskey => {
                let is_strong =
                    self.browsers[..THIEF].contains(&Browser::In(2)) && (!self.strong || self.factors() > 1);
                let kind = if event == Event::RemoveApp { &mut next.apps } else { &mut next.passkeys };
                if is_strong && *kind > 0 {
                    *kind -= 1;
                    next.epoch += 1;
                    next.recovery = if next.factors() == 0 { 0 } else { self.recovery };
                }
            }
            Event::ChangePassword => {
                next.epoch += 1;
                next.end_all();
            }
            Event::Disable | Event::Enable => {
                next.disabled = event == Event::Disable;
                next.epoch += 1;
                next.end_all();
            }
            Event::Reset => {
                next.apps = 0;
                next.passkeys = 0;
                next.recovery = 0;
                next.epoch += 1;
                next.end_all();
            }
            Event::HalfMinute => next.step += 1,
            Event::FiveMinutes => next.step += 10,
        }
        next.keeps_the_laws()?;
        Ok(next)
    }

    /// Somebody gives something for a second step, as a store does it: it is spent only for a sign-in that is open.
    fn give(
        &mut self,
        before: &Self,
        who: usize,
        is_right: bool,
        spend: impl FnOnce(&mut Self),
    ) -> Result<(), String> {
        let Browser::Pending(state) = before.browsers[who] else { return Ok(()) };
        let is_open = state.is_open(before.standing(), before.now());
        let is_spent = is_open && is_right && !state.is_proved;
        let proof = if is_spent { SecondProof::Spent } else { SecondProof::Wrong };
        let outcome = present(state, before.standing(), proof, before.now());
        if outcome == SecondOutcome::Complete {
            let has_proof = is_spent || state.is_proved;
            if !is_open || !has_proof || before.disabled || state.epoch != before.epoch || state.failures >= 5
            {
                return Err("a sign-in was proved without a proof that counts".to_owned());
            }
            if is_spent {
                spend(self);
            }
        }
        self.browsers[who] = match outcome {
            SecondOutcome::Complete => Browser::Pending(PendingState { is_proved: true, ..state }),
            SecondOutcome::Wrong(state) => Browser::Pending(state),
            SecondOutcome::LastWrong | SecondOutcome::Over => Browser::Out,
        };
        Ok(())
    }

    fn keeps_the_laws(&self) -> Result<(), String> {
        if self.disabled && self.browsers.iter().any(|browser| matches!(browser, Browser::In(_))) {
            return Err("somebody is signed in to a disabled account".to_owned());
        }
        if self.strong && self.browsers.contains(&Browser::In(1)) {
            return Err("a password alone signed somebody in whose role needs more".to_owned());
        }
        if self.factors() == 0 && self.recovery > 0 {
            return Err("recovery codes are left without a factor".to_owned());
        }
        // Nobody honest is without a way in: the password, and then the code of a step to come.
        if !self.disabled {
            let mut world = self.clone();
            world.step = world.step.max(world.spent + 1);
            let (standing, now) = (world.standing(), world.now());
            let way = match world.follows(world.epoch) {
                Beginning::Complete => world.factors() == 0,
                Beginning::Pending(state) if state.lacks == Lack::Enrolment => {
                    let after = Standing { factors: 1, epoch: standing.epoch + 1, ..standing };
                    enrolled(state, standing, after, now).is_some()
                }
                Beginning::Pending(state) => {
                    present(state, standing, SecondProof::Spent, now) == SecondOutcome::Complete
                }
                Beginning::Refused => false,
            };
            if !way {
                return Err("somebody honest is without a way in".to_owned());
            }
        }
        Ok(())
    }

    /// The moment without its date: steps count from now, epochs from today's.
    fn key(&self) -> Self {
        let mut key = self.clone();
        let (step, epoch) = (self.step, self.epoch);
        key.step = 0;
        key.epoch = 0;
        key.spent = (self.spent + 2).saturating_sub(step).min(2);
        // A code that was spent, or is older than a step, is worth nothing.
        key.seen =
            self.seen.filter(|seen| seen + 1 >= step && *seen > self.spent).map(|seen| seen + 2 - step);
        for browser in &mut key.browsers {
            *browser = match *browser {
                Browser::Proved(at) => Browser::Proved(u64::from(at == epoch)),
                Browser::Pending(state) if !state.is_open(self.standing(), self.now()) => {
                    Browser::Pending(PendingState {
                        lacks: Lack::Factor,
                        epoch: 1,
                        failures: 9,
                        expires_at: UnixTime::from_secs(0),
                        is_proved: false,
                    })
                }
                Browser::Pending(state) => {
                    let left = self.now().until(state.expires_at).as_secs();
                    let expires_at = UnixTime::from_secs(i64::try_from(left).unwrap());
                    Browser::Pending(PendingState { epoch: 0, expires_at, ..state })
                }
                other => other,
            };
        }
        key
    }
}

#[test]
fn nobody_reaches_the_second_level_without_spending_something_and_nobody_honest_is_shut_out() {
    search(World::begin(false));
}

#[test]
fn nor_where_a_role_needs_a_factor_and_there_nobody_is_signed_in_by_a_password_alone() {
    search(World::begin(true));
}

#[expect(clippy::print_stdout, reason = "how much was searched is what the test's reader asks")]
fn search(begin: World) {
    let mut known = HashSet::from([begin.key()]);
    let mut moments = vec![(begin, 0_u32)];
    let (mut next, mut transitions, mut depth, mut strong) = (0, 0_u64, 0, 0_u64);
    while next < moments.len() {
        let (world, deep) = moments[next].clone();
        for event in world.events() {
            transitions += 1;
            let after = world.after(event);
            assert!(after.is_ok(), "{after:?}: {event:?} after {world:?}");
            let after = after.unwrap();
            if known.insert(after.key()) {
                depth = depth.max(deep + 1);
                strong += u64::from(after.browsers.contains(&Browser::In(2)));
                moments.push((after, deep + 1));
            }
        }
        next += 1;
    }
    println!("{} moments, {transitions} transitions, {depth} events deep", moments.len());
    assert!(strong > 1000, "the search went nowhere");
    assert!(
        moments.iter().any(|(world, _)| world.browsers[THIEF] == Browser::In(2)),
        "a code that was seen is one"
    );
}
