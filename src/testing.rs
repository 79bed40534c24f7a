//! A kit for the tests of applications built on Portcullis.
//!
//! An application of its own for every test: sessions in memory, a clock that the test moves, and settings that read
//! neither Rocket.toml nor the environment.
//! People are signed in without any sign-in route, and tokens of every kind, good and bad, are there for the asking.
//!
//! ```
//! use std::time::Duration;
//!
//! use portcullis::testing::{Kit, Sample};
//! use portcullis::{AccessToken, Portcullis};
//! use rocket::figment::Figment;
//! use rocket::{Build, Rocket, get, post, routes};
//!
//! #[get("/hello")]
//! fn hello(token: AccessToken<'_>) -> String {
//!     format!("Hello {}", token.subject())
//! }
//!
//! #[post("/hello")]
//! fn greet(_token: AccessToken<'_>) {}
//!
//! // The application, which takes settings and fairing from outside.
//! fn application(settings: Figment, portcullis: Portcullis) -> Rocket<Build> {
//!     rocket::custom(settings).attach(portcullis).mount("/", routes![hello, greet])
//! }
//!
//! let kit = Kit::new();
//! let site = kit.launch(application(kit.figment(), kit.portcullis()));
//!
//! let ada = site.signed_in("ada", &["staff"]);
//! assert_eq!(ada.get("/hello").body, "Hello ada");
//! // Posts carry the CSRF proof, as pages and front ends send it.
//! assert_eq!(ada.post_form("/hello", &[]).status, 200);
//!
//! assert_eq!(site.anonymous().get("/hello").status, 401);
//! let forged = site.token(Sample::Forged, "ada", &["staff"]);
//! assert_eq!(site.anonymous().carrying(&forged).get("/hello").status, 401);
//!
//! site.pass(Duration::from_secs(301));
//! assert_eq!(ada.get("/hello").status, 401, "the access token has expired");
//! ```
//!
//! With the feature `second-factor` the kit has accounts ([`Kit::accounts`]) and apps that show codes
//! ([`Kit::enrol_app`]), and with `passkeys` passkeys without hardware ([`Kit::enrol_passkey`]).
//!
//! Everything here panics when it is surprised, as a test should.

#![expect(clippy::expect_used, reason = "a test that is surprised should fail loudly")]

#[cfg(feature = "passkeys")]
mod authenticator;
#[cfg(feature = "second-factor")]
mod factors;
mod visitor;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rocket::figment::Figment;
use rocket::local::blocking::Client;
use rocket::{Build, Config, Rocket};
use serde::Serialize;

use crate::auth::{ManualClock, Portcullis, TestBench, UnixTime};
use crate::store::{self, Stores};
#[cfg(feature = "second-factor")]
use crate::{auth::SystemClock, users::Accounts};

pub use crate::auth::Sample;
#[cfg(feature = "passkeys")]
pub use authenticator::{ORIGIN, VirtualAuthenticator};
#[cfg(feature = "second-factor")]
pub use factors::AuthenticatorApp;
pub use visitor::{Answer, Visitor};

/// What an application under test is built from: settings, sessions in memory, a clock that stands still.
///
/// ```
/// use portcullis::testing::Kit;
///
/// let kit = Kit::new().set("auth.access_ttl", 60).set("auth.token_locations", ["headers"]);
/// let rocket = rocket::custom(kit.figment()).attach(kit.portcullis());
/// let site = kit.launch(rocket);
/// ```
#[derive(Clone)]
pub struct Kit {
    figment: Figment,
    clock: Arc<ManualClock>,
    stores: Stores,
}

impl Kit {
    /// Rocket's and our own defaults of the debug profile, a signing secret that everybody may know, no session, and
    /// 2023-11-14T22:13:20Z on the clock.
    #[must_use]
    pub fn new() -> Self {
        let settings = Config { log_level: rocket::config::LogLevel::Off, ..Config::debug_default() };
        Self {
            figment: Figment::from(settings).merge(("auth.secret_key", SECRET)).select(Config::DEBUG_PROFILE),
            clock: Arc::new(ManualClock::at(BEGINNING)),
            stores: store::memory(),
        }
    }

    /// The same with this setting, such as `auth.access_ttl`.
    #[must_use]
    pub fn set(self, key: &str, value: impl Serialize) -> Self {
        Self { figment: self.figment.merge((key, value)), ..self }
    }

    /// The settings, for [`rocket::custom`].
    #[must_use]
    pub fn figment(&self) -> Figment {
        self.figment.clone()
    }

    /// The clock, for what else the application times.
    #[must_use]
    pub fn clock(&self) -> Arc<ManualClock> {
        Arc::clone(&self.clock)
    }

    /// The stores, in memory, for what else the application keeps.
    #[must_use]
    pub fn stores(&self) -> Stores {
        self.stores.clone()
    }

    /// The fairing to attach; an application gives it its hooks.
    #[must_use]
    pub fn portcullis(&self) -> Portcullis {
        let Stores { sessions, events, .. } = self.stores();
        Portcullis::new(sessions).events(events).clock(self.clock())
    }

    /// Launches the application, without a network.
    ///
    /// # Panics
    /// When it does not launch, or no Portcullis is attached to it.
    #[must_use]
    pub fn launch(&self, rocket: Rocket<Build>) -> Site {
        let client = Client::untracked(rocket).expect("the application does not launch");
        let bench = TestBench::of(client.rocket()).expect("the fairing is not attached");
        Site { client, bench, clock: self.clock() }
    }
}

impl Default for Kit {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Kit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Kit")
    }
}

/// An application that runs, without a network; made by [`Kit::launch`].
///
/// ```
/// use portcullis::testing::{Kit, Sample};
/// use portcullis::FreshToken;
/// use rocket::{get, routes};
///
/// #[get("/secrets")]
/// fn secrets(_token: FreshToken<'_>) {}
///
/// let kit = Kit::new();
/// let site = kit.launch(rocket::custom(kit.figment()).attach(kit.portcullis()).mount("/", routes![secrets]));
/// for (sample, status) in [
///     (Sample::Access, 200),
///     (Sample::NotFresh, 401),
///     (Sample::Expired, 401),
///     (Sample::Revoked, 401),
///     (Sample::Forged, 401),
///     (Sample::Refresh, 401),
/// ] {
///     let token = site.token(sample, "ada", &[]);
///     assert_eq!(site.anonymous().carrying(&token).get("/secrets").status, status, "{sample:?}");
/// }
/// ```
pub struct Site {
    client: Client,
    bench: TestBench,
    clock: Arc<ManualClock>,
}

impl Site {
    /// Somebody without cookies.
    #[must_use]
    pub fn anonymous(&self) -> Visitor<'_> {
        Visitor::new(self)
    }

    /// Somebody with a new session, in cookies, whose password was entered just now.
    #[must_use]
    pub fn signed_in(&self, user: &str, roles: &[&str]) -> Visitor<'_> {
        let visitor = Visitor::new(self);
        for (name, value) in self.bench.sign_in(user, roles) {
            visitor.keep(name, value);
        }
        visitor
    }

    /// A token of a session of its own.
    #[must_use]
    pub fn token(&self, sample: Sample, user: &str, roles: &[&str]) -> String {
        self.bench.token(sample, user, roles)
    }

    /// Lets time pass.
    pub fn pass(&self, span: Duration) {
        self.clock.advance(span);
    }

    /// Rocket's client, for what the kit has no words for.
    #[must_use]
    pub const fn client(&self) -> &Client {
        &self.client
    }
}

impl fmt::Debug for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Site")
    }
}

/// Accounts in memory that live by the machine's clock.
///
/// ```
/// use portcullis::testing;
///
/// let accounts = testing::accounts();
/// assert!(rocket::execute(accounts.is_empty()).unwrap());
/// ```
#[cfg(feature = "second-factor")]
#[must_use]
pub fn accounts() -> Accounts {
    let Stores { accounts, attempts, profiles, .. } = store::memory();
    let clock = Arc::new(SystemClock::new());
    let week = Duration::from_secs(7 * 24 * 3600);
    Accounts::new(accounts, attempts, Arc::default(), clock, [7; 32]).with_profiles(profiles, week)
}

const SECRET: &str = "a secret for tests, which everybody may know";
const BEGINNING: UnixTime = UnixTime::from_secs(1_700_000_000);
