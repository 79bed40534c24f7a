//! The harness: an application of its own for every test, visitors who speak to it, and forged tokens.
//!
//! Nothing here reads Rocket.toml, the environment or a clock: a test says everything that it depends on.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, crypto};
use portcullis::app::World;
use portcullis::auth::{ManualClock, OsRandom, UnixTime};
use portcullis::store::{Stores, memory};
use portcullis::users::{Account, Hasher, Password};
use rocket::figment::{Figment, Profile};
use rocket::http::{Header, Method, RawStr};
use rocket::local::blocking::{Client, LocalRequest};
use rocket::{Build, Rocket};
use serde::Serialize;
use serde_json::Value;

/// The signing secret of every test.
pub(crate) const KEY: &str = "a secret that only these tests know: 0123456789";
/// When every test begins.
pub(crate) const NOW: i64 = 1_700_000_000;
/// Where the application lives, as browsers say in `Host`.
pub(crate) const HOST: &str = "portcullis.example";

/// An application in memory with the accounts `testuser` (user) and `admin` (admin, user).
pub(crate) struct App {
    pub(crate) client: Client,
    pub(crate) clock: Arc<ManualClock>,
    prefix: &'static str,
}

/// What a test wants to be different.
pub(crate) struct Setup {
    figment: Figment,
    pub(crate) stores: Stores,
    pub(crate) clock: Arc<ManualClock>,
}

/// The application as it is by default: debug profile, plain HTTP, cookies only.
pub(crate) fn app() -> App {
    Setup::new().launch()
}

/// The same, served over HTTPS.
pub(crate) fn https_app() -> App {
    Setup::new().set("auth.insecure_http", false).launch()
}

/// The settings of a test: no file, no environment.
pub(crate) fn figment() -> Figment {
    portcullis::settings::defaults().merge(("auth.secret_key", KEY)).select(Profile::new("debug"))
}

impl Setup {
    /// With an empty store.
    pub(crate) fn without_accounts() -> Self {
        Self::new().on(memory())
    }

    /// Without a signing secret in the settings, for a test that brings a key file.
    pub(crate) fn without_secret() -> Self {
        let figment = portcullis::settings::defaults().select(Profile::new("debug"));
        Self { figment, ..Self::new() }
    }

    /// On a store that the test brings.
    pub(crate) fn on(self, stores: Stores) -> Self {
        Self { stores, ..self }
    }

    pub(crate) fn new() -> Self {
        let stores = memory();
        for account in accounts() {
            assert!(now_or_never(stores.accounts.insert(account)).unwrap());
        }
        Self { figment: figment(), stores, clock: Arc::new(ManualClock::at(UnixTime::from_secs(NOW))) }
    }

    pub(crate) fn set(self, key: &str, value: impl Serialize) -> Self {
        Self { figment: self.figment.merge((key, value)), ..self }
    }

    pub(crate) fn figment(&self) -> Figment {
        self.figment.clone()
    }

    pub(crate) fn world(&self) -> World {
        World { clock: self.clock.clone(), random: Arc::new(OsRandom), stores: Some(self.stores.clone()) }
    }

    /// The application, not yet launched, so that a test can mount routes of its own.
    pub(crate) fn rocket(&self) -> Rocket<Build> {
        portcullis::app::rocket(&self.figment, self.world()).unwrap()
    }

    pub(crate) fn launch(self) -> App {
        let rocket = self.rocket();
        self.launch_as(rocket)
    }

    pub(crate) fn launch_as(self, rocket: Rocket<Build>) -> App {
        let is_https = self.figment.extract_inner::<bool>("auth.insecure_http") == Ok(false);
        App {
            client: Client::untracked(rocket).unwrap(),
            clock: self.clock,
            prefix: if is_https { "__Host-" } else { "" },
        }
    }
}

impl App {
    /// Somebody without cookies who asks for JSON.
    pub(crate) fn program(&self) -> Visitor<'_> {
        self.visitor("application/json", Jar::new())
    }

    /// Somebody without cookies who asks for pages.
    pub(crate) fn browser(&self) -> Visitor<'_> {
        self.visitor("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", Jar::new())
    }

    /// A program signed in as `testuser`.
    pub(crate) fn signed_in(&self) -> Visitor<'_> {
        let visitor = self.program();
        assert_eq!(visitor.sign_in("testuser", "testpass").status, 200);
        visitor
    }

    /// A browser signed in as `testuser` through the form.
    pub(crate) fn signed_in_browser(&self) -> Visitor<'_> {
        let visitor = self.browser();
        assert_eq!(visitor.sign_in("testuser", "testpass").status, 303);
        visitor
    }

    pub(crate) fn pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// A cookie's name over this application's scheme.
    pub(crate) fn name(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    pub(crate) fn visitor(&self, accept: &'static str, jar: Jar) -> Visitor<'_> {
        Visitor { app: self, accept, jar: RefCell::new(jar) }
    }
}

/// Cookies by name.
pub(crate) type Jar = BTreeMap<String, String>;

/// A browser or a program: what it accepts, and its cookies, kept as strictly as browsers keep them.
pub(crate) struct Visitor<'a> {
    app: &'a App,
    accept: &'static str,
    jar: RefCell<Jar>,
}

impl<'a> Visitor<'a> {
    pub(crate) fn ask(&self, method: Method, path: &str) -> Ask<'_> {
        let request = self.app.client.req(method, path.to_owned());
        let ask = Ask { visitor: self, request, sends_cookies: true };
        ask.header("Accept", self.accept).header("Host", HOST)
    }

    pub(crate) fn get(&self, path: &str) -> Ask<'_> {
        self.ask(Method::Get, path)
    }

    pub(crate) fn post(&self, path: &str) -> Ask<'_> {
        self.ask(Method::Post, path)
    }

    /// Signs in as this visitor does it: with JSON, or with the form of the page.
    pub(crate) fn sign_in(&self, username: &str, password: &str) -> Answer {
        if self.accept == "application/json" {
            let credentials = serde_json::json!({ "username": username, "password": password });
            return self.post("/login").json(&credentials).send();
        }
        self.submit_login(&[("username", username), ("password", password)])
    }

    /// Opens the sign-in form and sends it with these fields.
    pub(crate) fn submit_login(&self, fields: &[(&str, &str)]) -> Answer {
        let page = self.get("/login").send();
        let token = page.hidden("csrf_token");
        let mut all = vec![("csrf_token", token.as_str())];
        all.extend(fields);
        self.post("/login").form(&all).send()
    }

    pub(crate) fn refresh(&self) -> Answer {
        self.post("/refresh").csrf(&self.cookie("csrf_refresh_token")).send()
    }

    pub(crate) fn log_out(&self) -> Answer {
        self.post("/logout").send()
    }

    /// The value of a cookie, by its plain name.
    pub(crate) fn cookie(&self, name: &str) -> String {
        self.jar.borrow().get(&self.app.name(name)).cloned().unwrap_or_default()
    }

    pub(crate) fn access_token(&self) -> String {
        self.cookie("access_token_cookie")
    }

    pub(crate) fn refresh_token(&self) -> String {
        self.cookie("refresh_token_cookie")
    }

    pub(crate) fn csrf(&self) -> String {
        self.cookie("csrf_access_token")
    }

    pub(crate) fn jar(&self) -> Jar {
        self.jar.borrow().clone()
    }

    pub(crate) fn put(&self, name: &str, value: &str) {
        self.jar.borrow_mut().insert(self.app.name(name), value.to_owned());
    }

    pub(crate) fn drop_cookie(&self, name: &str) {
        self.jar.borrow_mut().remove(&self.app.name(name));
    }

    /// Somebody who holds a copy of this visitor's cookies.
    pub(crate) fn copy(&self) -> Visitor<'a> {
        self.app.visitor(self.accept, self.jar())
    }

    /// The same person's browser, for a visitor that is a program, and the other way round.
    pub(crate) fn accepting(&self, accept: &'static str) -> Visitor<'a> {
        self.app.visitor(accept, self.jar())
    }

    /// What a strict browser does with a `Set-Cookie` line (RFC 6265bis §5.7).
    fn keep(&self, cookie: &SetCookie) {
        let is_fit = cookie.has("Secure") && cookie.has("Path=/") && !cookie.line.contains("Domain");
        if cookie.name.starts_with("__Host-") && !is_fit {
            return;
        }
        let mut jar = self.jar.borrow_mut();
        if cookie.has("Max-Age=0") {
            jar.remove(&cookie.name);
        } else {
            jar.insert(cookie.name.clone(), cookie.value.clone());
        }
    }
}

/// A request in the making.
pub(crate) struct Ask<'v> {
    visitor: &'v Visitor<'v>,
    request: LocalRequest<'v>,
    sends_cookies: bool,
}

impl Ask<'_> {
    /// Replaces a header.
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.request.inner_mut().replace_header(Header::new(name.to_owned(), value.to_owned()));
        self
    }

    /// Adds a header line, also a second one.
    pub(crate) fn add_header(mut self, name: &str, value: &str) -> Self {
        self.request.add_header(Header::new(name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn body(mut self, content_type: &str, bytes: impl AsRef<[u8]>) -> Self {
        self.request.set_body(bytes);
        if content_type.is_empty() { self } else { self.header("Content-Type", content_type) }
    }

    pub(crate) fn json(self, value: &Value) -> Self {
        self.body("application/json", value.to_string())
    }

    pub(crate) fn form(self, fields: &[(&str, &str)]) -> Self {
        let encode = |text: &str| RawStr::new(text).percent_encode().to_string();
        let pairs: Vec<_> =
            fields.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
        self.body("application/x-www-form-urlencoded", pairs.join("&"))
    }

    pub(crate) fn csrf(self, value: &str) -> Self {
        self.header("X-CSRF-TOKEN", value)
    }

    /// Comes from this address.
    pub(crate) fn remote(mut self, address: [u8; 4]) -> Self {
        self.request.inner_mut().set_remote((address, 4711).into());
        self
    }

    pub(crate) fn bearer(self, token: &str) -> Self {
        self.header("Authorization", &format!("Bearer {token}"))
    }

    /// Sends this `Cookie` line instead of the visitor's cookies.
    pub(crate) fn cookie_line(mut self, line: &str) -> Self {
        self.sends_cookies = false;
        self.header("Cookie", line)
    }

    /// Sends the request; an internal error is a failed test.
    pub(crate) fn send(self) -> Answer {
        let answer = self.send_whatever_comes();
        assert_ne!(answer.status, 500, "an internal error: {}", answer.body);
        answer
    }

    pub(crate) fn send_whatever_comes(self) -> Answer {
        let jar = self.visitor.jar.borrow().clone();
        let visitor = self.visitor;
        let line: Vec<_> = jar.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let ask = if self.sends_cookies && !line.is_empty() {
            self.add_header("Cookie", &line.join("; "))
        } else {
            self
        };
        let sends_cookies = ask.sends_cookies;
        let response = ask.request.dispatch();
        // Each answer has a name of its own, by which answers that should be alike would differ.
        let headers = response.headers().iter().filter(|header| header.name() != "X-Request-Id");
        let headers = headers.map(|header| (header.name().to_string(), header.value().to_owned())).collect();
        let status = response.status().code;
        let body = response.into_bytes().unwrap_or_default();
        let answer = Answer {
            status,
            headers,
            body: String::from_utf8(body).unwrap_or_else(|_| "not UTF-8".to_owned()),
        };
        if sends_cookies {
            answer.cookies().iter().for_each(|cookie| visitor.keep(cookie));
        }
        answer
    }
}

/// An answer, whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        let lines = self.headers.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
        lines.map(|(_, value)| value.as_str()).collect()
    }

    /// A header that must not come twice.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.all(name);
        assert!(lines.len() < 2, "{name} twice: {lines:?}");
        lines.first().copied()
    }

    pub(crate) fn location(&self) -> &str {
        self.header("Location").unwrap_or_default()
    }

    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.header("Content-Type"), Some("application/json"), "{}", self.body);
        serde_json::from_str(&self.body).unwrap()
    }

    /// Status and `code` of a refusal in JSON.
    pub(crate) fn refusal(&self) -> (u16, String) {
        let json = self.json();
        let keys: BTreeSet<_> = json.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(keys, BTreeSet::from(["code", "msg"]));
        (self.status, json["code"].as_str().unwrap().to_owned())
    }

    pub(crate) fn is_page(&self) -> bool {
        self.header("Content-Type") == Some("text/html; charset=utf-8")
    }

    /// The value of a hidden field of the page.
    pub(crate) fn hidden(&self, name: &str) -> String {
        let start = format!(r#"<input type="hidden" name="{name}" value=""#);
        let (_, rest) = self.body.split_once(&start).expect("no such hidden field");
        rest.split('"').next().unwrap().to_owned()
    }

    pub(crate) fn cookies(&self) -> Vec<SetCookie> {
        self.all("Set-Cookie").into_iter().map(SetCookie::parse).collect()
    }

    pub(crate) fn cookie(&self, name: &str) -> SetCookie {
        let mut found: Vec<_> = self.cookies().into_iter().filter(|cookie| cookie.name == name).collect();
        assert_eq!(found.len(), 1, "{name}: {found:?}");
        found.remove(0)
    }

    pub(crate) fn cookie_names(&self) -> BTreeSet<String> {
        let names: Vec<_> = self.cookies().into_iter().map(|cookie| cookie.name).collect();
        let set: BTreeSet<_> = names.iter().cloned().collect();
        assert_eq!(set.len(), names.len(), "a cookie is set twice");
        set
    }
}

/// One `Set-Cookie` line, with all its attributes.
#[derive(Debug, Clone)]
pub(crate) struct SetCookie {
    pub(crate) name: String,
    pub(crate) value: String,
    pub(crate) attributes: BTreeSet<String>,
    line: String,
}

impl SetCookie {
    fn parse(line: &str) -> Self {
        let mut parts = line.split("; ");
        let (name, value) = parts.next().unwrap().split_once('=').unwrap();
        let attributes: Vec<_> = parts.map(str::to_owned).collect();
        let set: BTreeSet<_> = attributes.iter().cloned().collect();
        assert_eq!(set.len(), attributes.len(), "an attribute twice: {line}");
        Self { name: name.to_owned(), value: value.to_owned(), attributes: set, line: line.to_owned() }
    }

    pub(crate) fn has(&self, attribute: &str) -> bool {
        self.attributes.contains(attribute)
    }

    /// Asserts that the attributes are exactly these, in any order.
    #[track_caller]
    pub(crate) fn assert_attributes(&self, expected: &str) {
        let expected: BTreeSet<_> =
            expected.split("; ").filter(|text| !text.is_empty()).map(str::to_owned).collect();
        assert_eq!(self.attributes, expected, "{}", self.line);
    }
}

/// The names of these cookies over plain HTTP.
pub(crate) fn names(list: &[&str]) -> BTreeSet<String> {
    list.iter().map(|name| (*name).to_owned()).collect()
}

pub(crate) const FOUR: [&str; 4] =
    ["access_token_cookie", "csrf_access_token", "csrf_refresh_token", "refresh_token_cookie"];

/// Signs any text as a segment pair.
pub(crate) fn mac(message: &str, key: &[u8], algorithm: Algorithm) -> String {
    crypto::sign(message.as_bytes(), &EncodingKey::from_secret(key), algorithm).unwrap()
}

/// A token with any header and claims, signed with any key.
pub(crate) fn mint(header: &Value, claims: &Value, key: &str) -> String {
    let message = format!("{}.{}", encode(header.to_string()), encode(claims.to_string()));
    format!("{message}.{}", mac(&message, key.as_bytes(), Algorithm::HS256))
}

/// The same token with other claims, signed with our key.
pub(crate) fn with_claims(token: &str, edit: impl FnOnce(&mut Value)) -> String {
    let mut claims = claims(token);
    edit(&mut claims);
    mint(&header(token), &claims, KEY)
}

pub(crate) fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub(crate) fn decode(segment: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(segment).unwrap()
}

pub(crate) fn header(token: &str) -> Value {
    serde_json::from_slice(&decode(token.split('.').next().unwrap())).unwrap()
}

pub(crate) fn claims(token: &str) -> Value {
    serde_json::from_slice(&decode(token.split('.').nth(1).unwrap())).unwrap()
}

/// Waits for what the memory store answers at once.
pub(crate) fn now_or_never<T>(future: impl Future<Output = T>) -> T {
    rocket::futures::FutureExt::now_or_never(future).expect("the memory store answers at once")
}

/// The two accounts, hashed once for all tests.
fn accounts() -> &'static [Account] {
    static ACCOUNTS: OnceLock<Vec<Account>> = OnceLock::new();
    ACCOUNTS.get_or_init(|| {
        let people = [("testuser", "testpass", vec!["user"]), ("admin", "adminpass", vec!["admin", "user"])];
        let hash = |password: &str| {
            let password = Password::new(password.to_owned()).unwrap();
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async { Hasher::default().hash(&password).await.unwrap() })
        };
        let account = |(name, password, roles): (&str, &str, Vec<&str>)| Account {
            name: name.parse().unwrap(),
            password_hash: hash(password),
            roles: roles.into_iter().map(str::to_owned).collect(),
            disabled: false,
            created_at: UnixTime::from_secs(NOW),
            epoch: 0,
        };
        people.into_iter().map(account).collect()
    })
}
