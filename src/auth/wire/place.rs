//! The places of a request in which a token may stand, and the words for one that stands in none.

use std::fmt;

use serde::Deserialize;

use crate::auth::wire::kind::Kind;
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

    pub(crate) fn iter(self) -> impl Iterator<Item = Location> {
        self.0.into_iter().flatten()
    }
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
    pub(crate) kind: Kind,
    pub(crate) locations: Locations,
    pub(crate) wire: &'static Wire,
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
