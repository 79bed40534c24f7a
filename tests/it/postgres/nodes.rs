//! Three programs on one PostgreSQL database: what one does, all know.

#![expect(clippy::disallowed_methods, reason = "how soon is measured by the machine's clock")]

use std::time::{Duration, Instant};

use crate::binary::client::{Ask, Client};
use crate::binary::server::{Installation, SECRET, Server};
use crate::postgres::{fresh, sql};

/// By the poll alone, on a machine that runs other tests meanwhile.
const BOUND: Duration = Duration::from_secs(1);

fn installation(url: &str) -> Installation {
    Installation::new().with("PORTCULLIS_APP__STORE", url).with("PORTCULLIS_AUTH__SECRET_KEY", SECRET)
}

/// Three nodes that start at the same moment on a database in which nothing is.
pub(crate) fn three(url: &str) -> [Server; 3] {
    let nodes = [(); 3].map(|()| installation(url));
    std::thread::scope(|scope| {
        nodes.each_ref().map(|node| scope.spawn(|| node.start())).map(|start| start.join().unwrap())
    })
}

/// How long it takes until this node refuses the tokens of this client.
pub(super) fn time_until_refused(node: &Server, client: &Client) -> Duration {
    let start = Instant::now();
    let mut there = Client::with(node.address(), &client.jar);
    while there.protected().status != 401 {
        assert!(start.elapsed() < Duration::from_secs(10), "it is never refused");
        std::thread::sleep(Duration::from_millis(2));
    }
    start.elapsed()
}

#[test]
#[ignore = "needs PostgreSQL; scripts/test starts it"]
fn what_one_node_hands_out_all_take_and_what_one_ends_all_refuse() {
    let url = fresh();
    let nodes = three(&url);
    assert_eq!(sql(&url, "SELECT count(*) FROM accounts"), "2", "the demo accounts were made once");
    for round in 0..6 {
        let mut client = nodes[round % 3].client();
        assert_eq!(client.sign_in("testuser", "testpass").status, 200);
        let mut there = Client::with(nodes[(round + 1) % 3].address(), &client.jar);
        assert_eq!(there.protected().status, 200);
        assert_eq!(there.refresh().status, 200);
        let mut last = Client::with(nodes[(round + 2) % 3].address(), &there.jar);
        assert_eq!(last.logout().status, 200);
        for node in &nodes {
            assert!(time_until_refused(node, &there) < BOUND);
            assert!(time_until_refused(node, &client) < BOUND);
        }
        // A refresh asks the store, so it is refused at once.
        assert_eq!(there.refresh().status, 401);
    }
}

#[test]
#[ignore = "needs PostgreSQL; scripts/test starts it"]
fn guesses_count_together_wherever_they_arrive() {
    let nodes = three(&fresh());
    let outcomes: Vec<u16> =
        (0..12).map(|guess| nodes[guess % 3].client().sign_in("testuser", "wrong").status).collect();
    // Five, and one more for each wait that is over on a machine that is slow; each node by itself would look at all.
    let looked_at = outcomes.iter().filter(|status| **status == 401).count();
    assert!((5..=8).contains(&looked_at), "{outcomes:?}");
    assert!(outcomes.iter().all(|status| [401, 429].contains(status)), "{outcomes:?}");
}

#[test]
#[ignore = "needs PostgreSQL; scripts/test starts it"]
fn many_refreshes_of_one_token_at_three_nodes_sign_nobody_out() {
    let nodes = three(&fresh());
    let mut client = nodes[0].client();
    assert_eq!(client.sign_in("testuser", "testpass").status, 200);
    for _ in 0..5 {
        let clients: Vec<_> = std::thread::scope(|scope| {
            let refreshes: Vec<_> = (0..12)
                .map(|tab| {
                    let mut tab = Client::with(nodes[tab % 3].address(), &client.jar);
                    scope.spawn(move || {
                        let answer = tab.refresh();
                        assert_eq!(answer.status, 200, "{}", answer.body);
                        tab
                    })
                })
                .collect();
            refreshes.into_iter().map(|refresh| refresh.join().unwrap()).collect()
        });
        for tab in &clients {
            assert_eq!(Client::with(nodes[1].address(), &tab.jar).protected().status, 200);
        }
        client = Client::with(nodes[0].address(), &clients[7].jar);
    }
}

#[test]
#[ignore = "needs PostgreSQL; scripts/test starts it"]
fn a_node_that_is_killed_and_started_again_knows_everybody() {
    let url = fresh();
    let node = installation(&url).start();
    let mut client = node.client();
    assert_eq!(client.sign_in("testuser", "testpass").status, 200);
    node.kill();
    let node = installation(&url).start();
    let mut client = Client::with(node.address(), &client.jar);
    assert_eq!((client.protected().status, client.refresh().status), (200, 200));
    assert_eq!(client.send(Ask::get("/sessions").header("Accept", "application/json")).status, 200);
}

#[test]
#[ignore = "needs PostgreSQL; scripts/test starts it"]
fn connections_that_the_database_closes_are_replaced() {
    let url = fresh();
    let node = installation(&url).start();
    let mut client = node.client();
    assert_eq!(client.sign_in("testuser", "testpass").status, 200);
    for _ in 0..5 {
        let others = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                      WHERE datname = current_database() AND pid <> pg_backend_pid()";
        assert_ne!(sql(&url, others), "0");
        let start = Instant::now();
        loop {
            match client.refresh().status {
                200 => break,
                status => assert_eq!(status, 503),
            }
            assert!(start.elapsed() < Duration::from_secs(5), "it does not come back");
            std::thread::sleep(Duration::from_millis(20));
        }
        assert_eq!(client.protected().status, 200);
    }
    assert_eq!(client.logout().status, 200);
    assert_eq!(client.protected().status, 401);
}

#[test]
#[ignore = "needs PostgreSQL; scripts/test starts it"]
fn what_does_not_fit_is_refused_in_words() {
    let url = fresh();
    let said = |installation: &Installation| {
        let output = installation.run(&[], b"");
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8(output.stderr).unwrap()
    };
    let keyless = said(&Installation::new().with("PORTCULLIS_APP__STORE", &url));
    assert!(keyless.starts_with("auth.secret_key_file: needed with PostgreSQL"), "{keyless}");

    installation(&url).start().kill();
    sql(&url, "INSERT INTO _sqlx_migrations VALUES (9999, 'of the future', now(), true, '\\x00', 1)");
    let newer = said(&installation(&url));
    assert!(newer.contains("a newer version of this program has changed the database"), "{newer}");

    for away in ["postgres://u:hidden@127.0.0.1:9/x".to_owned(), url.replace("test_", "absent_")] {
        let output = said(&installation(&away));
        assert!(!output.contains("hidden") && output.contains("PostgreSQL"), "{output}");
    }
}

/// What the next version does to the tables under the nodes of this one: it adds, with defaults, and takes nothing away.
#[test]
#[ignore = "needs PostgreSQL; scripts/test starts it"]
fn nodes_that_run_go_on_beside_the_tables_of_a_newer_version() {
    let url = fresh();
    let node = installation(&url).start();
    let mut before = node.client();
    assert_eq!(before.sign_in("testuser", "testpass").status, 200);
    for statement in [
        "ALTER TABLE sessions ADD COLUMN level BIGINT NOT NULL DEFAULT 1",
        "ALTER TABLE accounts ADD COLUMN handle BIGINT NOT NULL DEFAULT 0",
        "ALTER TABLE events ADD COLUMN other TEXT",
        "ALTER TABLE factors ADD COLUMN credential BYTEA",
        "INSERT INTO _sqlx_migrations VALUES (9999, 'of the future', now(), true, '\\x00', 1)",
    ] {
        sql(&url, statement);
        let mut client = node.client();
        assert_eq!(client.sign_in("testuser", "testpass").status, 200, "{statement}");
        assert_eq!((client.refresh().status, client.protected().status), (200, 200), "{statement}");
        assert_eq!(client.send(Ask::get("/sessions").header("Accept", "application/json")).status, 200);
        assert_eq!(client.logout().status, 200, "{statement}");
        assert_eq!((before.refresh().status, before.protected().status), (200, 200), "{statement}");
    }
    let output = installation(&url).run(&[], b"");
    assert!(String::from_utf8_lossy(&output.stderr).contains("a newer version of this program"));
}

#[test]
#[ignore = "needs PostgreSQL; scripts/test starts it"]
fn a_reuse_that_one_node_finds_ends_the_session_at_all() {
    let url = fresh();
    let nodes = [(); 3].map(|()| installation(&url).with("PORTCULLIS_AUTH__REFRESH_GRACE", "0").start());
    let mut victim = nodes[0].client();
    assert_eq!(victim.sign_in("testuser", "testpass").status, 200);
    let stolen = victim.jar.clone();
    assert_eq!((victim.refresh().status, victim.protected().status), (200, 200));
    // Another node has to be told that the successor was seen, and the second of the rotation to be over.
    std::thread::sleep(Duration::from_millis(1200));
    let answer = Client::with(nodes[1].address(), &stolen).refresh();
    assert_eq!((answer.status, answer.code()), (401, "token_reused".to_owned()));
    for node in &nodes {
        assert!(time_until_refused(node, &victim) < BOUND);
        assert_eq!(Client::with(node.address(), &victim.jar).refresh().status, 401);
    }
}

#[test]
#[ignore = "needs PostgreSQL; scripts/test starts it"]
fn a_person_has_no_more_sessions_than_the_limit_wherever_they_begin() {
    let url = fresh();
    let nodes = [(); 3].map(|()| installation(&url).with("PORTCULLIS_AUTH__MAX_SESSIONS", "4").start());
    let start = Instant::now();
    std::thread::scope(|scope| {
        for turn in 0..9 {
            let mut client = nodes[turn % 3].client();
            scope.spawn(move || {
                // Whoever comes while five others are being looked at elsewhere comes again.
                while client.sign_in("testuser", "testpass").status != 200 {
                    assert!(start.elapsed() < Duration::from_secs(20));
                    std::thread::sleep(Duration::from_millis(100));
                }
            });
        }
    });
    assert_eq!(sql(&url, "SELECT count(*) FROM sessions WHERE ended_at IS NULL"), "4");
}

#[test]
#[ignore = "needs PostgreSQL; scripts/test starts it"]
fn a_key_that_is_rotated_is_taken_over_by_all_and_signs_nobody_out() {
    let url = fresh();
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("key");
    let with_key = || {
        Installation::new()
            .with("PORTCULLIS_APP__STORE", &url)
            .with("PORTCULLIS_AUTH__SECRET_KEY_FILE", key.to_str().unwrap())
    };
    assert!(with_key().run(&["key", "new"], b"").status.success());
    let nodes = [(); 3].map(|()| with_key().start());
    let mut before = nodes[0].client();
    assert_eq!(before.sign_in("testuser", "testpass").status, 200);
    assert!(with_key().run(&["key", "rotate"], b"").status.success());
    let start = Instant::now();
    while nodes.iter().any(|node| !node.said().contains("took over the keys of a changed key file")) {
        assert!(start.elapsed() < Duration::from_secs(10), "a node goes on with the old key");
        std::thread::sleep(Duration::from_millis(50));
    }
    let mut after = nodes[1].client();
    assert_eq!(after.sign_in("testuser", "testpass").status, 200);
    for node in &nodes {
        for client in [&before, &after] {
            assert_eq!(Client::with(node.address(), &client.jar).protected().status, 200);
        }
    }
    assert_eq!((before.refresh().status, before.protected().status), (200, 200));
}
