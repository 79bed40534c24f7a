//! Where in a request does a token stand?
//!
//! Only configured places are looked at.
//! Two different credentials in one request are refused: which one counts is a guess, and a wrong guess mixes two people up.
//! A token that came by cookie needs a CSRF proof on unsafe methods; one from a header carries no ambient authority.

use std::fmt;

use rocket::Request;
use serde::Deserialize;

use crate::auth::cookies::{Carried, Jar, carried};
use crate::auth::error::AuthError;
use crate::auth::token::{Invalid, Kind};

/// Where a token may stand in a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Location {
    /// The cookies of flask-jwt-extended; unsafe methods then need a CSRF proof.
    Cookies,
    /// `Authorization: Bearer …` (RFC 6750 §2.1).
    Headers,
}

/// The places, in order of preference; each at most once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Locations([Option<Location>; 2]);

impl Locations {
    /// The places of a settings list; `None` when it is empty or names one twice.
    pub(crate) fn new(list: &[Location]) -> Option<Self> {
        match *list {
            [one] => Some(Self([Some(one), None])),
            [one, other] if one != other => Some(Self([Some(one), Some(other)])),
            _ => None,
        }
    }

    pub(crate) fn contains(self, location: Location) -> bool {
        self.iter().any(|known| known == location)
    }

    fn iter(self) -> impl Iterator<Item = Location> {
        self.0.into_iter().flatten()
    }
}

/// A token as the request carried it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Found<'r> {
    pub(crate) token: &'r str,
    /// Whether a cookie carried it, so that the browser may have sent it without the person's will.
    pub(crate) by_cookie: bool,
}

/// Finds the one token of this kind.
///
/// # Errors
/// [`AuthError::Missing`] when there is none, [`AuthError::Ambiguous`] when there are two,
/// [`AuthError::Invalid`] when the `Authorization` header is malformed.
pub(crate) fn find<'r>(
    request: &'r Request<'_>,
    kind: Kind,
    locations: Locations,
    jar: Jar,
) -> Result<Found<'r>, AuthError> {
    let mut found: Option<Found<'r>> = None;
    for location in locations.iter() {
        let here = match location {
            Location::Cookies => by_cookie(request, kind, jar)?,
            Location::Headers => by_header(request)?,
        };
        found = match (found, here) {
            (Some(first), Some(second)) if first.token != second.token => return Err(AuthError::Ambiguous),
            // The same token in both places is still sent by itself in one of them.
            (Some(first), Some(second)) => {
                Some(Found { by_cookie: first.by_cookie || second.by_cookie, ..first })
            }
            (first, second) => first.or(second),
        };
    }
    found.ok_or(AuthError::Missing(Absent { kind, locations, jar }))
}

fn by_cookie<'r>(request: &'r Request<'_>, kind: Kind, jar: Jar) -> Result<Option<Found<'r>>, AuthError> {
    match carried(request, jar.names().of(kind)) {
        Carried::Absent => Ok(None),
        Carried::Once(token) => Ok(Some(Found { token, by_cookie: true })),
        Carried::Twice => Err(AuthError::Ambiguous),
    }
}

fn by_header<'r>(request: &'r Request<'_>) -> Result<Option<Found<'r>>, AuthError> {
    let mut lines = request.headers().get("Authorization");
    let Some(line) = lines.next() else { return Ok(None) };
    if lines.next().is_some() {
        return Err(AuthError::Ambiguous);
    }
    let mut words = line.split_ascii_whitespace();
    if !words.next().is_some_and(|scheme| scheme.eq_ignore_ascii_case("Bearer")) {
        return Ok(None);
    }
    match (words.next(), words.next()) {
        (Some(token), None) => Ok(Some(Found { token, by_cookie: false })),
        _ => Err(AuthError::Invalid(Invalid::Bearer)),
    }
}

/// Says where a token was looked for, in flask-jwt-extended's words.
#[derive(Debug, Clone, Copy)]
pub struct Absent {
    kind: Kind,
    locations: Locations,
    jar: Jar,
}

impl PartialEq for Absent {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind && self.locations == other.locations
    }
}

impl Eq for Absent {}

impl Absent {
    fn place(self, location: Location, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match location {
            Location::Cookies => write!(f, "Missing cookie \"{}\"", self.jar.names().of(self.kind)),
            Location::Headers => f.write_str("Missing Authorization Header"),
        }
    }
}

impl fmt::Display for Absent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |location| match location {
            Location::Cookies => "cookies",
            Location::Headers => "headers",
        };
        match self.locations.0 {
            [Some(first), Some(second)] => {
                write!(f, "Missing JWT in {} or {} (", name(first), name(second))?;
                self.place(first, f)?;
                f.write_str("; ")?;
                self.place(second, f)?;
                f.write_str(")")
            }
            [first, second] => first.or(second).map_or(Ok(()), |only| self.place(only, f)),
        }
    }
}
