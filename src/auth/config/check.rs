//! Which settings make no sense?
//!
//! All mistakes are told at once, one line each, naming the key.

use std::time::Duration;

use rocket::figment::Profile;

use super::{AuthConfig, AuthSettings, Deadlines};
use crate::auth::tokens::keys::{RingKey, RsaKeys};
use crate::auth::tokens::secret::Secret;
use crate::auth::wire::names::Wire;
use crate::auth::wire::origin::Origin;
use crate::auth::wire::place::Locations;

/// All spans, judged; one that was refused is zero.
struct Spans {
    access_ttl: Duration,
    session: Deadlines,
    remembered: Deadlines,
    grace: Duration,
    fresh_ttl: Duration,
    leeway: Duration,
    foreign_ttl: Duration,
    event_ttl: Duration,
    max_staleness: Duration,
}

impl AuthConfig {
    /// Judges the settings under this profile; only `debug` may be insecure.
    ///
    /// # Errors
    /// One line for each mistake, naming the key.
    pub fn check(&self, profile: &Profile) -> Result<AuthSettings, Vec<String>> {
        let mut problems = Vec::new();
        let is_debug = *profile == rocket::Config::DEBUG_PROFILE;
        let spans = self.spans(&mut problems);
        let secret = self.secret(is_debug, &mut problems);
        let locations = Locations::new(&self.token_locations);
        if locations.is_none() {
            problems.push(LOCATIONS_HINT.into());
        }
        let trusted_origins = self.origins(&mut problems);
        let insecure_http = self.insecure_http.unwrap_or(is_debug);
        if insecure_http && !is_debug {
            problems.push(INSECURE_HINT.into());
        }
        let max_sessions = usize::try_from(self.max_sessions).unwrap_or(0);
        if !(1..=1000).contains(&max_sessions) {
            problems.push(format!("auth.max_sessions: must be 1 to 1000, is {}", self.max_sessions));
        }
        problems.extend(self.claims.problems());
        let wire =
            Wire::new(&self.names, !insecure_http).map_err(|mut lines| problems.append(&mut lines)).ok();
        let (Some(locations), Some(wire), true) = (locations, wire, problems.is_empty()) else {
            return Err(problems);
        };
        let Spans { access_ttl, session, remembered, grace, .. } = spans;
        let Spans { fresh_ttl, leeway, foreign_ttl, event_ttl, max_staleness, .. } = spans;
        Ok(AuthSettings {
            secret,
            algorithm: self.algorithm,
            secret_file: self.secret_key_file.clone(),
            rsa: if self.short_rsa_keys { RsaKeys::Short } else { RsaKeys::Strong },
            access_ttl,
            session,
            remembered,
            grace,
            fresh_ttl,
            leeway,
            foreign_ttl,
            locations,
            trusted_origins,
            issuer: self.claims.issuer.clone(),
            audience: self.claims.audience.clone(),
            insecure_http,
            wire,
            max_staleness,
            max_sessions,
            event_ttl,
            renamed: Vec::new(),
        })
    }

    fn spans(&self, problems: &mut Vec<String>) -> Spans {
        let mut span = |key: &str, seconds: i64, least: i64, most: i64| match u64::try_from(seconds) {
            Ok(fitting) if (least..=most).contains(&seconds) => Duration::from_secs(fitting),
            _ => {
                problems.push(format!("auth.{key}: must be {least} to {most} seconds, is {seconds}"));
                Duration::ZERO
            }
        };
        let access_ttl = span("access_ttl", self.access_ttl, 1, DAY);
        let idle = self.refresh_idle_ttl.unwrap_or(within(DAY, self.refresh_ttl));
        let session = Deadlines {
            idle: span("refresh_idle_ttl", idle, 1, YEAR),
            absolute: span("refresh_ttl", self.refresh_ttl, 1, YEAR),
        };
        let idle = self.remember_idle_ttl.unwrap_or(within(WEEK, self.remember_ttl));
        let remembered = Deadlines {
            idle: span("remember_idle_ttl", idle, 1, YEAR),
            absolute: span("remember_ttl", self.remember_ttl, 1, YEAR),
        };
        let spans = Spans {
            access_ttl,
            session,
            remembered,
            grace: span("refresh_grace", self.refresh_grace, 0, 300),
            fresh_ttl: span("fresh_ttl", self.fresh_ttl, 1, DAY),
            leeway: span("claims.leeway", self.claims.leeway, 0, 60),
            foreign_ttl: span("claims.foreign_ttl", self.claims.foreign_ttl, 0, DAY),
            event_ttl: span("event_ttl", self.event_ttl, 3600, 10 * YEAR),
            max_staleness: span("max_staleness", self.max_staleness, 0, 3600),
        };
        problems.extend(spans.contradictions());
        spans
    }

    /// The secret, when one is set that is fit.
    fn secret(&self, is_debug: bool, problems: &mut Vec<String>) -> Option<Secret> {
        if let Some(raw) = &self.secret_key
            && let Err(error) = RingKey::from_secret(self.algorithm, &Secret::unchecked(raw.0.clone()))
        {
            problems
                .push(format!("auth.secret_key: {}", error.to_string().trim_start_matches("the secret ")));
        }
        if self.secret_key.is_some() && self.secret_key_file.is_some() {
            problems.push("auth.secret_key and auth.secret_key_file: set one, not both".into());
        }
        if self.secret_key.is_none() && self.secret_key_file.is_none() && !is_debug {
            problems.push(SECRET_HINT.into());
        }
        self.secret_key.as_ref().map(|raw| Secret::unchecked(raw.0.clone()))
    }

    fn origins(&self, problems: &mut Vec<String>) -> Vec<Origin> {
        let mut origins = Vec::new();
        for text in &self.trusted_origins {
            match text.parse::<Origin>() {
                Ok(origin) if !origins.contains(&origin) => origins.push(origin),
                Ok(_) => problems.push(format!("auth.trusted_origins: \"{text}\" stands there twice")),
                Err(error) => problems.push(format!("auth.trusted_origins: \"{text}\" {error}")),
            }
        }
        origins
    }
}

impl Spans {
    /// A line for each two that contradict each other. One that was refused has a line already.
    fn contradictions(&self) -> Vec<String> {
        let mut lines = Vec::new();
        let limits = [("refresh", self.session), ("remember", self.remembered)];
        for (kind, Deadlines { idle, absolute }) in limits {
            if !idle.is_zero() && !absolute.is_zero() && idle > absolute {
                lines.push(format!(
                    "auth.{kind}_idle_ttl: {} s must not be longer than auth.{kind}_ttl ({} s)",
                    idle.as_secs(),
                    absolute.as_secs()
                ));
            }
        }
        let mut outlives = |key: String, limit: Duration| {
            if !self.access_ttl.is_zero() && !limit.is_zero() && self.access_ttl >= limit {
                let (access, limit) = (self.access_ttl.as_secs(), limit.as_secs());
                lines
                    .push(format!("auth.access_ttl: {access} s must be shorter than auth.{key} ({limit} s)"));
            }
        };
        outlives("refresh_ttl".to_owned(), self.session.absolute);
        // An idle limit that follows the absolute one has been judged with it.
        for (kind, deadlines) in limits.into_iter().filter(|(_, limit)| limit.idle != limit.absolute) {
            outlives(format!("{kind}_idle_ttl"), deadlines.idle);
        }
        lines
    }
}

/// The default of an idle limit, which an absolute one may shorten.
fn within(default: i64, absolute: i64) -> i64 {
    if absolute < 1 { default } else { default.min(absolute) }
}

const DAY: i64 = 86_400;
const WEEK: i64 = 7 * DAY;
const YEAR: i64 = 366 * DAY;
const LOCATIONS_HINT: &str = "auth.token_locations: name some of \"cookies\", \"headers\" and \"query_string\", each once (a JSON body is \
     the business of a route that takes BodyToken)";
const INSECURE_HINT: &str = "auth.insecure_http: plain HTTP is refused outside the debug profile; serve HTTPS, or put a proxy that does in front";
const SECRET_HINT: &str = "auth.secret_key: required outside the debug profile; set PORTCULLIS_AUTH__SECRET_KEY to at \
     least 32 random bytes (openssl rand -base64 48), or auth.secret_key_file";
