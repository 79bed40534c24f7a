//! Random histories, played to the machine and to a reference model written from the design's words.
//!
//! The model keeps what the machine does not: when each generation was handed out, and which were used.

use std::collections::BTreeSet;
use std::time::Duration;

use portcullis::auth::rotation::step;
use portcullis::auth::{EndReason, Leniency, State, UnixTime, Verdict};
use proptest::prelude::*;

const START: i64 = 1_700_000_000;

#[derive(Debug, Clone, Copy)]
struct Rules {
    grace: i64,
    lost_response: i64,
    idle: i64,
    absolute: i64,
}

impl Rules {
    fn leniency(self) -> Leniency {
        Leniency { grace: seconds(self.grace), lost_response: seconds(self.lost_response) }
    }

    fn begin(self) -> State {
        State::begin(UnixTime::from_secs(START), seconds(self.idle), seconds(self.absolute))
    }
}

#[derive(Debug, Clone, Copy)]
enum Event {
    /// Somebody presents the generation this far behind the newest (negative: ahead of it).
    Present(i64),
    /// Time passes.
    Pass(i64),
    /// A token of the generation this far behind the newest is used.
    Use(i64),
    End,
}

/// The design's words, with nothing derived: who was handed what and when, what was used, when the session began.
struct Reference {
    rules: Rules,
    handed_out: Vec<i64>,
    /// When the newest was last handed out before anybody was seen with it.
    window: i64,
    used: BTreeSet<usize>,
    ended: bool,
}

impl Reference {
    fn new(rules: Rules) -> Self {
        Self { rules, handed_out: vec![START], window: START, used: BTreeSet::new(), ended: false }
    }

    fn newest(&self) -> usize {
        self.handed_out.len()
    }

    fn idle_limit(&self) -> i64 {
        self.handed_out.last().unwrap() + self.rules.idle
    }

    fn absolute_limit(&self) -> i64 {
        START + self.rules.absolute
    }

    fn present(&mut self, generation: i64, now: i64) -> Verdict {
        if self.ended {
            return Verdict::AlreadyEnded;
        }
        if now >= self.idle_limit() || now >= self.absolute_limit() {
            return Verdict::Expired;
        }
        let newest = i64::try_from(self.newest()).unwrap();
        if !(1..=newest).contains(&generation) {
            return Verdict::NeverIssued;
        }
        if generation == newest {
            self.handed_out.push(now);
            self.window = now;
            return Verdict::Rotated;
        }
        let since = now - self.window;
        let in_grace = since <= self.rules.grace;
        let unseen = !self.used.contains(&self.newest());
        let perhaps_lost = unseen && since <= self.rules.lost_response && since <= self.rules.idle;
        if generation == newest - 1 && (in_grace || perhaps_lost) {
            self.window = if perhaps_lost { now } else { self.window };
            return Verdict::Replayed;
        }
        self.ended = true;
        Verdict::Reused
    }
}

fn seconds(count: i64) -> Duration {
    Duration::from_secs(u64::try_from(count).unwrap())
}

fn rules() -> impl Strategy<Value = Rules> {
    let grace = prop_oneof![Just(0), Just(30), 0..300_i64];
    let lost_response = prop_oneof![Just(0), Just(86_400), 0..5000_i64];
    (grace, lost_response, 1..5000_i64, 1..20_000_i64)
        .prop_map(|(grace, lost_response, idle, absolute)| Rules { grace, lost_response, idle, absolute })
}

fn history() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        4 => Just(Event::Present(0)),
        4 => Just(Event::Present(1)),
        2 => (-2..5_i64).prop_map(Event::Present),
        2 => prop_oneof![Just(0_i64), Just(1), Just(30), Just(31)].prop_map(Event::Pass),
        2 => (0..400_i64).prop_map(Event::Pass),
        1 => (0..6000_i64).prop_map(Event::Pass),
        3 => Just(Event::Use(0)),
        1 => (0..4_i64).prop_map(Event::Use),
    ];
    let rarely_ended = prop_oneof![40 => event, 1 => Just(Event::End)];
    prop::collection::vec(rarely_ended, 1..60)
}

/// Plays a history to both; after every event both must tell the same, and what may never happen did not.
fn play(rules: Rules, history: &[Event]) -> Result<(), TestCaseError> {
    let mut reference = Reference::new(rules);
    let mut state = rules.begin();
    let mut now = START;
    for event in history {
        let before = state.clone();
        let newest = i64::try_from(reference.newest()).unwrap();
        match *event {
            Event::Pass(span) => now += span,
            Event::Use(behind) => {
                let generation = u64::try_from((newest - behind).max(0)).unwrap();
                reference.used.insert(usize::try_from(generation).unwrap());
                state = state.seen(generation);
                prop_assert_eq!(state.generation, before.generation);
            }
            Event::End => {
                reference.ended = true;
                state = state.end(UnixTime::from_secs(now), EndReason::LoggedOut);
            }
            Event::Present(behind) => {
                let generation = (newest - behind).max(0);
                let expected = reference.present(generation, now);
                let (after, verdict) = step(
                    &state,
                    u64::try_from(generation).unwrap(),
                    UnixTime::from_secs(now),
                    rules.leniency(),
                );
                prop_assert_eq!(verdict, expected, "generation {} at {}", generation, now - START);
                let advance = u64::from(verdict == Verdict::Rotated);
                prop_assert_eq!(after.generation, before.generation + advance);
                match verdict {
                    Verdict::Rotated | Verdict::Reused => {}
                    Verdict::Replayed if !before.confirmed => {
                        let window = State { rotated_at: after.rotated_at, ..before.clone() };
                        prop_assert_eq!(&after, &window, "a replay changes nothing but the window");
                    }
                    _ => prop_assert_eq!(&after, &before, "{:?} changes nothing", verdict),
                }
                state = after;
            }
        }
        prop_assert_eq!(state.absolute_deadline, before.absolute_deadline);
        prop_assert!(state.idle_deadline <= state.absolute_deadline);
        prop_assert_eq!(state.deadline().as_secs(), reference.idle_limit().min(reference.absolute_limit()));
        prop_assert_eq!(state.ended.is_some(), reference.ended);
        if before.ended.is_some() {
            prop_assert_eq!(&state.ended, &before.ended, "an end is final and keeps its first reason");
            prop_assert_eq!(state.generation, before.generation);
            prop_assert!(!state.is_live(UnixTime::from_secs(now)));
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_machine_does_what_the_design_says_for_any_history(rules in rules(), history in history()) {
        play(rules, &history)?;
    }

    #[test]
    fn any_number_of_parallel_presents_advances_the_generation_by_one(
        rotations in 0..5_usize, callers in 1..60_usize, grace in 0..300_i64,
    ) {
        let rules = Rules { grace, lost_response: 0, idle: 5000, absolute: 20_000 };
        let now = UnixTime::from_secs(START + 1000);
        let mut state = rules.begin();
        for _ in 0..rotations {
            let generation = state.generation;
            state = step(&state, generation, UnixTime::from_secs(START), rules.leniency()).0.seen(generation + 1);
        }
        let presented = state.generation;
        let mut rotated = 0;
        for _ in 0..callers {
            let (after, verdict) = step(&state, presented, now, rules.leniency());
            prop_assert!(matches!(verdict, Verdict::Rotated | Verdict::Replayed));
            rotated += usize::from(verdict == Verdict::Rotated);
            state = after;
        }
        prop_assert_eq!((rotated, state.generation), (1, presented + 1));
    }
}
