//! Every refusal has its page and its JSON.
//!
//! Guards cannot answer; they fail, and the one catcher here reads what they found out.
//! A browser that is not signed in is led to the sign-in page; for anything else it gets a page that says what happened.

use rocket::http::uri::Absolute;
use rocket::http::{Method, RawStr, Status};
use rocket::response::{self, Responder};
use rocket::{Catcher, Request, catch, catchers};
use serde::Serialize;
use serde_json::Value;

use crate::auth::{AuthError, Refusal, has_cookies};
use crate::routes::answer::headers::Secured;
use crate::routes::answer::negotiate::Form;
use crate::routes::answer::reply::Reply;
use crate::routes::edge::host::is_unhosted;
use crate::routes::edge::spelling::{self, proper_address};
use crate::routes::view::frame::Frame;
use crate::routes::view::next::Next;
use crate::routes::view::paths::{self, saying};
use crate::routes::view::states;

/// A handler's way to refuse for the same reasons, and in the same words, as a guard.
#[derive(Debug, Clone, Copy)]
pub struct Refused(pub AuthError);

#[derive(Debug, Serialize)]
struct ErrorPage<'a> {
    status: u16,
    key: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u64>,
    back: &'a str,
}

/// The catchers of the application.
#[must_use]
pub fn catchers() -> Vec<Catcher> {
    catchers![refused]
}

/// Answers every error that nobody else did.
#[catch(default)]
fn refused(status: Status, request: &Request<'_>) -> Secured<Reply> {
    Secured(reply(status, request))
}

fn reply(status: Status, request: &Request<'_>) -> Reply {
    if status == Status::NotFound {
        return nothing_found(request);
    }
    match AuthError::of(request).filter(|error| error.status() == status) {
        Some(error) => of_auth(error, request),
        None => of_refusal(Refusal::of_status(status), None, request),
    }
}

/// Nothing was found: under this spelling, with this method, for these hosts, or at all.
fn nothing_found(request: &Request<'_>) -> Reply {
    if is_unhosted(request) {
        return of_refusal(Refusal::of_status(Status::BadRequest), None, request);
    }
    if let Some(address) = proper_address(request) {
        return Reply::Respelled(address);
    }
    let methods = spelling::methods(request.rocket().routes(), request.uri().path().as_str());
    let asked = if request.method() == Method::Head { Method::Get } else { request.method() };
    if methods.is_empty() || methods.contains(&asked) {
        return of_refusal(Refusal::of_status(Status::NotFound), None, request);
    }
    let mut allowed: Vec<_> = methods.iter().map(|method| method.as_str()).collect();
    if methods.contains(&Method::Get) {
        allowed.insert(1, Method::Head.as_str());
    }
    let reply = of_refusal(Refusal::of_status(Status::MethodNotAllowed), None, request);
    Reply::NotAllowed(Box::new(reply), allowed.join(", "))
}

impl<'r> Responder<'r, 'static> for Refused {
    fn respond_to(self, request: &'r Request<'_>) -> response::Result<'static> {
        of_auth(self.0, request).respond_to(request)
    }
}

fn of_auth(error: AuthError, request: &Request<'_>) -> Reply {
    if Form::of(request) == Form::Page && !is_fetched(request) {
        match error {
            AuthError::NotFresh | AuthError::SecondFactorRequired => {
                return Reply::SeeOther(reauthentication_address(request));
            }
            AuthError::FactorEnrolmentRequired => {
                return Reply::SeeOther(saying(paths::FACTORS, FACTOR_NEEDED));
            }
            AuthError::Reused => {}
            error if error.status() == Status::Unauthorized => {
                return Reply::SeeOther(sign_in_address(error, request));
            }
            _ => {}
        }
    }
    of_refusal(Refusal::from(error), Some(error), request)
}

/// The notice of whoever needs a factor and has none.
pub(crate) const FACTOR_NEEDED: &str = "factor_needed";

/// Whether a script asks, which would take the sign-in page for what it asked for (Fetch Metadata).
fn is_fetched(request: &Request<'_>) -> bool {
    request.headers().get_one("Sec-Fetch-Dest") == Some("empty")
}

/// The page or the JSON of a refusal.
pub(crate) fn of_refusal(refusal: Refusal, error: Option<AuthError>, request: &Request<'_>) -> Reply {
    if Form::of(request) == Form::Data {
        return Reply::Refused(refusal);
    }
    let key = match error {
        Some(AuthError::Reused) => "session_reused",
        Some(AuthError::CsrfMissing | AuthError::CsrfMismatch) => "csrf",
        Some(AuthError::CrossSite) => "cross_site",
        Some(AuthError::NotKept) => "sign_out_unkept",
        _ => match refusal.status.code {
            400 => "bad_request",
            401 => "unauthorized",
            403 => "forbidden",
            404 => "not_found",
            405 => "method_not_allowed",
            413 => "too_large",
            415 => "unsupported_media_type",
            422 => "unprocessable",
            429 => "throttled",
            503 => "unavailable",
            500.. => "internal",
            _ => "bad_request",
        },
    };
    let back = if key == "session_reused" { paths::LOGIN } else { paths::HOME };
    let page = ErrorPage { status: refusal.status.code, key, retry_after: refusal.retry_after, back };
    Reply::refused(&refusal, Frame::of(request).render("error.html", page))
}

/// The page in every state, with `text` wherever a text of somebody else's may stand.
pub(crate) fn samples(text: &str) -> Vec<Value> {
    let page = |status, key, retry_after, back| ErrorPage { status, key, retry_after, back };
    states::values(&[
        page(404, "not_found", None, paths::HOME),
        page(503, "unavailable", Some(2), paths::HOME),
        page(500, text, None, paths::HOME),
        page(401, "session_reused", None, paths::LOGIN),
        page(400, "bad_request", None, paths::HOME),
        page(401, "unauthorized", None, paths::HOME),
        page(403, "csrf", None, paths::HOME),
        page(403, "forbidden", None, paths::HOME),
        page(403, "cross_site", None, paths::HOME),
        page(405, "method_not_allowed", None, paths::HOME),
        page(413, "too_large", None, paths::HOME),
        page(415, "unsupported_media_type", None, paths::HOME),
        page(422, "unprocessable", None, paths::HOME),
        page(429, "throttled", Some(30), paths::HOME),
        page(500, "internal", None, paths::HOME),
        page(503, "sign_out_unkept", Some(2), paths::HOME),
    ])
}

/// The sign-in page, and back to here afterwards when here is a page.
fn sign_in_address(error: AuthError, request: &Request<'_>) -> String {
    let notice = match error {
        AuthError::Revoked => Some("notice=session_ended".to_owned()),
        AuthError::Expired => Some("notice=session_expired".to_owned()),
        AuthError::Missing(_) if comes_from_sign_in(request) => Some(format!("notice={COOKIES_LOST}")),
        _ => None,
    };
    let base = Frame::of(request).site.base();
    let next = here(request).filter(|next| next.as_str() != base.address(paths::DASHBOARD));
    let query: Vec<_> = next.map(|next| next_parameter(&next)).into_iter().chain(notice).collect();
    if query.is_empty() { paths::LOGIN.to_owned() } else { format!("{}?{}", paths::LOGIN, query.join("&")) }
}

/// Whether the browser was led here by the sign-in page, so that it should have cookies by now.
///
/// Rocket drops a `Cookie` line with a byte that is no UTF-8, and a neighbour on another port of this host can set such
/// a cookie: without a word, signing in would lead to the sign-in page for ever.
fn comes_from_sign_in(request: &Request<'_>) -> bool {
    let referrer = request.headers().get_one("Referer").and_then(|referrer| Absolute::parse(referrer).ok());
    let base = Frame::of(request).site.base();
    let is_sign_in = |address: &str| base.inside(address) == Some(paths::LOGIN);
    referrer.is_some_and(|referrer| is_sign_in(referrer.path().as_str())) && !has_cookies(request)
}

/// The page that asks for the password again, and back afterwards to the page that the person was on.
fn reauthentication_address(request: &Request<'_>) -> String {
    let site = Frame::of(request).site;
    let page = here(request)
        .or_else(|| site.next(&site.base().address(&site.page_of(request.uri().path().as_str()))));
    page.map_or_else(
        || paths::REAUTHENTICATE.to_owned(),
        |next| format!("{}?{}", paths::REAUTHENTICATE, next_parameter(&next)),
    )
}

/// Where the browser is, when that can be returned to.
fn here(request: &Request<'_>) -> Option<Next> {
    if request.method() != Method::Get {
        return None;
    }
    let site = Frame::of(request).site;
    site.next(&site.base().address(&request.uri().to_string()))
}

pub(crate) fn next_parameter(next: &Next) -> String {
    format!("next={}", RawStr::new(next.as_str()).percent_encode())
}

/// Somebody who signed in came back without any cookie.
pub(crate) const COOKIES_LOST: &str = "cookies_lost";
