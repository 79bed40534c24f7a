//! Did this person mean to send this request?
//!
//! Cookies travel by themselves, so an unsafe request that is authenticated by one needs a proof that our own page sent it:
//! the session's CSRF value, in the header `X-CSRF-TOKEN` or as the form field `csrf_token`.
//! It is compared with the claim inside the signed token, never with a cookie, so a planted cookie proves nothing.
//! Before that, what the browser itself says of the request's origin is believed when it says "another site"
//! (OWASP CSRF Prevention, "Fetch Metadata", with `Origin` as the fallback).

use rocket::http::{Method, RawStr};
use rocket::{Data, Request};
use subtle::ConstantTimeEq;

use crate::auth::request::asked::{Asked, FormStart};
use crate::auth::request::cors;
use crate::auth::sessions::authority::Authority;
use crate::auth::wire::error::AuthError;
#[cfg(feature = "app")]
use crate::auth::wire::names::CsrfNames;

/// What the browser says about who sent a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Provenance {
    /// One of our own pages, or the person by typing.
    SameOrigin,
    /// Another site, or a sibling under the same domain.
    CrossSite,
    /// Nothing was said: no browser, or a very old one.
    Unsaid,
}

/// The CSRF proof that a request carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Proof<'r> {
    Missing,
    Once(&'r str),
    /// Several that differ; none of them counts.
    Conflicting,
}

impl Provenance {
    pub(crate) fn of(asked: &Asked<'_>, authority: &Authority) -> Self {
        if cors::trusted(asked.headers, authority).is_some() {
            return Self::SameOrigin;
        }
        match asked.header("Sec-Fetch-Site") {
            Ok(None) => {}
            Ok(Some("same-origin" | "none")) => return Self::SameOrigin,
            _ => return Self::CrossSite,
        }
        match asked.header("Origin") {
            Ok(None) => Self::Unsaid,
            Ok(Some(origin)) if is_own(asked, origin, authority) => Self::SameOrigin,
            _ => Self::CrossSite,
        }
    }

    /// Whether the browser says, once, that one of our own pages sent this, or a page of an origin that is trusted as they
    /// are: no page can set what says so (Fetch Metadata, and `Origin`).
    pub(crate) fn is_said_to_be_own(asked: &Asked<'_>, authority: &Authority) -> bool {
        cors::trusted(asked.headers, authority).is_some()
            || matches!(asked.header("Sec-Fetch-Site"), Ok(Some("same-origin")))
    }

    /// # Errors
    /// [`AuthError::CrossSite`] when the browser says so.
    pub(crate) fn check(asked: &Asked<'_>, authority: &Authority) -> Result<(), AuthError> {
        match Self::of(asked, authority) {
            Self::CrossSite => Err(AuthError::CrossSite),
            Self::SameOrigin | Self::Unsaid => Ok(()),
        }
    }
}

impl<'r> Proof<'r> {
    pub(crate) fn of(asked: &Asked<'r>, header: &str) -> Self {
        let (Ok(header), false) = (asked.header(header), asked.form.is_ambiguous) else {
            return Self::Conflicting;
        };
        let (header, field) = (header.filter(|value| !value.is_empty()), asked.form.proof.as_deref());
        match (header, field) {
            (None, None) => Self::Missing,
            (Some(header), Some(field)) if header != field => Self::Conflicting,
            (Some(value), _) | (None, Some(value)) => Self::Once(value),
        }
    }

    /// # Errors
    /// [`AuthError::CsrfMissing`] when the request carries no proof at all.
    pub(crate) fn required(asked: &Asked<'r>, header: &str) -> Result<Self, AuthError> {
        match Self::of(asked, header) {
            Self::Missing => Err(AuthError::CsrfMissing),
            found => Ok(found),
        }
    }

    /// Whether the proof is `expected`, compared in constant time.
    pub(crate) fn is(self, expected: &str) -> bool {
        matches!(self, Self::Once(value) if same(value, expected))
    }
}

/// Whether two texts are equal, in a time that does not tell where they differ.
pub(crate) fn same(one: &str, other: &str) -> bool {
    one.as_bytes().ct_eq(other.as_bytes()).into()
}

/// Takes back what a form's first field did to the method; called by the request fairing, before anybody is asked.
///
/// Rocket 0.5 turns a form POST that begins with `_method=head` into a HEAD, drops the body of the answer and keeps its
/// length. hyper, which knows of a POST, waits for the body and closes the connection without a byte; a proxy that
/// counts such failures takes the node for dead. `_method=get` would also pass for a safe method.
pub(crate) async fn undo_method_override(request: &mut Request<'_>, data: &mut Data<'_>) {
    let is_form = request.content_type().is_some_and(|kind| kind.is_form());
    if !is_form || request.method() == Method::Post {
        return;
    }
    // Rocket has looked at as many bytes, so they are there and nobody waits for a body that trickles in.
    let start = String::from_utf8_lossy(data.peek(ROCKET_PEEKS).await);
    // Rocket passes over empty fields before it looks for `_method`.
    let first = start.split('&').find(|field| !field.is_empty()).unwrap_or_default();
    if RawStr::new(first).url_decode_lossy().starts_with("_method") {
        request.set_method(Method::Post);
    }
}

#[cfg(feature = "app")]
/// What the proof is called in a form, in a header and in cookies; nothing without the fairing.
pub(crate) fn csrf_names<'r>(request: &'r Request<'_>) -> CsrfNames<'r> {
    Authority::of(request.rocket())
        .map_or_else(CsrfNames::default, |authority| authority.jar.wire().csrf_names())
}

/// Looks at the first bytes of a form's body without consuming it; called by the request fairing.
/// The proof must be among the first 512 bytes, so pages write it as their first field.
pub(crate) async fn peek(request: &Request<'_>, data: &mut Data<'_>, field: &str) {
    let Some(kind) = request.content_type() else { return };
    let is_multipart = kind.is_form_data();
    if !is_multipart && !kind.is_form() {
        return;
    }
    // A body that trickles in must not hold its connection for ever; what has not come by then proves nothing.
    let Ok(start) = tokio::time::timeout(PATIENCE, data.peek(PEEKED_BYTES)).await.map(<[u8]>::to_vec) else {
        return;
    };
    let start = String::from_utf8_lossy(&start);
    let found = if is_multipart {
        first_part(&start, field)
    } else {
        first_fields(&start, data.peek_complete(), field)
    };
    if found.proof.is_none() && start.len() >= PEEKED_BYTES && is_debug(request) {
        tracing::warn!(
            "a form came without {field} among its first {PEEKED_BYTES} bytes, where Rocket lets us look: make it the first \
             field"
        );
    }
    request.local_cache(|| found);
}

fn is_debug(request: &Request<'_>) -> bool {
    *request.rocket().figment().profile() == rocket::Config::DEBUG_PROFILE
}

fn first_fields(start: &str, is_complete: bool, proof: &str) -> FormStart {
    let mut found = FormStart::default();
    let mut fields = start.split('&').filter(|field| !field.is_empty()).peekable();
    while let Some(field) = fields.next() {
        // The last field may have been cut in the middle.
        if fields.peek().is_none() && !is_complete && start.len() >= PEEKED_BYTES {
            break;
        }
        let (name, value) = field.split_once('=').unwrap_or((field, ""));
        let decode = |text: &str| RawStr::new(text).url_decode_lossy().into_owned();
        match decode(name).as_str() {
            name if name == proof && found.proof.is_some() => found.is_ambiguous = true,
            name if name == proof && !value.is_empty() => found.proof = Some(decode(value)),
            _ => {}
        }
    }
    found
}

fn first_part(start: &str, field: &str) -> FormStart {
    let mut found = FormStart::default();
    let Some((headers, rest)) = start.split_once("\r\n\r\n") else { return found };
    let Some((value, _)) = rest.split_once("\r\n--") else { return found };
    if headers.contains(&format!("name=\"{field}\"")) && !value.is_empty() {
        found.proof = Some(value.to_owned());
    }
    found
}

fn is_own(asked: &Asked<'_>, origin: &str, authority: &Authority) -> bool {
    let site = match origin.split_once("://") {
        Some(("https", site)) => site,
        Some(("http", site)) if !authority.settings.is_https() => site,
        _ => return false,
    };
    if asked.host().is_some_and(|host| host.eq_ignore_ascii_case(site)) {
        return true;
    }
    // A proxy that passes on another `Host` than the browser's must not make our own pages foreign.
    let is_public = authority.public_origin.as_ref().is_some_and(|public| public.as_str() == origin);
    if is_public {
        authority.told.other_host();
    }
    is_public
}

const PATIENCE: std::time::Duration = std::time::Duration::from_secs(10);
/// How much of a body Rocket looks at for `_method`: `_method=delete`.
const ROCKET_PEEKS: usize = 14;
/// Rocket lets a fairing look at no more.
const PEEKED_BYTES: usize = 512;
