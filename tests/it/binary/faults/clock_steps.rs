//! The clock of the machine steps back and forth under the running program, by libfaketime.

#![expect(clippy::disallowed_methods, reason = "a process is waited for by the machine's clock")]

use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::binary::client::{Answer, Ask};
use crate::binary::server::{Installation, SECRET, Server};

/// An installation whose program reads its clock's offset from this file.
struct Clock {
    installation: Installation,
}

impl Clock {
    fn new(store: &str) -> Self {
        let installation = Installation::new()
            .with("PORTCULLIS_AUTH__SECRET_KEY", SECRET)
            .with("PORTCULLIS_APP__STORE", store)
            .with_file("offset", "+0s");
        Self { installation }
    }

    fn start(&self) -> Server {
        let library = std::env::var_os("FAKETIME_LIBRARY").map_or_else(
            || PathBuf::from("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1"),
            PathBuf::from,
        );
        assert!(library.exists(), "{} is missing: install faketime", library.display());
        let mut command = self.installation.command(env!("CARGO_BIN_EXE_portcullis"));
        command
            .env("LD_PRELOAD", library)
            .env("FAKETIME_TIMESTAMP_FILE", self.installation.path("offset"))
            .env("FAKETIME_NO_CACHE", "1")
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        self.installation.start_by(command)
    }

    fn step(&self, offset: &str) {
        // Whole or not at all: the program reads it at any moment.
        let beside = self.installation.path("offset.new");
        std::fs::write(&beside, offset).unwrap();
        std::fs::rename(beside, self.installation.path("offset")).unwrap();
    }
}

fn code(answer: &Answer) -> (u16, String) {
    (answer.status, answer.code())
}

#[track_caller]
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
#[ignore = "needs libfaketime"]
fn a_step_of_the_clock_signs_nobody_out_for_good_and_brings_nothing_back() {
    let clock = Clock::new("sqlite:data/portcullis.db");
    let server = clock.start();
    let (mut person, mut gone) = (server.client(), server.client());
    assert_eq!(person.sign_in("testuser", "testpass").status, 200);
    assert_eq!(gone.sign_in("testuser", "testpass").status, 200);
    let ended = gone.jar.clone();
    assert_eq!(gone.logout().status, 200);
    let still_gone = || {
        let mut copy = crate::binary::client::Client::with(server.address(), &ended);
        copy.protected().status
    };
    for offset in ["-2s", "-30s", "+0s"] {
        clock.step(offset);
        assert_eq!(person.protected().status, 200, "{offset}");
        assert_eq!(person.refresh().status, 200, "{offset}");
        assert_eq!(person.protected().status, 200, "{offset}");
        assert_eq!(still_gone(), 401, "{offset}");
    }
    clock.step("-1h");
    assert_eq!(code(&person.protected()), (401, "invalid_token".into()));
    assert_eq!(still_gone(), 401);
    until("the log says what the clock did", || server.said().contains("the clock was set back"));
    clock.step("+0s");
    assert_eq!(person.protected().status, 200);
    clock.step("+400s");
    assert_eq!(code(&person.protected()), (401, "token_expired".into()));
    assert_eq!(person.refresh().status, 200, "the session goes on");
    assert_eq!(still_gone(), 401);
    clock.step("+0s");
    // What was signed 400 s ahead is refused until its time has come; whoever signs in anew need not wait.
    assert_eq!(code(&person.protected()), (401, "invalid_token".into()));
    assert_eq!(person.sign_in("testuser", "testpass").status, 200);
    assert_eq!(person.protected().status, 200);
    assert_eq!(still_gone(), 401);
}

#[test]
#[ignore = "needs libfaketime"]
fn two_nodes_whose_clocks_are_seconds_apart_serve_one_session() {
    let folder = tempfile::tempdir().unwrap();
    let store = format!("sqlite:{}", folder.path().join("shared.db").display());
    let (one, other) = (Clock::new(&store), Clock::new(&store));
    other.step("-30s");
    let servers = [one.start(), other.start()];
    let mut person = servers[0].client();
    assert_eq!(person.sign_in("testuser", "testpass").status, 200);
    for round in 0..6 {
        let mut there = crate::binary::client::Client::with(servers[round % 2].address(), &person.jar);
        assert_eq!(there.protected().status, 200, "{round}");
        assert_eq!(there.refresh().status, 200, "{round}");
        assert_eq!(
            there.send(Ask::get("/sessions").header("Accept", "application/json")).status,
            200,
            "{round}"
        );
        person = there;
    }
    assert_eq!(person.logout().status, 200);
    let jar = person.jar.clone();
    for server in &servers {
        until("ended on both nodes", || {
            crate::binary::client::Client::with(server.address(), &jar).protected().status == 401
        });
    }
}
