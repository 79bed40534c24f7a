//! What goes wrong between a node and its database, made to happen; and what comes afterwards.
//!
//! Each fault ends the same way: the caller is told 503 within a second, nothing that was answered is lost, nobody is let in
//! who was signed out, and within five seconds after the fault is over everything is right, without a restart.

#![expect(clippy::disallowed_methods, reason = "how soon is measured by the machine's clock")]

use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
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
        told_in_time(node, "testuser", &[503]);
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
        // What was asked before may still be on its way to one connection or the other.
        loop {
            match node.client().sign_in("testuser", "testpass").status {
                200 => break,
                status => assert_eq!(status, 503),
            }
            assert!(start.elapsed() < BACK_WITHIN, "it does not come back");
        }
    }
}

/// Somebody signs in, and is answered one of these within a second.
#[track_caller]
fn told_in_time(node: &Server, name: &str, answers: &[u16]) {
    let start = Instant::now();
    let answer = node.client().sign_in(name, "testpass");
    assert!(answers.contains(&answer.status), "{}", answer.body);
    assert!(start.elapsed() < TOLD_WITHIN, "{:?}", start.elapsed());
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
    let holder = Holder::of(&url, holder);
    while sql(
        &url,
        "SELECT count(*) FROM pg_locks JOIN pg_database ON oid = database WHERE datname = current_database() AND mode = 'AccessExclusiveLock' AND granted",
    ) == "0"
    {}
    for _ in 0..3 {
        // The database has taken the question, and does not answer it.
        let start = Instant::now();
        assert_eq!(people.stays.refresh().status, 503);
        assert!(start.elapsed() < TOLD_WITHIN, "{:?}", start.elapsed());
        told_in_time(&node, "testuser", &[503]);
    }
    assert_ne!(people.left.protected().status, 200);
    drop(holder);
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

/// A sign-in asks several times. Each answer would come in time, all of them would not.
#[test]
#[ignore = "needs PostgreSQL; scripts/test starts it"]
fn a_database_that_is_slow_to_answer_keeps_nobody_waiting_longer_than_one_that_is_away() {
    let url = fresh();
    let proxy = Proxy::before(&url);
    let node = node(&proxy.url(&url));
    let mut people = People::at(&node);
    proxy.set(Weather::Slow);
    for _ in 0..3 {
        told_in_time(&node, "testuser", &[503]);
        let start = Instant::now();
        assert!([200, 503].contains(&people.stays.refresh().status));
        assert!(start.elapsed() < TOLD_WITHIN, "{:?}", start.elapsed());
    }
    assert_ne!(people.left.protected().status, 200);
    let copy = Client::with(node.address(), &people.leaves.jar);
    assert!([200, 503].contains(&people.leaves.logout().status));
    people.leaves = copy;
    assert_ne!(people.leaves.protected().status, 200);
    proxy.set(Weather::Fair);
    people.afterwards(&node);
}

/// Somebody holds rows that a node's every connection waits for.
#[test]
#[ignore = "needs PostgreSQL; scripts/test starts it"]
fn a_node_whose_connections_are_all_taken_tells_so_in_time_and_gets_over_it() {
    let url = fresh();
    let node = Installation::new()
        .with("PORTCULLIS_APP__STORE", &url)
        .with("PORTCULLIS_AUTH__SECRET_KEY", SECRET)
        .with("PORTCULLIS_AUTH__MAX_SESSIONS", "100")
        .start();
    let stuck: Vec<Client> = (0..32)
        .map(|_| {
            let mut client = node.client();
            assert_eq!(client.sign_in("testuser", "testpass").status, 200);
            client
        })
        .collect();
    let mut left = node.client();
    assert_eq!(left.sign_in("admin", "adminpass").status, 200);
    let copy = left.jar.clone();
    let mut others = node.client();
    assert_eq!(others.sign_in("admin", "adminpass").status, 200);
    let hold = "BEGIN; SELECT FROM sessions WHERE user_name = 'testuser' FOR UPDATE; SELECT pg_sleep(600)";
    let holder = Holder::of(&url, hold);
    while sql(
        &url,
        "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(600)' AND datname = current_database() AND wait_event = 'PgSleep'",
    ) != "1"
    {}
    let is_over = AtomicBool::new(false);
    let mut refused = 0;
    std::thread::scope(|scope| {
        for client in &stuck {
            let mut client = Client::with(node.address(), &client.jar);
            let is_over = &is_over;
            scope.spawn(move || {
                while !is_over.load(Ordering::Relaxed) {
                    let start = Instant::now();
                    assert_eq!(client.refresh().status, 503);
                    assert!(start.elapsed() < TOLD_WITHIN, "{:?}", start.elapsed());
                }
            });
        }
        let taken = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
                     AND wait_event_type = 'Lock' AND query LIKE '%UPDATE sessions%'";
        while sql(&url, taken) != "8" {}
        // Whoever signs out is let go, and refused from then on, whether or not a connection is to be had.
        assert!([200, 503].contains(&left.logout().status));
        assert_ne!(Client::with(node.address(), &copy).protected().status, 200);
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(4) {
            // Somebody else, so that a session of this person is not what is missing later.
            told_in_time(&node, "nobody", &[401, 429, 503]);
            for status in [others.protected().status, others.refresh().status] {
                assert!([200, 503].contains(&status), "{status}: nobody honest is signed out");
                refused += usize::from(status == 503);
            }
        }
        is_over.store(true, Ordering::Relaxed);
    });
    assert!(refused > 0, "the connections were never all taken");
    drop(holder);
    let over = Instant::now();
    for mut client in stuck.into_iter().chain([others]) {
        while client.refresh().status == 503 {
            assert!(over.elapsed() < BACK_WITHIN, "it does not come back");
        }
        assert_eq!((client.refresh().status, client.protected().status), (200, 200));
    }
    let mut left = Client::with(node.address(), &copy);
    assert_eq!((left.protected().status, left.refresh().status), (401, 401));
}

/// Somebody at the database's own client who holds something until this value is dropped.
struct Holder<'a> {
    url: &'a str,
    client: Child,
}

impl<'a> Holder<'a> {
    fn of(url: &'a str, statements: &str) -> Self {
        let mut client = Command::new("psql");
        client.args(["-qXAt", "-c", statements, url]).stdout(Stdio::null()).stderr(Stdio::null());
        Self { url, client: client.spawn().unwrap() }
    }
}

impl Drop for Holder<'_> {
    fn drop(&mut self) {
        sql(
            self.url,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE datname = current_database() AND query LIKE '%pg_sleep(600)' AND pid <> pg_backend_pid()",
        );
        self.client.wait().unwrap();
    }
}

fn close_connections(url: &str) {
    let others = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                  WHERE datname = current_database() AND pid <> pg_backend_pid()";
    sql(url, others);
}
