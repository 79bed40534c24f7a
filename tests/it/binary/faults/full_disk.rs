//! A disk that fills up while the program serves, and is freed again.
//!
//! The limit of the process on the size of its files stands for the disk: it needs no other rights, and a write beyond it
//! fails in the middle of a commit as one on a full disk does.

#![expect(clippy::disallowed_methods, reason = "a process is waited for by the machine's clock")]

use std::process::Command;
use std::time::{Duration, Instant};

use crate::binary::client::Client;
use crate::binary::server::{Installation, Server};

/// Lets the files of a running server grow to this size and no further.
fn limit(server: &Server, size: &str) {
    let process = server.process().to_string();
    let limit = format!("--fsize={size}:unlimited");
    assert!(Command::new("prlimit").args(["--pid", &process, &limit]).status().unwrap().success());
}

/// The program, which gets an error instead of a signal when it writes beyond the limit.
fn start(installation: &Installation) -> Server {
    let mut command = installation.command("sh");
    command.args(["-c", "trap '' XFSZ; exec \"$0\"", env!("CARGO_BIN_EXE_portcullis")]);
    installation.start_by(command)
}

#[test]
fn whoever_signs_in_after_a_full_disk_was_freed_is_signed_in() {
    let installation = Installation::new();
    let server = start(&installation);
    let mut before = server.client();
    assert_eq!(before.sign_in("testuser", "testpass").status, 200);

    for round in 0..3 {
        let log = std::fs::metadata(installation.path("data/portcullis.db-wal")).unwrap().len();
        limit(&server, &log.to_string());
        for _ in 0..3 {
            let answer = server.client().sign_in("testuser", "testpass");
            assert_eq!((answer.status, answer.code()), (503, "unavailable".to_owned()), "round {round}");
        }
        assert_eq!(before.protected().status, 200, "nothing is asked of the store for that");

        limit(&server, "unlimited");
        let mut after = server.client();
        assert_eq!(after.sign_in("testuser", "testpass").status, 200, "round {round}: {}", server.said());
        assert_eq!(before.refresh().status, 200);
        assert_eq!(after.logout().status, 200);
        assert_eq!(before.protected().status, 200);
    }
}

#[test]
fn whoever_signs_out_while_the_disk_is_full_is_signed_out_everywhere_once_it_is_freed() {
    let installation = Installation::new();
    let mut server = start(&installation);
    let mut leaving = server.client();
    assert_eq!(leaving.sign_in("testuser", "testpass").status, 200);
    let stolen = leaving.jar.clone();
    let log = std::fs::metadata(installation.path("data/portcullis.db-wal")).unwrap().len();
    limit(&server, &log.to_string());

    let answer = leaving.logout();
    assert_eq!((answer.status, answer.code()), (503, "unavailable".to_owned()));
    assert!(leaving.jar.get("access_token_cookie").is_none_or(str::is_empty), "the cookies are gone");
    let refused = Client::with(server.address(), &stolen).protected();
    assert_eq!(
        (refused.status, refused.code()),
        (401, "token_revoked".to_owned()),
        "this node knows at once"
    );
    let listed = || String::from_utf8(installation.run(&["session", "list"], b"").stdout).unwrap();
    assert!(listed().contains("testuser"), "it is not kept yet");

    limit(&server, "unlimited");
    let deadline = Instant::now() + Duration::from_secs(10);
    while listed().contains("testuser") {
        assert!(Instant::now() < deadline, "it is never kept");
    }
    assert!(server.terminate().is_some());
    let restarted = installation.start();
    assert_eq!(Client::with(restarted.address(), &stolen).protected().status, 401);
    assert_eq!(Client::with(restarted.address(), &stolen).refresh().status, 401);
}
