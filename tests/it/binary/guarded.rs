//! Folder, database, log and key: who else may read or change them is judged at the launch, and by `check-config` alike.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::binary::server::Installation;

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// An installation that has served once and was killed, so that its log is there.
fn used() -> Installation {
    let installation = Installation::new();
    let server = installation.start();
    assert_eq!(server.client().sign_in("testuser", "testpass").status, 200);
    server.kill();
    installation
}

/// The launch and `check-config` say the same line.
#[track_caller]
fn assert_refused(installation: &Installation, arguments: &[&str], expected: &str) {
    let output = installation.run(arguments, b"");
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(!output.status.success() && said.contains(expected), "{arguments:?}: {said}");
}

#[test]
fn what_is_made_is_for_its_owner_whatever_the_umask() {
    let installation = Installation::new();
    let mut command = installation.command("sh");
    command.args(["-c", "umask 0; exec \"$0\"", env!("CARGO_BIN_EXE_portcullis")]);
    let server = installation.start_by(command);
    assert_eq!(server.client().sign_in("testuser", "testpass").status, 200);
    assert_eq!(mode(&installation.path("data")), 0o700);
    for file in ["portcullis.db", "portcullis.db-wal", "portcullis.db-shm", "portcullis.key"] {
        assert_eq!(mode(&installation.path(&format!("data/{file}"))), 0o600, "{file}");
    }
}

#[test]
fn what_others_may_change_stops_the_launch_until_it_is_mended() {
    for (name, open, fine, expected) in [
        ("data", 0o777, 0o700, "its folder data: others may write to it (mode 777); run chmod"),
        ("data/portcullis.db", 0o666, 0o600, "others may read or write it (mode 666); run chmod 600"),
        ("data/portcullis.db", 0o644, 0o600, "others may read or write it (mode 644); run chmod 600"),
        ("data/portcullis.db-wal", 0o666, 0o600, "others may read or write it (mode 666); run chmod 600"),
        ("data/portcullis.key", 0o640, 0o600, "others may read it (mode 640); run chmod 600"),
    ] {
        for arguments in [&["serve"][..], &["check-config"]] {
            let installation = used();
            set_mode(&installation.path(name), open);
            assert_refused(&installation, arguments, expected);
            // The log is gone when the database was closed.
            if installation.path(name).exists() {
                set_mode(&installation.path(name), fine);
            }
            let checked = installation.run(&["check-config"], b"");
            assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
            assert_eq!(installation.start().client().sign_in("testuser", "testpass").status, 200);
        }
    }
}

#[test]
fn a_key_file_that_holds_no_key_is_told_by_check_config_too() {
    let installation = used().with_file("data/portcullis.key", "short");
    set_mode(&installation.path("data/portcullis.key"), 0o600);
    for arguments in [&["serve"][..], &["check-config"]] {
        assert_refused(&installation, arguments, "key file data/portcullis.key: ");
    }
}

#[test]
#[ignore = "needs to run as root, which may give files away"]
fn what_belongs_to_somebody_else_stops_the_launch() {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    for name in ["data", "data/portcullis.db", "data/portcullis.key"] {
        let installation = used();
        std::os::unix::fs::chown(installation.path(name), Some(12_345), None).unwrap();
        for arguments in [&["serve"][..], &["check-config"]] {
            assert_refused(
                &installation,
                arguments,
                "belongs to another user (number 12345); run this as that user, or chown it to 0",
            );
        }
    }
}
