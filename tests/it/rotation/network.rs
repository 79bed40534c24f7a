//! A small network around the real machine and the real store in memory: two clients, messages that are slow, cross
//! or get lost, a server that crashes, a clock.
//!
//! A [`World`] is one moment; [`World::after`] is what one event makes of it, or the law that it breaks.
//! The server's part is done by the store, which is filled with the world's session for every event anew, so that a
//! search can go back to any moment.

use std::time::Duration;

use portcullis::auth::{EndReason, Leniency, State, UnixTime, Which};

use super::laws::{USER, other, this};

/// The life of an access token.
pub(super) const ACCESS: i64 = 300;
pub(super) const GRACE: i64 = 30;
const IDLE: i64 = 1000;
const ABSOLUTE: i64 = 1500;
/// Longer than anything that is searched.
const NEVER: i64 = 1_000_000_000;
/// Half the grace window.
const SHORT: i64 = 15;
/// A pause that outlasts the grace window and the access token.
const LONG: i64 = 400;
const START: i64 = 1_700_000_000;
pub(super) const LENIENCY: Leniency =
    Leniency { grace: Duration::from_secs(30), lost_response: Duration::from_secs(NEVER as u64) };

/// What kind of world is searched.
#[derive(Debug, Clone, Copy)]
pub(super) struct Setting {
    /// The two clients are tabs of one browser and share its cookies; otherwise the second is a thief.
    pub(super) one_browser: bool,
    /// Whether a client refreshes although its access token is still good.
    pub(super) eager: bool,
    /// Messages get lost and the server crashes.
    pub(super) lossy: bool,
    /// Whoever receives tokens uses them at once, as a browser does: it refreshed because a page was asked for.
    pub(super) prompt: bool,
    /// Sessions are ended on purpose: by logout, by a change of the password here or elsewhere.
    pub(super) endings: bool,
    /// Whether the session has limits, a thousand seconds idle and fifteen hundred in all; only pauses are long then.
    pub(super) deadlines: bool,
    /// For how many seconds a message may be on its way.
    pub(super) patience: i64,
}

/// One thing that can happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Event {
    /// A client sends a refresh with the token it holds now.
    Send(usize),
    /// Its request reaches the server and is answered.
    Arrive(usize),
    /// Its request reaches the server, which dies after the commit and is started again.
    Crash(usize),
    /// Its message, request or answer, is lost.
    Lose(usize),
    /// The answer reaches the client.
    Deliver(usize),
    /// The client opens a protected page.
    Use(usize),
    /// The client signs out and is answered.
    LogOut(usize),
    /// The person changes the password in this session: the others end.
    ChangePasswordHere,
    /// The person changes the password in another session: this one ends.
    ChangePasswordElsewhere,
    /// The thief copies the victim's cookies.
    Steal,
    Pass(i64),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Tokens {
    pub(super) generation: u64,
    pub(super) minted: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Message {
    None,
    Request { generation: u64, sent: i64 },
    Answer { tokens: Option<Tokens>, sent: i64 },
}

#[derive(Debug, Clone)]
pub(super) struct World {
    pub(super) now: i64,
    pub(super) session: State,
    /// Whether the node has seen the newest generation in use and not told the store yet.
    pub(super) pending: bool,
    pub(super) other_session_ended: bool,
    pub(super) jars: [Option<Tokens>; 2],
    pub(super) wires: [Message; 2],
    pub(super) stolen: bool,
    /// The end was asked for by its owner and answered.
    pub(super) signed_out: bool,
    /// The truth that `confirmed` is about: the newest generation was used, and no crash made the server forget it.
    pub(super) newest_was_seen: bool,
    /// Who used a token of the newest generation, and whether the second got it inside the grace window.
    pub(super) used_by: [bool; 2],
    pub(super) shared_in_grace: bool,
    /// Through how many generations in a row both were alive without having shared them inside a grace window.
    pub(super) together: u8,
}

/// A moment without its date: two worlds with the same key have the same future.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    ages: [i64; 3],
    flags: [bool; 8],
    ended: Option<EndReason>,
    jars: [Option<(u64, i64)>; 2],
    wires: [(u8, u64, i64, i64); 2],
    together: u8,
}

impl World {
    pub(super) fn begin(setting: Setting) -> Self {
        let seconds = |count: i64| Duration::from_secs(count.unsigned_abs());
        let (idle, absolute) = if setting.deadlines { (IDLE, ABSOLUTE) } else { (NEVER, NEVER) };
        Self {
            now: START,
            session: State::begin(UnixTime::from_secs(START), seconds(idle), seconds(absolute)),
            pending: false,
            other_session_ended: false,
            jars: [Some(Tokens { generation: 1, minted: START }), None],
            wires: [Message::None; 2],
            stolen: false,
            signed_out: false,
            newest_was_seen: true,
            used_by: [false; 2],
            shared_in_grace: false,
            together: 0,
        }
    }

    pub(super) fn key(&self, setting: Setting) -> Key {
        // Generations are told by their distance to the newest; all that are abandoned are alike.
        let behind = |generation: u64| (self.session.generation - generation).min(2);
        let age = |minted: i64| (self.now - minted).min(ACCESS);
        let wire = |message: &Message| match *message {
            Message::None => (0, 0, 0, 0),
            Message::Request { generation, sent } => (1, behind(generation), self.now - sent, 0),
            Message::Answer { tokens: None, sent } => (2, 0, self.now - sent, 0),
            Message::Answer { tokens: Some(tokens), sent } => {
                (3, behind(tokens.generation), self.now - sent, age(tokens.minted))
            }
        };
        let since_rotation = self.now - self.session.rotated_at.as_secs();
        let until = |deadline: UnixTime| deadline.as_secs() - self.now;
        let ages = if setting.deadlines {
            [since_rotation, until(self.session.idle_deadline), until(self.session.absolute_deadline)]
        } else {
            // Outside the grace window nothing depends on how far outside.
            [since_rotation.min(GRACE + 1), 0, 0]
        };
        Key {
            ages,
            flags: [
                self.session.confirmed,
                self.pending,
                self.other_session_ended,
                self.stolen,
                self.signed_out,
                self.newest_was_seen,
                self.used_by[0],
                self.used_by[1],
            ],
            ended: self.session.ended.map(|ended| ended.reason),
            jars: self.jars.map(|jar| jar.map(|tokens| (behind(tokens.generation), age(tokens.minted)))),
            wires: [wire(&self.wires[0]), wire(&self.wires[1])],
            together: self.together.min(3) * 2 + u8::from(self.shared_in_grace),
        }
    }

    /// Everything that can happen now.
    pub(super) fn events(&self, setting: Setting) -> Vec<Event> {
        let mut events = Vec::new();
        for client in 0..2 {
            let jar = self.jars[self.jar_of(client, setting)];
            match self.wires[client] {
                Message::None if jar.is_some_and(|tokens| setting.eager || !self.is_good(tokens)) => {
                    events.push(Event::Send(client));
                }
                Message::None => {}
                Message::Request { .. } => {
                    events.push(Event::Arrive(client));
                    if setting.lossy {
                        events.extend([Event::Crash(client), Event::Lose(client)]);
                    }
                }
                Message::Answer { .. } => {
                    events.push(Event::Deliver(client));
                    if setting.lossy {
                        events.push(Event::Lose(client));
                    }
                }
            }
            if jar.is_some_and(|tokens| self.is_good(tokens)) {
                events.push(Event::Use(client));
            }
            if setting.endings && jar.is_some() {
                events.push(Event::LogOut(client));
            }
        }
        if setting.endings {
            events.extend([Event::ChangePasswordHere, Event::ChangePasswordElsewhere]);
        }
        if !setting.one_browser && !self.stolen && self.jars[0].is_some() {
            events.push(Event::Steal);
        }
        for span in [SHORT, LONG] {
            // Without losses, nothing stays on its way for too long.
            let loses_some = self
                .wires
                .iter()
                .any(|wire| wire.sent().is_some_and(|sent| self.is_late(sent, span, setting)));
            // A short moment makes a difference only inside a window, or to a message on its way;
            // and with dates told apart, there would be too many of them.
            let is_idle = span == SHORT
                && (setting.deadlines
                    || self.wires == [Message::None; 2]
                        && self.now - self.session.rotated_at.as_secs() > GRACE);
            let is_over = self.now() >= self.session.absolute_deadline;
            if !is_over && !is_idle && (setting.lossy || !loses_some) {
                events.push(Event::Pass(span));
            }
        }
        events
    }

    /// The world after this event, or the law that it broke.
    pub(super) fn after(&self, event: Event, setting: Setting) -> Result<Self, String> {
        let mut world = self.clone();
        match event {
            Event::Send(client) => {
                let generation = world.jars[world.jar_of(client, setting)].unwrap().generation;
                world.wires[client] = Message::Request { generation, sent: world.now };
            }
            Event::Arrive(client) => world.wires[client] = world.serve(client, setting)?,
            Event::Crash(client) => {
                world.serve(client, setting)?;
                world.wires[client] = Message::None;
                world.newest_was_seen &= !world.pending;
                world.pending = false;
            }
            Event::Lose(client) => world.wires[client] = Message::None,
            Event::Deliver(client) => {
                let Message::Answer { tokens, .. } = world.wires[client] else { unreachable!() };
                world.wires[client] = Message::None;
                let jar = world.jar_of(client, setting);
                world.jars[jar] = tokens;
                if setting.prompt && tokens.is_some() {
                    world.open_page(client, setting)?;
                }
            }
            Event::Use(client) => world.open_page(client, setting)?,
            Event::LogOut(client) => {
                world.end(Which::One(this()), EndReason::LoggedOut)?;
                world.jars[world.jar_of(client, setting)] = None;
            }
            Event::ChangePasswordHere => {
                world.end(Which::AllOf(USER, Some(this())), EndReason::PasswordChanged)?;
            }
            Event::ChangePasswordElsewhere => {
                world.end(Which::AllOf(USER, Some(other())), EndReason::PasswordChanged)?;
            }
            Event::Steal => {
                world.stolen = true;
                world.jars[1] = world.jars[0];
            }
            Event::Pass(span) => {
                world.tell();
                for wire in &mut world.wires {
                    if wire.sent().is_some_and(|sent| self.is_late(sent, span, setting)) {
                        *wire = Message::None;
                    }
                }
                world.now += span;
            }
        }
        self.check_what_never_changes(&world)?;
        Ok(world)
    }

    pub(super) fn jar_of(&self, client: usize, setting: Setting) -> usize {
        if setting.one_browser { 0 } else { client }
    }

    fn is_good(&self, tokens: Tokens) -> bool {
        self.now < tokens.minted + ACCESS && self.now < self.session.absolute_deadline.as_secs()
    }

    fn is_late(&self, sent: i64, span: i64, setting: Setting) -> bool {
        self.now + span - sent > setting.patience
    }
}

impl Message {
    fn sent(self) -> Option<i64> {
        match self {
            Self::None => None,
            Self::Request { sent, .. } | Self::Answer { sent, .. } => Some(sent),
        }
    }
}
