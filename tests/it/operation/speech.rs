//! `--json` of every command, what shells know of them, and their manual pages.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};

use crate::binary::server::Installation;

const PASSWORD: &[u8] = b"seven green kettles sing\n";

fn spoken(installation: &Installation, arguments: &[&str], typed: &[u8]) -> (bool, Vec<Value>, Vec<Value>) {
    let output = installation.run(&[&["--json"][..], arguments].concat(), typed);
    let objects = |bytes: Vec<u8>| -> Vec<Value> {
        let text = String::from_utf8(bytes).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    (output.status.success(), objects(output.stdout), objects(output.stderr))
}

#[test]
fn every_command_speaks_to_a_program() {
    let installation = Installation::new().with_empty_store();
    let done = |arguments: &[&str], typed: &[u8]| {
        let (is_fine, said, problems) = spoken(&installation, arguments, typed);
        assert!(is_fine, "{arguments:?}: {problems:?}");
        assert!(said.iter().all(Value::is_object), "{arguments:?}: {said:?}");
        said
    };
    assert!(done(&["user", "add", "ada", "--role", "admin"], PASSWORD)[0]["said"].is_string());
    let people = done(&["user", "list"], b"");
    assert_eq!((people.len(), &people[0]["name"]), (1, &json!("ada")), "{people:?}");
    let code = done(&["user", "code", "ada"], b"");
    assert!(code[0]["code"].as_str().is_some_and(|code| code.len() > 20), "{code:?}");
    let keys = done(&["key", "new"], b"");
    assert_eq!(keys.len(), 1);
    let keys = done(&["key", "list"], b"");
    assert_eq!((&keys[0]["algorithm"], &keys[0]["state"]), (&json!("HS256"), &json!("signing")));
    for arguments in [
        &["check-config"][..],
        &["session", "list"],
        &["mail", "list"],
        &["user", "factors", "ada"],
        &["migrate"],
        &["backup", "copy.db"],
        &["doctor", "--offline"],
    ] {
        done(arguments, b"");
    }
    let (is_fine, said, problems) = spoken(&installation, &["user", "password", "nobody"], PASSWORD);
    assert_eq!((is_fine, said), (false, vec![]));
    assert_eq!(problems, [json!({ "problem": "There is no account nobody." })]);
}

#[test]
fn shells_complete_commands_and_each_has_a_manual_page() {
    let installation = Installation::new();
    for shell in ["bash", "zsh", "fish"] {
        let output = installation.run(&["completion", shell], b"");
        let script = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success() && script.contains("reset-factors"), "{shell}");
        if shell == "bash" {
            fs::write(installation.path("completion"), &script).unwrap();
            let read = Command::new("bash").arg("-n").arg(installation.path("completion")).status().unwrap();
            assert!(read.success());
        }
    }
    fs::create_dir(installation.path("man")).unwrap();
    assert!(installation.run(&["manual", "man"], b"").status.success());
    let pages = fs::read_dir(installation.path("man")).unwrap().count();
    assert!(pages > 30, "{pages}");
    let page = installation.read("man/portcullis-doctor.1");
    assert!(page.starts_with(".ie") && page.contains("Look for what is wrong"), "{page}");
    let lost = installation.run(&["manual", "nowhere"], b"");
    assert!(!lost.status.success() && String::from_utf8_lossy(&lost.stderr).contains("nowhere: "));
}
