//! `portcullis init`: from an empty folder to an installation that serves, and every way in which it may not get there.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Stdio;

use crate::binary::client::Ask;
use crate::binary::server::Installation;
use crate::operation::guide::{PATH, as_root};

const URL: &str = "https://login.example.org";
const PASSWORD: &[u8] = b"seven green kettles sing\n";

/// An installation in which nothing is set up, outside the debug profile.
fn nothing() -> Installation {
    Installation::new().with("ROCKET_PROFILE", "release")
}

fn said(installation: &Installation, arguments: &[&str], typed: &[u8]) -> (bool, String, String) {
    let output = installation.run(arguments, typed);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.success(), text(&output.stdout), text(&output.stderr))
}

fn mode(path: PathBuf) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn whoever_simply_starts_is_told_how_to_begin() {
    let installation = nothing();
    let (is_fine, stdout, stderr) = said(&installation, &[], b"");
    assert!(!is_fine && stdout.is_empty());
    assert!(
        stderr.contains("Nothing is set up here yet: there is no Rocket.toml. `portcullis init`"),
        "{stderr}"
    );
}

#[test]
fn one_command_makes_an_installation_that_serves() {
    let installation = nothing();
    let arguments = ["init", "--base-url", URL, "--port", "0", "--admin", "ada", "--data", "kept"];
    let (is_fine, stdout, stderr) = said(&installation, &arguments, PASSWORD);
    assert!(is_fine, "{stderr}");
    for part in [
        "ada is the first administrator",
        "ROCKET_PROFILE=release ROCKET_CONFIG=",
        "server_name login.example.org;",
        "portcullis doctor",
    ] {
        assert!(stdout.contains(part), "{part} in {stdout}");
    }
    for file in ["Rocket.toml", "kept/portcullis.keys", "kept/portcullis.db"] {
        assert_eq!(mode(installation.path(file)), 0o600, "{file}");
    }
    assert_eq!(mode(installation.path("kept")), 0o700);
    assert!(!installation.read("Rocket.toml").contains("seven green"));

    let server = installation.start();
    let mut client = server.client();
    let signed_in = client.sign_in("ada", "seven green kettles sing");
    assert_eq!(signed_in.status, 200, "{signed_in:?}");
    assert!(signed_in.body.contains("factor"), "an administrator takes a second factor first: {signed_in:?}");
    assert_eq!(server.client().send(Ask::get("/health/ready")).status, 200);
}

#[test]
fn what_is_there_is_left_alone_and_an_interrupted_run_goes_on() {
    let installation = nothing();
    let arguments = ["init", "--base-url", URL, "--admin", "ada"];
    assert!(said(&installation, &arguments, PASSWORD).0);
    let (before, keys) = (installation.read("Rocket.toml"), installation.read("portcullis.keys"));
    let (is_fine, _, stderr) = said(&installation, &arguments, b"another password entirely\n");
    assert!(!is_fine && stderr.contains("is there already, and is left as it is"), "{stderr}");
    assert_eq!(installation.read("Rocket.toml"), before);

    // The power went before the last file was written.
    fs::remove_file(installation.path("Rocket.toml")).unwrap();
    let (is_fine, stdout, stderr) = said(&installation, &arguments, b"another password entirely\n");
    assert!(is_fine && stdout.contains("There is an account ada already"), "{stdout}{stderr}");
    assert_eq!(installation.read("portcullis.keys"), keys, "nobody is signed out by it");
    assert_eq!(installation.read("Rocket.toml"), before);
}

#[test]
fn what_cannot_be_is_told_before_anything_is_written() {
    for (arguments, typed, complaint) in [
        (&["init"][..], PASSWORD, "--base-url: needed"),
        (
            &["init", "--base-url", "http://login.example.org"],
            PASSWORD,
            "--base-url: must begin with https://",
        ),
        (&["init", "--base-url", "https://a.example/path"], PASSWORD, "app.base_url: "),
        (&["init", "--base-url", URL, "--store", "mysql://a"], PASSWORD, "app.store: "),
        (&["init", "--base-url", URL, "--mail", "smtp://mail.example.org"], PASSWORD, "app.mail: "),
        (&["init", "--base-url", URL, "--admin", "two words\n"], PASSWORD, "name"),
        (&["init", "--base-url", URL], b"short\n", "15 characters"),
        (&["init", "--base-url", URL, "--store", "sqlite:/dev/null/a.db"], PASSWORD, "/dev/null"),
    ] {
        let installation = nothing();
        let (is_fine, stdout, stderr) = said(&installation, arguments, typed);
        assert!(
            !is_fine && stdout.is_empty() && stderr.contains(complaint),
            "{arguments:?}: {stdout}{stderr}"
        );
        assert!(!installation.path("Rocket.toml").exists(), "{arguments:?}");
    }
}

#[test]
fn mail_and_a_shared_store_are_written_as_they_are_told() {
    let installation = nothing();
    let mail = ["--mail", "smtps://login:p%40ss@mail.example.org"];
    let arguments = [&["init", "--base-url", URL][..], &mail].concat();
    assert!(said(&installation, &arguments, PASSWORD).0);
    let text = installation.read("Rocket.toml");
    assert!(text.contains(r#"mail = "smtps://login:p%40ss@mail.example.org""#), "{text}");
    assert!(text.contains(r#"mail_from = "login@login.example.org""#), "{text}");
}

#[test]
fn a_disk_that_is_full_leaves_nothing_half_and_the_next_run_is_as_the_first() {
    let installation = nothing();
    let program = env!("CARGO_BIN_EXE_portcullis");
    let arguments = ["init", "--base-url", URL, "--port", "0", "--admin", "ada"];
    // The limit on the size of files stands for the disk: before the keys, and in the middle of the store.
    for limit in [0, 1, 2, 8, 64] {
        let script = format!("trap '' XFSZ; ulimit -f {limit}; exec {program} {}", arguments.join(" "));
        let mut shell = installation.command("bash");
        let mut child = shell
            .args(["-c", &script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // It may not get so far as to ask.
        let _ = child.stdin.take().unwrap().write_all(PASSWORD);
        let output = child.wait_with_output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{limit}");
        assert!(!stderr.is_empty() && !stderr.contains("panicked"), "{limit}: {stderr}");
        assert!(!installation.path("Rocket.toml").exists(), "{limit}: settings of what is not there");
        let keys = installation.path("portcullis.keys");
        assert_eq!(keys.exists(), limit > 0, "{limit}: {stderr}");
        if keys.exists() {
            let listed = installation
                .command(program)
                .args(["key", "list"])
                .env("PORTCULLIS_AUTH__SECRET_KEY_FILE", &keys)
                .output()
                .unwrap();
            assert!(
                listed.status.success(),
                "{limit}: half a key: {}",
                String::from_utf8_lossy(&listed.stderr)
            );
        }
    }
    let (is_fine, _, stderr) = said(&installation, &arguments, PASSWORD);
    assert!(is_fine, "{stderr}");
    let server = installation.start();
    assert_eq!(server.client().sign_in("ada", "seven green kettles sing").status, 200);
}

#[test]
#[ignore = "needs root and namespaces"]
fn settings_that_the_disk_has_no_room_for_are_not_left_half() {
    let installation = nothing();
    let script = format!(
        "mkdir conf && mount -t tmpfs -o size=4k none conf && dd if=/dev/zero of=conf/fill bs=4096 count=1 status=none \
         && init() {{ printf 'seven green kettles sing\\n' | {program} init --base-url {URL} --admin ada --data kept --file \
         conf/Rocket.toml; }}; if init; then echo first; fi; ls conf >&2; rm conf/fill; init && cat conf/Rocket.toml",
        program = env!("CARGO_BIN_EXE_portcullis")
    );
    let environment = [("PATH", PATH), ("ROCKET_PROFILE", "release")];
    let output = as_root(&environment, "unshare")
        .args(["--mount", "sh", "-c", &script])
        .current_dir(installation.path(""))
        .output()
        .unwrap();
    let (stdout, stderr) =
        (String::from_utf8_lossy(&output.stdout).into_owned(), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && !stdout.contains("first"), "{stdout}{stderr}");
    assert!(stderr.contains("conf/Rocket.toml: No space left"), "{stderr}");
    let left: Vec<_> = stderr.lines().filter(|line| ["fill", "Rocket.toml"].contains(line)).collect();
    assert_eq!(left, ["fill"], "half a file is left");
    assert!(stdout.contains("There is an account ada already") && stdout.contains(URL), "{stdout}");
}
