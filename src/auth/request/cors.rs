//! Which pages of other origins may read our answers? (Fetch Standard, "CORS protocol")
//!
//! Those of `auth.trusted_origins` and nobody else's, with credentials and never by `*`.
//! They are taken for our own pages where a request's provenance is judged; here they get to see what it was answered.
//! Their scripts cannot read the cookies of another host, so the CSRF values, which they have to send, come as headers
//! beside the cookies that hold them.

use std::sync::OnceLock;

use rocket::fairing::{Fairing, Info, Kind};
use rocket::http::{Header, HeaderMap, Method, Status};
use rocket::{Request, Response};

use crate::auth::sessions::authority::{Authority, Pair};
use crate::auth::wire::origin::Origin;

/// Answers the preflights of trusted origins and lets their pages read the answers; attach it beside
/// [`Portcullis`](crate::Portcullis).
///
/// ```
/// use portcullis::auth::Cors;
/// use portcullis::testing::Kit;
/// use rocket::http::{Header, Method};
/// use rocket::{get, routes};
///
/// #[get("/things")]
/// fn things() {}
///
/// let kit = Kit::new().set("auth.trusted_origins", ["https://app.example.org"]);
/// let rocket = rocket::custom(kit.figment()).attach(kit.portcullis()).attach(Cors).mount("/", routes![things]);
/// let site = kit.launch(rocket);
/// let visitor = site.anonymous();
/// let ask = |origin| visitor.request(Method::Get, "/things").header(Header::new("Origin", origin));
/// let allowed = |origin| visitor.send(ask(origin)).header("Access-Control-Allow-Origin").map(str::to_owned);
/// assert_eq!(allowed("https://app.example.org").as_deref(), Some("https://app.example.org"));
/// assert_eq!(allowed("https://evil.example"), None);
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct Cors;

/// The CSRF values that this answer sets in cookies.
#[derive(Default)]
struct Values(OnceLock<(String, String)>);

/// Keeps the values of a new pair for whoever cannot read its cookies.
pub(crate) fn note_values(request: &Request<'_>, pair: &Pair) {
    let values = request.local_cache(Values::default);
    // Of two pairs in one answer the first is as good as the second: the values are the session's.
    let _ = values.0.set((pair.csrf_access.clone(), pair.csrf_refresh.clone()));
}

/// The trusted origin that this request says it comes from.
pub(crate) fn trusted<'a>(headers: &HeaderMap<'_>, authority: &'a Authority) -> Option<&'a Origin> {
    if authority.settings.trusted_origins.is_empty() {
        return None;
    }
    let mut origins = headers.get("Origin");
    let (Some(origin), None) = (origins.next(), origins.next()) else { return None };
    authority.settings.trusted_origins.iter().find(|trusted| trusted.as_str() == origin)
}

#[rocket::async_trait]
impl Fairing for Cors {
    fn info(&self) -> Info {
        Info { name: "CORS", kind: Kind::Response | Kind::Singleton }
    }

    async fn on_response<'r>(&self, request: &'r Request<'_>, response: &mut Response<'r>) {
        let Some(authority) = Authority::of(request.rocket()) else { return };
        if authority.settings.trusted_origins.is_empty() {
            return;
        }
        // Also where nothing is allowed: a cache must not hand that answer to somebody who is trusted.
        response.adjoin_raw_header("Vary", "Origin");
        let Some(origin) = trusted(request.headers(), authority) else { return };
        response.set_raw_header("Access-Control-Allow-Origin", origin.as_str());
        response.set_raw_header("Access-Control-Allow-Credentials", "true");
        let wire = authority.jar.wire();
        let asked = request.headers().get_one("Access-Control-Request-Method");
        if request.method() == Method::Options && asked.is_some() {
            answer_preflight(response, &[CONTENT_TYPE, &wire.header, &wire.csrf_header].join(", "));
            return;
        }
        let mut exposed = EXPOSED.to_vec();
        if let Some((access, refresh)) = request.local_cache(Values::default).0.get() {
            response.set_raw_header(CSRF_ACCESS, access.clone());
            response.set_raw_header(CSRF_REFRESH, refresh.clone());
            exposed.extend([CSRF_ACCESS, CSRF_REFRESH]);
        }
        response.set_raw_header("Access-Control-Expose-Headers", exposed.join(", "));
    }
}

fn answer_preflight(response: &mut Response<'_>, headers: &str) {
    // No route answers OPTIONS, and what the catcher says of that is not for a browser's question.
    response.set_status(Status::NoContent);
    response.set_sized_body(0, std::io::Cursor::new(""));
    response.remove_header("Content-Type");
    response.set_raw_header("Access-Control-Allow-Methods", METHODS);
    response.set_header(Header::new("Access-Control-Allow-Headers", headers.to_owned()));
    response.set_raw_header("Access-Control-Max-Age", "600");
}

const CONTENT_TYPE: &str = "Content-Type";
const METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE";
const EXPOSED: [&str; 2] = ["Retry-After", "WWW-Authenticate"];
const CSRF_ACCESS: &str = "X-CSRF-Access-Token";
const CSRF_REFRESH: &str = "X-CSRF-Refresh-Token";
