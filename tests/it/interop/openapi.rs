//! `/openapi.json` is what it says: others' tools send what it promises, and make types of it.

use std::path::Path;
use std::process::Output;

use serde_json::{Value, json};

use crate::binary::client::Ask;
use crate::binary::server::{Installation, Server};
use crate::interop::peer::installed;

/// A server in which there is everything: mail, registration, factors.
fn whole() -> Installation {
    Installation::new()
        .with("PORTCULLIS_AUTH__TOKEN_LOCATIONS", "[\"headers\"]")
        .with("PORTCULLIS_APP__FACTOR_KEY", "c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0IHNlY3JldCE=")
        .with("PORTCULLIS_APP__BASE_URL", "http://localhost:8000")
        .with("PORTCULLIS_APP__REGISTRATION", "open")
        .with("PORTCULLIS_APP__MAIL", "file:letters")
        .with("PORTCULLIS_APP__MAIL_FROM", "login@example.org")
        .with_file("schemathesis.toml", include_str!("schemathesis.toml"))
        .with_file("ending.toml", include_str!("schemathesis_ending.toml"))
}

/// Lets schemathesis send what the document promises, and what it does not.
fn tried(
    installation: &Installation,
    server: &Server,
    settings: &str,
    which: [&str; 2],
    token: &str,
) -> String {
    let document = format!("{}/openapi.json", server.site());
    let program = installed("INTEROP_PYTHON").with_file_name("schemathesis");
    let arguments = ["--config-file", settings, "run", &document, "--no-color", "--max-examples", "30"];
    let mut command = installation.command(program);
    let Output { status, stdout, stderr } =
        command.args(arguments).args(which).env("TOKEN", token).output().unwrap();
    let told = String::from_utf8_lossy(&stdout).into_owned();
    assert!(status.success(), "{told}{}", String::from_utf8_lossy(&stderr));
    assert!(told.contains(" passed"), "{told}");
    told
}

#[test]
#[ignore = "needs Python packages"]
fn whatever_fits_is_answered_as_it_says_and_whatever_does_not_is_refused() {
    let installation = whole();
    let server = installation.start();
    let ending = r"^/(logout|cookies/clear|sessions/.*|people/\{name\}/(sessions/.*|roles))$";
    // The first, before failures have made the address wait.
    tried(&installation, &server, "ending.toml", ["--include-path-regex", ending], "");
    let admin = json!({ "username": "admin", "password": "adminpass", "delivery": "body" }).to_string();
    let signed_in = server.client().send(Ask::json("/login", &admin));
    let signed_in: Value = serde_json::from_str(&signed_in.body).unwrap();
    let token = signed_in["access_token"].as_str().unwrap();
    let told = tried(&installation, &server, "schemathesis.toml", ["--exclude-path-regex", ending], token);
    // It was somebody all the time.
    assert!(!told.contains("Authentication stopped working"), "{told}");
    let log = server.said();
    assert!(!log.contains("ERROR") && !log.contains("panicked"), "{log}");
}

#[test]
#[ignore = "needs Node packages"]
fn the_types_of_the_client_are_made_of_it() {
    let installation = Installation::new()
        .with_file("generate.mjs", include_str!("../../../clients/typescript/generate.mjs"));
    let modules = installed("INTEROP_NODE").join("node_modules");
    std::os::unix::fs::symlink(modules, installation.path("node_modules")).unwrap();
    let server = installation.start();
    let output = installation.command("node").args(["generate.mjs", &server.site()]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/typescript/schema.ts");
    let kept = std::fs::read_to_string(kept).unwrap();
    assert!(String::from_utf8(output.stdout).unwrap() == kept, "run clients/typescript/generate.mjs again");
}
