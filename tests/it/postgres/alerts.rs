//! A database that goes away is seen in the numbers and rings, and is heard no more when it is back.

#![expect(clippy::disallowed_methods, reason = "Prometheus is waited for by the machine's clock")]

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use crate::binary::server::SECRET;
use crate::operation::metrics::{Prometheus, numbers, numbers_of, shipped, value, watched};
use crate::postgres::own_server::OwnServer;

/// The alerts as they are shipped, but for how long they wait before they ring.
fn impatient() -> String {
    let shipped = shipped("alerts.yaml");
    let lines = shipped.lines().map(|line| match line.trim_start().strip_prefix("for: ") {
        Some(wait) => line.replace(wait, "2s"),
        None => line.to_owned(),
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Which of them ring.
fn ringing(prometheus: &mut Prometheus) -> BTreeSet<String> {
    let found = prometheus.asked("ALERTS{alertstate=\"firing\"}").unwrap_or_default();
    found.iter().map(|alert| alert["metric"]["alertname"].as_str().unwrap().to_owned()).collect()
}

fn until(prometheus: &mut Prometheus, expected: &[&str]) {
    let expected: BTreeSet<_> = expected.iter().map(|name| (*name).to_owned()).collect();
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let found = ringing(prometheus);
        let is_heard = if expected.is_empty() { found.is_empty() } else { expected.is_subset(&found) };
        if is_heard {
            return;
        }
        assert!(Instant::now() < deadline, "{found:?} ring, and not {expected:?}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

#[test]
#[ignore = "needs PostgreSQL and Prometheus; scripts/test installs them"]
fn a_database_that_goes_away_rings_and_is_silent_when_it_is_back() {
    let database = OwnServer::start();
    let installation = watched()
        .with("PORTCULLIS_APP__STORE", &database.url())
        .with("PORTCULLIS_AUTH__SECRET_KEY", SECRET)
        .with("PORTCULLIS_AUTH__MAX_STALENESS", "1");
    let mut server = installation.start();
    let mut port = numbers_of(&server);
    let mut client = server.client();
    assert_eq!(client.sign_in("testuser", "testpass").status, 200);
    let mut prometheus = Prometheus::ringing(&port.address(), &installation, &impatient());
    prometheus.tells("up == 1");
    assert_eq!(ringing(&mut prometheus), BTreeSet::new());
    assert_eq!(value(&numbers(&mut port), "portcullis_store_reachable"), Some(1.0));
    let failures = |text: &str| value(text, "portcullis_store_failures_total").unwrap();
    let before = failures(&numbers(&mut port));

    database.run("pg_ctl", &["-m", "immediate", "-w", "stop"]);
    until(&mut prometheus, &["PortcullisStoreUnreachable", "PortcullisNotReady", "PortcullisRevocationsOld"]);
    // The numbers are there all the same, at once, and say so.
    let begun = Instant::now();
    let told = numbers(&mut port);
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    assert_eq!(value(&told, "portcullis_store_reachable"), Some(0.0));
    assert_eq!(value(&told, "portcullis_ready"), Some(0.0));
    assert!(value(&told, "portcullis_revocations_age_seconds").unwrap() > 2.0);
    assert!(failures(&told) > before);
    let health = port.send(crate::binary::client::Ask::get("/health"));
    assert_eq!(health.status, 503, "{}", health.body);
    assert!(!ringing(&mut prometheus).contains("PortcullisDown"));

    database.go_on();
    until(&mut prometheus, &[]);
    assert_eq!(value(&numbers(&mut port), "portcullis_ready"), Some(1.0));
    assert_eq!(server.client().sign_in("testuser", "testpass").status, 200);

    // And a program that is gone.
    assert!(server.terminate().unwrap().success());
    until(&mut prometheus, &["PortcullisDown"]);
}
