//! Front ends on other origins: those that are trusted sign in and read the answers, others do neither.

use rocket::http::Method;
use serde_json::json;

use crate::support::{Answer, App, Setup, Visitor};

const TRUSTED: &str = "http://localhost:3000";
const OTHERS: [&str; 7] = [
    "http://localhost:3001",
    "https://localhost:3000",
    "http://localhost:3000.evil.example",
    "http://LOCALHOST:3000",
    "null",
    "",
    "http://localhost:3000, http://localhost:3000",
];

fn app() -> App {
    Setup::new().set("auth.trusted_origins", [TRUSTED, "https://app.example.org"]).launch()
}

fn sign_in(visitor: &Visitor<'_>, origin: &str, site: &str) -> Answer {
    let body = json!({ "username": "testuser", "password": "testpass" });
    visitor.post("/login").header("Origin", origin).header("Sec-Fetch-Site", site).json(&body).send()
}

fn preflight(app: &App, origin: &str, path: &str) -> Answer {
    let page = app.program();
    let ask = page.ask(Method::Options, path).header("Origin", origin);
    let ask = ask.header("Access-Control-Request-Method", "POST");
    ask.header("Access-Control-Request-Headers", "content-type,x-csrf-token").send()
}

fn cors(answer: &Answer) -> Vec<&str> {
    let names = answer.headers.iter().map(|(name, _)| name.as_str());
    names.filter(|name| name.to_lowercase().starts_with("access-control")).collect()
}

#[test]
fn a_trusted_page_signs_in_refreshes_and_signs_out() {
    let app = app();
    for site in ["same-site", "cross-site"] {
        let page = app.program();
        let answer = sign_in(&page, TRUSTED, site);
        assert_eq!((answer.status, answer.json()), (200, json!({ "login": true })));
        assert_eq!(answer.header("Access-Control-Allow-Origin"), Some(TRUSTED));
        assert_eq!(answer.header("Access-Control-Allow-Credentials"), Some("true"));
        assert_eq!(answer.header("X-CSRF-Access-Token"), Some(&*page.cookie("csrf_access_token")));
        assert_eq!(answer.header("X-CSRF-Refresh-Token"), Some(&*page.cookie("csrf_refresh_token")));
        assert!(answer.header("Access-Control-Expose-Headers").unwrap().contains("X-CSRF-Access-Token"));

        let from = |path: &str| page.post(path).header("Origin", TRUSTED).header("Sec-Fetch-Site", site);
        let unproven = from("/refresh").send();
        assert_eq!(
            unproven.refusal(),
            (403, "csrf_missing".into()),
            "trusted, and still it proves what it meant"
        );
        assert_eq!(unproven.header("Access-Control-Allow-Origin"), Some(TRUSTED), "a refusal can be read");
        let refreshed = from("/refresh").csrf(&page.cookie("csrf_refresh_token")).send();
        assert_eq!((refreshed.status, refreshed.header("Vary")), (200, Some("Origin")));
        assert_eq!(from("/logout").send().json(), json!({ "logout": true }));
    }
}

#[test]
fn a_trusted_page_sends_the_form_as_well() {
    let app = app();
    let fields = [("username", "testuser"), ("password", "testpass")];
    let answer = app.browser().post("/login").header("Origin", TRUSTED).form(&fields).send();
    assert_eq!(answer.status, 303);
    let answer = app.browser().post("/login").header("Origin", "http://localhost:3001").form(&fields).send();
    assert_eq!(answer.status, 403);
}

#[test]
fn nobody_else_signs_in_or_reads_an_answer() {
    let app = app();
    for origin in OTHERS {
        let answer = sign_in(&app.program(), origin, "same-site");
        assert_eq!(answer.refusal(), (403, "cross_site".into()), "{origin}");
        assert_eq!((cors(&answer), answer.header("Vary")), (vec![], Some("Origin")), "{origin}");
        let answer = preflight(&app, origin, "/login");
        assert!(answer.status >= 400 && cors(&answer).is_empty(), "{origin}: {answer:?}");
    }
    let twice = app.program();
    let answer = twice.post("/login").header("Origin", TRUSTED).add_header("Origin", TRUSTED);
    let body = json!({ "username": "testuser", "password": "testpass" });
    assert_eq!(answer.json(&body).send().refusal(), (403, "cross_site".into()));
}

#[test]
fn preflights_of_trusted_pages_are_answered_everywhere() {
    let app = app();
    for path in ["/login", "/refresh", "/protected", "/people/ada/roles", "/nothing"] {
        let answer = preflight(&app, TRUSTED, path);
        assert_eq!((answer.status, answer.body.as_str()), (204, ""), "{path}");
        assert_eq!(answer.header("Access-Control-Allow-Origin"), Some(TRUSTED));
        assert_eq!(answer.header("Access-Control-Allow-Credentials"), Some("true"));
        assert_eq!(
            answer.header("Access-Control-Allow-Headers"),
            Some("Content-Type, Authorization, X-CSRF-TOKEN")
        );
        assert!(answer.header("Access-Control-Allow-Methods").unwrap().contains("POST"));
        assert_eq!(answer.header("Vary"), Some("Origin"));
    }
    let answer = app.program().ask(Method::Options, "/login").header("Origin", TRUSTED).send();
    assert!(answer.status >= 400, "no preflight");
}

#[test]
fn without_trusted_origins_nothing_is_said_of_any() {
    let app = crate::support::app();
    let answer = sign_in(&app.program(), TRUSTED, "same-site");
    assert_eq!(answer.refusal(), (403, "cross_site".into()));
    assert_eq!((cors(&answer), answer.header("Vary")), (vec![], None));
}

#[test]
fn where_tokens_travel_by_header_alone_no_origin_is_asked_for_and_the_body_brings_them() {
    let app = Setup::new().set("auth.token_locations", ["headers"]).launch();
    let answer = sign_in(&app.program(), "https://anywhere.example", "cross-site");
    assert_eq!((answer.status, answer.all("Set-Cookie").len()), (200, 0));
    let pair = answer.json();
    let token = pair["access_token"].as_str().unwrap();
    assert_eq!(app.program().get("/protected").bearer(token).send().status, 200);
    let refreshed = app.program().post("/refresh").bearer(pair["refresh_token"].as_str().unwrap()).send();
    assert!(refreshed.json()["access_token"].is_string());
    let body = json!({ "username": "testuser", "password": "testpass", "delivery": "cookies" });
    assert_eq!(app.program().post("/login").json(&body).send().status, 422, "nobody would read them");
    let both = Setup::new().set("auth.token_locations", ["cookies", "headers"]).launch();
    let answer = sign_in(&both.program(), "https://anywhere.example", "cross-site");
    assert_eq!(answer.refusal(), (403, "cross_site".into()));
}

#[test]
fn the_public_origin_is_ours_when_a_proxy_changes_host() {
    let body = json!({ "username": "testuser", "password": "testpass" });
    let ask = |app: &App, origin: &str| {
        let page = app.program();
        let request = page.post("/login").header("Host", "127.0.0.1:8000").header("Origin", origin);
        request.json(&body).send().status
    };
    let app = Setup::new().set("app.base_url", "https://login.example.org/").launch();
    assert_eq!(ask(&app, "https://login.example.org"), 200);
    assert_eq!(ask(&app, "https://evil.example"), 403);
    assert_eq!(ask(&crate::support::app(), "https://login.example.org"), 403);
}

#[test]
fn origins_that_are_none_are_one_line_each() {
    for (key, value, expected) in [
        ("auth.trusted_origins", json!(["*"]), "auth.trusted_origins: \"*\" must be a scheme"),
        (
            "auth.trusted_origins",
            json!(["https://a.example/x"]),
            "auth.trusted_origins: \"https://a.example/x\" must",
        ),
        ("auth.trusted_origins", json!(["http://a.example", "HTTP://A.example:80"]), "stands there twice"),
        ("app.base_url", json!("login.example.org"), "app.base_url: must be a scheme"),
        ("app.base_url", json!("https://login.example.org/x"), "app.base_url: must be a scheme"),
    ] {
        let problems = portcullis::settings::load(&Setup::new().set(key, value).figment()).unwrap_err();
        assert!(problems.len() == 1 && problems[0].contains(expected), "{problems:?}");
    }
}
