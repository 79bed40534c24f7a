//! `/protected`: who am I, for programs; and every reason not to be told.

use serde_json::json;

use crate::support::{Setup, app, https_app, mint, with_claims};

#[test]
fn a_good_token_is_told_whose_it_is() {
    let app = app();
    let answer = app.signed_in().get("/protected").send();
    assert_eq!((answer.status, answer.body.as_str()), (200, r#"{"logged_in_as":"testuser"}"#));
    assert_eq!(answer.header("Content-Type"), Some("application/json"));
    assert_eq!(answer.all("Set-Cookie"), Vec::<&str>::new());
}

#[test]
fn nothing_presented() {
    let answer = app().program().get("/protected").send();
    assert_eq!(answer.status, 401);
    assert_eq!(
        answer.json(),
        json!({ "msg": "Missing cookie \"access_token_cookie\"", "code": "missing_token" })
    );
    assert_eq!(answer.header("WWW-Authenticate"), None, "nobody may send a bearer here");
    let answer = https_app().program().get("/protected").send();
    assert_eq!(answer.json()["msg"], "Missing cookie \"__Host-access_token_cookie\"");
}

#[test]
fn expired_at_the_very_second_and_not_one_before() {
    let app = app();
    let visitor = app.signed_in();
    app.pass(299);
    assert_eq!(visitor.get("/protected").send().status, 200);
    app.pass(1);
    let answer = visitor.get("/protected").send();
    assert_eq!(answer.status, 401);
    assert_eq!(answer.json(), json!({ "msg": "Token has expired", "code": "token_expired" }));
}

#[test]
fn leeway_forgives_what_it_is_set_to() {
    let app = Setup::new().set("auth.claims.leeway", 10).launch();
    let visitor = app.signed_in();
    app.pass(309);
    assert_eq!(visitor.get("/protected").send().status, 200);
    app.pass(1);
    assert_eq!(visitor.get("/protected").send().refusal(), (401, "token_expired".into()));
}

#[test]
fn the_wrong_kind_of_token() {
    let app = app();
    let visitor = app.signed_in();
    visitor.put("access_token_cookie", &visitor.refresh_token());
    let answer = visitor.get("/protected").send();
    assert_eq!(answer.status, 401);
    assert_eq!(answer.json(), json!({ "msg": "Only non-refresh tokens are allowed", "code": "wrong_type" }));
}

#[test]
fn malformed_forged_or_of_another_algorithm() {
    let app = app();
    let visitor = app.signed_in();
    let token = visitor.access_token();
    let head = crate::support::header(&token);
    let claims = crate::support::claims(&token);
    let forged = mint(&head, &claims, "another secret, just as long as ours: 0123456789");
    let mut none = head.clone();
    none["alg"] = "none".into();
    let none = mint(&none, &claims, crate::support::KEY);
    for (token, message) in [
        ("no token at all", "Not enough segments"),
        ("a.b", "Not enough segments"),
        ("a.b.c", "Invalid token"),
        (forged.as_str(), "Signature verification failed"),
        (none.as_str(), "The specified alg value is not allowed"),
    ] {
        let thief = app.program();
        thief.put("access_token_cookie", token);
        let answer = thief.get("/protected").send();
        assert_eq!(answer.status, 401, "{token}");
        assert_eq!(answer.json(), json!({ "msg": message, "code": "invalid_token" }), "{token}");
        assert_eq!(answer.all("Set-Cookie"), Vec::<&str>::new());
    }
}

#[test]
fn a_revoked_token() {
    let app = app();
    let visitor = app.signed_in();
    let copy = visitor.copy();
    visitor.log_out();
    let answer = copy.get("/protected").send();
    assert_eq!(answer.status, 401);
    assert_eq!(answer.json(), json!({ "msg": "Token has been revoked", "code": "token_revoked" }));
}

#[test]
fn a_token_that_names_somebody_else_under_a_known_session_is_refused() {
    let app = app();
    let visitor = app.signed_in();
    let raised = with_claims(&visitor.access_token(), |claims| claims["sub"] = "admin".into());
    let thief = app.program();
    thief.put("access_token_cookie", &raised);
    assert_eq!(thief.get("/protected").send().refusal(), (401, "invalid_token".into()));
    assert_eq!(visitor.get("/protected").send().status, 200);
}

#[test]
fn the_cookie_twice_is_refused_even_with_equal_values() {
    let app = app();
    let token = app.signed_in().access_token();
    for other in [token.as_str(), "x", "a.b.c"] {
        for line in [
            format!("access_token_cookie={token}; access_token_cookie={other}"),
            format!("access_token_cookie={other}; access_token_cookie={token}"),
        ] {
            let answer = app.program().get("/protected").cookie_line(&line).send();
            assert_eq!(answer.refusal(), (401, "invalid_token".into()), "{other}");
        }
        let two_lines = app.program();
        let ask = two_lines.get("/protected").cookie_line(&format!("access_token_cookie={token}"));
        let answer = ask.add_header("Cookie", &format!("access_token_cookie={other}")).send();
        assert_eq!(answer.refusal(), (401, "invalid_token".into()));
    }
}

#[test]
fn other_spellings_of_the_cookies_name_are_not_the_cookie() {
    let app = app();
    let token = app.signed_in().access_token();
    for line in [
        format!("Access_Token_Cookie={token}"),
        format!("=access_token_cookie={token}"),
        format!("__Host-access_token_cookie={token}"),
        format!("access_token_cookie%20={token}"),
        format!("xaccess_token_cookie={token}"),
    ] {
        let answer = app.program().get("/protected").cookie_line(&line).send();
        assert_eq!(answer.refusal(), (401, "missing_token".into()), "{line}");
    }
    let app = https_app();
    let token = app.signed_in().access_token();
    for name in ["access_token_cookie", "__host-access_token_cookie", "=__Host-access_token_cookie"] {
        let answer = app.program().get("/protected").cookie_line(&format!("{name}={token}")).send();
        assert_eq!(answer.refusal(), (401, "missing_token".into()), "{name}");
    }
    let line = format!("access_token_cookie=planted; __Host-access_token_cookie={token}");
    assert_eq!(app.program().get("/protected").cookie_line(&line).send().status, 200);
}

#[test]
fn a_browser_is_led_to_the_form_and_back() {
    let app = app();
    let browser = app.browser();
    let answer = browser.get("/protected?a=b").send();
    assert_eq!(answer.status, 303);
    assert_eq!(answer.location(), "/login?next=%2Fprotected%3Fa%3Db");
    let page = browser.get(answer.location()).send();
    assert_eq!(page.hidden("next"), "&#x2F;protected?a=b");
}

#[test]
fn a_bearer_is_taken_only_where_headers_are_enabled() {
    let cookies_only = app();
    let token = cookies_only.signed_in().access_token();
    let answer = cookies_only.program().get("/protected").bearer(&token).send();
    assert_eq!(answer.refusal(), (401, "missing_token".into()));

    let both = Setup::new().set("auth.token_locations", ["cookies", "headers"]).launch();
    let token = both.signed_in().access_token();
    let program = both.program();
    assert_eq!(program.get("/protected").bearer(&token).send().json(), json!({ "logged_in_as": "testuser" }));
    let answer = program.get("/protected").header("Authorization", &format!("bearer {token}")).send();
    assert_eq!(answer.status, 200, "the scheme's case does not matter (RFC 9110 §11.1)");
}

#[test]
fn the_401_of_a_service_that_takes_bearers_says_so() {
    let app = Setup::new().set("auth.token_locations", ["headers", "cookies"]).launch();
    let program = app.program();
    let missing = program.get("/protected").send();
    assert_eq!(missing.header("WWW-Authenticate"), Some("Bearer"));
    assert_eq!(
        missing.json()["msg"],
        "Missing JWT in headers or cookies (Missing Authorization Header; Missing cookie \
         \"access_token_cookie\")"
    );
    let invalid = program.get("/protected").bearer("nonsense").send();
    assert_eq!(invalid.header("WWW-Authenticate"), Some("Bearer"));
    let wrong_password = program.sign_in("testuser", "wrong");
    assert_eq!(wrong_password.header("WWW-Authenticate"), Some("Bearer"));
    let page = app.browser().sign_in("testuser", "wrong");
    assert_eq!((page.status, page.header("WWW-Authenticate")), (401, None));
    let forbidden = program.post("/refresh").cookie_line("refresh_token_cookie=a.b.c").send();
    assert_eq!((forbidden.status, forbidden.header("WWW-Authenticate")), (403, None));
}

#[test]
fn with_headers_alone_a_cookie_is_no_token() {
    let app = Setup::new().set("auth.token_locations", ["headers"]).launch();
    let visitor = app.program();
    let token = visitor.sign_in("testuser", "testpass").json()["access_token"].as_str().unwrap().to_owned();
    visitor.put("access_token_cookie", &token);
    let answer = visitor.get("/protected").send();
    assert_eq!(answer.status, 401);
    assert_eq!(answer.json()["msg"], "Missing Authorization Header");
    assert_eq!(visitor.get("/protected").bearer(&token).send().status, 200);
}

#[test]
fn a_malformed_authorization_header_is_refused() {
    let app = Setup::new().set("auth.token_locations", ["cookies", "headers"]).launch();
    let visitor = app.signed_in();
    let token = visitor.access_token();
    let program = app.program();
    for value in ["Bearer", "Bearer ", &format!("Bearer {token} {token}"), &format!("Bearer {token},x")] {
        let answer = program.get("/protected").header("Authorization", value).send();
        assert_eq!(answer.refusal(), (401, "invalid_token".into()), "{value}");
    }
    for value in ["Basic dGVzdHVzZXI6dGVzdHBhc3M=", "", &format!("Token {token}"), token.as_str()] {
        let answer = program.get("/protected").header("Authorization", value).send();
        assert_eq!(answer.refusal(), (401, "missing_token".into()), "{value}");
    }
    let twice =
        program.get("/protected").bearer(&token).add_header("Authorization", &format!("Bearer {token}"));
    assert_eq!(twice.send().refusal(), (401, "invalid_token".into()));
}

#[test]
fn cookie_and_bearer_of_two_people_are_never_mixed() {
    let app = Setup::new().set("auth.token_locations", ["cookies", "headers"]).launch();
    let one = app.signed_in();
    let other = app.program();
    other.sign_in("admin", "adminpass");
    let answer = one.get("/protected").bearer(&other.access_token()).send();
    assert_eq!(answer.refusal(), (401, "invalid_token".into()));
    let answer = one.get("/protected").bearer(&one.access_token()).send();
    assert_eq!(answer.status, 200, "the same token in both places is one token");
}

#[test]
fn a_token_in_the_query_or_the_body_is_no_token() {
    let app = Setup::new().set("auth.token_locations", ["cookies", "headers"]).launch();
    let token = app.signed_in().access_token();
    let program = app.program();
    for name in ["access_token", "access_token_cookie", "jwt", "token"] {
        let answer = program.get(&format!("/protected?{name}={token}")).send();
        assert_eq!(answer.refusal(), (401, "missing_token".into()));
        let answer = program.get("/protected").form(&[(name, &token)]).send();
        assert_eq!(answer.refusal(), (401, "missing_token".into()));
    }
}
