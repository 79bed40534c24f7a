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

impl AuthConfig {
    /// Judges the settings under this profile; only `debug` may be insecure.
    ///
    /// # Errors
    /// One line for each mistake, naming the key.
    pub fn check(&self, profile: &Profile) -> Result<AuthSettings, Vec<String>> {
        let mut problems = Vec::new();
        let is_debug = *profile == rocket::Config::DEBUG_PROFILE;
        let mut span = |key: &str, seconds: i64, least: i64, most: i64| match u64::try_from(seconds) {
            Ok(fitting) if (least..=most).contains(&seconds) => Duration::from_secs(fitting),
            _ => {
                problems.push(format!("auth.{key}: must be {least} to {most} seconds, is {seconds}"));
                Duration::ZERO
            }
        };
        let access_ttl = span("access_ttl", self.access_ttl, 1, DAY);
        let session = Deadlines {
            idle: span(
                "refresh_idle_ttl",
                self.refresh_idle_ttl.unwrap_or(within(DAY, self.refresh_ttl)),
                1,
                YEAR,
            ),
            absolute: span("refresh_ttl", self.refresh_ttl, 1, YEAR),
        };
        let remembered = Deadlines {
            idle: span(
                "remember_idle_ttl",
                self.remember_idle_ttl.unwrap_or(within(WEEK, self.remember_ttl)),
                1,
                YEAR,
            ),
            absolute: span("remember_ttl", self.remember_ttl, 1, YEAR),
        };
        let grace = span("refresh_grace", self.refresh_grace, 0, 300);
        let fresh_ttl = span("fresh_ttl", self.fresh_ttl, 1, DAY);
        let leeway = span("leeway", self.leeway, 0, 60);
        let foreign_ttl = span("foreign_ttl", self.foreign_ttl, 0, DAY);
        let event_ttl = span("event_ttl", self.event_ttl, 3600, 10 * YEAR);
        let max_staleness = span("max_staleness", self.max_staleness, 0, 3600);

        let are_reversed = |low: Duration, high: Duration| !low.is_zero() && !high.is_zero() && low > high;
        let reversed = [
            ("refresh_idle_ttl", session.idle, "refresh_ttl", session.absolute),
            ("remember_idle_ttl", remembered.idle, "remember_ttl", remembered.absolute),
        ];
        for (low, idle, high, absolute) in reversed.into_iter().filter(|it| are_reversed(it.1, it.3)) {
            let (idle, absolute) = (idle.as_secs(), absolute.as_secs());
            problems.push(format!("auth.{low}: {idle} s must not be longer than auth.{high} ({absolute} s)"));
        }
        let mut below = |low: (&str, Duration), high: (&str, Duration)| {
            // A span that was refused above is zero here, and one line about it is enough.
            let are_fit = !low.1.is_zero() && !high.1.is_zero();
            if are_fit && low.1 >= high.1 {
                problems.push(format!(
                    "auth.{}: {} s must be shorter than auth.{} ({} s)",
                    low.0,
                    low.1.as_secs(),
                    high.0,
                    high.1.as_secs()
                ));
            }
        };
        below(("access_ttl", access_ttl), ("refresh_ttl", session.absolute));
        for (key, deadlines) in [("refresh_idle_ttl", session), ("remember_idle_ttl", remembered)] {
            // An idle limit that follows the absolute one has been judged with it.
            if deadlines.idle != deadlines.absolute {
                below(("access_ttl", access_ttl), (key, deadlines.idle));
            }
        }

        let secret = match &self.secret_key {
            None => None,
            Some(raw) => RingKey::from_secret(self.algorithm, &Secret::unchecked(raw.0.clone()))
                .map_err(|error| {
                    problems.push(format!(
                        "auth.secret_key: {}",
                        error.to_string().trim_start_matches("the secret ")
                    ));
                })
                .map(|_| Secret::unchecked(raw.0.clone()))
                .ok(),
        };
        if self.secret_key.is_some() && self.secret_key_file.is_some() {
            problems.push("auth.secret_key and auth.secret_key_file: set one, not both".into());
        }
        if self.secret_key.is_none() && self.secret_key_file.is_none() && !is_debug {
            problems.push(
                "auth.secret_key: required outside the debug profile; set PORTCULLIS_AUTH__SECRET_KEY to at least \
                 32 random bytes (openssl rand -base64 48), or auth.secret_key_file"
                    .into(),
            );
        }
        let locations = Locations::new(&self.token_locations);
        if locations.is_none() {
            problems.push(LOCATIONS_HINT.into());
        }
        let mut trusted_origins = Vec::new();
        for text in &self.trusted_origins {
            match text.parse::<Origin>() {
                Ok(origin) if !trusted_origins.contains(&origin) => trusted_origins.push(origin),
                Ok(_) => problems.push(format!("auth.trusted_origins: \"{text}\" stands there twice")),
                Err(error) => problems.push(format!("auth.trusted_origins: \"{text}\" {error}")),
            }
        }
        let insecure_http = self.insecure_http.unwrap_or(is_debug);
        if insecure_http && !is_debug {
            problems.push(
                "auth.insecure_http: plain HTTP is refused outside the debug profile; serve HTTPS, or put a proxy \
                 that does in front"
                    .into(),
            );
        }
        let max_sessions = usize::try_from(self.max_sessions).unwrap_or(0);
        if !(1..=1000).contains(&max_sessions) {
            problems.push(format!("auth.max_sessions: must be 1 to 1000, is {}", self.max_sessions));
        }
        for (key, text) in [("issuer", &self.issuer), ("audience", &self.audience)] {
            if text.as_ref().is_some_and(|text| text.is_empty() || text.len() > 255) {
                problems.push(format!("auth.{key}: must be 1 to 255 bytes when set"));
            }
        }
        let wire = Wire::new(self, !insecure_http).map_err(|mut lines| problems.append(&mut lines)).ok();
        let (Some(locations), Some(wire), true) = (locations, wire, problems.is_empty()) else {
            return Err(problems);
        };
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
            issuer: self.issuer.clone(),
            audience: self.audience.clone(),
            insecure_http,
            wire,
            max_staleness,
            max_sessions,
            event_ttl,
        })
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
