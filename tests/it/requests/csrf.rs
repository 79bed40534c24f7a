//! Did this person mean to send this request? Cross-site request forgery from every side.

use portcullis::{AccessToken, SignedIn};
use rocket::http::Method;
use rocket::{delete, post, put, routes};
use serde_json::json;

use crate::support::{App, FOUR, HOST, Setup, Visitor, app, claims, https_app};

#[post("/do")]
fn act(token: AccessToken<'_>) -> String {
    token.subject().to_owned()
}

#[put("/do")]
fn change(token: AccessToken<'_>) -> String {
    token.subject().to_owned()
}

#[delete("/do")]
fn remove(token: AccessToken<'_>) -> String {
    token.subject().to_owned()
}

#[rocket::get("/do")]
fn look(token: AccessToken<'_>) -> String {
    token.subject().to_owned()
}

#[post("/page")]
fn page(visitor: SignedIn<'_>) -> String {
    visitor.subject().to_owned()
}

/// The application with unsafe routes of a developer's own.
fn with_routes(setup: Setup) -> App {
    let rocket = setup.rocket().mount("/", routes![act, change, remove, look, page]);
    setup.launch_as(rocket)
}

fn own() -> App {
    with_routes(Setup::new())
}

#[track_caller]
fn assert_refused(visitor: &Visitor<'_>, proof: &[&str], code: &str) {
    let mut ask = visitor.post("/do");
    for value in proof {
        ask = ask.add_header("X-CSRF-TOKEN", value);
    }
    assert_eq!(ask.send().refusal(), (403, code.to_owned()));
}

#[test]
fn without_a_proof_or_with_the_cookie_alone_nothing_is_done() {
    let app = own();
    let visitor = app.signed_in();
    assert!(!visitor.csrf().is_empty(), "the cookie is there, and proves nothing");
    assert_refused(&visitor, &[], "csrf_missing");
    assert_refused(&visitor, &[""], "csrf_missing");
    assert_eq!(visitor.post("/do").csrf(&visitor.csrf()).send().body, "testuser");
}

#[test]
fn an_equal_random_pair_of_cookie_and_header_proves_nothing() {
    let app = own();
    let visitor = app.signed_in();
    for planted in ["x", "3f2504e0-4f89-41d3-9a0c-0305e82c3301"] {
        visitor.put("csrf_access_token", planted);
        assert_refused(&visitor, &[planted], "csrf_mismatch");
    }
}

#[test]
fn a_proof_of_another_person_or_session_or_kind_proves_nothing() {
    let app = own();
    let visitor = app.signed_in();
    let other_session = app.signed_in();
    let other_person = app.program();
    other_person.sign_in("admin", "adminpass");
    for wrong in [other_session.csrf(), other_person.csrf(), visitor.cookie("csrf_refresh_token")] {
        assert_refused(&visitor, &[&wrong], "csrf_mismatch");
    }
}

#[test]
fn the_proof_of_the_sign_in_form_is_none_afterwards() {
    let app = own();
    let browser = app.browser();
    let before = browser.get("/login").send().hidden("csrf_token");
    browser.sign_in("testuser", "testpass");
    assert_refused(&browser.accepting("application/json"), &[&before], "csrf_mismatch");
}

#[test]
fn after_signing_out_a_proof_is_none_and_after_a_refresh_it_still_is() {
    let app = own();
    let visitor = app.signed_in();
    let proof = visitor.csrf();
    visitor.refresh();
    assert_eq!(visitor.post("/do").csrf(&proof).send().status, 200, "a form in another tab goes on working");
    let copy = visitor.copy();
    visitor.log_out();
    assert_eq!(copy.post("/do").csrf(&proof).send().refusal(), (401, "token_revoked".into()));
    visitor.sign_in("testuser", "testpass");
    assert_refused(&visitor, &[&proof], "csrf_mismatch");
}

#[test]
fn malformed_proofs_are_refused_quietly() {
    let app = own();
    let visitor = app.signed_in();
    let good = visitor.csrf();
    let long = "a".repeat(1_000_000);
    let wrong = [
        good[..good.len() - 1].to_owned(),
        format!("{good}x"),
        format!("{good} {good}"),
        format!("\"{good}\""),
        good.to_uppercase(),
        "null".to_owned(),
        "\u{e4}\u{f6}\u{1f600}".to_owned(),
        "%00".to_owned(),
        long,
    ];
    for value in &wrong {
        assert_refused(&visitor, &[value], "csrf_mismatch");
    }
    assert_eq!(visitor.post("/do").csrf(&good).send().status, 200);
}

#[test]
fn the_header_twice_never_counts() {
    let app = own();
    let visitor = app.signed_in();
    let good = visitor.csrf();
    for pair in [[good.as_str(), "x"], ["x", &good], [&good, &good], ["", &good], [&good, ""]] {
        assert_refused(&visitor, &pair, "csrf_mismatch");
    }
}

#[test]
fn the_field_counts_as_the_header_does_and_both_must_agree() {
    let app = own();
    let visitor = app.signed_in();
    let good = visitor.csrf();
    let send = |fields: &[(&str, &str)], header: &str| {
        let ask = visitor.post("/do").form(fields);
        if header.is_empty() { ask.send() } else { ask.csrf(header).send() }
    };
    assert_eq!(send(&[("csrf_token", &good), ("a", "b")], "").status, 200);
    assert_eq!(send(&[("csrf_token", &good)], &good).status, 200);
    assert_eq!(send(&[("csrf_token", "x")], &good).refusal().1, "csrf_mismatch");
    assert_eq!(send(&[("csrf_token", &good)], "x").refusal().1, "csrf_mismatch");
    assert_eq!(send(&[("csrf_token", &good), ("csrf_token", "x")], "").refusal().1, "csrf_mismatch");
    assert_eq!(send(&[("csrf_token", "x"), ("csrf_token", &good)], "").refusal().1, "csrf_mismatch");
    assert_eq!(send(&[("csrf_token", "")], "").refusal().1, "csrf_missing");
    assert_eq!(send(&[("CSRF_TOKEN", &good)], "").refusal().1, "csrf_missing");
    // Beyond the first 512 bytes nobody looks.
    assert_eq!(send(&[("a", &"b".repeat(600)), ("csrf_token", &good)], "").refusal().1, "csrf_missing");
}

#[test]
fn a_proof_in_the_query_counts_for_nothing() {
    let app = own();
    let visitor = app.signed_in();
    let answer = visitor.post(&format!("/do?csrf_token={}", visitor.csrf())).send();
    assert_eq!(answer.refusal(), (403, "csrf_missing".into()));
}

#[test]
fn a_multipart_form_proves_itself_by_its_first_part() {
    let app = own();
    let visitor = app.signed_in();
    let send = |parts: &[(&str, &str)]| {
        let part = |(name, value): &(&str, &str)| {
            format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
        };
        let body = parts.iter().map(part).collect::<String>() + "--b--\r\n";
        visitor.post("/do").body("multipart/form-data; boundary=b", body).send()
    };
    let good = visitor.csrf();
    assert_eq!(send(&[("csrf_token", &good), ("a", "b")]).status, 200);
    assert_eq!(send(&[("csrf_token", "x")]).refusal().1, "csrf_mismatch");
    assert_eq!(send(&[("a", "b"), ("csrf_token", &good)]).refusal().1, "csrf_missing");
    assert_eq!(send(&[]).refusal().1, "csrf_missing");
    let endless = visitor.post("/do").body("multipart/form-data; boundary=b", "--b\r\n".repeat(2000)).send();
    assert_eq!(endless.refusal().1, "csrf_missing");
}

#[test]
fn a_method_override_changes_nothing_about_the_proof() {
    let app = own();
    let visitor = app.signed_in();
    let good = visitor.csrf();
    for method in ["put", "delete", "get", "PUT", "Get"] {
        let unproved = visitor.post("/do").form(&[("_method", method)]).send();
        assert_eq!(unproved.refusal(), (403, "csrf_missing".into()), "{method}");
        let proved = visitor.post("/do").form(&[("_method", method), ("csrf_token", &good)]).send();
        assert_eq!(proved.body, "testuser", "{method}");
    }
    for header in ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"] {
        let answer = visitor.post("/do").header(header, "GET").send();
        assert_eq!(answer.refusal(), (403, "csrf_missing".into()), "{header}");
        let answer = visitor.get("/do").header(header, "DELETE").send();
        assert_eq!(answer.body, "testuser", "{header}");
    }
}

#[test]
fn safe_methods_need_none() {
    let app = own();
    let visitor = app.signed_in();
    assert_eq!(visitor.get("/do").send().status, 200);
    assert_eq!(visitor.ask(Method::Head, "/do").send().status, 200);
    let cross = visitor.get("/do").header("Sec-Fetch-Site", "cross-site").send();
    assert_eq!(cross.status, 200, "a link from elsewhere may be followed");
}

#[test]
fn what_the_browser_says_of_the_origin_is_believed_when_it_says_another() {
    let plain = own();
    let secure = with_routes(Setup::new().set("auth.insecure_http", false));
    let (http, https) = (format!("http://{HOST}"), format!("https://{HOST}"));
    let upper = http.to_uppercase().replace("HTTP", "http");
    for (app, name, value, is_ours) in [
        (&plain, "Sec-Fetch-Site", "same-origin", true),
        (&plain, "Sec-Fetch-Site", "none", true),
        (&plain, "Sec-Fetch-Site", "same-site", false),
        (&plain, "Sec-Fetch-Site", "cross-site", false),
        (&plain, "Sec-Fetch-Site", "", false),
        (&plain, "Sec-Fetch-Site", "SAME-ORIGIN", false),
        (&plain, "Origin", http.as_str(), true),
        (&plain, "Origin", upper.as_str(), true),
        (&plain, "Origin", "null", false),
        (&plain, "Origin", "", false),
        (&plain, "Origin", HOST, false),
        (&plain, "Origin", "http://evil.example", false),
        (&plain, "Origin", "http://portcullis.example.evil.example", false),
        (&plain, "Origin", "http://evil-portcullis.example", false),
        (&plain, "Origin", "http://portcullis.example:8080", false),
        (&plain, "Origin", "http://portcullis.example.", false),
        (&plain, "Origin", "http://user@portcullis.example", false),
        (&plain, "Origin", "http://portcullis.example/", false),
        (&plain, "Origin", "http://portcullis.example http://evil.example", false),
        (&plain, "Origin", "ftp://portcullis.example", false),
        (&secure, "Origin", https.as_str(), true),
        (&secure, "Origin", http.as_str(), false),
        (&plain, "Referer", "http://evil.example/", true),
        (&plain, "User-Agent", "neither header", true),
    ] {
        let visitor = app.signed_in();
        let answer = visitor.post("/do").csrf(&visitor.csrf()).header(name, value).send();
        if is_ours {
            assert_eq!(answer.body, "testuser", "{name}: {value}");
        } else {
            assert_eq!(answer.refusal(), (403, "cross_site".into()), "{name}: {value}");
        }
        let refresh = visitor.post("/refresh").csrf(&visitor.cookie("csrf_refresh_token"));
        let status = refresh.header(name, value).send().status;
        assert_eq!(status, if is_ours { 200 } else { 403 }, "{name}: {value}");
    }
}

#[test]
fn origin_and_site_said_twice_are_not_ours() {
    let app = own();
    let visitor = app.signed_in();
    let own = format!("http://{HOST}");
    for (name, one, two) in [
        ("Origin", own.as_str(), "http://evil.example"),
        ("Origin", own.as_str(), own.as_str()),
        ("Sec-Fetch-Site", "same-origin", "cross-site"),
        ("Sec-Fetch-Site", "same-origin", "same-origin"),
    ] {
        let ask = visitor.post("/do").csrf(&visitor.csrf()).add_header(name, one).add_header(name, two);
        assert_eq!(ask.send().refusal(), (403, "cross_site".into()), "{name} {two}");
    }
}

#[test]
fn a_sign_in_from_another_site_is_refused_and_sets_nothing() {
    let app = app();
    let credentials = json!({ "username": "testuser", "password": "testpass" });
    for (name, value) in [
        ("Sec-Fetch-Site", "cross-site"),
        ("Sec-Fetch-Site", "same-site"),
        ("Origin", "https://evil.example"),
        ("Origin", "null"),
    ] {
        let program = app.program();
        let answer = program.post("/login").json(&credentials).header(name, value).send();
        assert_eq!(answer.refusal(), (403, "cross_site".into()), "{name}: {value}");
        assert_eq!(answer.all("Set-Cookie").len(), 0);
        let browser = app.browser();
        let proof = browser.get("/login").send().hidden("csrf_token");
        let fields = [("csrf_token", proof.as_str()), ("username", "testuser"), ("password", "testpass")];
        let answer = browser.post("/login").form(&fields).header(name, value).send();
        assert!(answer.status == 403 && answer.is_page(), "{name}: {value}");
        assert!(browser.access_token().is_empty());
    }
}

#[test]
fn a_form_without_our_page_signs_nobody_in_and_recovers_with_one_click() {
    let app = app();
    let fields = [("username", "testuser"), ("password", "testpass")];
    let browser = app.browser();
    let answer = browser.post("/login").form(&fields).send();
    assert!(answer.status == 403 && answer.is_page());
    assert!(browser.access_token().is_empty());
    assert!(answer.body.contains("This form was open for too long."));
    // The page that came back works.
    let proof = answer.hidden("csrf_token");
    let again = [("csrf_token", proof.as_str()), fields[0], fields[1]];
    assert_eq!(browser.post("/login").form(&again).send().status, 303);
}

#[test]
fn the_proof_of_a_sign_in_form_belongs_to_one_browser() {
    let app = app();
    let (attacker, victim) = (app.browser(), app.browser());
    let stolen = attacker.get("/login").send().hidden("csrf_token");
    victim.get("/login").send();
    let cookie = victim.cookie("portcullis_login");
    for proof in [stolen.as_str(), cookie.as_str(), "x", ""] {
        let fields = [("csrf_token", proof), ("username", "testuser"), ("password", "testpass")];
        assert_eq!(victim.post("/login").form(&fields).send().status, 403);
        assert!(victim.access_token().is_empty());
    }
    // Nor does an equal random pair help.
    victim.put("portcullis_login", "00112233445566778899aabbccddeeff");
    let pair = "00112233445566778899aabbccddeeff";
    let fields = [("csrf_token", pair), ("username", "testuser"), ("password", "testpass")];
    assert_eq!(victim.post("/login").form(&fields).send().status, 403);
}

#[test]
fn the_sign_in_form_as_anything_but_a_form_or_json_is_refused() {
    let app = app();
    let body = r#"{"username":"testuser","password":"testpass"}"#;
    for kind in ["", "text/plain", "text/json", "application/csp-report", "application/octet-stream"] {
        let answer = app.program().post("/login").body(kind, body).send();
        assert_eq!(answer.refusal(), (415, "unsupported_media_type".into()), "{kind}");
        assert_eq!(answer.all("Set-Cookie").len(), 0);
    }
    for kind in ["application/x-www-form-urlencoded", "multipart/form-data; boundary=b"] {
        let answer = app.program().post("/login").body(kind, body).send();
        assert!([403, 415, 422].contains(&answer.status), "{kind}: {}", answer.status);
        assert_eq!(answer.all("Set-Cookie").len(), 0);
    }
}

#[test]
fn cookies_of_the_unprefixed_name_count_for_nothing_over_https() {
    let app = https_app();
    let attacker = app.signed_in();
    let victim = app.program();
    for name in FOUR {
        let line = format!("{name}={}", attacker.cookie(name));
        assert_eq!(victim.get("/protected").cookie_line(&line).send().refusal().1, "missing_token");
    }
}

#[test]
fn without_the_readable_cookie_the_page_still_proves_itself() {
    let app = own();
    let browser = app.signed_in_browser();
    browser.drop_cookie("csrf_access_token");
    browser.drop_cookie("csrf_refresh_token");
    let proof = browser.get("/dashboard").send().hidden("csrf_token");
    assert_eq!(browser.post("/page").form(&[("csrf_token", &proof)]).send().body, "testuser");
    app.pass(301);
    let renewed = browser.get("/dashboard").send();
    assert!(!renewed.cookie("csrf_access_token").value.is_empty(), "the next renewal brings them back");
}

#[test]
fn a_tab_left_behind_by_another_sign_in_is_told_and_recovers() {
    let app = own();
    let browser = app.signed_in_browser();
    let old = browser.get("/dashboard").send().hidden("csrf_token");
    let signed_out = browser.copy();
    browser.log_out();
    browser.sign_in("testuser", "testpass");
    assert_eq!(signed_out.get("/dashboard").send().status, 303);
    let refused = browser.post("/page").form(&[("csrf_token", &old)]).send();
    assert!(refused.status == 403 && refused.is_page() && refused.body.contains("reload the page"));
    let new = browser.get("/dashboard").send().hidden("csrf_token");
    assert_eq!(browser.post("/page").form(&[("csrf_token", &new)]).send().status, 200);
}

#[test]
fn a_bearer_alone_needs_no_proof_and_no_origin() {
    let app = with_routes(Setup::new().set("auth.token_locations", ["cookies", "headers"]));
    let token = app.signed_in().access_token();
    let program = app.program();
    assert_eq!(program.post("/do").bearer(&token).send().body, "testuser");
    let cross = program.post("/do").bearer(&token).header("Origin", "https://evil.example").send();
    assert_eq!(cross.body, "testuser", "no ambient authority, nothing to forge");
    assert_eq!(claims(&token)["sub"], "testuser");
}
