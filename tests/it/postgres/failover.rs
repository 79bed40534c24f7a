//! A second server takes over from one that was killed: with everything, or without the last things that were answered.

#![expect(clippy::disallowed_methods, reason = "how soon is measured by the machine's clock")]

use std::time::{Duration, Instant};

use super::own_server::OwnServer;
use super::proxy::Proxy;
use super::sql;
use crate::binary::client::Client;
use crate::binary::server::{Installation, SECRET};

/// A server with nodes before it, and a second one that follows the first.
struct Site {
    first: OwnServer,
    second: OwnServer,
    /// The address that moves from the first to the second.
    address: Proxy,
}

impl Site {
    fn start() -> Self {
        let first = OwnServer::start();
        let second = first.replica();
        let address = Proxy::before(&first.url());
        Self { first, second, address }
    }

    fn installation(&self) -> Installation {
        Installation::new()
            .with("PORTCULLIS_APP__STORE", &self.address.url(&self.first.url()))
            .with("PORTCULLIS_AUTH__SECRET_KEY", SECRET)
    }

    /// Waits until the second has everything that the first has.
    fn wait_for_second(&self) {
        let at = sql(&self.first.url(), "SELECT pg_current_wal_lsn()");
        while sql(&self.second.url(), &format!("SELECT pg_last_wal_replay_lsn() >= '{at}'")) != "t" {}
    }

    /// The first dies, and the second, which was stopped, leads.
    fn fail_over(&self) {
        self.first.signal("-KILL", &self.first.processes());
        self.second.go_on();
        self.second.run("pg_ctl", &["-w", "promote"]);
        self.address.lead_to(&self.second.url());
    }
}

#[track_caller]
fn comes_back(client: &mut Client) {
    let start = Instant::now();
    while client.refresh().status == 503 || client.protected().status == 503 {
        assert!(start.elapsed() < Duration::from_secs(5), "it does not come back");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!((client.refresh().status, client.protected().status), (200, 200));
}

#[test]
#[ignore = "needs PostgreSQL; scripts/test installs it"]
fn a_replica_that_has_everything_takes_over_and_nothing_is_lost() {
    let site = Site::start();
    let installations = [(); 2].map(|()| site.installation());
    let nodes = installations.each_ref().map(Installation::start);
    let [mut stays, mut leaves] = [(); 2].map(|()| {
        let mut client = nodes[0].client();
        assert_eq!(client.sign_in("testuser", "testpass").status, 200);
        client
    });
    let copy = leaves.jar.clone();
    assert_eq!((leaves.logout().status, stays.refresh().status), (200, 200));
    site.wait_for_second();
    site.second.run("pg_ctl", &["-m", "fast", "-w", "stop"]);
    site.fail_over();
    comes_back(&mut stays);
    let fresh = site.installation();
    let fresh = fresh.start();
    for node in nodes.iter().chain([&fresh]) {
        let mut left = Client::with(node.address(), &copy);
        assert_eq!((left.protected().status, left.refresh().status), (401, 401));
        assert_eq!(Client::with(node.address(), &stays.jar).protected().status, 200);
        assert_eq!(node.client().sign_in("testuser", "testpass").status, 200);
    }
}

/// What such a replica has never heard of, no node can that starts on it: the operator ends every session, as after the
/// return of an older copy.
#[test]
#[ignore = "needs PostgreSQL; scripts/test installs it"]
fn what_a_lagging_replica_has_lost_holds_at_the_nodes_that_heard_of_it_and_one_command_settles_the_rest() {
    let site = Site::start();
    let installations = [(); 2].map(|()| site.installation());
    let nodes = installations.each_ref().map(Installation::start);
    let [mut stays, mut leaves] = [(); 2].map(|()| {
        let mut client = nodes[0].client();
        assert_eq!(client.sign_in("testuser", "testpass").status, 200);
        client
    });
    site.wait_for_second();
    // From here on it hears nothing more.
    site.second.run("pg_ctl", &["-m", "fast", "-w", "stop"]);
    let copy = leaves.jar.clone();
    assert_eq!(leaves.logout().status, 200);
    let mut there = Client::with(nodes[1].address(), &copy);
    while there.protected().status != 401 {}
    let mut late = nodes[0].client();
    assert_eq!(late.sign_in("testuser", "testpass").status, 200);
    site.fail_over();
    comes_back(&mut stays);
    for node in &nodes {
        let mut left = Client::with(node.address(), &copy);
        assert_eq!((left.protected().status, left.refresh().status), (401, 401), "they heard of it");
    }
    // A session that was begun in the time that is lost ends; its owner signs in again.
    assert_eq!(late.refresh().status, 401);
    let fresh = site.installation();
    let node = fresh.start();
    assert_eq!(
        Client::with(node.address(), &copy).protected().status,
        200,
        "if not, the replica did not lag"
    );
    // "Before" is a matter of whole seconds.
    std::thread::sleep(Duration::from_millis(1100));
    let told = fresh.run(&["session", "end-all"], b"");
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    let start = Instant::now();
    while Client::with(node.address(), &copy).protected().status != 401 {
        assert!(start.elapsed() < Duration::from_secs(1), "it is never refused");
    }
    assert_eq!(Client::with(node.address(), &copy).refresh().status, 401);
    assert_eq!(stays.refresh().status, 401);
    assert_eq!(stays.sign_in("testuser", "testpass").status, 200);
    assert_eq!((stays.protected().status, stays.refresh().status), (200, 200));
}
