//! Every order in which a browser and somebody with a copy of its tokens can act on three programs with one database.
//!
//! What each is answered must be what the state machine says, which `rotation` searches by itself; here every step of it
//! goes through a program of its own, with its own memory, and the truth between them is the database's. The programs are
//! alike, so an order that only names them otherwise is not tried again.

use std::time::Duration;

use portcullis::auth::rotation::step;
use portcullis::auth::{EndReason, Leniency, State, UnixTime, Verdict};

use super::connection::{Connection, Pair};
use super::{begin_sessions_in, installation};
use crate::binary::server::{Installation, Server};
use crate::postgres::fresh;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    Refresh(Holder),
    Look(Holder),
    LogOut,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Holder {
    Browser,
    Thief,
}

const ACTS: [Act; 5] = [
    Act::Refresh(Holder::Browser),
    Act::Refresh(Holder::Thief),
    Act::Look(Holder::Browser),
    Act::Look(Holder::Thief),
    Act::LogOut,
];

/// Each act at one of the programs.
type Order = Vec<(Act, usize)>;

fn every_order(length: usize) -> Vec<Order> {
    let mut all = vec![Order::new()];
    for _ in 0..length {
        all = all.iter().flat_map(longer).collect();
    }
    all
}

/// The order with one more act, at a program that acted before or at one more.
fn longer(order: &Order) -> Vec<Order> {
    let known = order.iter().map(|(_, program)| program + 1).max().unwrap_or(0);
    let acts = ACTS.iter().flat_map(|act| (0..=known.min(2)).map(|program| (*act, program)));
    acts.map(|act| order.iter().copied().chain([act]).collect()).collect()
}

/// One session, what its two holders have in hand, and what it should be by the state machine.
struct Story {
    order: Order,
    browser: Pair,
    thief: Pair,
    state: State,
    /// Where it was ended, if it was.
    ended_at: Option<usize>,
}

/// How long the programs take for a moment.
#[derive(Clone, Copy)]
struct Setting {
    grace: Duration,
    /// Whether everything that is on its way between the programs arrives before the next act.
    is_slow: bool,
}

const START: UnixTime = UnixTime::from_secs(1_700_000_000);

impl Story {
    fn new(order: Order, first: Pair) -> Self {
        let state = State::begin(START, Duration::from_secs(86_400), Duration::from_secs(604_800));
        Self { order, browser: first.clone(), thief: first, state, ended_at: None }
    }

    fn hand(&mut self, holder: Holder) -> &mut Pair {
        match holder {
            Holder::Browser => &mut self.browser,
            Holder::Thief => &mut self.thief,
        }
    }

    fn act(&mut self, turn: usize, nodes: &mut [Connection], setting: Setting) {
        let (act, program) = self.order[turn];
        let seconds = if setting.is_slow { 2 * u64::try_from(turn).unwrap() } else { 0 };
        let now = START + Duration::from_secs(seconds);
        let node = &mut nodes[program];
        match act {
            Act::Refresh(holder) => self.refresh(holder, program, node, now, setting),
            Act::Look(holder) => {
                let pair = self.hand(holder).clone();
                let answer = node.protected(&pair).status;
                match self.ended_at {
                    None => assert_eq!(answer, 200, "{:?}", self.order),
                    Some(at) if at == program || setting.is_slow => {
                        assert_eq!(answer, 401, "{:?}", self.order);
                    }
                    // News of it may be on its way.
                    Some(_) => assert!([200, 401].contains(&answer)),
                }
                self.state.confirmed |= answer == 200 && pair.generation() == self.state.generation;
            }
            Act::LogOut => {
                assert_eq!(node.log_out(&self.browser).status, 200);
                self.state = self.state.clone().end(now, EndReason::LoggedOut);
                self.ended_at.get_or_insert(program);
            }
        }
    }

    fn refresh(
        &mut self,
        holder: Holder,
        program: usize,
        node: &mut Connection,
        now: UnixTime,
        setting: Setting,
    ) {
        let lost_response = Duration::from_secs(24 * 3600);
        let leniency = Leniency { grace: setting.grace, lost_response };
        let presented = self.hand(holder).generation();
        let (state, verdict) = step(&self.state, presented, now, leniency);
        self.state = state;
        let answer = node.refresh(self.hand(holder));
        let expected: &[(u16, &str)] = match verdict {
            Verdict::Rotated | Verdict::Replayed => &[(200, "")],
            Verdict::Reused => &[(401, "token_reused")],
            // The program knows by itself that it has ended, or asks why.
            _ => &[(401, "token_revoked"), (401, "token_reused")],
        };
        let code = if answer.status == 200 { String::new() } else { answer.code() };
        assert!(expected.contains(&(answer.status, &code)), "{:?}: {code}", self.order);
        if let Some(pair) = Pair::of(&answer).filter(|_| answer.status == 200) {
            assert_eq!(pair.generation(), self.state.generation, "{:?}", self.order);
            *self.hand(holder) = pair;
        } else {
            self.ended_at.get_or_insert(program);
        }
    }

    /// When everybody has heard everything.
    fn afterwards(&self, nodes: &mut [Connection]) {
        let is_live = self.state.ended.is_none();
        for node in nodes {
            for pair in [&self.browser, &self.thief] {
                let answer = node.protected(pair).status;
                assert_eq!(answer, if is_live { 200 } else { 401 }, "{:?}", self.order);
            }
            if !is_live {
                assert_eq!(node.refresh(&self.browser).status, 401, "{:?}", self.order);
            }
        }
    }
}

fn play(setting: Setting) {
    let length = std::env::var("ORDERS_LENGTH").map_or(3, |text| text.parse().unwrap());
    let url = fresh();
    let grace = setting.grace.as_secs().to_string();
    let installations = [(); 3].map(|()| {
        installation().with("PORTCULLIS_APP__STORE", &url).with("PORTCULLIS_AUTH__REFRESH_GRACE", &grace)
    });
    let nodes = installations.each_ref().map(Installation::start);
    let orders = every_order(length);
    let sessions = begin_sessions_in(&url.parse().unwrap(), orders.len().try_into().unwrap());
    let mut stories: Vec<_> =
        orders.into_iter().zip(sessions).map(|(order, first)| Story::new(order, first)).collect();
    let each = stories.len().div_ceil(4);
    for turn in 0..length {
        in_parallel(&mut stories, each, &nodes, |story, nodes| story.act(turn, nodes, setting));
        if setting.is_slow {
            std::thread::sleep(Duration::from_millis(1100));
        }
    }
    std::thread::sleep(Duration::from_secs(1));
    in_parallel(&mut stories, each, &nodes, |story, nodes| story.afterwards(nodes));
    let ended = stories.iter().filter(|story| story.state.ended.is_some()).count();
    let stolen = |story: &&Story| story.state.ended.is_some_and(|ended| ended.reason == EndReason::Reused);
    let found_out = stories.iter().filter(stolen).count();
    report(setting, &format!("{} orders, {ended} ended, {found_out} by a theft found out", stories.len()));
    assert!(found_out > 0 && ended > found_out && ended < stories.len());
}

fn in_parallel(
    stories: &mut [Story],
    each: usize,
    nodes: &[Server],
    work: impl Fn(&mut Story, &mut [Connection]) + Sync,
) {
    std::thread::scope(|scope| {
        for part in stories.chunks_mut(each) {
            scope.spawn(|| {
                let mut nodes: Vec<_> = nodes.iter().map(|node| Connection::to(node.address())).collect();
                for story in part {
                    work(story, &mut nodes);
                }
            });
        }
    });
}

#[expect(clippy::print_stdout, reason = "how much was tried is what the test's reader asks")]
fn report(setting: Setting, what: &str) {
    println!("grace of {:?}: {what}", setting.grace);
}

#[test]
#[ignore = "needs PostgreSQL; scripts/test starts it"]
fn every_order_of_acts_within_the_grace_window_is_answered_as_one_machine_would() {
    play(Setting { grace: Duration::from_secs(300), is_slow: false });
}

#[test]
#[ignore = "needs PostgreSQL; scripts/test starts it"]
fn every_order_of_acts_past_the_grace_window_is_answered_as_one_machine_would() {
    play(Setting { grace: Duration::ZERO, is_slow: true });
}
