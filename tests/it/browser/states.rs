//! Every page in every state that it knows, and how a browser gets there.
//!
//! One line a state, whose name begins with the template's; axe, the layout and the pictures go through all of them.
//! Most are the real pages; what is hard to come by is a real template with a context of its own.

use std::path::Path;

use portcullis::app::add_templates;
use portcullis::routes::pages;
use portcullis::routes::view::samples::Surroundings;
use portcullis::routes::view::words::Catalogues;
use rocket_dyn_templates::tera::{Context, Tera};
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};

use crate::binary::client::Ask;
use crate::binary::server::{Installation, Server};
use crate::browser::chromium::{Browser, Scripts};
use crate::browser::stage::{Shown, Stage};
use crate::support::figment;

/// A page in one state.
pub(super) struct State {
    pub(super) name: &'static str,
    who: Who,
    way: Way,
}

/// Who looks.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Who {
    Nobody,
    Person,
    Administrator,
}
use Who::{Administrator, Nobody, Person};

enum Way {
    /// A page of the running program.
    At(&'static str),
    /// The same, after its form was sent with these fields and taken.
    Done(&'static str, &'static [(&'static str, &'static str)]),
    /// The same, after its form was sent with these fields and refused.
    Sent(&'static str, &'static [(&'static str, &'static str)]),
    /// The same, after this was pressed.
    Pressed(&'static str, &'static str),
    /// The same, after a script.
    After(&'static str, &'static str),
    /// A template, with this context besides the frame's.
    Drawn(&'static str, fn() -> Value),
}
use Way::{After, At, Done, Drawn, Pressed, Sent};

const fn state(name: &'static str, who: Who, way: Way) -> State {
    State { name, who, way }
}

const STATES: [State; 90] = [
    state("login", Nobody, At("/login?next=/sessions")),
    state("login-refused", Nobody, Sent("/login", &[("username", "testuser"), ("password", "not mine")])),
    state("login-signed-out", Nobody, At("/login?notice=signed_out")),
    state("login-ended", Nobody, At("/login?notice=session_ended")),
    state("login-expired", Nobody, At("/login?notice=session_expired")),
    state("login-password-changed", Nobody, At("/login?notice=password_changed")),
    state("login-reused", Nobody, Drawn("login.html", || json!({ "notice": "session_reused" }))),
    state("login-form-expired", Nobody, Drawn("login.html", || login_error("form_expired", Value::Null))),
    state("login-cookie-lost", Nobody, Drawn("login.html", || trouble("error", "cookie_lost"))),
    state("login-cookie-twice", Nobody, Drawn("login.html", || trouble("error", "cookie_twice"))),
    state("login-cookies-lost", Nobody, Drawn("login.html", || trouble("notice", "cookies_lost"))),
    state("login-cookies-twice", Nobody, Drawn("login.html", || trouble("notice", "cookies_twice"))),
    state("login-throttled", Nobody, Drawn("login.html", || login_error("throttled", json!(60)))),
    state("login-busy", Nobody, Drawn("login.html", || login_error("busy", json!(2)))),
    state("login-passkeys", Nobody, Drawn("login.html", || json!({ "passkeys": true }))),
    state(
        "login-passkey-refused",
        Nobody,
        Drawn("login.html", || json!({ "passkeys": true, "error": "bad_passkey" })),
    ),
    state("code", Nobody, At("/account/code")),
    state(
        "code-wrong",
        Nobody,
        Sent(
            "/account/code",
            &[
                ("username", "testuser"),
                ("code", "0000-0000-0000-0000"),
                ("new_password", "four unrelated words here"),
                ("new_password_again", "four unrelated words here"),
            ],
        ),
    ),
    state("not-found-to-nobody", Nobody, At("/nowhere")),
    state("error-403-form", Nobody, Drawn("error.html", || error(403, "csrf"))),
    state("error-403-cross-site", Nobody, Drawn("error.html", || error(403, "cross_site"))),
    state("error-422", Nobody, Drawn("error.html", || error(422, "unprocessable"))),
    state("error-429", Nobody, Drawn("error.html", || error(429, "throttled"))),
    state("error-500", Nobody, Drawn("error.html", || error(500, "internal"))),
    state("error-503", Nobody, Drawn("error.html", || error(503, "unavailable"))),
    state("error-reused", Nobody, Drawn("error.html", || error(401, "session_reused"))),
    state("dashboard", Person, At("/dashboard")),
    state("dashboard-password-changed", Person, At("/dashboard?notice=password_changed")),
    state(
        "dashboard-ended",
        Person,
        After("/dashboard", "document.querySelector('[data-ended]').hidden = false"),
    ),
    state("dashboard-full", Person, Drawn("dashboard.html", full_dashboard)),
    state("sessions", Person, At("/sessions")),
    state("sessions-ended-one", Person, At("/sessions?notice=session_ended")),
    state(
        "sessions-alone",
        Person,
        Drawn("sessions.html", || json!({ "user": user(), "sessions": [session(true)] })),
    ),
    state("password", Person, At("/account/password")),
    state(
        "password-wrong",
        Person,
        Sent(
            "/account/password",
            &[
                ("current_password", "not my password"),
                ("new_password", "four unrelated words here"),
                ("new_password_again", "four unrelated words here"),
            ],
        ),
    ),
    state(
        "password-mismatch",
        Person,
        Sent(
            "/account/password",
            &[
                ("current_password", "testpass"),
                ("new_password", "four unrelated words here"),
                ("new_password_again", "five unrelated words here"),
            ],
        ),
    ),
    state(
        "password-unfit",
        Person,
        Sent(
            "/account/password",
            &[
                ("current_password", "testpass"),
                ("new_password", "my name is testuser"),
                ("new_password_again", "my name is testuser"),
            ],
        ),
    ),
    state(
        "password-throttled",
        Person,
        Drawn(
            "password.html",
            || json!({ "user": user(), "min_length": 15, "error": "throttled", "retry_after": 60 }),
        ),
    ),
    state("factor", Nobody, Drawn("factor.html", || second_step(true, false, true, &Value::Null))),
    state(
        "factor-wrong",
        Nobody,
        Drawn("factor.html", || second_step(true, false, false, &json!("bad_second_code"))),
    ),
    state("factor-passkey", Nobody, Drawn("factor.html", || second_step(true, true, true, &Value::Null))),
    state(
        "factor-passkey-refused",
        Nobody,
        Drawn("factor.html", || second_step(false, true, true, &json!("bad_passkey"))),
    ),
    state("first-factor", Nobody, Drawn("first_factor.html", || json!({ "passkey": true }))),
    state(
        "first-factor-refused",
        Nobody,
        Drawn("first_factor.html", || json!({ "passkey": true, "error": "bad_passkey" })),
    ),
    state("security", Person, At("/account/factors")),
    state("security-full", Person, Drawn("security.html", full_security)),
    state("forgotten", Nobody, At("/account/forgotten")),
    state("register", Nobody, At("/register")),
    state(
        "register-refused",
        Nobody,
        Sent(
            "/register",
            &[
                ("username", "ada@example.org"),
                ("email", "countess@example.org"),
                ("new_password", "four unrelated words here"),
                ("new_password_again", "four unrelated words here"),
            ],
        ),
    ),
    state(
        "register-unfit",
        Nobody,
        Drawn(
            "register.html",
            || json!({ "username": "ada", "email": "ada@example.org", "min_length": 15, "error": "leaked" }),
        ),
    ),
    state("link-join", Nobody, Drawn("link.html", || link("join", &json!({})))),
    state(
        "link-join-named",
        Nobody,
        Drawn("link.html", || {
            let more = json!({
                "asks_username": true, "asks_password": true, "username": "testuser", "error": "name_taken",
            });
            link("join", &more)
        }),
    ),
    state("link-stay", Nobody, Drawn("link.html", || link("stay", &json!({ "done": true })))),
    state("account", Person, At("/account")),
    state("account-saved", Person, At("/account?notice=profile_saved")),
    state(
        "account-refused",
        Person,
        Drawn("account.html", || own_account(&json!({ "error": "bad_display_name" }))),
    ),
    state("activity", Person, At("/account/activity")),
    state("activity-goes-on", Person, Drawn("activity.html", activity)),
    state("leave", Person, At("/account/delete")),
    state("leave-at-once", Person, Drawn("leave.html", || json!({ "user": user(), "days": 0 }))),
    state("address", Person, At("/account/email")),
    state(
        "address-refused",
        Person,
        Drawn("address.html", || {
            let address = "somebody.with.a.very.long.name@mail.of.a.department.example.org";
            json!({ "user": user(), "address": address, "typed": "no address", "error": "bad_address" })
        }),
    ),
    state("link-prove", Nobody, Drawn("link.html", || link("prove", &json!({})))),
    state("link-reset", Nobody, Drawn("link.html", || link("reset", &json!({ "error": "too_short" })))),
    state("link-not-me", Nobody, Drawn("link.html", || link("not_me", &json!({ "done": true })))),
    state("link-over", Nobody, Drawn("link.html", || link("over", &json!({})))),
    state("enrol", Person, Drawn("enrol.html", || enrolment(&json!({})))),
    state("enrol-wrong", Person, Drawn("enrol.html", || enrolment(&json!({ "error": "bad_second_code" })))),
    state("recovery-codes", Person, Drawn("recovery_codes.html", recovery_codes)),
    state(
        "reauthenticate-code",
        Person,
        Drawn(
            "reauthenticate.html",
            || json!({ "user": user(), "by_code": true, "passkey": false, "error": "bad_second_code" }),
        ),
    ),
    state(
        "reauthenticate-passkey",
        Person,
        Drawn("reauthenticate.html", || json!({ "user": user(), "by_code": true, "passkey": true })),
    ),
    state("reauthenticate", Person, At("/reauthenticate?next=/sessions")),
    state("reauthenticate-wrong", Person, Sent("/reauthenticate", &[("password", "not my password")])),
    state(
        "reauthenticate-throttled",
        Person,
        Drawn(
            "reauthenticate.html",
            || json!({ "user": user(), "by_code": false, "passkey": false, "error": "throttled", "retry_after": 600 }),
        ),
    ),
    state("not-found", Person, At("/nowhere")),
    state("forbidden", Person, At("/people")),
    state("people", Administrator, At("/people")),
    state("people-found", Administrator, At("/people?q=test")),
    state("people-found-nobody", Administrator, At("/people?q=nobody-of-this-name")),
    state(
        "people-name-taken",
        Administrator,
        Sent("/people", &[("username", "testuser"), ("roles", "staff")]),
    ),
    state("people-bad-roles", Administrator, Sent("/people", &[("username", "grace"), ("roles", "!")])),
    state("code-issued", Administrator, Done("/people", &[("username", "grace"), ("roles", "staff")])),
    state("person-new", Administrator, At("/people/grace")),
    state("person", Administrator, At("/people/testuser")),
    state("person-disabled", Administrator, Pressed("/people/grace", "form[action$='disable'] button")),
    state("person-leaving", Administrator, Pressed("/people/grace", "form[action$='delete'] button")),
    state("person-self", Administrator, At("/people/admin")),
    state("leave-refused", Administrator, Sent("/account/delete", &[])),
    state("outbox", Administrator, At("/mail")),
    state("outbox-full", Administrator, Drawn("outbox.html", full_outbox)),
];

fn trouble(kind: &str, key: &str) -> Value {
    json!({ kind: key, "cookie_trouble": true })
}

fn login_error(error: &str, retry_after: Value) -> Value {
    let mut context = json!({ "username": "testuser", "error": error });
    if !retry_after.is_null() {
        context["retry_after"] = retry_after;
    }
    context
}

fn error(status: u16, key: &str) -> Value {
    let mut context = json!({ "status": status, "key": key, "back": "/" });
    if [429, 503].contains(&status) {
        context["retry_after"] = json!(30);
    }
    context
}

/// The longest name, and more roles than fit into a line.
fn user() -> Value {
    let name = "a-person-with-the-longest-name-that-anybody-may-have-in-this-se";
    json!({ "name": name, "administers": true, "roles": ["user", "admin", "auditor", "operator-of-the-night-shift", "billing", "support"] })
}

fn second_step(app: bool, passkey: bool, recovery: bool, error: &Value) -> Value {
    let mut page = json!({ "app": app, "passkey": passkey, "recovery": recovery, "trust_days": 30 });
    if !error.is_null() {
        page["error"] = error.clone();
    }
    page
}

/// What a link in a message does, for the longest name and address.
fn link(purpose: &str, more: &Value) -> Value {
    let mut page = json!({
        "link": "x",
        "purpose": purpose,
        "account": user()["name"],
        "address": "somebody.with.a.very.long.name@mail.of.a.department.example.org",
        "min_length": 15,
        "done": false,
    });
    page.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    page
}

fn own_account(more: &Value) -> Value {
    let mut page = json!({
        "user": user(),
        "display_name": "Augusta Ada King, Countess of Lovelace",
        "mail": true,
        "address": "somebody.with.a.very.long.name@mail.of.a.department.example.org",
        "made": moment(-90_000),
        "factors": 3,
        "sessions": 7,
        "languages": [
            { "tag": "en", "name": "English", "chosen": false },
            { "tag": "de", "name": "Deutsch", "chosen": true },
        ],
        "is_ours": true,
    });
    page.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    page
}

fn activity() -> Value {
    let keys = ["signed_in", "joined", "deletion_undone", "password_leaked", "data_exported"];
    let events: Vec<_> =
        keys.iter().map(|key| json!({ "key": key, "when": moment(-90), "detail": "192.0.2.1" })).collect();
    json!({ "user": user(), "events": events, "first": "/account/activity", "next": "/account/activity?until=1&skip=1" })
}

fn full_outbox() -> Value {
    let message = |letter, attempts: u32, next: Value, error: Value| {
        let to = "somebody.with.a.very.long.name@mail.of.a.department.example.org";
        json!({
            "id": "00112233445566778899aabbccddeeff", "letter": letter, "to": to, "account": user()["name"],
            "written": moment(-90_000), "attempts": attempts, "next": next, "error": error,
        })
    };
    json!({
        "user": user(),
        "notice": "message_due",
        "messages": [
            message("invitation", 0, moment(60), Value::Null),
            message("farewell", 17, Value::Null, json!("550 5.1.1 There is nobody of this name here")),
        ],
    })
}

fn full_security() -> Value {
    let factor = |kind, label, last_used| json!({ "id": "x", "kind": kind, "label": label, "made": moment(-90_000), "last_used": last_used });
    json!({
        "user": user(),
        "offered": true,
        "passkeys": true,
        "factors": [
            factor("totp", "The telephone of the night shift, with a long name", moment(-60)),
            factor("totp", "", Value::Null),
            factor("passkey", "The computer of the night shift, with a long name", moment(-60)),
            factor("passkey", "", Value::Null),
        ],
        "recovery_left": 9,
        "events": [
            { "key": "factor_added", "when": moment(-90), "detail": "192.0.2.1" },
            { "key": "browser_trusted", "when": moment(-90), "detail": "192.0.2.1" },
        ],
        "browsers": [
            { "id": "x", "browser": "Firefox", "system": "Linux", "since": moment(-90_000), "until": moment(90_000) },
            { "id": "x", "since": moment(-90_000), "until": moment(90_000) },
        ],
        "mail": true,
        "address": "somebody.with.a.very.long.name@mail.of.a.department.example.org",
        "notice": "factor_added",
    })
}

/// With a picture that is the same every time.
fn enrolment(error: &Value) -> Value {
    let mut page = json!({ "user": user(), "at": "/account/factors", "id": "x", "secret": "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ" });
    page.as_object_mut().unwrap().extend(error.as_object().unwrap().clone());
    page
}

fn recovery_codes() -> Value {
    json!({ "user": user(), "codes": vec!["B9D5-MPJT-B9D5-MPJT-B9D5-MPJT"; 10] })
}

fn moment(from_now: i64) -> Value {
    let moment = OffsetDateTime::now_utc() + Duration::seconds(from_now);
    let iso = moment.format(&time::format_description::well_known::Rfc3339).unwrap();
    json!({ "iso": iso, "text": "2026-01-02 03:04 UTC" })
}

fn session(is_current: bool) -> Value {
    json!({
        "id": "00112233445566778899aabbccddeeff", "browser": "Firefox", "system": "Linux",
        "address": "2001:db8:1234:5678:9abc:def0:1234:5678", "last_seen": moment(-60), "began": moment(-86_400),
        "current": is_current,
    })
}

fn full_dashboard() -> Value {
    let keys =
        ["signed_in", "sign_in_failed", "throttled", "reused", "csrf_refused", "ended_password_changed"];
    let events: Vec<_> =
        keys.iter().map(|key| json!({ "key": key, "when": moment(-90), "detail": "192.0.2.1" })).collect();
    json!({
        "user": user(), "failures": 7, "notice": "password_confirmed", "events": events,
        "session": {
            "began": moment(-600), "password_entered": moment(-600), "access_expires": moment(290),
            "access_life": 300, "expires": moment(86_400),
        },
        "sessions": [session(true), session(false), session(false), session(false)],
    })
}

/// A browser on its way through all states, and what it looks at.
pub(super) struct Tour {
    pub(super) browser: Browser,
    stage: Stage,
    server: Server,
    _installation: Installation,
}

impl Tour {
    pub(super) async fn begin(language: &'static str) -> Self {
        let installation = Installation::new().with("PORTCULLIS_APP__REGISTRATION", "open");
        let server = installation.start();
        let stage = Stage::open(move |path| draw(path, language));
        let browser = Browser::open_in(language, &server.site(), Scripts::On).await;
        Self { browser, stage, server, _installation: installation }
    }

    /// Goes to every state and looks at it.
    pub(super) async fn go(&self, mut look: impl AsyncFnMut(&Browser, &State)) {
        let browser = &self.browser;
        for state in STATES.iter().filter(|state| state.who == Nobody) {
            self.reach(state).await;
            look(browser, state).await;
        }
        for (who, name, password) in [(Person, "testuser", "testpass"), (Administrator, "admin", "adminpass")]
        {
            browser.set_media("", &[]).await;
            self.sign_in(name, password).await;
            for state in STATES.iter().filter(|state| state.who == who) {
                self.reach(state).await;
                look(browser, state).await;
            }
            browser.set_media("", &[]).await;
            browser.visit("/sessions").await;
            browser.leave_by("form.sign-out button").await;
        }
    }

    /// Signs the browser in, and two other devices.
    async fn sign_in(&self, name: &str, password: &str) {
        self.browser.visit("/login").await;
        self.browser.sign_in(name, password).await;
        self.browser.assert_at("/dashboard").await;
        for device in ["Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0", "curl/8"] {
            let body = json!({ "username": name, "password": password }).to_string();
            let answer = self.server.client().send(Ask::json("/login", &body).header("User-Agent", device));
            assert_eq!(answer.status, 200);
        }
    }

    /// Goes to one state.
    async fn reach(&self, state: &State) {
        let browser = &self.browser;
        // Nothing can be clicked on paper.
        browser.set_media("", &[]).await;
        match state.way {
            At(path) => browser.visit(path).await,
            After(path, script) => {
                browser.visit(path).await;
                browser.run(script).await;
            }
            Pressed(path, selector) => {
                browser.visit(path).await;
                browser.leave_by(selector).await;
            }
            Sent(path, fields) | Done(path, fields) => {
                browser.visit(path).await;
                for (name, value) in fields {
                    browser.fill(&format!("#{name}"), value).await;
                }
                browser.leave_by("main form button.wide").await;
            }
            Drawn(..) => browser.go_to(&format!("{}/{}", self.stage.another_port(), state.name)).await,
        }
        let there = match state.way {
            At(path) | Pressed(path, _) | After(path, _) | Sent(path, _) | Done(path, _) => {
                browser.place().await.starts_with(path)
            }
            Drawn(..) => browser.has("main h1").await,
        };
        assert!(there, "{} is not to be had: the browser is at {}", state.name, browser.place().await);
        let is_refused = browser.has("[role=alert]:not([hidden]):not([data-ended])").await;
        match state.way {
            Sent(..) => assert!(is_refused, "{} tells no error", state.name),
            Done(..) => assert!(!is_refused, "{} was refused", state.name),
            _ => {}
        }
    }
}

/// The stems of the files in a folder of the project that end so.
fn stems(folder: &str, end: &str) -> Vec<String> {
    let files = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    names.filter_map(|name| name.strip_suffix(end).map(str::to_owned)).collect()
}

#[test]
fn every_page_has_a_state_and_every_picture_a_page() {
    for page in stems("templates", ".html.tera") {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates").join(format!("{page}.html.tera"));
        let is_part = !std::fs::read_to_string(file).unwrap().contains("{% extends \"base.html\" %}");
        let name = page.replace('_', "-");
        let is_known = |state: &State| state.name == name || state.name.starts_with(&format!("{name}-"));
        assert!(is_part || STATES.iter().any(is_known), "no state is named {name}");
    }
    for picture in stems("tests/it/browser/pictures", ".png") {
        assert!(STATES.iter().any(|state| state.name == picture), "{picture} is a picture of nothing");
    }
}

/// A state that is made from its template, or a file that it needs.
fn draw(path: &str, language: &str) -> Option<Shown> {
    if let Some(name) = path.strip_prefix("/static/") {
        let kinds = [("css", "text/css"), ("js", "text/javascript"), ("svg", "image/svg+xml")];
        let (_, kind) = kinds.into_iter().find(|(end, _)| name.ends_with(end))?;
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("static").join(name);
        return Some(Shown(kind, std::fs::read_to_string(file).ok()?));
    }
    if path.starts_with("/account/factors/totp/") {
        return draw("/static/icon.svg", language);
    }
    let state = STATES.iter().find(|state| path.strip_prefix('/') == Some(state.name))?;
    let Drawn(template, context) = state.way else { return None };
    let mut tera = Tera::default();
    add_templates(&mut tera).unwrap();
    let catalogues = Catalogues::embedded().unwrap();
    let (_, words) = catalogues.iter().find(|(tag, _)| *tag == language)?;
    let mut context = Context::from_value(context()).unwrap();
    context.insert("lang", language);
    context.insert("t", words);
    context.insert("service", "Portcullis");
    let names = [
        ("csrf_field", "csrf_token"),
        ("csrf_token", "a proof"),
        ("csrf_header", "X-CSRF-TOKEN"),
        ("csrf_access_cookie", "csrf_access_token"),
        ("csrf_refresh_cookie", "csrf_refresh_token"),
    ];
    names.into_iter().for_each(|(name, value)| context.insert(name, value));
    let assets = json!({
        "css": "/static/portcullis.css", "js": "/static/portcullis.js",
        "icon": "/static/icon.svg", "logo": "/static/portcullis.svg",
    });
    context.insert("assets", &assets);
    // The links are those of the page itself.
    let settings = portcullis::settings::load(&figment()).ok()?;
    let auth = &settings.auth;
    let all = pages::samples(Surroundings { catalogues: &catalogues, service: "", auth, text: "" });
    let sample = all.iter().find(|sample| sample.template == template && sample.language == language)?;
    context.insert("nav", sample.context.get("nav")?);
    Some(Shown("text/html", tera.render(template, &context).unwrap()))
}
