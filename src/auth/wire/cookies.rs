//! Cookies: the only file that spells their names, and the only one that writes or deletes an auth cookie.
//!
//! Rocket throws away cookie changes when a later guard fails, and forgets those made in a response fairing.
//! A rotation must survive both, so changes wait in an [`Outbox`] and one response fairing writes them as headers.
//! Every attribute is set here, on deletions too: RFC 6265bis makes a browser ignore a `__Host-` line without `Secure`.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rocket::Response;
use rocket::http::{Cookie, CookieJar, Header, HeaderMap};
use rocket::time::Duration as CookieDuration;

use crate::auth::wire::names::Wire;

/// The cookies' names when the settings give no others: flask-jwt-extended's.
/// Over HTTPS each takes the `__Host-` prefix (RFC 6265bis §4.1.3.2).
pub(crate) mod default_name {
    pub(crate) const ACCESS: &str = "access_token_cookie";
    pub(crate) const REFRESH: &str = "refresh_token_cookie";
    pub(crate) const ACCESS_CSRF: &str = "csrf_access_token";
    pub(crate) const REFRESH_CSRF: &str = "csrf_refresh_token";
    /// Binds the login form to the browser that asked for it, before there is a session.
    pub(crate) const PRE_SESSION: &str = "portcullis_login";
    /// Tells that this browser signed in before; it opens nothing and outlives signing out.
    pub(crate) const DEVICE: &str = "portcullis_device";
    /// Belongs to a sign-in that lacks its second step; no token, and for five minutes.
    pub(crate) const PENDING: &str = "portcullis_pending";
    pub(crate) const TRUSTED: &str = "portcullis_trusted";
}

/// A cookie's name as browsers see it: over HTTPS it is bound to this host.
pub(crate) fn full_name(name: &str, is_https: bool) -> String {
    let prefix = if is_https { "__Host-" } else { "" };
    format!("{prefix}{name}")
}

/// How cookies are made here: under which names, and over HTTPS or, in development, over plain HTTP.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Jar {
    is_https: bool,
    wire: &'static Wire,
}

/// A cookie as the request carried it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Carried<'r> {
    Absent,
    Once(&'r str),
    /// The name came twice: which one is ours cannot be told, and somebody may have planted the other.
    Twice,
}

/// Who may read a cookie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Readable {
    ByServerOnly,
    /// Front ends copy the CSRF values from their cookies into a header.
    ByScripts,
}

impl Jar {
    pub(crate) const fn new(is_https: bool, wire: &'static Wire) -> Self {
        Self { is_https, wire }
    }

    /// What the cookies are called.
    pub(crate) const fn wire(self) -> &'static Wire {
        self.wire
    }

    /// Queues a cookie; without `max_age` it ends with the browser session.
    pub(crate) fn set(
        self,
        out: &Outbox,
        name: &str,
        value: &str,
        readable: Readable,
        max_age: Option<Duration>,
    ) {
        let mut cookie = self.with_attributes(Cookie::new(name.to_owned(), value.to_owned()), readable);
        if let Some(span) = max_age {
            cookie.set_max_age(CookieDuration::seconds(i64::try_from(span.as_secs()).unwrap_or(i64::MAX)));
        }
        out.put(name, cookie.to_string());
    }

    /// Queues the deletion of a cookie, whether or not the request carried it.
    pub(crate) fn delete(self, out: &Outbox, name: &str, readable: Readable) {
        let mut cookie = self.with_attributes(Cookie::new(name.to_owned(), ""), readable);
        cookie.set_max_age(CookieDuration::ZERO);
        cookie.set_expires(rocket::time::OffsetDateTime::UNIX_EPOCH);
        out.put(name, cookie.to_string());
    }

    fn with_attributes(self, mut cookie: Cookie<'static>, readable: Readable) -> Cookie<'static> {
        cookie.set_http_only(readable == Readable::ByServerOnly);
        cookie.set_same_site(self.wire.same_site);
        cookie.set_secure(self.is_https);
        cookie.set_path("/");
        cookie
    }
}

/// Every value that the request carries under the cookie name `name`; Rocket's own jar keeps only the last.
pub(crate) fn every<'r>(
    headers: &'r HeaderMap<'_>,
    jar: &'r CookieJar<'_>,
    name: &str,
) -> impl Iterator<Item = &'r str> {
    let mut lines = headers.get("Cookie").peekable();
    let is_raw = lines.peek().is_some();
    let raw = lines.flat_map(|line| line.split(';')).filter_map(move |pair| value_in(pair, name));
    // Rocket's local client puts cookies into the jar alone, without a header.
    let jar = jar.iter().filter(move |_| !is_raw).map(Cookie::name_value);
    raw.chain(jar.filter(move |(key, _)| *key == name).map(|(_, value)| value))
        .filter(|value| !value.is_empty())
}

/// The value of this pair, if it has this name.
fn value_in<'a>(pair: &'a str, name: &str) -> Option<&'a str> {
    let rest = pair.trim_start_matches(BLANKS).strip_prefix(name)?;
    Some(rest.trim_start_matches(BLANKS).strip_prefix('=')?.trim_matches(BLANKS))
}

/// The white space that RFC 6265bis §5.6 takes away from a cookie's name and value, and no other:
/// a browser does not protect ` __Host-…` with a Unicode space before it, so it must not be taken for the protected name.
const BLANKS: [char; 2] = [' ', '\t'];

/// The cookie `name`, and whether it came twice.
pub(crate) fn carried<'r>(headers: &'r HeaderMap<'_>, jar: &'r CookieJar<'_>, name: &str) -> Carried<'r> {
    let mut values = every(headers, jar, name);
    match (values.next(), values.next()) {
        (None, _) => Carried::Absent,
        (Some(value), None) => Carried::Once(value),
        (Some(_), Some(_)) => Carried::Twice,
    }
}

/// Writes the queued cookies; called by the one response fairing.
pub(crate) fn flush(out: &Outbox, response: &mut Response<'_>) {
    let queued = std::mem::take(&mut *out.0.lock().unwrap_or_else(PoisonError::into_inner));
    for (_, line) in queued {
        response.adjoin_header(Header::new("Set-Cookie", line));
    }
}

/// Cookie lines on their way out, each name at most once: the last word counts.
#[derive(Default)]
pub(crate) struct Outbox(Mutex<Vec<(String, String)>>);

impl Outbox {
    fn put(&self, name: &str, line: String) {
        let mut queued = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        queued.retain(|(other, _)| other != name);
        queued.push((name.to_owned(), line));
    }
}
