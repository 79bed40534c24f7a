//! The headers that are true of every answer, errors included.
//!
//! A page gets all that a browser can be told about a document (OWASP ASVS 5.0, 3.4).
//! Data is never a document of ours: what must be said of it is that it is nothing else than it says (`nosniff`, 3.4.4),
//! that it is nobody else's to embed (`Cross-Origin-Resource-Policy`, and `frame-ancestors` of a policy that allows
//! nothing, 3.4.3 and 3.4.6, should it be opened all the same), that it travels over HTTPS (3.4.1), and that it is not
//! kept. Each answer says by which name the log knows it. Referrer, opener, features and the two that only old browsers know speak of documents that run or link.
//!
//! What hyper refuses before a request exists (an unparsable line, an oversized head) passes neither fairing nor catcher;
//! the proxy sets the same headers where that matters (deploy/nginx.conf).

use rocket::fairing::{Fairing, Info, Kind};
use rocket::http::{ContentType, Header};
use rocket::response::{self, Responder};
use rocket::{Request, Response};

use crate::routes::edge::observed::{REQUEST_ID, name_of};

/// Sets the security headers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SecurityHeaders {
    /// Whether answers travel over HTTPS, so that browsers may be told to insist on it.
    pub is_https: bool,
}

#[rocket::async_trait]
impl Fairing for SecurityHeaders {
    fn info(&self) -> Info {
        Info { name: "Security headers", kind: Kind::Response }
    }

    async fn on_response<'r>(&self, request: &'r Request<'_>, response: &mut Response<'r>) {
        self.set(response);
        if let Some(name) = name_of(request) {
            response.set_header(Header::new(REQUEST_ID, name.as_str()));
        }
    }
}

impl SecurityHeaders {
    fn set(self, response: &mut Response<'_>) {
        // Looked at once: there are one or two, and each question would hash its name anew.
        let (mut is_page, mut is_kept) = (false, false);
        for header in response.headers().iter() {
            let kind = header.value.as_bytes();
            is_page |= header.name == "Content-Type"
                && kind.get(..PAGE.len()).is_some_and(|start| start.eq_ignore_ascii_case(PAGE));
            is_kept |= header.name == "Cache-Control";
        }
        for (name, value) in if is_page { &OF_PAGES[..] } else { &OF_DATA[..] } {
            response.set_header(Header::new(*name, *value));
        }
        if self.is_https {
            response
                .set_header(Header::new("Strict-Transport-Security", "max-age=63072000; includeSubDomains"));
        }
        if !is_kept {
            response.set_header(Header::new("Cache-Control", "no-store"));
        }
        if is_page {
            response.set_header(ContentType::HTML);
        }
    }
}

/// An answer that has the headers whether or not a response fairing sees it: what Rocket refuses while it reads a request,
/// such as an unknown method, is answered by a catcher alone.
pub(crate) struct Secured<T>(pub(crate) T);

impl<'r, 'o: 'r, T: Responder<'r, 'o>> Responder<'r, 'o> for Secured<T> {
    fn respond_to(self, request: &'r Request<'_>) -> response::Result<'o> {
        let mut response = self.0.respond_to(request)?;
        if let Some(headers) = request.rocket().state::<SecurityHeaders>() {
            headers.set(&mut response);
        }
        if let Some(name) = name_of(request) {
            response.set_header(Header::new(REQUEST_ID, name.as_str().to_owned()));
        }
        Ok(response)
    }
}

/// How the type of a page begins.
const PAGE: &[u8] = b"text/html";

const OF_DATA: [(&str, &str); 3] = [
    (
        "Content-Security-Policy",
        "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    ),
    ("X-Content-Type-Options", "nosniff"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
];

const OF_PAGES: [(&str, &str); 8] = [
    (
        "Content-Security-Policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; \
         connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; object-src 'none'",
    ),
    ("X-Content-Type-Options", "nosniff"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("X-Frame-Options", "DENY"),
    // Not "no-referrer": browsers then send `Origin: null` with our own forms, and we could not tell them from others.
    ("Referrer-Policy", "same-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    (
        "Permissions-Policy",
        "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), magnetometer=(), \
         microphone=(), midi=(), payment=(), usb=()",
    ),
    ("X-XSS-Protection", "0"),
];
