//! Bad input of every kind: the documented 4xx, never a 5xx, never the input echoed, always the security headers.

use rocket::http::Method;
use serde_json::json;

use crate::requests::headers::assert_security_headers;
use crate::support::{Answer, App, app};

const CANARY: &str = "canary<b>\"'&";

/// Sends a body to `/login` as a program and as a browser; both must refuse it in the same way.
#[track_caller]
fn assert_login_refuses(app: &App, kind: &str, body: &[u8], expected: u16) {
    for visitor in [app.program(), app.browser()] {
        let answer = visitor.post("/login").body(kind, body).send();
        let shown = String::from_utf8_lossy(&body[..body.len().min(120)]).into_owned();
        assert_eq!(answer.status, expected, "{kind}: {shown}: {}", answer.body);
        assert_harmless(&answer);
        assert!(!answer.cookies().iter().any(|cookie| cookie.name.contains("token")));
    }
}

#[track_caller]
fn assert_harmless(answer: &Answer) {
    assert!((400..500).contains(&answer.status) || answer.status == 303, "{}", answer.status);
    assert!(!answer.body.contains("canary"), "the input is echoed: {}", answer.body);
    assert_security_headers(answer, false);
}

fn form(app: &App, fields: &str) -> (String, u16) {
    let browser = app.browser();
    let proof = browser.get("/login").send().hidden("csrf_token");
    let body = format!("csrf_token={proof}&{fields}");
    let answer = browser.post("/login").body("application/x-www-form-urlencoded", body).send();
    assert_security_headers(&answer, false);
    assert!(answer.status < 500);
    (answer.body, answer.status)
}

#[test]
fn json_that_is_none_is_400() {
    let app = app();
    let deep = "[".repeat(4000);
    let deep_object = r#"{"username":"#.repeat(500);
    for body in [
        "",
        " ",
        "{",
        "}",
        "{\"username\"",
        "{'username': 'canary'}",
        r#"{"username":"canary","password":"x"}}"#,
        r#"{"username":"canary","password":"x"} {}"#,
        r#"{"username":"canary","password":"x",}"#,
        r#"{"username":"canary" "password":"x"}"#,
        r#"{"username":canary,"password":"x"}"#,
        r#"{"username":"canary\ud800","password":"x"}"#,
        r#"{"username":"canary\x41","password":"x"}"#,
        "{\"username\":\"canary\n\",\"password\":\"x\"}",
        "{\"username\":\"canary\0\",\"password\":\"x\"}",
        "\u{feff}",
        "{\u{feff}\"username\":\"testuser\",\"password\":\"testpass\"}",
        "username=testuser&password=testpass",
        "<xml/>",
        "NaN",
        deep.as_str(),
    ] {
        assert_login_refuses(&app, "application/json", body.as_bytes(), 400);
    }
    let answer = app.program().post("/login").body("application/json", deep_object).send();
    assert!([400, 422].contains(&answer.status), "{}", answer.status);
    assert_eq!(app.program().post("/login").body("application/json", "{").send().refusal().1, "bad_request");
}

#[test]
fn json_of_other_types_and_members_is_422() {
    let app = app();
    for body in [
        "null",
        "true",
        "1",
        "\"canary\"",
        "[]",
        r#"["testuser","testpass"]"#,
        r#"["testuser","testpass",true]"#,
        r#"[{"username":"testuser","password":"testpass"}]"#,
        "{}",
        r#"{"username":"testuser"}"#,
        r#"{"password":"testpass"}"#,
        r#"{"username":null,"password":"testpass"}"#,
        r#"{"username":1,"password":"testpass"}"#,
        r#"{"username":"testuser","password":1234567}"#,
        r#"{"username":"testuser","password":null}"#,
        r#"{"username":"testuser","password":true}"#,
        r#"{"username":["testuser"],"password":"testpass"}"#,
        r#"{"username":{"$gt":""},"password":{"$gt":""}}"#,
        r#"{"username":"testuser","password":"testpass","remember":"yes"}"#,
        r#"{"username":"testuser","password":"testpass","remember":1}"#,
        r#"{"username":"testuser","password":"testpass","remember":null}"#,
        r#"{"username":"testuser","password":"testpass","canary":1}"#,
        r#"{"username":"testuser","password":"testpass","next":"/x"}"#,
        r#"{"username":"testuser","password":"testpass","roles":["admin"]}"#,
        r#"{"username":"testuser","password":"testpass","__proto__":{}}"#,
        r#"{"username":"testuser","username":"admin","password":"testpass"}"#,
        r#"{"username":"testuser","password":"wrong","password":"testpass"}"#,
        r#"{"username":"testuser","\u0075sername":"admin","password":"testpass"}"#,
        r#"{"Username":"testuser","password":"testpass"}"#,
    ] {
        assert_login_refuses(&app, "application/json", body.as_bytes(), 422);
    }
    let answer = app.program().post("/login").json(&json!({})).send();
    assert_eq!(answer.refusal(), (422, "unprocessable".into()));
}

#[test]
fn escapes_and_white_space_are_still_the_same_credentials() {
    let app = app();
    for body in [
        r#" { "username" : "testuser" , "password" : "testpass" , "remember" : false } "#,
        r#"{"password":"test\u0070ass","username":"\u0074estuser"}"#,
    ] {
        assert_eq!(app.program().post("/login").body("application/json", body).send().status, 200);
    }
}

#[test]
fn broken_utf8_is_400_in_json_and_in_forms() {
    let app = app();
    for bad in [&b"\xff"[..], b"\xc3", b"\xed\xa0\x80", b"\xc0\x80", b"\xf8\x88\x80\x80\x80"] {
        let body = [br#"{"username":"canary"#, bad, br#"","password":"x"}"#].concat();
        assert_login_refuses(&app, "application/json", &body, 400);
        let body = [&b"username=canary"[..], bad, b"&password=x"].concat();
        assert_login_refuses(&app, "application/x-www-form-urlencoded", &body, 400);
    }
    assert_login_refuses(&app, "application/json", &[b'{', 0, b'"', 0], 400);
    for escaped in ["%ff", "%C3", "%ED%A0%80", "%C0%80"] {
        let (body, status) = form(&app, &format!("username=canary{escaped}&password=x"));
        assert!(status == 400 && !body.contains("canary"), "{escaped}: {status}");
    }
}

#[test]
fn other_content_types_and_charsets_are_415() {
    let app = app();
    let body = r#"{"username":"testuser","password":"testpass"}"#;
    for kind in [
        "",
        "text/plain",
        "text/html",
        "text/json",
        "application/xml",
        "application/jsonp",
        "application/json-patch+json",
        "application/vnd.api+json",
        "application/octet-stream",
        "application/json; charset=utf-16",
        "application/json; charset=iso-8859-1",
        "application/json;charset=\"utf-7\"",
        "json",
        "*/*",
        "application/*",
        "; charset=utf-8",
        "\u{e4}",
    ] {
        assert_login_refuses(&app, kind, body.as_bytes(), 415);
    }
    for kind in ["application/json", "application/json; charset=utf-8", "APPLICATION/JSON;charset=UTF-8"] {
        assert_eq!(app.program().post("/login").body(kind, body).send().status, 200, "{kind}");
    }
    let program = app.program();
    let answer =
        program.post("/login").body("text/plain", body).add_header("Content-Type", "application/json").send();
    assert!([200, 415].contains(&answer.status), "{}", answer.status);
}

#[test]
fn oversized_bodies_are_413_and_the_limit_is_exact() {
    let app = app();
    let padded = |length: usize| {
        let body = r#"{"username":"testuser","password":"testpass"}"#;
        format!("{body}{}", " ".repeat(length - body.len()))
    };
    assert_eq!(app.program().post("/login").body("application/json", padded(8192)).send().status, 200);
    for length in [8193, 100_000, 3_000_000] {
        assert_login_refuses(&app, "application/json", padded(length).as_bytes(), 413);
        let fields = format!("username=canary&password={}", "x".repeat(length));
        assert_login_refuses(&app, "application/x-www-form-urlencoded", fields.as_bytes(), 413);
    }
    let answer = app.program().post("/login").body("application/json", padded(8193)).send();
    assert_eq!(answer.refusal(), (413, "too_large".into()));
}

#[test]
fn form_fields_missing_twice_or_unknown_are_422() {
    let app = app();
    for fields in [
        "",
        "username=testuser",
        "password=testpass",
        "username=testuser&username=admin&password=testpass",
        "username=testuser&password=wrong&password=testpass",
        "username=testuser&password=testpass&canary=1",
        "username=testuser&password=testpass&csrf_token=x",
        "username=testuser&password=testpass&remember=true&remember=true",
        "username=testuser&%75sername=admin&password=testpass",
        "username[]=testuser&password=testpass",
        "username.x=testuser&password=testpass",
        "=&username=testuser&password=testpass",
    ] {
        let (body, status) = form(&app, fields);
        assert!([403, 422].contains(&status), "{fields}: {status}");
        assert!(!body.contains("canary"));
    }
    let many: Vec<_> = (0..200).map(|number| format!("f{number}=x")).collect();
    assert_eq!(form(&app, &many.join("&")).1, 422);
    assert_eq!(form(&app, &"&".repeat(4000)).1, 422);
    // Sloppy, but unambiguous.
    assert_eq!(form(&app, "&&username=testuser&&password=testpass&&").1, 303);
    assert_eq!(form(&app, "username=testuser&password=test%70ass").1, 303);
}

#[test]
fn a_plus_is_a_space_and_a_percent_sign_alone_is_refused_or_itself() {
    let app = app();
    assert_eq!(form(&app, "username=testuser&password=test+pass").1, 401);
    for odd in ["%", "%2", "%zz", "%00"] {
        let status = form(&app, &format!("username=testuser&password={odd}")).1;
        assert!([400, 401, 422].contains(&status), "{odd}: {status}");
    }
}

#[test]
fn hostile_names_are_wrong_names_and_no_more() {
    let app = app();
    let long = "n".repeat(7000);
    for name in [
        "",
        " ",
        "testuser\0",
        "\0",
        "test user",
        ".testuser",
        "tеstuser",
        "testuser\u{200b}",
        "' OR 1=1 --",
        "admin'; DROP TABLE accounts; --",
        "../../etc/passwd",
        "{{ 70407 * 90511 }}",
        "${jndi:ldap://x}",
        "\r\nSet-Cookie: a=b",
        "\u{202e}resu",
        "%s%n",
        CANARY,
        long.as_str(),
    ] {
        let answer = app.program().sign_in(name, "testpass");
        assert_eq!(answer.refusal(), (401, "bad_credentials".into()), "{name:?}");
        let page = app.browser().sign_in(name, "testpass");
        assert!(page.status == 401 && page.is_page(), "{name:?}: {}", page.status);
        assert!(!page.body.contains("canary<b>") && !page.body.contains("6372607977"));
        assert_security_headers(&page, false);
    }
}

#[test]
fn a_password_of_256_bytes_is_used_as_typed_and_257_are_refused_not_cut() {
    use portcullis::users::{Hasher, Password};

    let full = format!("{}\u{e9}", "p".repeat(254));
    assert_eq!(full.len(), 256);
    let setup = crate::support::Setup::new();
    let stores = setup.stores.clone();
    let found = crate::support::now_or_never(stores.accounts.find(&"testuser".parse().unwrap())).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let password = Password::new(full.clone()).unwrap();
    let hash = runtime.block_on(async { Hasher::default().hash(&password).await.unwrap() });
    let account = portcullis::users::Account {
        name: "longish".parse().unwrap(),
        password_hash: hash,
        ..found.unwrap()
    };
    assert!(crate::support::now_or_never(stores.accounts.insert(&account)).unwrap());
    let app = setup.launch();
    assert_eq!(app.program().sign_in("longish", &full).status, 200);
    assert_eq!(app.browser().sign_in("longish", &full).status, 303);
    assert_eq!(app.program().sign_in("longish", &full[..254]).status, 401);
    for name in ["longish", "nobody"] {
        for longer in [format!("{full}x"), "x".repeat(257), "x".repeat(6000)] {
            let answer = app.program().sign_in(name, &longer);
            assert_eq!(answer.refusal(), (422, "unprocessable".into()), "{name}");
            let page = app.browser().sign_in(name, &longer);
            assert!(page.status == 422 && page.is_page() && !page.body.contains(&longer));
        }
    }
}

#[test]
fn odd_passwords_are_only_wrong() {
    let app = app();
    for password in ["\0", "testpass\0", "testpass ", " testpass", "\u{ff54}estpass", "\u{1f600}", "%00", "'"]
    {
        assert_eq!(app.program().sign_in("testuser", password).status, 401, "{password:?}");
        app.pass(900);
        assert_eq!(app.browser().sign_in("testuser", password).status, 401, "{password:?}");
        app.pass(900);
    }
}

#[test]
fn hostile_cookies_are_no_credentials() {
    let app = app();
    let token = app.signed_in().access_token();
    let long = "x".repeat(65_536);
    let many = (0..500).map(|number| format!("c{number}=x")).collect::<Vec<_>>().join("; ");
    for (value, code) in [
        (format!("\"{token}\""), "invalid_token"),
        (format!("{token},{token}"), "invalid_token"),
        (format!("\u{1}{token}"), "invalid_token"),
        (format!("{token}\u{7f}"), "invalid_token"),
        (format!("\u{e4}{token}"), "invalid_token"),
        ("%00".to_owned(), "invalid_token"),
        (CANARY.to_owned(), "invalid_token"),
        (long.clone(), "invalid_token"),
        (String::new(), "missing_token"),
    ] {
        for path in ["/protected", "/dashboard"] {
            let line = format!("access_token_cookie={value}");
            let answer = app.program().get(path).cookie_line(&line).send();
            assert_eq!(answer.refusal(), (401, code.to_owned()), "{path} {value}");
            assert_harmless(&answer);
            let page = app.browser().get(path).cookie_line(&line).send();
            assert_eq!(page.status, 303, "{path} {value}");
            assert_harmless(&page);
        }
    }
    for line in ["", ";", "=", "==", ";;;", "access_token_cookie", "\u{e4}", long.as_str(), many.as_str()] {
        let answer = app.program().get("/protected").cookie_line(line).send();
        assert_eq!(answer.refusal(), (401, "missing_token".into()));
        let page = app.browser().get("/login").cookie_line(line).send();
        assert_eq!(page.status, 200, "there is a way out");
    }
    let with_many = format!("{many}; access_token_cookie={token}");
    assert_eq!(app.program().get("/protected").cookie_line(&with_many).send().status, 200);
    for line in ["portcullis_login=x; portcullis_login=y", "portcullis_login=\"<b>\""] {
        let page = app.browser().get("/login").cookie_line(line).send();
        assert!(page.status == 200 && !page.cookie("portcullis_login").value.contains('<'));
    }
}

#[test]
fn a_doubled_refresh_cookie_is_refused() {
    let app = app();
    let visitor = app.signed_in();
    let token = visitor.refresh_token();
    let line = format!("refresh_token_cookie={token}; refresh_token_cookie={token}");
    let ask = visitor.post("/refresh").csrf(&visitor.cookie("csrf_refresh_token")).cookie_line(&line);
    assert_eq!(ask.send().refusal(), (401, "invalid_token".into()));
    let page = app.browser().get("/dashboard").cookie_line(&line).send();
    assert_eq!(page.status, 303);
    assert_eq!(visitor.refresh().status, 200);
}

#[test]
fn hostile_proofs_are_refused() {
    let app = app();
    let visitor = app.signed_in();
    for value in ["\u{e4}", "\u{1}", CANARY, "null", "undefined", &"x".repeat(1_000_000)] {
        let answer = visitor.post("/refresh").csrf(value).send();
        assert_eq!(answer.refusal(), (403, "csrf_mismatch".into()));
        assert_harmless(&answer);
        let page = app.browser();
        page.get("/login").send();
        let fields = [("csrf_token", value), ("username", "testuser"), ("password", "testpass")];
        let answer = page.post("/login").form(&fields).send();
        assert!([403, 413].contains(&answer.status), "{}", answer.status);
        assert_harmless(&answer);
    }
    assert_eq!(visitor.refresh().status, 200);
}

#[test]
fn other_methods_and_paths_are_refused() {
    let app = app();
    let methods =
        [Method::Put, Method::Delete, Method::Patch, Method::Options, Method::Trace, Method::Connect];
    for method in methods {
        for path in ["/login", "/protected", "/refresh", "/logout", "/dashboard", "/", "/static/x.css"] {
            for visitor in [app.program(), app.browser()] {
                let answer = visitor.ask(method, path).send();
                assert!([400, 404, 405].contains(&answer.status), "{method} {path}: {}", answer.status);
                assert_harmless(&answer);
            }
        }
    }
    for path in [
        "/%2e%2e/%2e%2e/etc/passwd",
        "/static/../Cargo.toml",
        "/static/%2e%2e%2fCargo.toml",
        "/static/portcullis.css",
        "/canary%3Cscript%3E",
        "/%00",
        "/%ff",
        "/dashboard;canary.css",
        "/dashboard%0acanary.css",
        "/protected%2f",
    ] {
        for visitor in [app.program(), app.browser(), app.signed_in(), app.signed_in_browser()] {
            let answer = visitor.get(path).send();
            assert!([400, 404].contains(&answer.status), "{path}: {}", answer.status);
            assert_harmless(&answer);
        }
    }
}

#[test]
fn a_long_or_odd_query_hurts_nobody() {
    let app = app();
    for query in ["next=%ff", "next", "next=&next=", "notice=%00", &format!("next=/{}", "a".repeat(100_000))]
    {
        let page = app.browser().get(&format!("/login?{query}")).send();
        assert!([200, 422].contains(&page.status), "{query}: {}", page.status);
        assert_security_headers(&page, false);
        let answer = app.browser().get(&format!("/dashboard?{query}")).send();
        assert_eq!(answer.status, 303);
        assert!(answer.location().len() < 4000, "{}", answer.location().len());
    }
}

#[test]
fn odd_accept_headers_get_an_answer() {
    let app = app();
    for accept in ["", "*/*", "nonsense", "text/html;q=0", "\u{e4}", ",,,", "image/png", &"a/b,".repeat(5000)]
    {
        let answer = app.program().get("/protected").header("Accept", accept).send();
        assert!([303, 401].contains(&answer.status), "{accept}: {}", answer.status);
        let page = app.browser().get("/login").header("Accept-Language", accept).send();
        assert_eq!(page.status, 200, "{accept}");
    }
}
