//! The table `[default.auth]` of Rocket.toml: what can be set, its units and defaults, and what is nonsense.
//!
//! The environment overrides single keys: `PORTCULLIS_AUTH__ACCESS_TTL=600`.
//! Every mistake is told at launch in one line; none waits for the first request.

mod check;
pub(in crate::auth) mod claims;
pub(in crate::auth) mod names;
pub(in crate::auth) mod proxies;
mod renamed;

use std::path::{Path, PathBuf};
use std::time::Duration;

use rocket::figment::Figment;
use serde::Deserialize;

use crate::auth::config::claims::ClaimsConfig;
use crate::auth::config::names::NamesConfig;
use crate::auth::config::renamed::{Regrouped, regroup};
use crate::auth::plain::plain;
use crate::auth::tokens::algorithm::Algorithm;
use crate::auth::tokens::keys::RsaKeys;
use crate::auth::tokens::secret::Secret;
use crate::auth::wire::names::Wire;
use crate::auth::wire::origin::Origin;
use crate::auth::wire::place::{Location, Locations};

/// The settings of the library, `[default.auth]`.
///
/// All spans are in whole seconds.
///
/// ```
/// let kit = portcullis::testing::Kit::new().set("auth.access_ttl", 0);
/// let problems = portcullis::auth::AuthConfig::load(&kit.figment()).unwrap_err();
/// assert_eq!(problems, ["auth.access_ttl: must be 1 to 86400 seconds, is 0"]);
/// ```
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AuthConfig {
    /// The HS256 secret, at least 32 bytes of text; the same as flask-jwt-extended's `JWT_SECRET_KEY`.
    /// Unset by default: then [`secret_key_file`](Self::secret_key_file) is read.
    pub secret_key: Option<RawSecret>,
    /// A file that holds the secret as text, or a ring of keys made by `portcullis key new`.
    /// It must not be readable by group or others.
    pub secret_key_file: Option<PathBuf>,
    /// Take RSA keys of 2048 bits as well; by default they need 3072 (OWASP ASVS 11.2.3).
    pub short_rsa_keys: bool,
    /// What [`secret_key`](Self::secret_key) is for: HS256 (the default), HS384 or HS512.
    /// The keys of a ring name their own algorithm.
    pub algorithm: Algorithm,
    /// Life of an access token; default 300 (OWASP: minutes).
    pub access_ttl: i64,
    /// How long a session may lie idle without "remember me"; default 86400 (a day), or `refresh_ttl` when that is shorter.
    pub refresh_idle_ttl: Option<i64>,
    /// How long a session lasts at most without "remember me"; default 604800 (a week). Never extended.
    pub refresh_ttl: i64,
    /// How long a remembered session may lie idle; default 604800 (a week), or `remember_ttl` when that is shorter.
    pub remember_idle_ttl: Option<i64>,
    /// How long a remembered session lasts at most; default 2592000 (30 days).
    pub remember_ttl: i64,
    /// For how long after a rotation the replaced refresh token is answered with the same successor; default 30, at most 300.
    pub refresh_grace: i64,
    /// For how long after the password was entered a token counts as fresh; default 900.
    pub fresh_ttl: i64,
    /// Where tokens are looked for; default `["cookies"]`.
    pub token_locations: Vec<Location>,
    /// The origins of front ends that are served elsewhere, as in `["http://localhost:3000"]`: their pages count as our own,
    /// and may read the answers where [`Cors`](crate::auth::Cors) is attached. Default none.
    pub trusted_origins: Vec<String>,
    /// Serve over plain HTTP: cookies lose `Secure` and the `__Host-` prefix. Default false; true in the debug profile,
    /// and refused in every other one.
    pub insecure_http: Option<bool>,
    /// How old this node's knowledge of revocations may be before it asks the store on each request; default 5.
    /// 0 asks on every request.
    pub max_staleness: i64,
    /// How many sessions a person may have at once; the one idle the longest is ended for a new one. Default 10.
    pub max_sessions: i64,
    /// What things are called on the wire, `[default.auth.names]`.
    pub names: NamesConfig,
    /// What tokens must say, and whose are taken, `[default.auth.claims]`.
    pub claims: ClaimsConfig,
    /// For how long security events are kept; default 7776000 (90 days).
    pub event_ttl: i64,
}

impl Default for AuthConfig {
    fn default() -> Self {
        Self {
            secret_key: None,
            secret_key_file: None,
            algorithm: Algorithm::HS256,
            access_ttl: 300,
            refresh_idle_ttl: None,
            refresh_ttl: 604_800,
            remember_idle_ttl: None,
            remember_ttl: 2_592_000,
            refresh_grace: 30,
            fresh_ttl: 900,
            short_rsa_keys: false,
            token_locations: vec![Location::Cookies],
            trusted_origins: Vec::new(),
            insecure_http: None,
            max_staleness: 5,
            max_sessions: 10,
            names: NamesConfig::default(),
            claims: ClaimsConfig::default(),
            event_ttl: 7_776_000,
        }
    }
}

/// A secret as it was configured, not yet judged; never printed.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub struct RawSecret(pub(crate) String);

impl std::fmt::Debug for RawSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RawSecret(…)")
    }
}

/// How long a session lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Deadlines {
    pub(crate) idle: Duration,
    pub(crate) absolute: Duration,
}

/// Settings that make sense: what [`AuthConfig::check`] made of the table.
///
/// ```
/// let settings = portcullis::auth::AuthConfig::load(&portcullis::testing::Kit::new().figment()).unwrap();
/// assert!(settings.has_secret() && !settings.is_https(), "the debug profile may serve plain HTTP");
/// ```
#[derive(Debug, Clone)]
pub struct AuthSettings {
    pub(crate) secret: Option<Secret>,
    pub(crate) algorithm: Algorithm,
    pub(crate) secret_file: Option<PathBuf>,
    pub(crate) rsa: RsaKeys,
    pub(crate) access_ttl: Duration,
    pub(crate) session: Deadlines,
    pub(crate) remembered: Deadlines,
    pub(crate) grace: Duration,
    pub(crate) fresh_ttl: Duration,
    pub(crate) leeway: Duration,
    pub(crate) foreign_ttl: Duration,
    pub(crate) locations: Locations,
    pub(crate) trusted_origins: Vec<Origin>,
    pub(crate) issuer: Option<String>,
    pub(crate) audience: Option<String>,
    pub(crate) insecure_http: bool,
    pub(crate) wire: Wire,
    pub(crate) max_staleness: Duration,
    pub(crate) max_sessions: usize,
    pub(crate) event_ttl: Duration,
    /// The settings that stand under a name of before, each with its name of today.
    pub(crate) renamed: Vec<(String, String)>,
}

impl AuthSettings {
    /// Whether cookies are made for HTTPS (`Secure`, `__Host-`); the header fairing of an application asks too.
    #[must_use]
    pub const fn is_https(&self) -> bool {
        !self.insecure_http
    }

    /// Whether the key is a secret in the settings, and not in a file.
    #[must_use]
    pub const fn has_secret(&self) -> bool {
        self.secret.is_some()
    }

    /// That secret.
    #[cfg(feature = "app")]
    pub(crate) fn secret_text(&self) -> Option<&str> {
        self.secret.as_ref().map(Secret::as_str)
    }

    /// The configured key file, if any.
    #[must_use]
    pub fn secret_key_file(&self) -> Option<&Path> {
        self.secret_file.as_deref()
    }

    /// Which RSA keys are taken.
    #[must_use]
    pub const fn rsa_keys(&self) -> RsaKeys {
        self.rsa
    }

    /// The settings that stand under a name of before, each with its name of today; both work.
    #[must_use]
    pub fn renamed(&self) -> &[(String, String)] {
        &self.renamed
    }

    /// How long the longest-lived token lives: for so long a replaced key must go on verifying.
    #[must_use]
    pub fn longest_token(&self) -> Duration {
        self.session.absolute.max(self.remembered.absolute).max(self.access_ttl) + self.leeway
    }

    /// For how long an end of a session must be remembered: until its last access token has expired.
    /// The margin covers a refresh that read the clock later than the end that beats it to the store.
    #[must_use]
    pub fn remember_ends_for(&self) -> Duration {
        self.access_ttl + self.leeway + Duration::from_secs(60)
    }
}

impl AuthConfig {
    /// Reads and judges the table `auth` of Rocket's configuration.
    ///
    /// # Errors
    /// One line for each mistake, naming the key.
    pub fn load(figment: &Figment) -> Result<AuthSettings, Vec<String>> {
        let Ok(table) = figment.find_value("auth") else {
            return Self::default().check(figment.profile());
        };
        let Regrouped { table, renamed, problems } = regroup(table);
        let config = table.deserialize::<Self>();
        let config =
            config.map_err(|error| error.into_iter().map(|one| plain("auth", &one)).collect::<Vec<_>>())?;
        if !problems.is_empty() {
            return Err(problems);
        }
        config.check(figment.profile()).map(|settings| AuthSettings { renamed, ..settings })
    }
}
