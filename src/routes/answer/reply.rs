//! The forms an answer can take.

use std::fmt::{self, Write};

use rocket::http::{Header, Status};
use rocket::response::{self, Responder};
use rocket::{Request, Response};
use rocket_dyn_templates::Template;
use serde_json::Value;

use crate::auth::Refusal;
use crate::routes::answer::told::JsonAnswer;
use crate::routes::view::sitemap::Sitemap;

/// An answer: data for a program, or a page or a redirect for a browser.
pub enum Reply {
    /// JSON with this status.
    Json(Status, Value),
    /// JSON with this status, written already.
    Written(Status, String),
    /// A page with this status.
    Page(Status, Template),
    /// A page that asks to come back after so many seconds.
    Later(Status, Template, u64),
    /// "See other" (303): the browser asks for this path with GET, whatever it sent before.
    SeeOther(String),
    /// The same to a place that somebody asked to be led to, which a browser knows by this address.
    Onward(String),
    /// "Permanent redirect" (308): the same request, to the one spelling of this address.
    Respelled(String),
    /// What is here is not served with this method (405), but with these.
    NotAllowed(Box<Self>, String),
    /// A refusal in JSON.
    Refused(Refusal),
    /// Nothing is here (404): the catcher gives it the form that was asked for.
    Missing,
}

impl Reply {
    /// JSON of this value, without a tree in between.
    pub(crate) fn written(value: &impl JsonAnswer) -> Self {
        Self::written_as(Status::Ok, value)
    }

    /// The same with another status.
    pub(crate) fn written_as(status: Status, value: &impl JsonAnswer) -> Self {
        match serde_json::to_string(value) {
            Ok(text) => Self::Written(status, text),
            Err(_) => Self::Refused(Refusal::of_status(Status::InternalServerError)),
        }
    }

    /// The page of a refusal.
    pub(crate) fn refused(refusal: &Refusal, page: Template) -> Self {
        match refusal.retry_after {
            Some(seconds) => Self::Later(refusal.status, page, seconds),
            None => Self::Page(refusal.status, page),
        }
    }
}

impl<'r> Responder<'r, 'static> for Reply {
    fn respond_to(self, request: &'r Request<'_>) -> response::Result<'static> {
        match self {
            Self::Json(status, value) => json(status, value.to_string()),
            Self::Written(status, text) => json(status, text),
            Self::Page(status, page) => rendered(status, page, request),
            Self::Later(status, page, seconds) => {
                let mut response = rendered(status, page, request)?;
                response.set_header(Header::new("Retry-After", seconds.to_string()));
                Ok(response)
            }
            Self::SeeOther(path) => redirected(Status::SeeOther, known_as(request, path)),
            Self::Onward(address) => redirected(Status::SeeOther, address),
            Self::Respelled(path) => redirected(Status::PermanentRedirect, known_as(request, path)),
            Self::NotAllowed(reply, methods) => {
                let mut response = reply.respond_to(request)?;
                response.set_header(Header::new("Allow", methods));
                Ok(response)
            }
            Self::Refused(refusal) => refusal.respond_to(request),
            Self::Missing => Err(Status::NotFound),
        }
    }
}

/// An address of ours as a browser knows it.
fn known_as(request: &Request<'_>, path: String) -> String {
    match request.rocket().state::<Sitemap>() {
        Some(site) if !site.base().is_root() => site.base().address(&path),
        _ => path,
    }
}

fn redirected(status: Status, address: String) -> response::Result<'static> {
    Response::build().status(status).header(Header::new("Location", address)).ok()
}

fn json(status: Status, text: String) -> response::Result<'static> {
    let kind = Header::new("Content-Type", "application/json");
    Response::build().status(status).header(kind).sized_body(text.len(), std::io::Cursor::new(text)).ok()
}

/// The page; one that cannot be rendered is told to whoever runs the application, as Rocket's own log is off.
fn rendered(status: Status, page: Template, request: &Request<'_>) -> response::Result<'static> {
    let mut start = Start::default();
    // It refuses to go on after the name.
    let _ = write!(start, "{page:?}");
    let result = (status, page).respond_to(request);
    if result.is_err() {
        let name = start.0.split('"').nth(1).unwrap_or_default();
        tracing::error!("the page {name} cannot be rendered: its template has a mistake");
    }
    result
}

/// What a template shows of itself up to its name, which is the first text in quotes.
/// What the template was given comes after that, and has no place in a log.
#[derive(Default)]
struct Start(String);

impl Write for Start {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        self.0.push_str(part);
        if self.0.matches('"').count() < 2 { Ok(()) } else { Err(fmt::Error) }
    }
}
