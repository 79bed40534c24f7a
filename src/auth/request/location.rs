//! Where in a request does a token stand?
//!
//! Only configured places are looked at.
//! Two different credentials in one request are refused: which one counts is a guess, and a wrong guess mixes two people up.
//! A token that came by cookie needs a CSRF proof on unsafe methods; one from elsewhere carries no ambient authority.
//!
//! A JSON body is not a place here: a guard cannot read it. A route that wants it there takes
//! [`BodyToken`](crate::auth::BodyToken) as its data.

use rocket::Request;
use rocket::http::RawStr;
use rocket::http::uri::Origin;

use crate::auth::request::asked::{Asked, QueryValue, Repeated};
use crate::auth::wire::cookies::Carried;
use crate::auth::wire::error::AuthError;
use crate::auth::wire::invalid::Invalid;
use crate::auth::wire::kind::Kind;
use crate::auth::wire::names::Wire;
use crate::auth::wire::place::{Absent, Location, Locations};

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
    asked: &Asked<'r>,
    kind: Kind,
    locations: Locations,
    wire: &'static Wire,
) -> Result<Found<'r>, AuthError> {
    let mut found: Option<Found<'r>> = None;
    for location in locations.iter() {
        let here = match location {
            Location::Cookies => by_cookie(asked, kind, wire)?,
            Location::Headers => by_header(asked, wire)?,
            Location::QueryString => by_query(asked, wire)?,
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

fn by_cookie<'r>(asked: &Asked<'r>, kind: Kind, wire: &Wire) -> Result<Option<&'r str>, AuthError> {
    match asked.cookie(wire.cookie_of(kind)) {
        Carried::Absent => Ok(None),
        Carried::Once(token) => Ok(Some(token)),
        Carried::Twice => Err(AuthError::Ambiguous),
    }
}

fn by_header<'r>(asked: &Asked<'r>, wire: &Wire) -> Result<Option<&'r str>, AuthError> {
    let line = asked.header(&wire.header).map_err(|Repeated| AuthError::Ambiguous)?;
    line.and_then(|line| in_line(line, wire)).transpose()
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

fn by_query<'r>(asked: &Asked<'r>, wire: &Wire) -> Result<Option<&'r str>, AuthError> {
    match asked.query {
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
