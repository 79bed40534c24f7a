//! What an administrator does to other people's sessions; the administrator's name stands in every event of it.
//!
//! Whether somebody is an administrator has been decided by a guard before; this file asks no one.

use std::fmt;

use crate::auth::guards::sessions::Sessions;
use crate::auth::id::SessionId;
use crate::auth::sessions::event::{Event, What};
use crate::auth::sessions::record::{Session, These, Whose};
use crate::auth::sessions::rotation::EndReason;
use crate::auth::wire::error::AuthError;
use crate::ground::clock::UnixTime;

/// The sessions of everybody, in the hands of somebody who may end them.
///
/// ```
/// use portcullis::testing::Kit;
/// use portcullis::{Refusal, Role, RoleToken, Sessions};
/// use rocket::{post, routes};
///
/// struct Admin;
/// impl Role for Admin {
///     const NAME: &'static str = "admin";
/// }
///
/// #[post("/people/<name>/sign-out")]
/// async fn sign_out(admin: RoleToken<'_, Admin>, sessions: Sessions<'_>, name: &str) -> Result<String, Refusal> {
///     let ended = sessions.overseen_by(admin.subject()).end_all(name).await?;
///     Ok(format!("{ended} ended"))
/// }
///
/// let kit = Kit::new();
/// let site = kit.launch(rocket::custom(kit.figment()).attach(kit.portcullis()).mount("/", routes![sign_out]));
/// let _ada = site.signed_in("ada", &[]);
/// let root = site.signed_in("root", &["admin"]);
/// assert_eq!(root.post_form("/people/ada/sign-out", &[]).body, "1 ended");
/// ```
#[derive(Clone, Copy)]
pub struct Oversight<'r> {
    sessions: Sessions<'r>,
    by: &'r str,
}

/// How present a person is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Presence {
    /// How many live sessions the person has.
    pub live: u32,
    /// When the person signed in last, as far as the events that are kept tell.
    pub last_sign_in: Option<UnixTime>,
}

impl<'r> Sessions<'r> {
    /// Puts everybody's sessions into the hands of this administrator.
    #[must_use]
    pub const fn overseen_by(self, administrator: &'r str) -> Oversight<'r> {
        Oversight { sessions: self, by: administrator }
    }
}

impl Oversight<'_> {
    /// Ends a session of this person; `false` when there is none of this name that has not ended, or it is not theirs.
    ///
    /// # Errors
    /// [`AuthError::Unavailable`] when the store is out of reach.
    pub async fn end(&self, user: &str, session: SessionId) -> Result<bool, AuthError> {
        Ok(self.end_these(user, These::One(session)).await? > 0)
    }

    /// Ends all sessions of this person; returns how many ended.
    ///
    /// # Errors
    /// [`AuthError::Unavailable`] when the store is out of reach.
    pub async fn end_all(&self, user: &str) -> Result<usize, AuthError> {
        self.end_these(user, These::All).await
    }

    /// How present each of these people is, in the same order.
    ///
    /// # Errors
    /// [`AuthError::Unavailable`] when the store is out of reach.
    pub async fn presence(&self, users: &[&str]) -> Result<Vec<Presence>, AuthError> {
        self.sessions.keep_newest_events().await;
        let authority = self.sessions.authority;
        let live = authority.store.count_live(users, self.sessions.now()).await?;
        let last = match &authority.events {
            Some(events) => events.last_sign_ins(users).await?,
            None => vec![None; users.len()],
        };
        let both = live.into_iter().zip(last);
        Ok(both.map(|(live, last_sign_in)| Presence { live, last_sign_in }).collect())
    }

    /// The time, from the clock that the tokens live by.
    #[must_use]
    pub fn now(&self) -> UnixTime {
        self.sessions.now()
    }

    /// A person's live sessions, last used first.
    ///
    /// # Errors
    /// [`AuthError::Unavailable`] when the store is out of reach.
    pub async fn live(&self, user: &str) -> Result<Vec<Session>, AuthError> {
        self.sessions.live(user).await
    }

    /// The newest events about a person's account, newest first.
    ///
    /// # Errors
    /// [`AuthError::Unavailable`] when the store is out of reach.
    pub async fn events(&self, user: &str, limit: u32) -> Result<Vec<Event>, AuthError> {
        self.sessions.events(user, limit).await
    }

    /// Writes a security event about a person's account.
    pub fn note(&self, what: What, user: &str) {
        self.write(what, user, None, None);
    }

    /// Writes a security event about the roles that an account has from now on.
    pub fn note_roles(&self, what: What, user: &str, roles: &[String]) {
        self.write(what, user, None, Some(roles));
    }

    /// Tells this node at once of sessions that the application has ended in the store; others read it there.
    pub fn note_ended(&self, user: &str, sessions: &[[u8; 16]], reason: EndReason) {
        let ended: Vec<_> = sessions.iter().copied().map(SessionId::from_bytes).collect();
        for id in &ended {
            self.write(What::SessionEnded(reason), user, Some(*id), None);
        }
        self.sessions.authority.refuse_ended(&ended, self.sessions.remember_until());
    }

    async fn end_these(&self, user: &str, which: These) -> Result<usize, AuthError> {
        let whose = Whose::own(user, which).by(self.by);
        let authority = self.sessions.authority;
        Ok(authority.end(whose, EndReason::Operator, self.sessions.address()).await?.len())
    }

    fn write(&self, what: What, user: &str, session: Option<SessionId>, roles: Option<&[String]>) {
        self.sessions.authority.journal.write(Event {
            at: self.sessions.now(),
            what,
            // Whoever is invited may have no name yet.
            user: Some(user.to_owned()).filter(|user| !user.is_empty()),
            session,
            address: self.sessions.address(),
            by: (self.by != user).then(|| self.by.to_owned()),
            roles: roles.map(<[String]>::to_vec),
        });
    }
}

impl fmt::Debug for Oversight<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Oversight(…)")
    }
}
