//! What goes wrong between a node and its database, made to happen; and what comes afterwards.
//!
//! Each fault ends the same way: the caller is told 503 (within a second, or within five where the database took the
//! question and does not answer it, as behind a lock), nothing that was answered is lost, nobody is let in who was signed
//! out, and within five seconds after the fault is over everything is right, without a restart.

#![expect(clippy::disallowed_methods, reason = "how soon is measured by the machine's clock")]

use std::time::{Duration, Instant};

use super::proxy::{Proxy, Weather};
use super::{fresh, sql};
use crate::binary::client::Client;
use crate::binary::server::{Installation, SECRET, Server};

/// On a machine that runs other tests meanwhile; by itself it is one second.
const TOLD_WITHIN: Duration = Duration::from_millis(2500);
const BACK_WITHIN: Duration = Duration::from_secs(5);

fn node(url: &str) -> Server {
    installation(url).start()
}

fn installation(url: &str) -> Installation {
    Installation::new()
        .with("PORTCULLIS_APP__STORE", url)
        .with("PORTCULLIS_AUTH__SECRET_KEY", SECRET)
        .with("PORTCULLIS_AUTH__MAX_STALENESS", "1")
}

/// The three people of every fault: one who stays, one who left before, one who leaves during it.
struct People {
    stays: Client,
    left: Client,
    leaves: Client,
}

impl People {
    fn at(node: &Server) -> Self {
        let [stays, mut left, leaves] = [(); 3].map(|()| {
            let mut client = node.client();
            assert_eq!(client.sign_in("testuser", "testpass").status, 200);
            client
        });
        let copy = Client::with(node.address(), &left.jar);
        assert_eq!(left.logout().status, 200);
        Self { stays, left: copy, leaves }
    }

    /// While the fault lasts: what needs the store is refused in time, and whoever left stays out.
    #[track_caller]
    fn during(&mut self, node: &Server) {
        let start = Instant::now();
        let refused = Client::with(node.address(), &self.stays.jar).refresh();
        assert_eq!(refused.status, 503, "{}", refused.body);
        assert!(start.elapsed() < TOLD_WITHIN, "{:?}", start.elapsed());
        assert_ne!(self.left.protected().status, 200);
        // Whoever leaves is let go, and this node refuses the session at once.
        let mut copy = Client::with(node.address(), &self.leaves.jar);
        assert_eq!(self.leaves.logout().status, 503);
        assert_eq!(copy.protected().status, 401);
        self.leaves = copy;
        // By now the view is too old to judge by.
        let start = Instant::now();
        loop {
            match Client::with(node.address(), &self.stays.jar).protected().status {
                503 => break,
                status => assert_eq!(status, 200),
            }
            assert!(start.elapsed() < BACK_WITHIN, "it goes on judging by what it knew long ago");
        }
    }

    /// When it is over.
    #[track_caller]
    fn afterwards(&mut self, node: &Server) {
        let start = Instant::now();
        loop {
            match self.stays.refresh().status {
                200 => break,
                status => assert_eq!(status, 503),
            }
            assert!(start.elapsed() < BACK_WITHIN, "it does not come back");
            std::thread::sleep(Duration::from_millis(20));
        }
        while self.stays.protected().status == 503 {
            assert!(start.elapsed() < BACK_WITHIN, "it does not come back");
        }
        assert_eq!(self.stays.protected().status, 200);
        assert_eq!(self.left.protected().status, 401);
        assert_eq!((self.leaves.protected().status, self.leaves.refresh().status), (401, 401));
        let mut new = node.client();
        assert_eq!(new.sign_in("testuser", "testpass").status, 200);
    }
}

#[test]
#[ignore = "needs PostgreSQL; scripts/test starts it"]
fn a_network_that_is_cut_or_loses_what_goes_one_way_is_told_of_and_got_over() {
    let url = fresh();
    let proxy = Proxy::before(&url);
    let node = node(&proxy.url(&url));
    for weather in [Weather::Refuses, Weather::LosesQuestions, Weather::LosesAnswers] {
        let mut people = People::at(&node);
        proxy.set(weather);
        people.during(&node);
        proxy.set(Weather::Fair);
        if weather != Weather::Refuses {
            // What was lost never arrives; the other end of such a connection gives up some day.
            proxy.cut();
        }
        people.afterwards(&node);
    }
}

#[test]
#[ignore = "needs PostgreSQL; scripts/test starts it"]
fn a_network_that_lost_answers_and_never_says_so_is_got_over_too() {
    let url = fresh();
    let proxy = Proxy::before(&url);
    let node = node(&proxy.url(&url));
    let mut people = People::at(&node);
    proxy.set(Weather::LosesAnswers);
    people.during(&node);
    proxy.set(Weather::Fair);
    people.afterwards(&node);
}

#[test]
#[ignore = "needs PostgreSQL; scripts/test starts it"]
fn a_database_that_only_reads_is_told_of_and_got_over() {
    let url = fresh();
    let node = node(&url);
    let mut people = People::at(&node);
    let database = url.rsplit_once('/').unwrap().1;
    let server = format!("{}/postgres", url.rsplit_once('/').unwrap().0);
    // As after a failover to a replica that was not promoted.
    sql(&server, &format!("ALTER DATABASE {database} SET default_transaction_read_only = on"));
    close_connections(&url);
    let start = Instant::now();
    let mut refused = node.client();
    while refused.sign_in("testuser", "testpass").status != 503 {
        assert!(start.elapsed() < BACK_WITHIN);
    }
    assert_eq!(people.stays.refresh().status, 503);
    // What only reads goes on.
    assert_eq!(people.stays.protected().status, 200);
    assert_eq!(people.left.protected().status, 401);
    let mut copy = Client::with(node.address(), &people.leaves.jar);
    assert_eq!(people.leaves.logout().status, 503);
    assert_eq!(copy.protected().status, 401);
    people.leaves = copy;
    sql(&server, &format!("ALTER DATABASE {database} RESET default_transaction_read_only"));
    // Its connections say so until they are new ones, as those to a replica do until it is promoted.
    close_connections(&url);
    people.afterwards(&node);
}

#[test]
#[ignore = "needs PostgreSQL; scripts/test starts it"]
fn a_table_that_somebody_locked_is_told_of_and_got_over() {
    let url = fresh();
    let node = node(&url);
    let mut people = People::at(&node);
    let holder = "BEGIN; LOCK TABLE sessions, revocations IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(600)";
    let mut holder = std::process::Command::new("psql").args(["-qXAt", "-c", holder, &url]).spawn().unwrap();
    while sql(&url, "SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted") == "0" {}
    let start = Instant::now();
    assert_eq!(people.stays.refresh().status, 503);
    // What waits inside the database is given up after five seconds, by the database itself.
    assert!(start.elapsed() < Duration::from_secs(8), "{:?}", start.elapsed());
    assert_ne!(people.left.protected().status, 200);
    sql(
        &url,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(600)' AND pid <> pg_backend_pid()",
    );
    holder.kill().unwrap();
    holder.wait().unwrap();
    people.leaves.logout();
    people.afterwards(&node);
}

#[test]
#[ignore = "needs PostgreSQL; scripts/test starts it"]
fn a_database_that_is_absent_at_the_first_start_is_told_of_and_the_next_start_works() {
    let url = fresh();
    let proxy = Proxy::before(&url);
    proxy.set(Weather::Refuses);
    let installation = installation(&proxy.url(&url));
    let start = Instant::now();
    let refused = installation.run(&[], b"");
    assert_eq!(refused.status.code(), Some(1));
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    assert!(String::from_utf8_lossy(&refused.stderr).contains("the database does not answer"));
    proxy.set(Weather::Fair);
    let node = installation.start();
    assert_eq!(node.client().sign_in("testuser", "testpass").status, 200);
}

#[test]
#[ignore = "needs PostgreSQL; scripts/test starts it"]
fn a_database_without_a_connection_to_give_is_told_of_and_got_over() {
    let url = fresh();
    let (server, database) = url.rsplit_once('/').unwrap();
    let server = format!("{server}/postgres");
    let node = node(&url);
    let mut people = People::at(&node);
    // Whoever is a superuser is let in all the same, so nobody is.
    sql(&server, &format!("ALTER DATABASE {database} ALLOW_CONNECTIONS false"));
    sql(
        &server,
        &format!(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = '{database}'"
        ),
    );
    people.during(&node);
    sql(&server, &format!("ALTER DATABASE {database} ALLOW_CONNECTIONS true"));
    people.afterwards(&node);
}

#[test]
#[ignore = "needs PostgreSQL; scripts/test starts it"]
fn an_end_that_a_lagging_replica_has_not_heard_of_holds_at_the_nodes_that_have() {
    let url = fresh();
    let nodes = [node(&url), node(&url)];
    let mut client = nodes[0].client();
    assert_eq!(client.sign_in("testuser", "testpass").status, 200);
    let copy = client.jar.clone();
    assert_eq!(client.logout().status, 200);
    let mut there = Client::with(nodes[1].address(), &copy);
    while there.protected().status != 401 {}
    // What a replica looks like that takes over without the last second.
    sql(&url, "UPDATE sessions SET ended_at = NULL, end_reason = NULL");
    sql(&url, "DELETE FROM revocations");
    for node in &nodes {
        let mut client = Client::with(node.address(), &copy);
        assert_eq!((client.protected().status, client.refresh().status), (401, 401));
    }
}

fn close_connections(url: &str) {
    let others = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                  WHERE datname = current_database() AND pid <> pg_backend_pid()";
    sql(url, others);
}
