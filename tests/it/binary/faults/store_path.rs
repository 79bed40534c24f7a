//! A store is made where somebody says so, given back when the program ends, and leaves nothing behind.

use std::process::Stdio;

use crate::binary::server::Installation;

fn run(installation: &Installation, arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = installation.run(arguments, b"a heron stands on the weir");
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn a_mistyped_path_makes_no_store() {
    for installation in [Installation::new(), Installation::release()] {
        let installation = installation.with("PORTCULLIS_APP__STORE", "sqlite:dta/portcullis.db");
        for arguments in [
            &["user", "list"][..],
            &["user", "password", "ada"],
            &["user", "code", "ada"],
            &["user", "disable", "ada"],
            &["session", "list"],
            &["session", "end-all"],
        ] {
            let (code, stdout, stderr) = run(&installation, arguments);
            assert_eq!((code, &*stdout), (Some(1), ""), "{arguments:?}");
            assert!(
                stderr.contains("dta/portcullis.db: there is no store here") && stderr.lines().count() == 1
            );
            assert!(!installation.path("dta").exists(), "{arguments:?}");
        }
    }
    let installation = Installation::release().with("PORTCULLIS_APP__STORE", "sqlite:dta/portcullis.db");
    let (code, _, stderr) = run(&installation, &["serve"]);
    assert_eq!(code, Some(1));
    assert!(
        stderr.contains("there is no store here; `portcullis user add NAME --role admin` makes one"),
        "{stderr}"
    );
    assert!(!installation.path("dta").exists());

    let (code, stdout, _) = run(&installation, &["user", "add", "ada"]);
    assert_eq!((code, &*stdout), (Some(0), "Made the account ada.\n"));
    assert_eq!(run(&installation, &["user", "list"]).0, Some(0));
    let server = installation.start();
    assert_eq!(server.client().sign_in("ada", "a heron stands on the weir").status, 200);
}

#[test]
fn a_stop_folds_the_log_back_and_neither_a_stop_nor_a_kill_leaves_anything() {
    let installation = Installation::new();
    let mut server = installation.start();
    assert_eq!(server.client().sign_in("testuser", "testpass").status, 200);
    assert!(installation.path("data/portcullis.db-wal").exists());
    assert!(server.terminate().unwrap().success());
    for ending in ["-wal", "-shm"] {
        assert!(!installation.path(&format!("data/portcullis.db{ending}")).exists(), "{ending}");
    }
    installation.start().kill();
    assert_eq!(std::fs::read_dir(installation.path("tmp")).unwrap().count(), 0);
}

#[cfg(target_os = "linux")]
#[test]
fn no_temporary_folder_is_needed() {
    let installation = Installation::new().with("TMPDIR", "/nowhere");
    assert_eq!(installation.start().client().sign_in("testuser", "testpass").status, 200);
}

#[cfg(target_os = "linux")]
#[test]
fn a_command_whose_answer_is_lost_fails_and_undoes_what_nobody_saw() {
    let installation = Installation::new();
    assert_eq!(run(&installation, &["user", "add", "ada"]).0, Some(0));
    let lost = |arguments: &[&str]| {
        let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        let mut command = installation.command(env!("CARGO_BIN_EXE_portcullis"));
        let child = command.args(arguments).stdout(full).stderr(Stdio::piped()).spawn().unwrap();
        let output = child.wait_with_output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    for arguments in
        [&["user", "list"][..], &["session", "list"], &["user", "roles", "ada", "staff"], &["check-config"]]
    {
        let (code, stderr) = lost(arguments);
        assert_eq!(code, Some(1), "{arguments:?}");
        assert!(stderr.contains("could not be told"), "{stderr}");
    }
    let (code, stderr) = lost(&["user", "code", "ada"]);
    assert!(code == Some(1) && stderr.contains("The code was withdrawn."), "{stderr}");
    let listed = run(&installation, &["user", "list"]).1;
    assert!(listed.contains("staff"), "what is said of itself stays done: {listed}");
}
