//! `portcullis migrate --to`: from one SQLite file into PostgreSQL, and nobody is signed out.

use std::time::Duration;

use super::{fresh, sql};
use crate::binary::client::{Ask, Client};
use crate::binary::server::Installation;

/// What the program said, and whether it was content.
fn run(installation: &Installation, arguments: &[&str], stdin: &str) -> (bool, String) {
    let output = installation.run(arguments, stdin.as_bytes());
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(said).unwrap())
}

#[track_caller]
fn done(installation: &Installation, arguments: &[&str], stdin: &str) -> String {
    let (is_done, said) = run(installation, arguments, stdin);
    assert!(is_done, "{said}");
    said
}

const COUNTS: &str = "SELECT (SELECT count(*) FROM accounts) + (SELECT count(*) FROM sessions)
                      + (SELECT count(*) FROM revocations)";

#[test]
#[ignore = "needs PostgreSQL; scripts/test starts it"]
fn a_whole_installation_moves_and_nobody_is_signed_out() {
    let url = fresh();
    let file = Installation::new();
    let (stays, left, migrate) = {
        let mut server = file.start();
        let [mut stays, mut left] = [(); 2].map(|()| {
            let mut client = server.client();
            // What a browser calls itself may hold any sign.
            let body = r#"{"username":"testuser","password":"testpass","remember":true}"#;
            let ask = Ask::json("/login", body).header("User-Agent", "back\\slash \u{fc} \\N \\.");
            assert_eq!(client.send(ask).status, 200);
            client
        });
        assert_eq!(stays.refresh().status, 200);
        let jar = left.jar.clone();
        assert_eq!(left.logout().status, 200);
        assert_eq!(server.client().sign_in("testuser", "wrong").status, 401);
        done(&file, &["user", "add", "grace", "--role", "admin"], "a long walk beside the river\n");
        done(&file, &["user", "code", "grace"], "");

        let migrate = ["migrate", "--to", &url].map(str::to_owned);
        let (is_done, said) = run(&file, &[&migrate[0], &migrate[1], &migrate[2]], "");
        assert!(!is_done && said.contains("in use; stop the server"), "{said}");
        assert_eq!(stays.protected().status, 200, "the server goes on");
        assert!(server.terminate().unwrap().success());
        (stays, jar, migrate)
    };
    let migrate = [migrate[0].as_str(), &migrate[1], &migrate[2]];
    let first = done(&file, &migrate, "");
    assert!(first.contains("accounts: 3\nsessions: 2\n"), "{first}");
    assert!(first.contains("one_time_codes: 1\n") && first.contains("portcullis.key"), "{first}");
    assert_eq!(done(&file, &migrate, ""), first, "a second time nothing is there twice");

    let key = file.path("data/portcullis.key");
    let node = Installation::new()
        .with("PORTCULLIS_APP__STORE", &url)
        .with("PORTCULLIS_AUTH__SECRET_KEY_FILE", key.to_str().unwrap());
    let server = node.start();
    let mut stays = Client::with(server.address(), &stays.jar);
    assert_eq!((stays.protected().status, stays.refresh().status), (200, 200));
    let mut left = Client::with(server.address(), &left);
    assert_eq!((left.protected().status, left.refresh().status), (401, 401));
    let agents = sql(&url, "SELECT DISTINCT user_agent FROM sessions");
    assert_eq!(agents, "back\\slash \u{fc} \\N \\.");
    assert_eq!(server.client().sign_in("testuser", "testpass").status, 200);
    assert_eq!(sql(&url, "SELECT count(*) FROM one_time_codes WHERE account = 'grace'"), "1");

    // What has gone on there is not written over.
    let before = sql(&url, COUNTS);
    let (is_done, said) = run(&file, &migrate, "");
    assert!(!is_done && said.contains("holds something else already, in its table"), "{said}");
    assert_eq!(sql(&url, COUNTS), before);
}

#[test]
#[ignore = "needs PostgreSQL; scripts/test starts it"]
fn a_move_that_is_killed_leaves_nothing_and_is_made_again() {
    let url = fresh();
    let file = Installation::new();
    assert!(file.start().terminate().unwrap().success());
    // So many that it takes a while; written by Python, which knows SQLite.
    let script = "import sqlite3, os\nd = sqlite3.connect('data/portcullis.db')\n\
                  d.executemany('INSERT INTO sessions VALUES (?, ?, \"[]\", 1, 1, 0, 9, 9, 9, NULL, NULL, 0, 1, 1, 1, ?, NULL, \"pwd\")',\n\
                  ((os.urandom(16), f'u{n}', 'a browser') for n in range(100000)))\nd.commit()";
    assert!(file.command("python3").args(["-c", script]).status().unwrap().success());
    for pause in [150, 400, 900] {
        let mut command = file.command(env!("CARGO_BIN_EXE_portcullis"));
        let mut child = command.args(["migrate", "--to", &url]).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(pause));
        let is_over = child.try_wait().unwrap().is_some();
        child.kill().unwrap();
        child.wait().unwrap();
        let tables = "SELECT count(*) FROM pg_tables WHERE tablename = 'sessions'";
        if !is_over && sql(&url, tables) == "1" {
            assert_eq!(sql(&url, COUNTS), "0", "all or nothing, after {pause} ms");
        }
    }
    let said = done(&file, &["migrate", "--to", &url], "");
    assert!(said.contains("sessions: 100000\n"), "{said}");
    assert_eq!(sql(&url, "SELECT count(*) FROM sessions"), "100000");
}

#[test]
#[ignore = "needs PostgreSQL; scripts/test starts it"]
fn what_cannot_be_moved_is_said_in_words() {
    let url = fresh();
    let file = Installation::new();
    let refused = |installation: &Installation, to: &str| {
        let (is_done, said) = run(installation, &["migrate", "--to", to], "");
        assert!(!is_done && said.lines().count() == 1 && !said.contains("hunter2"), "{said}");
        said
    };
    assert!(refused(&file, &url).contains("there is no store here"));
    assert!(file.start().terminate().unwrap().success());
    assert!(refused(&file, "sqlite:other.db").starts_with("--to: "));
    assert!(refused(&file, "postgres://u:hunter2@h:port/db").starts_with("--to: "));
    assert!(refused(&file, "postgres://u:hunter2@127.0.0.1:9/db").contains("does not answer"));
    assert_eq!(done(&file, &["migrate"], ""), "The tables of the store are up to date.\n");
    let there = Installation::new()
        .with("PORTCULLIS_APP__STORE", &url)
        .with("PORTCULLIS_AUTH__SECRET_KEY", crate::binary::server::SECRET);
    assert_eq!(done(&there, &["migrate"], ""), "The tables of the store are up to date.\n");
    assert!(refused(&there, &url).contains("only a SQLite file can be moved"));
}
