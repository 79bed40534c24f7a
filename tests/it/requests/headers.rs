//! The headers that are true of every answer.

use rocket::http::Status;
use rocket::{get, routes};
use serde_json::json;

use crate::support::{Answer, App, Setup, app, https_app};

#[get("/status/<code>")]
fn status(code: u16) -> Status {
    Status::new(code)
}

/// An application with a route for the statuses that no bad input reaches.
fn with_statuses(setup: Setup) -> App {
    let rocket = setup.rocket().mount("/", routes![status]);
    setup.launch_as(rocket)
}

/// Asserts that an answer has every header it should have, and none that it should not.
#[track_caller]
pub(crate) fn assert_security_headers(answer: &Answer, is_https: bool) {
    for (name, value) in
        [("X-Content-Type-Options", "nosniff"), ("Cross-Origin-Resource-Policy", "same-origin")]
    {
        assert_eq!(answer.all(name), [value], "{name} on {}", answer.status);
    }
    // They speak of documents, and data is none.
    for (name, value) in [
        ("X-Frame-Options", "DENY"),
        ("Referrer-Policy", "same-origin"),
        ("Cross-Origin-Opener-Policy", "same-origin"),
        ("X-XSS-Protection", "0"),
    ] {
        assert_eq!(answer.header(name), answer.is_page().then_some(value), "{name} on {}", answer.status);
    }
    let policy = answer.header("Content-Security-Policy").expect("no content security policy");
    for directive in ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"] {
        assert!(policy.split("; ").any(|part| part == directive), "{directive} on {}", answer.status);
    }
    assert!(!policy.contains("unsafe") && !policy.contains('*') && !policy.contains("data:"), "{policy}");
    let permissions = answer.header("Permissions-Policy");
    assert_eq!(permissions.is_some(), answer.is_page());
    for feature in ["camera=()", "microphone=()", "geolocation=()"] {
        assert!(permissions.is_none_or(|permissions| permissions.contains(feature)), "{feature}");
    }
    let transport = answer.header("Strict-Transport-Security");
    let expected = is_https.then_some("max-age=63072000; includeSubDomains");
    assert_eq!(transport, expected, "on {}", answer.status);
    for name in ["Server", "X-Powered-By", "Access-Control-Allow-Origin", "X-AspNet-Version"] {
        assert_eq!(answer.all(name), Vec::<&str>::new(), "{name} on {}", answer.status);
    }
    let is_asset = answer.header("Cache-Control") == Some("public, max-age=31536000, immutable");
    assert!(is_asset || answer.header("Cache-Control") == Some("no-store"), "on {}", answer.status);
    if answer.is_page() {
        assert_no_inline_code(&answer.body);
    }
}

/// No inline script, style or handler, and nothing from another origin.
#[track_caller]
pub(crate) fn assert_no_inline_code(page: &str) {
    let lower = page.to_lowercase();
    assert!(!lower.contains("<style") && !lower.contains(" style="), "inline style");
    assert!(!lower.contains("javascript:") && !lower.contains("<iframe") && !lower.contains("<base"));
    for script in lower.split("<script").skip(1) {
        let (tag, rest) = script.split_once('>').unwrap();
        assert!(tag.contains(" src=\"&#x2f;static&#x2f;") && rest.starts_with("</script>"), "{tag}");
    }
    for tag in lower.split('<').skip(1) {
        let tag = tag.split('>').next().unwrap();
        let handler = tag.split_whitespace().any(|word| {
            word.strip_prefix("on").and_then(|rest| rest.split_once('=')).is_some_and(|(name, _)| {
                !name.is_empty() && name.chars().all(|letter| letter.is_ascii_lowercase())
            })
        });
        assert!(!handler, "an inline handler: <{tag}>");
        for attribute in ["src=\"", "href=\"", "action=\""] {
            let Some((_, value)) = tag.split_once(attribute) else { continue };
            let is_own = value.starts_with('/') && !value.starts_with("//")
                || value.starts_with("&#x2f;") && !value.starts_with("&#x2f;&#x2f;")
                || value.starts_with('#');
            assert!(is_own, "something from elsewhere: <{tag}>");
        }
    }
}

#[test]
fn every_status_in_both_forms_has_all_of_them() {
    for (app, is_https) in [
        (with_statuses(Setup::new()), false),
        (with_statuses(Setup::new().set("auth.insecure_http", false)), true),
    ] {
        for (visitor, form) in
            [(app.program(), "application/json"), (app.browser(), "text/html; charset=utf-8")]
        {
            for code in [400, 401, 403, 404, 413, 415, 422, 429, 431, 500, 502, 503] {
                let answer = visitor.get(&format!("/status/{code}")).send_whatever_comes();
                assert_eq!(answer.status, code);
                assert_security_headers(&answer, is_https);
                assert_eq!(answer.header("Content-Type"), Some(form), "{code}");
                for word in ["rocket", "rust", "panicked", "src/"] {
                    assert!(!answer.body.to_lowercase().contains(word), "{code}: {word}");
                }
            }
        }
    }
}

#[test]
fn every_way_through_the_application_has_all_of_them() {
    for (app, is_https) in [(app(), false), (https_app(), true)] {
        let program = app.program();
        let browser = app.browser();
        let mut answers = vec![
            program.get("/").send(),
            program.get("/login").send(),
            browser.get("/login").send(),
            program.get("/protected").send(),
            browser.get("/protected").send(),
            program.sign_in("testuser", "wrong"),
            browser.sign_in("testuser", "wrong"),
            program.post("/login").body("application/json", "{").send(),
            program.post("/login").json(&json!([])).send(),
            program.post("/login").body("text/plain", "").send(),
            program.post("/login").body("application/json", " ".repeat(9000)).send(),
            browser.get("/favicon.ico").send(),
            program.sign_in("testuser", "testpass"),
            browser.sign_in("testuser", "testpass"),
            browser.get("/dashboard").send(),
            program.get("/protected").send(),
            program.post("/refresh").send(),
            program.refresh(),
        ];
        app.pass(301);
        answers.push(browser.get("/dashboard").send());
        answers.push(program.get("/protected").send());
        answers.push(program.log_out());
        answers.push(browser.log_out());
        for answer in &answers {
            assert_security_headers(answer, is_https);
        }
        let statuses: std::collections::BTreeSet<_> = answers.iter().map(|answer| answer.status).collect();
        let expected = [200, 303, 400, 401, 403, 413, 415, 422];
        assert!(expected.iter().all(|status| statuses.contains(status)), "{statuses:?}");
    }
}

#[test]
fn pages_may_load_our_own_files_and_data_may_load_nothing() {
    let app = app();
    let page = app.browser().get("/login").send();
    let policy = page.header("Content-Security-Policy").unwrap();
    for directive in ["script-src 'self'", "style-src 'self'", "form-action 'self'", "object-src 'none'"] {
        assert!(policy.split("; ").any(|part| part == directive), "{directive}");
    }
    let data = app.program().get("/protected").send();
    assert!(!data.header("Content-Security-Policy").unwrap().contains("script-src"));
}

#[test]
fn assets_are_named_by_their_content_and_kept_for_a_year() {
    let app = app();
    let page = app.signed_in_browser().get("/dashboard").send();
    let mut seen = 0;
    for address in page.body.split('"').filter(|text| text.starts_with("&#x2F;static&#x2F;")) {
        let path = address.replace("&#x2F;", "/");
        let hash = path.rsplit('.').nth(1).unwrap();
        assert!(hash.len() == 12 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()), "{path}");
        for visitor in [app.browser(), app.signed_in_browser()] {
            let file = visitor.get(&path).send();
            assert_eq!(file.status, 200, "{path}");
            assert_eq!(file.header("Cache-Control"), Some("public, max-age=31536000, immutable"));
            assert_eq!((file.all("Set-Cookie").len(), file.all("Vary").len()), (0, 0));
            assert_security_headers(&file, false);
            let kind = file.header("Content-Type").unwrap();
            let expected = match path.rsplit('.').next().unwrap() {
                "css" => "text/css; charset=utf-8",
                "js" => "text/javascript",
                _ => "image/svg+xml",
            };
            assert_eq!(kind, expected);
        }
        let stale = path.replace(hash, "000000000000");
        assert_eq!(app.browser().get(&stale).send().status, 404, "an address of another content");
        seen += 1;
    }
    assert_eq!(seen, 4);
}

#[test]
fn the_icon_that_browsers_ask_for_leads_to_the_one_that_may_be_kept() {
    let app = app();
    let answer = app.browser().get("/favicon.ico").send();
    assert_eq!((answer.status, answer.header("Cache-Control")), (303, Some("no-store")));
    let icon = app.browser().get(answer.location()).send();
    assert_eq!((icon.status, icon.header("Content-Type")), (200, Some("image/svg+xml")));
}

#[test]
fn no_origin_is_ever_allowed_to_read() {
    let app = app();
    let visitor = app.signed_in();
    for origin in ["https://evil.example", "null", "http://portcullis.example", "*"] {
        for method in [rocket::http::Method::Get, rocket::http::Method::Options] {
            let ask = visitor.ask(method, "/protected").header("Origin", origin);
            let answer = ask.header("Access-Control-Request-Method", "POST").send();
            let allowed =
                answer.headers.iter().any(|(name, _)| name.to_lowercase().starts_with("access-control"));
            assert!(!allowed, "{origin}");
        }
    }
}
