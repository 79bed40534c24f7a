//! The test kit's way in: sessions and tokens without a request.
//!
//! It goes through the same minting as a sign-in, so that what it makes is what an application would see.

#![expect(clippy::expect_used, reason = "a test that is surprised should fail loudly")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rocket::{Phase, Rocket};
use tokio::runtime::{Builder, Runtime};

use crate::auth::guards::forms::seal;
use crate::auth::id::SessionId;
use crate::auth::sessions::authority::{Authority, Pair};
use crate::auth::sessions::record::{Ending, Session, Which};
use crate::auth::sessions::rotation::{EndReason, State};
use crate::auth::tokens::algorithm::Algorithm;
use crate::auth::tokens::csrf_value;
use crate::auth::tokens::keys::RingKey;
use crate::auth::tokens::secret::Secret;
use crate::auth::wire::proved::Proved;
use crate::ground::clock::UnixTime;

/// A kind of token for a test.
///
/// ```
/// use portcullis::testing::{Kit, Sample};
///
/// let kit = Kit::new();
/// let site = kit.launch(rocket::custom(kit.figment()).attach(kit.portcullis()));
/// assert_ne!(site.token(Sample::Access, "ada", &[]), site.token(Sample::Forged, "ada", &[]));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Sample {
    /// A good access token, whose password was entered just now.
    Access,
    /// A good refresh token, and one of the wrong type where an access token belongs.
    Refresh,
    /// An access token that expires at this moment.
    Expired,
    /// An access token whose session was ended.
    Revoked,
    /// An access token that somebody else signed.
    Forged,
    /// An access token whose password was entered longer ago than `auth.fresh_ttl`.
    NotFresh,
    /// An access token of a session that began with a second factor.
    Strong,
}

/// The inside of an application under test.
pub(crate) struct TestBench {
    authority: Arc<Authority>,
    runtime: Runtime,
}

type Cookies = BTreeMap<String, String>;

impl TestBench {
    /// The inside of this Rocket; `None` without the fairing.
    pub(crate) fn of<P: Phase>(rocket: &Rocket<P>) -> Option<Self> {
        let runtime = Builder::new_current_thread().enable_all().build().ok()?;
        Some(Self { authority: Arc::clone(Authority::of(rocket)?), runtime })
    }

    /// The cookies of a new session.
    pub(crate) fn sign_in(&self, user: &str, roles: &[&str]) -> Vec<(String, String)> {
        let session = self.begin(user, roles, self.now(), Proved::Password);
        let pair = self.pair(&session, self.now(), true);
        let wire = self.authority.jar.wire();
        let mut cookies =
            vec![(wire.access_cookie.clone(), pair.access), (wire.refresh_cookie.clone(), pair.refresh)];
        if wire.csrf_in_cookies {
            cookies.push((wire.access_csrf_cookie.clone(), pair.csrf_access));
            cookies.push((wire.refresh_csrf_cookie.clone(), pair.csrf_refresh));
        }
        cookies
    }

    /// A token of a new session.
    pub(crate) fn token(&self, sample: Sample, user: &str, roles: &[&str]) -> String {
        let now = self.now();
        let settings = &self.authority.settings;
        let (minted_at, auth_time) = match sample {
            Sample::Expired => {
                let then = now - (settings.access_ttl + settings.leeway);
                (then, then)
            }
            Sample::NotFresh => (now, now - (settings.fresh_ttl + Duration::from_secs(1))),
            _ => (now, now),
        };
        let proved = if sample == Sample::Strong { Proved::PasswordAndCode } else { Proved::Password };
        let session = self.begin(user, roles, auth_time, proved);
        let pair = self.pair(&session, minted_at, sample != Sample::NotFresh);
        match sample {
            Sample::Refresh => return pair.refresh,
            Sample::Revoked => self.end(&session),
            Sample::Forged => return forge(&pair.access),
            Sample::Access | Sample::Expired | Sample::NotFresh | Sample::Strong => {}
        }
        pair.access
    }

    pub(crate) fn access_cookie(&self) -> &str {
        &self.authority.jar.wire().access_cookie
    }

    pub(crate) fn csrf_field(&self) -> &str {
        &self.authority.jar.wire().csrf_field
    }

    pub(crate) fn csrf_header(&self) -> &str {
        &self.authority.jar.wire().csrf_header
    }

    /// The header that carries a token, name and value.
    pub(crate) fn bearer(&self, token: &str) -> (String, String) {
        let wire = self.authority.jar.wire();
        (wire.header.clone(), format!("{} {token}", wire.scheme).trim_start().to_owned())
    }

    /// The CSRF value that belongs to these cookies' access token, or that of the one it can be renewed to.
    pub(crate) fn access_proof(&self, cookies: &Cookies) -> Option<String> {
        let held = cookies.get(self.access_cookie()).and_then(|token| self.csrf_of(token));
        held.or_else(|| self.refresh_proof(cookies).map(|value| csrf_value::access_value(&value)))
    }

    /// The CSRF value that belongs to these cookies' refresh token.
    pub(crate) fn refresh_proof(&self, cookies: &Cookies) -> Option<String> {
        self.csrf_of(cookies.get(&self.authority.jar.wire().refresh_cookie)?)
    }

    /// The CSRF value of a form before there is a session, bound to a cookie that is put among these.
    pub(crate) fn sign_in_proof(&self, cookies: &mut Cookies) -> String {
        let name = self.authority.jar.wire().pre_session_cookie.clone();
        let nonce = cookies.entry(name).or_insert_with(|| self.draw().to_string());
        seal(&self.authority, nonce).expect("the key does not seal")
    }

    fn begin(&self, user: &str, roles: &[&str], auth_time: UnixTime, proved: Proved) -> Session {
        let now = self.now();
        let deadlines = self.authority.settings.session;
        let session = Session {
            id: self.draw(),
            user: user.to_owned(),
            roles: roles.iter().map(|role| (*role).to_owned()).collect(),
            state: State::begin(now, deadlines.idle, deadlines.absolute),
            remember: false,
            created_at: auth_time.min(now),
            auth_time,
            last_seen: now,
            user_agent: "test".to_owned(),
            address: None,
            proved,
        };
        let created = self.authority.store.create(&session, usize::MAX, now);
        self.runtime.block_on(created).expect("the store keeps no session");
        session
    }

    fn pair(&self, session: &Session, at: UnixTime, fresh: bool) -> Pair {
        let seed = csrf_value::refresh_value(*self.draw().as_bytes());
        let minted = self.authority.mint(session, &seed, at, fresh);
        self.runtime.block_on(minted).expect("the application's claims cannot be minted")
    }

    fn end(&self, session: &Session) {
        let (at, until) = (self.now(), self.authority.remember_until(self.now()));
        let ending =
            Ending { which: Which::One(session.id), reason: EndReason::LoggedOut, at, remember_until: until };
        self.runtime.block_on(self.authority.store.end(&ending)).expect("the store ends no session");
        self.authority.refuse_ended(&[session.id], until);
    }

    fn csrf_of(&self, token: &str) -> Option<String> {
        let token = self.authority.codec.read(token, self.now()).ok()?;
        token.csrf().map(str::to_owned)
    }

    fn draw(&self) -> SessionId {
        SessionId::draw(&*self.authority.random).expect("there is no randomness")
    }

    fn now(&self) -> UnixTime {
        self.authority.clock.now()
    }
}

/// The same header and claims with the signature of another key.
fn forge(token: &str) -> String {
    let other = Secret::unchecked("a secret that the application does not know".to_owned());
    let other = RingKey::from_secret(Algorithm::HS256, &other).expect("the secret is long enough");
    let (message, _) = token.rsplit_once('.').unwrap_or((token, ""));
    format!("{message}.{}", other.sign(message.as_bytes()).expect("a secret signs"))
}
