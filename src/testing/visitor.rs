//! Who speaks to an application under test, and what it answers.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;

use rocket::http::{Accept, ContentType, Header, Method, RawStr};
use rocket::local::blocking::LocalRequest;
use serde::Serialize;
use serde_json::Value;

use crate::testing::Site;

/// A browser or a program: its cookies, kept from one answer to the next request until the application deletes them.
///
/// ```
/// use portcullis::testing::Kit;
/// use portcullis::{Refusal, Sessions, SignInAttempt};
/// use rocket::{get, post, routes};
///
/// #[post("/sign-in")]
/// async fn sign_in(_attempt: SignInAttempt, sessions: Sessions<'_>) -> Result<(), Refusal> {
///     sessions.sign_in("ada", &[], false).await?;
///     Ok(())
/// }
///
/// #[get("/page")]
/// fn page(token: portcullis::SignedIn<'_>) -> String {
///     token.subject().to_owned()
/// }
///
/// let kit = Kit::new();
/// let site = kit.launch(rocket::custom(kit.figment()).attach(kit.portcullis()).mount("/", routes![sign_in, page]));
/// let visitor = site.anonymous().browsing();
/// assert_eq!(visitor.post_form("/sign-in", &[]).status, 200);
/// assert_eq!(visitor.get("/page").body, "ada");
/// ```
pub struct Visitor<'s> {
    site: &'s Site,
    cookies: RefCell<BTreeMap<String, String>>,
    bearer: Option<String>,
    accept: Accept,
}

impl<'s> Visitor<'s> {
    pub(super) fn new(site: &'s Site) -> Self {
        Self { site, cookies: RefCell::default(), bearer: None, accept: Accept::JSON }
    }

    /// Asks for pages, as browsers do; a visitor otherwise asks for JSON.
    #[must_use]
    pub fn browsing(self) -> Self {
        Self { accept: Accept::HTML, ..self }
    }

    /// Holds this token in the cookie for access tokens.
    #[must_use]
    pub fn carrying(self, token: &str) -> Self {
        self.keep(self.site.bench.access_cookie().to_owned(), token.to_owned());
        self
    }

    /// Sends this token in the header with every request.
    #[must_use]
    pub fn bearing(self, token: &str) -> Self {
        Self { bearer: Some(token.to_owned()), ..self }
    }

    /// The value of a cookie that this visitor holds.
    #[must_use]
    pub fn cookie(&self, name: &str) -> Option<String> {
        self.cookies.borrow().get(name).cloned()
    }

    /// Asks for this path.
    pub fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::Get, path))
    }

    /// Sends a form, the CSRF proof first, as our pages do.
    pub fn post_form(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let proof = self.proof();
        let mut all = vec![(self.site.bench.csrf_field(), proof.as_str())];
        all.extend(fields);
        let encode = |text: &str| RawStr::new(text).percent_encode().to_string();
        let pairs: Vec<_> =
            all.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
        self.send(self.request(Method::Post, path).header(ContentType::Form).body(pairs.join("&")))
    }

    /// Sends JSON, the CSRF proof in its header, as front ends do.
    pub fn post_json(&self, path: &str, value: &impl Serialize) -> Answer {
        let proof = Header::new(self.site.bench.csrf_header().to_owned(), self.proof());
        let body = serde_json::to_vec(value).expect("the value does not serialize");
        self.send(self.request(Method::Post, path).header(proof).header(ContentType::JSON).body(body))
    }

    /// Sends an empty post with the proof that a [`RefreshToken`](crate::RefreshToken) asks for.
    pub fn refresh(&self, path: &str) -> Answer {
        let proof = self.site.bench.refresh_proof(&self.cookies.borrow()).unwrap_or_default();
        let proof = Header::new(self.site.bench.csrf_header().to_owned(), proof);
        self.send(self.request(Method::Post, path).header(proof))
    }

    /// A request in the making, with this visitor's cookies and token and without any CSRF proof.
    #[must_use]
    pub fn request(&self, method: Method, path: &str) -> LocalRequest<'s> {
        let mut request = self.site.client.req(method, path.to_owned()).header(self.accept.clone());
        if let Some(token) = &self.bearer {
            let (name, value) = self.site.bench.bearer(token);
            request.add_header(Header::new(name, value));
        }
        request.cookies(self.cookies.borrow().clone())
    }

    /// Sends a request and keeps the cookies of its answer.
    pub fn send(&self, request: LocalRequest<'_>) -> Answer {
        let response = request.dispatch();
        for cookie in response.cookies().iter() {
            let is_deleted = cookie.max_age().is_some_and(|age| age.is_zero() || age.is_negative());
            if is_deleted {
                self.cookies.borrow_mut().remove(cookie.name());
            } else {
                self.keep(cookie.name().to_owned(), cookie.value().to_owned());
            }
        }
        let headers = response.headers().iter();
        let headers = headers.map(|header| (header.name.to_string(), header.value.into_owned())).collect();
        let status = response.status().code;
        let body = response.into_bytes().unwrap_or_default();
        Answer { status, headers, body: String::from_utf8_lossy(&body).into_owned() }
    }

    pub(super) fn keep(&self, name: String, value: String) {
        self.cookies.borrow_mut().insert(name, value);
    }

    /// The session's CSRF value, or one for a form before there is a session.
    fn proof(&self) -> String {
        let held = self.site.bench.access_proof(&self.cookies.borrow());
        held.unwrap_or_else(|| self.site.bench.sign_in_proof(&mut self.cookies.borrow_mut()))
    }
}

impl fmt::Debug for Visitor<'_> {
    /// Which cookies are held, but not their values.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cookies = self.cookies.borrow();
        f.debug_struct("Visitor").field("cookies", &cookies.keys()).finish_non_exhaustive()
    }
}

/// An answer, whole.
///
/// ```
/// use portcullis::testing::Kit;
/// use portcullis::{AccessToken, catchers};
/// use rocket::{get, routes};
///
/// #[get("/hello")]
/// fn hello(_token: AccessToken<'_>) {}
///
/// let kit = Kit::new();
/// let rocket = rocket::custom(kit.figment()).attach(kit.portcullis());
/// let site = kit.launch(rocket.mount("/", routes![hello]).register("/", catchers()));
/// let answer = site.anonymous().get("/hello");
/// assert_eq!(answer.status, 401);
/// assert_eq!(answer.json()["code"], "missing_token");
/// ```
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body; what is not UTF-8 is replaced.
    pub body: String,
    headers: Vec<(String, String)>,
}

impl Answer {
    /// The first header of this name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// When it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("the body is not JSON")
    }
}
