//! The server's part in a [`World`], done by the real store, and the laws that hold there.

use std::time::Duration;

use portcullis::auth::rotation::step;
use portcullis::auth::{EndReason, Ending, Session, SessionId, State, UnixTime, Verdict, Which};
use portcullis::store::{Stores, memory};

use super::network::{ACCESS, GRACE, LENIENCY, Message, Setting, Tokens, World};
use crate::contract::session;

pub(super) const USER: &str = "alice";

pub(super) fn this() -> SessionId {
    SessionId::from_bytes([1; 16])
}

pub(super) fn other() -> SessionId {
    SessionId::from_bytes([2; 16])
}

impl World {
    /// A client's refresh reaches the server.
    pub(super) fn serve(&mut self, client: usize, setting: Setting) -> Result<Message, String> {
        let Message::Request { generation, .. } = self.wires[client] else { unreachable!() };
        self.tell();
        let stores = self.stores();
        let until = self.remember_until();
        let presented = stores.sessions.present(this(), generation, self.now(), LENIENCY, until);
        let Some((kept, verdict)) = wait(presented) else {
            return self.refuse("purged", setting);
        };
        let expected = step(&self.session, generation, self.now(), LENIENCY);
        if (&kept.state, verdict) != (&expected.0, expected.1) {
            return Err(format!("the store decided {verdict:?}, the machine {:?}", expected.1));
        }
        let age = self.now - self.session.rotated_at.as_secs();
        let before = std::mem::replace(&mut self.session, kept.state);
        match verdict {
            Verdict::Rotated => {
                self.used_by[client] = true;
                self.count_company(age);
            }
            Verdict::Replayed if age > GRACE && self.newest_was_seen => {
                return Err("an abandoned token was served outside the grace window".to_owned());
            }
            Verdict::Replayed => self.shared_in_grace |= age <= GRACE,
            Verdict::Expired if self.now() < before.deadline() => {
                return Err("expired before any limit".to_owned());
            }
            Verdict::Expired => return self.refuse("expired", setting),
            Verdict::Reused if self.session.ended.map(|ended| ended.reason) != Some(EndReason::Reused) => {
                return Err("a reuse did not end the session".to_owned());
            }
            Verdict::Reused if age <= GRACE && generation + 1 == before.generation => {
                return Err("a retry inside the grace window was called theft".to_owned());
            }
            Verdict::Reused | Verdict::AlreadyEnded | Verdict::NeverIssued => {
                return self.refuse(&format!("{verdict:?}"), setting);
            }
        }
        if self.signed_out {
            return Err("a session that its owner ended was renewed".to_owned());
        }
        let tokens = Tokens { generation: self.session.generation, minted: self.now };
        Ok(Message::Answer { tokens: Some(tokens), sent: self.now })
    }

    /// A client asks for a protected page with the access token it holds.
    pub(super) fn open_page(&mut self, client: usize, setting: Setting) -> Result<(), String> {
        let tokens = self.jars[self.jar_of(client, setting)].unwrap();
        let issued_at = UnixTime::from_secs(tokens.minted);
        let ids = [*this().as_bytes(), [9; 16]];
        let is_refused = wait(self.stores().sessions.is_revoked(ids, issued_at));
        if is_refused != self.session.ended.is_some() {
            return Err("an access token outlived its session".to_owned());
        }
        if !is_refused && tokens.generation == self.session.generation {
            self.pending |= !self.session.confirmed;
            self.newest_was_seen = true;
            self.used_by[client] = true;
        }
        Ok(())
    }

    /// The node hands the store what it has seen.
    pub(super) fn tell(&mut self) {
        if std::mem::take(&mut self.pending) {
            let stores = self.stores();
            wait(stores.sessions.confirm(&[(this(), self.session.generation)]));
            self.session = wait(stores.sessions.find(this())).unwrap().state;
        }
    }

    /// The owner ends sessions and is answered.
    pub(super) fn end(&mut self, which: Which<'_>, reason: EndReason) -> Result<(), String> {
        let concerns_this = which != Which::AllOf(USER, Some(this()));
        let stores = self.stores();
        if wait(stores.sessions.find(this())).is_none() {
            return Ok(());
        }
        wait(stores.sessions.end(&Ending {
            which,
            reason,
            at: self.now(),
            remember_until: self.remember_until(),
        }));
        let find = |id| wait(stores.sessions.find(id)).map(|session| session.state);
        let before = std::mem::replace(&mut self.session, find(this()).unwrap());
        self.other_session_ended = find(other()).unwrap().ended.is_some();
        self.signed_out |= concerns_this;
        let is_right = if concerns_this { self.session.ended.is_some() } else { self.session == before };
        if is_right { Ok(()) } else { Err("the wrong session was ended".to_owned()) }
    }

    /// What holds between any moment and the next.
    pub(super) fn check_what_never_changes(&self, after: &Self) -> Result<(), String> {
        let (one, two) = (&self.session, &after.session);
        let is_kept = |law: bool, name: &str| if law { Ok(()) } else { Err(name.to_owned()) };
        is_kept(one.absolute_deadline == two.absolute_deadline, "the absolute deadline moved")?;
        is_kept(two.idle_deadline <= two.absolute_deadline, "idling outlasts the absolute deadline")?;
        is_kept(one.ended.is_none() || one.ended == two.ended, "an end was not final")?;
        let advance = two.generation - one.generation;
        is_kept(advance <= 1, "the generation advanced by more than one")?;
        is_kept(advance == 0 || one.ended.is_none(), "an ended session was rotated")?;
        is_kept(!self.other_session_ended || after.other_session_ended, "another session came back")?;
        is_kept(!after.signed_out || two.ended.is_some(), "the owner's end was forgotten")
    }

    pub(super) fn now(&self) -> UnixTime {
        UnixTime::from_secs(self.now)
    }

    /// An honest browser is never refused while its session may live; a thief and its victim may be.
    fn refuse(&mut self, why: &str, setting: Setting) -> Result<Message, String> {
        let is_over = self.signed_out || self.now() >= self.session.deadline();
        let is_honest = setting.one_browser || !self.stolen;
        if is_honest && !is_over {
            return Err(format!("an honest person was signed out: {why}"));
        }
        Ok(Message::Answer { tokens: None, sent: self.now })
    }

    /// Counts the generations through which both clients lived, when the newest is left behind.
    fn count_company(&mut self, age: i64) {
        if age > GRACE {
            let both = self.used_by == [true; 2] && !self.shared_in_grace;
            self.together = if both { (self.together + 1).min(9) } else { 0 };
        }
        self.used_by = [false; 2];
        self.shared_in_grace = false;
        self.newest_was_seen = false;
    }

    /// The access token of a session that ends now has expired by then; the rest is the application's margin.
    fn remember_until(&self) -> UnixTime {
        UnixTime::from_secs(self.now + ACCESS + 60)
    }

    /// The store as it is at this moment.
    fn stores(&self) -> Stores {
        let stores = memory();
        let keep = |id: SessionId, state: State, ended: Option<(UnixTime, EndReason)>| {
            let session = Session { id, state: State { ended: None, ..state }, ..session(1, USER) };
            wait(stores.sessions.create(&session, usize::MAX, self.now()));
            if let Some((at, reason)) = ended {
                let remember_until = at + Duration::from_secs(ACCESS.unsigned_abs() + 60);
                wait(stores.sessions.end(&Ending { which: Which::One(id), reason, at, remember_until }));
            }
        };
        let ended = self.session.ended.map(|ended| (ended.at, ended.reason));
        keep(this(), self.session.clone(), ended);
        let others_end = self.other_session_ended.then(|| (self.now(), EndReason::PasswordChanged));
        keep(other(), self.session.clone(), others_end);
        wait(stores.sessions.purge(self.now()));
        stores
    }
}

/// The store in memory answers at once.
fn wait<T, E: std::fmt::Debug>(answer: impl Future<Output = Result<T, E>>) -> T {
    let mut answer = std::pin::pin!(answer);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let std::task::Poll::Ready(answer) = answer.as_mut().poll(&mut context) else { unreachable!() };
    answer.unwrap()
}
