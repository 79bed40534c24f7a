//! The headers that are true of every answer, errors included.
//!
//! What hyper refuses before a request exists (an unparsable line, an oversized head) passes neither fairing nor catcher;
//! the proxy sets the same headers where that matters (deploy/nginx.conf).

use rocket::fairing::{Fairing, Info, Kind};
use rocket::http::{ContentType, Header};
use rocket::response::{self, Responder};
use rocket::{Request, Response};

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

    async fn on_response<'r>(&self, _: &'r Request<'_>, response: &mut Response<'r>) {
        self.set(response);
    }
}

impl SecurityHeaders {
    fn set(self, response: &mut Response<'_>) {
        let is_page = response.content_type().is_some_and(|kind| kind.is_html());
        let policy = if is_page { PAGE_POLICY } else { DATA_POLICY };
        response.set_header(Header::new("Content-Security-Policy", policy));
        for (name, value) in ALWAYS {
            response.set_header(Header::new(name, value));
        }
        if self.is_https {
            response
                .set_header(Header::new("Strict-Transport-Security", "max-age=63072000; includeSubDomains"));
        }
        if !response.headers().contains("Cache-Control") {
            response.set_header(Header::new("Cache-Control", "no-store"));
        }
        if response.content_type() == Some(ContentType::HTML) {
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
        Ok(response)
    }
}

const ALWAYS: [(&str, &str); 7] = [
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    // Not "no-referrer": browsers then send `Origin: null` with our own forms, and we could not tell them from others.
    ("Referrer-Policy", "same-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    (
        "Permissions-Policy",
        "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), magnetometer=(), \
         microphone=(), midi=(), payment=(), usb=()",
    ),
    ("X-XSS-Protection", "0"),
];

const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; \
     connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; object-src 'none'";
const DATA_POLICY: &str = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";
