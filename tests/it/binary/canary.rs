//! The canaries: texts that must never appear in what the program writes, at any level of logging.

use crate::binary::client::{Ask, Client, Jar, raw};
use crate::binary::server::{Installation, Server};

/// Everything secret that was sent or received, to be looked for in the log.
#[derive(Default)]
struct Canaries(Vec<String>);

impl Canaries {
    fn keep(&mut self, jar: &Jar) {
        self.0.extend(jar.values().map(str::to_owned));
        // Parts of a token are as telling as the whole.
        let segments = jar.values().flat_map(|value| value.split('.').skip(1));
        self.0.extend(segments.map(str::to_owned));
    }

    fn sing(&mut self, text: &str) -> String {
        self.0.push(text.to_owned());
        text.to_owned()
    }
}

#[test]
fn no_password_token_cookie_or_secret_is_ever_logged() {
    let installation = Installation::new()
        .with("RUST_LOG", "trace")
        .with("ROCKET_LOG_LEVEL", "debug")
        .with("ROCKET_CLI_COLORS", "false");
    let mut server = installation.start();
    let mut canaries = Canaries::default();
    canaries.sing(installation.read("data/portcullis.key").trim());
    canaries.sing("testpass");

    sign_in_and_out(&server, &mut canaries);
    sign_in_wrongly(&server, &mut canaries);
    sign_in_by_form(&server, &mut canaries);
    present_hostile_tokens(&server, &mut canaries);
    let told = enter_passwords_on_the_command_line(&installation, &mut canaries);
    change_and_reenter_passwords(&server, &mut canaries);
    hand_out_and_exchange_a_code(&server, &mut canaries);

    server.terminate();
    // Without this the test would also pass for a program that says nothing at all.
    let said = server.said() + told.as_str();
    assert!(said.contains("swept the view of revocations"), "the program speaks at this level: {said}");
    for canary in &canaries.0 {
        assert!(canary.len() >= 8, "{canary:?} is too short to be looked for");
        assert!(!said.contains(canary.as_str()), "{canary:?} was logged:\n{said}");
    }
}

fn sign_in_and_out(server: &Server, canaries: &mut Canaries) {
    let mut client = server.client();
    assert_eq!(client.sign_in("testuser", "testpass").status, 200);
    canaries.keep(&client.jar);
    assert_eq!(client.protected().status, 200);
    assert_eq!(client.refresh().status, 200);
    canaries.keep(&client.jar);
    let old = client.jar.clone();
    assert_eq!(client.logout().status, 200);
    assert_eq!(Client::with(server.address(), &old).protected().status, 401);
    assert_eq!(Client::with(server.address(), &old).refresh().status, 401);
}

fn sign_in_wrongly(server: &Server, canaries: &mut Canaries) {
    let wrong = canaries.sing("canary-wrong-password");
    assert_eq!(server.client().sign_in("testuser", &wrong).status, 401);
    assert_eq!(server.client().sign_in("nobody", &wrong).status, 401);
    let unfit = canaries.sing("canary-in-unfit-json");
    let bodies = [
        format!(r#"{{"username": "testuser", "password": "{unfit}""#),
        format!(r#"{{"username": 7, "password": "{unfit}"}}"#),
        format!(r#"{{"username": "testuser", "password": ["{unfit}"]}}"#),
        format!(r#"{{"username": "testuser", "password": "{unfit}", "extra": "{unfit}"}}"#),
        format!(r#"{{"username": "testuser", "password": "{unfit}", "password": "{unfit}"}}"#),
        format!(r#"{{"username": "testuser", "{unfit}": "x"}}"#),
        format!(r#"{{"username": "testuser", "password": "{unfit}{}"}}"#, "x".repeat(300)),
        format!(r#"{{"username": "testuser", "password": "{unfit}{}"}}"#, "x".repeat(9000)),
        unfit.clone(),
    ];
    for body in &bodies {
        let answer = server.client().send(Ask::json("/login", body));
        assert!((400..500).contains(&answer.status), "{body}: {answer:?}");
        assert!(!answer.body.contains(&unfit), "nothing is echoed: {}", answer.body);
    }
    let text = server.client().send(Ask::json("/login", &bodies[0]).header("Content-Type", "text/plain"));
    assert!((400..500).contains(&text.status), "{text:?}");
}

fn sign_in_by_form(server: &Server, canaries: &mut Canaries) {
    let mut browser = server.client();
    let page = browser.send(Ask::get("/login").header("Accept", "text/html"));
    canaries.keep(&browser.jar);
    let (_, rest) = page.body.split_once(r#"name="csrf_token" value=""#).unwrap();
    let proof = canaries.sing(rest.split('"').next().unwrap());
    let wrong = canaries.sing("canary-in-form");
    for body in [
        format!("csrf_token={proof}&username=testuser&password={wrong}"),
        format!("csrf_token={proof}&username=testuser&password={wrong}&password={wrong}"),
        format!("csrf_token={wrong}&username=testuser&password={wrong}"),
        format!("username=testuser&password={wrong}%ff"),
        format!("csrf_token={proof}&username=testuser&password={wrong}&{wrong}={wrong}"),
    ] {
        let answer = browser.send(Ask::form("/login", &body));
        assert!((400..500).contains(&answer.status), "{body}: {answer:?}");
    }
    let body = format!("csrf_token={proof}&username=testuser&password=testpass");
    assert_eq!(browser.send(Ask::form("/login", &body)).status, 303);
    canaries.keep(&browser.jar);
    assert_eq!(browser.send(Ask::get("/dashboard").header("Accept", "text/html")).status, 200);
    assert_eq!(browser.send(Ask::form("/logout", "")).status, 303);
}

fn present_hostile_tokens(server: &Server, canaries: &mut Canaries) {
    let token = canaries.sing("eyJjYW5hcnkiOiJoZWFkZXIifQ.eyJjYW5hcnkiOiJwYXlsb2FkIn0.canarysignature");
    let query = format!("/protected?jwt={token}&access_token={token}");
    assert_eq!(server.client().send(Ask::get(&query)).status, 401);
    let path = format!("/{token}");
    assert_eq!(server.client().send(Ask::get(&path)).status, 404);
    for (name, value) in [
        ("Authorization", format!("Bearer {token}")),
        ("Authorization", format!("Basic {token}")),
        ("Cookie", format!("access_token_cookie={token}")),
        ("Cookie", format!("access_token_cookie={token}; access_token_cookie={token}")),
        ("Cookie", format!("refresh_token_cookie={token}; {token}={token}")),
        ("X-CSRF-TOKEN", token.clone()),
        ("Referer", format!("http://x/?token={token}")),
        ("User-Agent", token.clone()),
    ] {
        server.client().send(Ask::get("/protected").header(name, value.as_str()));
        server
            .client()
            .send(Ask::get("/dashboard").header("Accept", "text/html").header(name, value.as_str()));
        server.client().send(Ask::post("/refresh").header(name, value.as_str()));
        server.client().send(Ask::post("/logout").header(name, value.as_str()));
    }
    let junk = format!("GET /{token}\u{ff} HTTP/1.1\r\nCookie: {token}\r\n\r\n");
    raw(server.address(), junk.as_bytes(), std::time::Duration::from_millis(300));
}

fn enter_passwords_on_the_command_line(installation: &Installation, canaries: &mut Canaries) -> String {
    let (first, second) =
        (canaries.sing("canary of a first phrase"), canaries.sing("canary of a second phrase"));
    let refused = canaries.sing("canary short");
    let mut told = String::new();
    for (arguments, password, code) in [
        (["user", "add", "ada"], &first, 0),
        (["user", "add", "ada"], &first, 1),
        (["user", "add", "linus"], &refused, 1),
        (["user", "password", "ada"], &refused, 1),
        (["user", "password", "nobody"], &second, 1),
        (["user", "password", "ada"], &second, 0),
    ] {
        let output = installation.run(&arguments, format!("{password}\n").as_bytes());
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {output:?}");
        assert!(!output.stderr.is_empty(), "{arguments:?} says something: {output:?}");
        told.extend([&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes)));
    }
    told
}

fn change_and_reenter_passwords(server: &Server, canaries: &mut Canaries) {
    let (wrong, new) =
        (canaries.sing("canary-wrong-current"), canaries.sing("canary of a perfectly new phrase"));
    let unfit = canaries.sing("canary-in-unfit-change");
    let current = "canary of a second phrase";
    let mut client = server.client();
    assert_eq!(client.sign_in("ada", current).status, 200);
    canaries.keep(&client.jar);
    for (path, body, status) in [
        ("/reauthenticate", format!(r#"{{"password": "{wrong}"}}"#), 422),
        ("/reauthenticate", format!(r#"{{"password": "{unfit}""#), 400),
        ("/reauthenticate", format!(r#"{{"password": ["{unfit}"]}}"#), 422),
        ("/reauthenticate", format!(r#"{{"password": "{current}"}}"#), 200),
        ("/account/password", change(&wrong, &new), 422),
        ("/account/password", change(current, "canary short"), 422),
        ("/account/password", format!(r#"{{"current_password": "{unfit}", "new_password": "{unfit}""#), 400),
        ("/account/password", format!(r#"{{"current_password": 7, "new_password": "{unfit}"}}"#), 422),
        ("/account/password", format!(r#"{{"current_password": "{unfit}", "{unfit}": "{unfit}"}}"#), 422),
        ("/account/password", change(current, &new), 200),
    ] {
        let proof = client.jar.get("csrf_access_token").unwrap().to_owned();
        let answer = client.send(Ask::json(path, &body).header("X-CSRF-TOKEN", proof));
        assert_eq!(answer.status, status, "{path} {body}: {answer:?}");
        assert!(!answer.body.contains("canary"), "nothing is echoed: {}", answer.body);
        canaries.keep(&client.jar);
    }
    assert_eq!(server.client().sign_in("ada", &new).status, 200);
}

fn hand_out_and_exchange_a_code(server: &Server, canaries: &mut Canaries) {
    let mut admin = server.client();
    assert_eq!(admin.sign_in("admin", "adminpass").status, 200);
    canaries.keep(&admin.jar);
    let proof = admin.jar.get("csrf_access_token").unwrap().to_owned();
    let answer = admin.send(Ask::json("/people/testuser/code", "{}").header("X-CSRF-TOKEN", proof));
    let answer: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    let code = canaries.sing(answer["code"].as_str().unwrap());
    canaries.sing(&code.replace('-', ""));
    let (wrong, new) = (canaries.sing("CANARY-WRONG-CODE"), canaries.sing("canary of a chosen phrase"));
    let body =
        |code: &str| format!(r#"{{"username": "testuser", "code": "{code}", "new_password": "{new}"}}"#);
    for (body, status) in [
        (body(&wrong), 401),
        (body(&format!("{code}{wrong}")), 401),
        (format!(r#"{{"username": "testuser", "code": ["{code}"], "new_password": "{new}"}}"#), 422),
        (format!(r#"{{"username": "testuser", "code": "{code}""#), 400),
        (body(&code), 200),
    ] {
        let mut answer = server.client().send(Ask::json("/account/code", &body));
        while answer.status == 429 {
            // What went wrong before counts against this address.
            std::thread::sleep(std::time::Duration::from_secs(1));
            answer = server.client().send(Ask::json("/account/code", &body));
        }
        assert_eq!(answer.status, status, "{body}: {answer:?}");
        assert!(!answer.body.to_lowercase().contains("canary"), "nothing is echoed: {}", answer.body);
    }
}

fn change(current: &str, new: &str) -> String {
    serde_json::json!({ "current_password": current, "new_password": new }).to_string()
}
