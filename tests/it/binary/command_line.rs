//! The command line beside the server, and how the server ends.

use std::process::Output;

use crate::binary::client::{Ask, Client};
use crate::binary::server::Installation;

fn said(output: &Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn an_account_made_on_the_command_line_can_sign_in() {
    let installation = Installation::new();
    let server = installation.start();
    let made = installation.run(&["user", "add", "grace", "--role", "admin"], b"a long pass phrase\n");
    let (code, told, events) = said(&made);
    assert_eq!((code, told.as_str()), (Some(0), "Made the account grace.\n"));
    let event: serde_json::Value = serde_json::from_str(&events).unwrap();
    assert_eq!((&event["what"], &event["user"]), (&"account_created".into(), &"grace".into()));
    let mut client = server.client();
    assert_eq!(client.sign_in("grace", "a long pass phrase").status, 200);
    assert_eq!(client.protected().body, r#"{"logged_in_as":"grace"}"#);
    let page = client.send(Ask::get("/dashboard").header("Accept", "text/html"));
    assert!(page.body.contains("admin"), "{}", page.body);
}

#[test]
fn the_first_account_of_a_release_store_is_made_before_the_server_ever_ran() {
    let installation = Installation::release();
    let made = installation.run(&["user", "add", "root", "--role", "admin"], b"a long pass phrase\r\n");
    let (code, told, _) = said(&made);
    assert_eq!((code, told.as_str()), (Some(0), "Made the account root.\n"));
    let server = installation.start();
    assert!(!server.said().contains("there is no account yet"));
    assert_eq!(server.client().sign_in("root", "a long pass phrase").status, 200);
}

#[test]
fn a_name_is_given_once_and_what_makes_no_account_is_said_in_one_line() {
    let installation = Installation::new();
    let add = |name: &str, password: &[u8]| said(&installation.run(&["user", "add", name], password));
    assert_eq!(add("grace", b"first pass phrase\n").0, Some(0));
    let (code, stdout, stderr) = add("Grace", b"second pass phrase\n");
    assert_eq!((code, stdout.as_str()), (Some(1), ""));
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert!(stderr.contains("already") && !stderr.contains("phrase"), "{stderr}");
    for (name, password) in [
        ("", "a password that is long enough"),
        ("two words", "a password that is long enough"),
        ("linus", ""),
        ("linus", &"x".repeat(257)),
    ] {
        let (code, stdout, stderr) = add(name, password.as_bytes());
        assert_eq!((code, stdout.as_str()), (Some(1), ""), "{name}");
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
    }
    let server = installation.start();
    assert_eq!(server.client().sign_in("grace", "first pass phrase").status, 200);
    assert_eq!(server.client().sign_in("grace", "second pass phrase").status, 401);
}

#[test]
fn sigterm_ends_the_server_with_exit_code_0() {
    let installation = Installation::new();
    let mut server = installation.start();
    let mut client = server.client();
    client.sign_in("testuser", "testpass");
    let status = server.terminate().expect("the server ends within its grace time");
    assert_eq!(status.code(), Some(0));
    let left: Vec<_> = std::fs::read_dir(installation.path("tmp")).unwrap().collect();
    assert!(left.is_empty(), "nothing is left in the temporary folder: {left:?}");

    let server = installation.start();
    assert_eq!(Client::with(server.address(), &client.jar).protected().status, 200);
}

#[test]
fn version_and_help_need_no_settings() {
    let installation = Installation::new().with_file("Rocket.toml", "[default.auth]\nnonsense = 1\n");
    let (code, stdout, _) = said(&installation.run(&["--version"], b""));
    assert_eq!((code, stdout), (Some(0), format!("portcullis {}\n", env!("CARGO_PKG_VERSION"))));
    let (code, stdout, _) = said(&installation.run(&["--help"], b""));
    assert!(code == Some(0) && stdout.contains("check-config"), "{stdout}");
}
