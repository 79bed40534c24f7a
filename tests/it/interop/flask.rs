//! A Flask application with flask-jwt-extended that shares our key, side by side with our server.

use serde_json::{Value, json};

use crate::binary::client::{Answer, Ask, Client, Jar};
use crate::binary::server::{Installation, SECRET};
use crate::house::guide::{GUIDE, OPTIONS};
use crate::interop::peer::{Flask, ask_python, with_peers};
use crate::support::{claims, encode};

/// The same token for somebody else, under the old signature.
fn tampered(token: &str) -> String {
    let (message, signature) = token.rsplit_once('.').unwrap();
    let (head, _) = message.split_once('.').unwrap();
    let mut raised = claims(token);
    raised["sub"] = json!("admin");
    format!("{head}.{}.{signature}", encode(raised.to_string()))
}

fn with_cookie(jar: &Jar, name: &str, value: &str) -> Jar {
    let mut jar = jar.clone();
    jar.set(name, value);
    jar
}

fn name_in(answer: &Answer) -> (u16, String) {
    let json: Value = serde_json::from_str(&answer.body).unwrap_or_default();
    (answer.status, json["logged_in_as"].as_str().or(json["msg"].as_str()).unwrap_or_default().to_owned())
}

fn post<'a>(proof: &str) -> Ask<'a> {
    Ask::post("/protected").header("X-CSRF-TOKEN", proof)
}

/// What Flask says to the cookies that our server has set, under the names with this prefix.
fn flask_accepts(flask: &Flask, jar: &Jar, prefix: &str, person: &str) {
    let name = |name: &str| format!("{prefix}{name}");
    let mut there = Client::with(flask.address(), jar);
    assert_eq!(name_in(&there.protected()), (200, person.into()));
    assert_eq!(
        name_in(&there.send(Ask::get("/fresh"))),
        (200, person.into()),
        "the password was just entered"
    );
    let proof = jar.get(&name("csrf_access_token")).unwrap();
    assert_eq!(name_in(&there.send(post(proof))), (200, person.into()));
    assert_eq!(name_in(&there.send(Ask::post("/protected"))), (401, "Missing CSRF token".into()));
    let other = jar.get(&name("csrf_refresh_token")).unwrap();
    let wrong = there.send(post(other));
    assert_eq!(name_in(&wrong), (401, "CSRF double submit tokens do not match".into()));

    let access = name("access_token_cookie");
    let bad = tampered(jar.get(&access).unwrap());
    let refused = Client::with(flask.address(), &with_cookie(jar, &access, &bad)).protected();
    assert_eq!(name_in(&refused), (422, "Signature verification failed".into()));
    let swapped = with_cookie(jar, &access, jar.get(&name("refresh_token_cookie")).unwrap());
    let refused = Client::with(flask.address(), &swapped).protected();
    assert_eq!(name_in(&refused), (422, "Only non-refresh tokens are allowed".into()));

    let renewed = there.send(Ask::post("/refresh").header("X-CSRF-TOKEN", other));
    assert_eq!(renewed.status, 200, "our refresh token counts there, too");
}

#[test]
#[ignore = "needs Python and Node packages"]
fn flask_jwt_extended_accepts_our_cookies_and_csrf_values_as_they_are() {
    let installation = with_peers(Installation::new())
        .with("PORTCULLIS_AUTH__SECRET_KEY", SECRET)
        .with("PORTCULLIS_AUTH__CLAIMS__ISSUER", "portcullis.example")
        .with("PORTCULLIS_AUTH__CLAIMS__AUDIENCE", "example");
    let server = installation.start();
    let settings = json!({
        "JWT_DECODE_ISSUER": "portcullis.example", "JWT_ENCODE_ISSUER": "portcullis.example",
        "JWT_DECODE_AUDIENCE": "example", "JWT_ENCODE_AUDIENCE": "example",
    });
    let flask = Flask::start(&installation, SECRET, &settings);
    let mut client = server.client();
    assert_eq!(client.sign_in("testuser", "testpass").status, 200);
    flask_accepts(&flask, &client.jar, "", "testuser");
    assert_eq!(client.refresh().status, 200);
    let mut there = Client::with(flask.address(), &client.jar);
    assert_eq!(there.protected().status, 200, "also after a refresh");
    assert_eq!(name_in(&there.send(Ask::get("/fresh"))), (401, "Fresh token required".into()));
}

#[test]
#[ignore = "needs Python and Node packages"]
fn flask_jwt_extended_accepts_the_cookies_of_the_release_profile_under_their_names() {
    let installation = with_peers(Installation::release());
    assert!(installation.run(&["user", "add", "grace"], b"a long pass phrase\n").status.success());
    let server = installation.start();
    let names = json!({
        "JWT_ACCESS_COOKIE_NAME": "__Host-access_token_cookie",
        "JWT_REFRESH_COOKIE_NAME": "__Host-refresh_token_cookie",
    });
    let flask = Flask::start(&installation, SECRET, &names);
    let mut client = server.client();
    assert_eq!(client.sign_in("grace", "a long pass phrase").status, 200);
    flask_accepts(&flask, &client.jar, "__Host-", "grace");
}

#[test]
#[ignore = "needs Python and Node packages"]
fn the_flask_sibling_of_the_examples_works_behind_our_login() {
    let sibling = include_str!("../../../examples/flask_sibling.py");
    for (installation, prefix) in
        [(Installation::new(), ""), (Installation::release().with("HTTPS", "1"), "__Host-")]
    {
        let installation = with_peers(installation)
            .with_file("flask_sibling.py", sibling)
            .with("PORTCULLIS_AUTH__SECRET_KEY", SECRET)
            .with("JWT_SECRET_KEY", SECRET);
        let added = installation.run(&["user", "add", "grace", "--role", "clerk"], b"a long pass phrase\n");
        assert!(added.status.success());
        let server = installation.start();
        let flask = Flask::example(&installation);
        let mut client = server.client();
        assert_eq!(client.sign_in("grace", "a long pass phrase").status, 200);
        let mut there = Client::with(flask.address(), &client.jar);
        let hello: Value = serde_json::from_str(&there.send(Ask::get("/hello")).body).unwrap();
        assert_eq!(hello, json!({"hello": "grace", "roles": ["clerk"]}));
        assert_eq!(there.send(Ask::post("/hello")).status, 401, "no proof");
        let proof = client.jar.get(&format!("{prefix}csrf_access_token")).unwrap();
        let greeted = there.send(Ask::post("/hello").header("X-CSRF-TOKEN", proof));
        assert_eq!((greeted.status, greeted.body.trim()), (200, r#"{"greeted":"grace"}"#));
        assert_eq!(Client::new(flask.address()).send(Ask::get("/hello")).status, 401);
    }
}

#[test]
#[ignore = "needs Python and Node packages"]
fn we_accept_what_flask_jwt_extended_minted_only_when_told_to() {
    let here = with_peers(Installation::new()).with("PORTCULLIS_AUTH__SECRET_KEY", SECRET);
    let flask = Flask::start(&here, SECRET, &json!({}));
    let mut there = Client::new(flask.address());
    assert_eq!(there.sign_in("flora", "").status, 200);
    let ask = |installation: &Installation, jar: &Jar| {
        let server = installation.start();
        let mut client = Client::with(server.address(), jar);
        (name_in(&client.protected()), name_in(&client.refresh()))
    };
    let refused = (401, "Missing claim: sid".to_owned());
    assert_eq!(ask(&here, &there.jar), (refused.clone(), refused));

    let open = here.with("PORTCULLIS_AUTH__CLAIMS__FOREIGN_TTL", "900");
    let (protected, refreshed) = ask(&open, &there.jar);
    assert_eq!(protected, (200, "flora".into()));
    assert_eq!(refreshed, (401, "Only tokens of a session are allowed".into()));

    let server = open.start();
    let bad = tampered(there.jar.get("access_token_cookie").unwrap());
    let bad = with_cookie(&there.jar, "access_token_cookie", &bad);
    let refused = Client::with(server.address(), &bad).protected();
    assert_eq!(name_in(&refused), (401, "Signature verification failed".into()));
    let mut client = Client::with(server.address(), &there.jar);
    assert_eq!(client.send(Ask::get("/sessions")).code(), "session_required");
    assert_eq!(client.logout().status, 200);
    assert_eq!(Client::with(server.address(), &there.jar).protected().code(), "token_revoked");
}

#[test]
#[ignore = "needs Python and Node packages"]
fn the_guide_names_everything_that_flask_jwt_extended_has_a_name_for() {
    let names = ask_python(&with_peers(Installation::new()), "names", &Value::Null);
    assert_eq!(names["options"], json!(OPTIONS.as_slice()));
    let mut count = 0;
    for name in names.as_object().unwrap().values().flat_map(|list| list.as_array().unwrap()) {
        let name = name.as_str().unwrap();
        assert!(GUIDE.contains(&format!("`{name}")), "{name}");
        count += 1;
    }
    assert!(count > 80, "{count} names");
}
