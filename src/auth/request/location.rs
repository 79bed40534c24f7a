//! Where in a request does a token stand?
//!
//! Only configured places are looked at.
//! Two different credentials in one request are refused: which one counts is a guess, and a wrong guess mixes two people up.
//! A token that came by cookie needs a CSRF proof on unsafe methods; one from elsewhere carries no ambient authority.
//!
//! A JSON body is not a place here: a guard cannot read it. A route that wants it there takes
//! [`BodyToken`](crate::auth::BodyToken) as its data.

use std::fmt;

use rocket::Request;
use rocket::http::RawStr;
use rocket::http::uri::Origin;
use serde::Deserialize;

use crate::auth::wire::cookies::{Carried, carried};
use crate::auth::wire::error::AuthError;
use crate::auth::tokens::invalid::Invalid;
use crate::auth::tokens::codec::Kind;
use crate::auth::wire::names::Wire;

/// Where a token may stand in a request.
///
/// ```
/// use portcullis::AccessToken;
/// use portcullis::auth::Location;
/// use portcullis::testing::Kit;
/// use rocket::{get, routes};
///
/// #[get("/how")]
/// fn how(token: AccessToken<'_>) -> &'static str {
///     if token.location() == Location::Cookies { "a browser" } else { "a program" }
/// }
///
/// let kit = Kit::new().set("auth.token_locations", ["cookies", "headers"]);
/// let site = kit.launch(rocket::custom(kit.figment()).attach(kit.portcullis()).mount("/", routes![how]));
/// assert_eq!(site.signed_in("ada", &[]).get("/how").body, "a browser");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Location {
    /// The cookies of flask-jwt-extended; unsafe methods then need a CSRF proof.
    Cookies,
    /// `Authorization: Bearer …` (RFC 6750 §2.1); the scheme is compared without case.
    Headers,
    /// `?jwt=…`. Addresses end up in histories and logs: for links that must carry their own authority, and off by default.
    QueryString,
    /// The member `access_token` or `refresh_token` of a JSON body, for routes that take [`crate::auth::BodyToken`].
    Json,
}

/// The places, in order of preference; each at most once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Locations([Option<Location>; 3]);

impl Locations {
    /// Nowhere.
    pub(crate) const NONE: Self = Self([None; 3]);

    /// The places of a settings list; `None` when it is empty or names one twice.
    pub(crate) fn new(list: &[Location]) -> Option<Self> {
        let mut places = [None; 3];
        let is_place = |location: &Location| *location != Location::Json;
        if list.is_empty() || list.len() > places.len() || !list.iter().all(is_place) {
            return None;
        }
        for (place, location) in places.iter_mut().zip(list) {
            *place = Some(*location);
        }
        let is_repeated =
            |index: usize, location| list.iter().skip(index + 1).any(|other| *other == location);
        let repeats = list.iter().enumerate().any(|(index, location)| is_repeated(index, *location));
        (!repeats).then_some(Self(places))
    }

    /// Exactly this place.
    pub(crate) const fn only(location: Location) -> Self {
        Self([Some(location), None, None])
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
    pub(crate) location: Location,
}

/// Finds the one token of this kind.
///
/// # Errors
/// [`AuthError::Missing`] when there is none, [`AuthError::Ambiguous`] when there are two,
/// [`AuthError::Invalid`] when the place holds something that cannot be one.
pub(crate) fn find<'r>(
    request: &'r Request<'_>,
    kind: Kind,
    locations: Locations,
    wire: &'static Wire,
) -> Result<Found<'r>, AuthError> {
    let mut found: Option<Found<'r>> = None;
    for location in locations.iter() {
        let here = match location {
            Location::Cookies => by_cookie(request, kind, wire)?,
            Location::Headers => by_header(request, wire)?,
            Location::QueryString => by_query(request, wire)?,
            Location::Json => None,
        };
        let here = here.map(|token| Found { token, location });
        found = match (found, here) {
            (Some(first), Some(second)) if first.token != second.token => return Err(AuthError::Ambiguous),
            // The same token in two places: if one is the cookie, the browser sent it by itself.
            (Some(_), Some(second)) if second.location == Location::Cookies => Some(second),
            (first, second) => first.or(second),
        };
    }
    found.ok_or(AuthError::Missing(Absent { kind, locations, wire }))
}

fn by_cookie<'r>(request: &'r Request<'_>, kind: Kind, wire: &Wire) -> Result<Option<&'r str>, AuthError> {
    match carried(request, wire.cookie_of(kind)) {
        Carried::Absent => Ok(None),
        Carried::Once(token) => Ok(Some(token)),
        Carried::Twice => Err(AuthError::Ambiguous),
    }
}

fn by_header<'r>(request: &'r Request<'_>, wire: &Wire) -> Result<Option<&'r str>, AuthError> {
    let mut lines = request.headers().get(&wire.header);
    let Some(line) = lines.next() else { return Ok(None) };
    if lines.next().is_some() {
        return Err(AuthError::Ambiguous);
    }
    in_line(line, wire).transpose()
}

/// The token in a line of the header; `None` under another scheme.
pub(crate) fn in_line<'r>(line: &'r str, wire: &Wire) -> Option<Result<&'r str, AuthError>> {
    let mut words = line.split_ascii_whitespace();
    if !wire.scheme.is_empty()
        && !words.next().is_some_and(|scheme| scheme.eq_ignore_ascii_case(&wire.scheme))
    {
        return None;
    }
    Some(match (words.next(), words.next()) {
        (Some(token), None) => Ok(token),
        _ => Err(AuthError::Invalid(Invalid::Bearer)),
    })
}

fn by_query<'r>(request: &'r Request<'_>, wire: &Wire) -> Result<Option<&'r str>, AuthError> {
    match request.local_cache(|| QueryValue::Absent) {
        QueryValue::Absent => Ok(None),
        QueryValue::Twice => Err(AuthError::Ambiguous),
        QueryValue::Once(value) => match value.strip_prefix(&wire.query_prefix) {
            Some(token) => Ok(Some(token)),
            None => Err(AuthError::Invalid(Invalid::QueryPrefix)),
        },
    }
}

/// Takes the token's parameter out of the address, where the guards alone find it afterwards.
/// Rocket logs every address, and a handler may put it into a link or a redirect.
pub(crate) fn take_out_of_query(request: &mut Request<'_>, wire: &Wire) {
    let Some(query) = request.uri().query().map(|query| query.as_str()) else { return };
    let is_token = |pair: &str| pair.split_once('=').is_some_and(|(name, _)| name == wire.query);
    let mut values = query.split('&').filter(|pair| is_token(pair)).filter_map(|pair| pair.split_once('='));
    let value = match (values.next(), values.next()) {
        (None, _) => return,
        (Some(_), Some(_)) => QueryValue::Twice,
        (Some((_, "")), None) => QueryValue::Absent,
        (Some((_, value)), None) => QueryValue::Once(RawStr::new(value).url_decode_lossy().into_owned()),
    };
    let rest: Vec<&str> = query.split('&').filter(|pair| !is_token(pair)).collect();
    let path = request.uri().path();
    let bare = if rest.is_empty() { path.to_string() } else { format!("{path}?{}", rest.join("&")) };
    if let Ok(bare) = Origin::parse_owned(bare) {
        request.set_uri(bare);
    }
    request.local_cache(|| value);
}

enum QueryValue {
    Absent,
    Once(String),
    Twice,
}

/// Says where a token was looked for, in flask-jwt-extended's words.
///
/// ```
/// use portcullis::testing::Kit;
/// use portcullis::{AccessToken, AuthError};
/// use rocket::{Request, catch, catchers, get, routes};
///
/// #[get("/hello")]
/// fn hello(_token: AccessToken<'_>) {}
///
/// #[catch(401)]
/// fn refused(request: &Request<'_>) -> String {
///     match AuthError::of(request) {
///         Some(AuthError::Missing(absent)) => absent.to_string(),
///         _ => "refused".to_owned(),
///     }
/// }
///
/// let kit = Kit::new().set("auth.token_locations", ["headers"]);
/// let rocket = rocket::custom(kit.figment()).attach(kit.portcullis());
/// let site = kit.launch(rocket.mount("/", routes![hello]).register("/", catchers![refused]));
/// assert_eq!(site.anonymous().get("/hello").body, "Missing Authorization Header");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Absent {
    kind: Kind,
    locations: Locations,
    wire: &'static Wire,
}

impl Absent {
    pub(crate) const fn in_body(kind: Kind, wire: &'static Wire) -> Self {
        Self { kind, locations: Locations::only(Location::Json), wire }
    }

    fn place(self, location: Location) -> String {
        match location {
            Location::Cookies => format!("Missing cookie \"{}\"", self.wire.cookie_of(self.kind)),
            Location::Headers => format!("Missing {} Header", self.wire.header),
            Location::QueryString => format!("Missing '{}' query parameter", self.wire.query),
            Location::Json => format!("Missing \"{}\" key in json data.", self.wire.json_key_of(self.kind)),
        }
    }
}

impl fmt::Display for Absent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |location| match location {
            Location::Cookies => "cookies",
            Location::Headers => "headers",
            Location::QueryString => "query_string",
            Location::Json => "json",
        };
        let places: Vec<_> = self.locations.iter().collect();
        match places.as_slice() {
            [] => f.write_str("Missing JWT"),
            [only] => f.write_str(&self.place(*only)),
            [first @ .., last] => {
                let names: Vec<_> = first.iter().map(|place| name(*place)).collect();
                let whys: Vec<_> = places.iter().map(|place| self.place(*place)).collect();
                write!(f, "Missing JWT in {} or {} ({})", names.join(", "), name(*last), whys.join("; "))
            }
        }
    }
}
