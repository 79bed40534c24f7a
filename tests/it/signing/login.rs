//! `/login`: the form, its submission, and the same in JSON.

use serde_json::json;

use crate::support::{App, FOUR, NOW, Setup, app, claims, header, https_app, names};

#[test]
fn a_json_sign_in_sets_the_four_cookies_and_nothing_else() {
    let app = app();
    let answer = app.program().sign_in("testuser", "testpass");
    assert_eq!((answer.status, answer.body.as_str()), (200, r#"{"login":true}"#));
    assert_eq!(answer.header("Content-Type"), Some("application/json"));
    assert_eq!(answer.cookie_names(), names(&FOUR));
    for name in ["access_token_cookie", "refresh_token_cookie"] {
        answer.cookie(name).assert_attributes("HttpOnly; SameSite=Lax; Path=/");
    }
    for name in ["csrf_access_token", "csrf_refresh_token"] {
        answer.cookie(name).assert_attributes("SameSite=Lax; Path=/");
    }
}

#[test]
fn over_https_the_cookies_are_secure_and_bound_to_the_host() {
    let app = https_app();
    let answer = app.program().sign_in("testuser", "testpass");
    let prefixed: Vec<_> = FOUR.iter().map(|name| format!("__Host-{name}")).collect();
    assert_eq!(answer.cookie_names(), prefixed.iter().cloned().collect());
    for name in prefixed {
        let http_only = if name.contains("csrf") { "" } else { "HttpOnly; " };
        answer.cookie(&name).assert_attributes(&format!("{http_only}SameSite=Lax; Secure; Path=/"));
    }
}

#[test]
fn remember_me_gives_the_cookies_the_life_of_their_tokens() {
    let app = app();
    let credentials = json!({ "username": "testuser", "password": "testpass", "remember": true });
    let answer = app.program().post("/login").json(&credentials).send();
    assert_eq!(answer.status, 200);
    for (name, rest) in [
        ("access_token_cookie", "HttpOnly; SameSite=Lax; Path=/; Max-Age=300"),
        ("csrf_access_token", "SameSite=Lax; Path=/; Max-Age=300"),
        ("refresh_token_cookie", "HttpOnly; SameSite=Lax; Path=/; Max-Age=604800"),
        ("csrf_refresh_token", "SameSite=Lax; Path=/; Max-Age=604800"),
    ] {
        answer.cookie(name).assert_attributes(rest);
    }
    for name in ["access_token_cookie", "refresh_token_cookie"] {
        let cookie = answer.cookie(name);
        let life = claims(&cookie.value)["exp"].as_i64().unwrap() - NOW;
        assert!(cookie.has(&format!("Max-Age={life}")), "{name} outlives its token of {life} s");
    }
}

#[test]
fn the_checkbox_of_the_form_remembers_too_and_without_it_cookies_end_with_the_browser() {
    let app = app();
    let fields = [("username", "testuser"), ("password", "testpass")];
    let plain = app.browser().submit_login(&fields);
    plain.cookie("refresh_token_cookie").assert_attributes("HttpOnly; SameSite=Lax; Path=/");
    let remembered = app.browser().submit_login(&[fields[0], fields[1], ("remember", "true")]);
    remembered
        .cookie("refresh_token_cookie")
        .assert_attributes("HttpOnly; SameSite=Lax; Path=/; Max-Age=604800");
}

#[test]
fn the_tokens_say_what_the_design_lists() {
    let app = app();
    let visitor = app.program();
    visitor.sign_in("admin", "adminpass");
    let (access, refresh) = (claims(&visitor.access_token()), claims(&visitor.refresh_token()));
    let keys = |claims: &serde_json::Value| {
        let mut keys: Vec<_> = claims.as_object().unwrap().keys().cloned().collect();
        keys.sort();
        keys.join(" ")
    };
    assert_eq!(keys(&access), "auth_time csrf exp fresh gen iat jti nbf roles sid sub type");
    assert_eq!(keys(&refresh), keys(&access));
    for (claim, value) in [
        ("sub", json!("admin")),
        ("type", json!("access")),
        ("fresh", json!(true)),
        ("iat", json!(NOW)),
        ("nbf", json!(NOW)),
        ("exp", json!(NOW + 300)),
        ("auth_time", json!(NOW)),
        ("gen", json!(1)),
        ("roles", json!(["admin", "user"])),
        ("csrf", json!(visitor.csrf())),
    ] {
        assert_eq!(access[claim], value, "{claim}");
    }
    assert_eq!(refresh["type"], "refresh");
    assert_eq!(refresh["fresh"], false);
    assert_eq!(refresh["exp"], NOW + 86_400);
    assert_eq!(refresh["csrf"], json!(visitor.cookie("csrf_refresh_token")));
    assert_eq!(refresh["sid"], access["sid"]);
    assert_ne!(refresh["jti"], access["jti"]);
    assert_ne!(refresh["csrf"], access["csrf"]);
    let header = header(&visitor.access_token());
    assert_eq!((&header["alg"], &header["typ"]), (&json!("HS256"), &json!("JWT")));
}

#[test]
fn issuer_and_audience_are_written_when_configured() {
    let app = Setup::new()
        .set("auth.claims.issuer", "https://login.example")
        .set("auth.claims.audience", "shop")
        .launch();
    let visitor = app.signed_in();
    let access = claims(&visitor.access_token());
    assert_eq!((&access["iss"], &access["aud"]), (&json!("https://login.example"), &json!("shop")));
    assert_eq!(visitor.get("/protected").send().status, 200);
}

#[test]
fn a_wrong_password_an_unknown_and_an_impossible_name_get_one_answer() {
    let app = app();
    let wrong = app.program().sign_in("testuser", "wrong");
    assert_eq!(wrong.status, 401);
    assert_eq!(wrong.json(), json!({ "msg": "Bad username or password", "code": "bad_credentials" }));
    assert_eq!(wrong.all("Set-Cookie"), Vec::<&str>::new());
    for (name, password) in
        [("nobody", "testpass"), ("testuser", "TESTPASS"), ("", "testpass"), ("testuser", ""), ("a b", "c")]
    {
        let other = app.program().sign_in(name, password);
        assert_eq!((other.status, &other.body), (wrong.status, &wrong.body), "{name:?}");
        assert_eq!(other.headers, wrong.headers, "{name:?}");
    }
}

#[test]
fn a_failed_form_comes_back_with_one_neutral_message_and_the_name() {
    let app = Setup::new().set("app.demo_users", false).launch();
    let page = |name: &str, password: &str| {
        let browser = app.browser();
        let answer = browser.submit_login(&[("username", name), ("password", password)]);
        assert_eq!(answer.status, 401);
        assert!(answer.is_page());
        let proof = answer.hidden("csrf_token");
        let neutral = answer.body.replace(&proof, "PROOF").replace(name, "NAME");
        (answer, neutral)
    };
    let (answer, known) = page("testuser", "wrong");
    assert!(answer.body.contains(r#"name="username" type="text" value="testuser""#), "{}", answer.body);
    assert!(answer.body.contains("Wrong username or password. Check both and try again."));
    assert!(!answer.body.contains(r#"value="wrong""#), "a password is never shown again");
    let (_, unknown) = page("somebodyelse", "wrong");
    assert_eq!(known, unknown);
    assert!(answer.cookie_names().is_empty(), "{:?}", answer.cookie_names());
}

#[test]
fn the_name_is_kept_after_a_failure_but_escaped_and_never_an_overlong_one() {
    let app = app();
    let hostile = r#""><script>alert(1)</script>{{7*7}}&amp;'"#;
    let answer = app.browser().submit_login(&[("username", hostile), ("password", "x")]);
    assert_eq!(answer.status, 401);
    assert!(!answer.body.contains("<script>alert"), "{}", answer.body);
    assert!(
        answer.body.contains("&quot;&gt;&lt;script&gt;alert(1)&lt;&#x2F;script&gt;{{7*7}}&amp;amp;&#x27;")
    );
    let long = "n".repeat(65);
    let answer = app.browser().submit_login(&[("username", &long), ("password", "x")]);
    assert_eq!(answer.status, 401);
    assert!(!answer.body.contains(&long));
}

#[test]
fn the_form_leads_to_the_dashboard_with_see_other() {
    let app = app();
    let browser = app.browser();
    let answer = browser.submit_login(&[("username", "testuser"), ("password", "testpass"), ("next", "")]);
    assert_eq!((answer.status, answer.location()), (303, "/dashboard"));
    assert!(FOUR.iter().all(|name| answer.cookie_names().contains(*name)));
    assert_eq!(browser.get("/dashboard").send().status, 200);
}

#[test]
fn the_forms_own_cookie_is_gone_after_signing_in() {
    for app in [app(), https_app()] {
        let browser = app.browser();
        let name = app.name("portcullis_login");
        let page = browser.get("/login").send();
        let secure = if name.starts_with("__Host-") { "Secure; " } else { "" };
        let attributes = format!("HttpOnly; SameSite=Lax; {secure}Path=/");
        page.cookie(&name).assert_attributes(&attributes);
        let answer = browser.sign_in("testuser", "testpass");
        let gone = answer.cookie(&name);
        gone.assert_attributes(&format!("{attributes}; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT"));
        assert!(!browser.jar().contains_key(&name), "a strict browser has let it go: {:?}", browser.jar());
    }
}

#[test]
fn next_is_kept_through_a_failure_and_followed_at_last() {
    let app = app();
    let browser = app.browser();
    let page = browser.get("/login?next=/sessions%3Fa%3Db%26c").send();
    assert_eq!(page.hidden("next"), "&#x2F;sessions?a=b&amp;c");
    let failed =
        browser.submit_login(&[("username", "testuser"), ("password", "wrong"), ("next", "/sessions?a=b&c")]);
    assert_eq!(failed.hidden("next"), "&#x2F;sessions?a=b&amp;c");
    let answer = browser.submit_login(&[
        ("username", "testuser"),
        ("password", "testpass"),
        ("next", "/sessions?a=b&c"),
    ]);
    assert_eq!((answer.status, answer.location()), (303, "/sessions?a=b&c"));
}

#[test]
fn next_never_leaves_the_site() {
    let app = app();
    let long = format!("/{}", "a".repeat(7000));
    for hostile in [
        "https://evil.example",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "\t//evil.example",
        " //evil.example",
        "https:evil.example",
        "javascript:alert(1)",
        "data:text/html,x",
        "/x\r\nSet-Cookie: a=b",
        "/x\nLocation: //evil.example",
        "//user:pass@evil.example:8080/",
        "http:///evil.example",
        ".evil.example",
        "@evil.example",
        "/\u{2044}/evil.example",
        "/login?next=//evil.example",
        "/logout",
        long.as_str(),
    ] {
        let browser = app.browser();
        let fields = [("username", "testuser"), ("password", "testpass"), ("next", hostile)];
        let answer = browser.submit_login(&fields);
        assert_eq!((answer.status, answer.location()), (303, "/dashboard"), "{hostile:?}");
        // Signed in already, a link to the form leads on at once.
        let path = format!("/login?next={}", rocket::http::RawStr::new(hostile).percent_encode());
        let answer = browser.get(&path).send();
        assert_eq!((answer.status, answer.location()), (303, "/dashboard"), "{hostile:?}");
        let form = app.browser().get(&path).send();
        assert_eq!(form.hidden("next"), "", "{hostile:?}");
    }
}

#[test]
fn a_second_next_in_the_query_does_not_help_either() {
    let app = app();
    let form = app.browser().get("/login?next=/a&next=//evil.example").send();
    assert!(!form.body.contains("evil"), "{}", form.hidden("next"));
}

#[test]
fn who_is_signed_in_is_led_on_from_the_form() {
    let app = app();
    let browser = app.signed_in_browser();
    let answer = browser.get("/login?next=/sessions").send();
    assert_eq!((answer.status, answer.location()), (303, "/sessions"));
    app.pass(301);
    let answer = browser.get("/login").send();
    assert_eq!((answer.status, answer.location()), (303, "/dashboard"), "an expired access token is renewed");
}

#[test]
fn signing_in_again_ends_the_session_that_the_browser_held() {
    let app = app();
    let visitor = app.signed_in();
    let old = visitor.copy();
    let old_csrf = visitor.csrf();
    assert_eq!(visitor.sign_in("admin", "adminpass").status, 200);
    assert_eq!(old.get("/protected").send().refusal(), (401, "token_revoked".into()));
    assert_eq!(old.refresh().refusal(), (401, "token_revoked".into()));
    assert_eq!(visitor.get("/protected").send().json(), json!({ "logged_in_as": "admin" }));
    assert_ne!(visitor.csrf(), old_csrf);
    assert_ne!(claims(&visitor.access_token())["sid"], claims(&old.access_token())["sid"]);
}

#[test]
fn a_failed_sign_in_leaves_the_session_alone() {
    let app = app();
    let visitor = app.signed_in();
    assert_eq!(visitor.sign_in("admin", "wrong").status, 401);
    assert_eq!(visitor.get("/protected").send().status, 200);
}

#[test]
fn somebody_elses_planted_cookies_do_not_survive_a_sign_in() {
    let app = app();
    let attacker = app.browser();
    attacker.sign_in("admin", "adminpass");
    let victim = app.browser();
    for (name, value) in attacker.jar() {
        victim.put(&name, &value);
    }
    victim.drop_cookie("access_token_cookie");
    victim.drop_cookie("refresh_token_cookie");
    victim.put("access_token_cookie", "planted");
    victim.get("/login").send();
    assert_eq!(victim.sign_in("testuser", "testpass").status, 303);
    for (name, value) in attacker.jar() {
        assert_ne!(victim.jar().get(&name), Some(&value), "{name}");
    }
    assert_eq!(claims(&victim.access_token())["sub"], "testuser");
}

#[test]
fn a_person_has_at_most_ten_sessions_and_the_longest_idle_one_goes() {
    let app = app();
    let first = app.signed_in();
    let mut others = Vec::new();
    for _ in 0..10 {
        app.pass(1);
        others.push(app.signed_in());
    }
    assert_eq!(first.get("/protected").send().refusal(), (401, "token_revoked".into()));
    for other in &others {
        assert_eq!(other.get("/protected").send().status, 200);
    }
}

#[test]
fn names_are_one_whatever_their_case() {
    let app = app();
    let visitor = app.program();
    assert_eq!(visitor.sign_in("TestUser", "testpass").status, 200);
    assert_eq!(claims(&visitor.access_token())["sub"], "testuser");
}

#[test]
fn the_demo_accounts_are_named_only_where_they_exist() {
    let shown = |app: &App| app.browser().get("/login").send().body.contains("adminpass");
    assert!(shown(&app()));
    assert!(!shown(&Setup::new().set("app.demo_users", false).launch()));
}

#[test]
fn an_empty_store_gets_the_demo_accounts_and_a_used_one_does_not() {
    let app = Setup::without_accounts().launch();
    assert_eq!(app.program().sign_in("testuser", "testpass").status, 200);
    assert_eq!(app.program().sign_in("admin", "adminpass").status, 200);
    let app = Setup::without_accounts().set("app.demo_users", false).launch();
    assert_eq!(app.program().sign_in("testuser", "testpass").status, 401);
}

#[test]
fn a_form_that_asks_for_json_and_json_that_asks_for_a_page_are_answered_as_asked() {
    let app = app();
    let credentials = json!({ "username": "testuser", "password": "testpass" });
    let answer = app.browser().post("/login").json(&credentials).send();
    assert_eq!((answer.status, answer.location()), (303, "/dashboard"));
    let browser = app.browser();
    let proof = browser.get("/login").send().hidden("csrf_token");
    let fields = [("csrf_token", proof.as_str()), ("username", "testuser"), ("password", "testpass")];
    let answer = browser.accepting("application/json").post("/login").form(&fields).send();
    assert_eq!(answer.json(), json!({ "login": true }));
}

#[test]
fn curl_which_accepts_anything_gets_json() {
    let app = app();
    let credentials = json!({ "username": "testuser", "password": "testpass" });
    let answer = app.program().post("/login").header("Accept", "*/*").json(&credentials).send();
    assert_eq!(answer.json(), json!({ "login": true }));
}

#[test]
fn only_our_own_notices_are_shown() {
    let app = app();
    let page = app.browser().get("/login?notice=signed_out").send();
    assert!(page.body.contains("You have signed out."));
    let page = app.browser().get("/login?notice=%3Cb%3Ecall%20us%3C/b%3E").send();
    assert!(
        page.status == 200 && !page.body.contains("call us") && !page.body.contains(r#"role="status"><p"#)
    );
}

#[test]
fn the_form_speaks_the_visitors_language() {
    let app = app();
    let english = app.browser().get("/login").send();
    assert!(english.body.contains(r#"<html lang="en">"#));
    let german = app.browser().get("/login").header("Accept-Language", "fr, de-AT;q=0.8, en;q=0.5").send();
    assert!(german.body.contains(r#"<html lang="de">"#));
}
