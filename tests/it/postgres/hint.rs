//! The word between nodes that makes a sign-out travel sooner, and what becomes of it when nobody can hear it.

use std::sync::Arc;
use std::time::Duration;

use portcullis::auth::{EndReason, Ending, Revocation, SessionStore, TokenId, UnixTime, Which};
use portcullis::store::{StoreUrl, open};

use super::proxy::{Proxy, Weather};
use super::{fresh, sql};
use crate::contract::session;

const UNTIL: UnixTime = UnixTime::from_secs(1_700_000_300);

fn token(number: u8) -> TokenId {
    format!("00000000-0000-4000-8000-0000000000{number:02x}").parse().unwrap()
}

/// A node that listens there.
fn at(url: &str, listen: &str) -> Arc<dyn SessionStore> {
    let StoreUrl::Postgres(url) = url.parse().unwrap() else { unreachable!() };
    open(&StoreUrl::Postgres(url.listening_at(listen).unwrap())).sessions
}

fn node(url: &str) -> Arc<dyn SessionStore> {
    at(url, "direct")
}

/// Waits for a word, and says whether there was one.
async fn is_heard(node: &dyn SessionStore, patience: Duration) -> bool {
    tokio::time::timeout(patience, node.changed()).await.is_ok()
}

/// Lets this node listen: the connection itself is the first news.
async fn listening(url: &str) -> Arc<dyn SessionStore> {
    let node = node(url);
    node.ready().await.unwrap();
    assert!(is_heard(&*node, LONG).await);
    while sql(url, LISTENERS) == "0" {}
    // Its own first word.
    while is_heard(&*node, Duration::from_millis(300)).await {}
    node
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL; scripts/test starts it"]
async fn whoever_notes_a_revocation_tells_the_other_nodes() {
    let url = fresh();
    let there = listening(&url).await;
    let here = node(&url);
    for number in 0..10 {
        here.revoke(token(number), UNTIL).await.unwrap();
        assert!(is_heard(&*there, LONG).await, "{number}");
    }
    here.raise_not_before(UNTIL).await.unwrap();
    assert!(is_heard(&*there, LONG).await);
    assert!(!is_heard(&*node(&url), Duration::ZERO).await, "nobody is told before anything happened");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL; scripts/test starts it"]
async fn the_word_names_what_was_revoked_and_too_much_of_it_is_left_to_the_log() {
    let url = fresh();
    let there = listening(&url).await;
    let here = node(&url);
    for number in 0..10 {
        here.revoke(token(number), UNTIL).await.unwrap();
        let told = tokio::time::timeout(LONG, there.changed()).await.unwrap();
        assert_eq!(told, [Revocation { id: *token(number).as_bytes(), until: UNTIL }]);
    }
    here.raise_not_before(UNTIL).await.unwrap();
    let told = tokio::time::timeout(LONG, there.changed()).await.unwrap();
    assert_eq!(told, [], "that is in the log alone");
    // Anybody's word on the channel.
    for word in ["", "?", "00.1", "zz.5 ", &"x".repeat(7000)] {
        sql(&url, &format!("NOTIFY portcullis, '{word}'"));
        let told = tokio::time::timeout(LONG, there.changed()).await.unwrap();
        assert!(told.is_empty() || word == "00.1", "{word}: {told:?}");
    }
    for number in 0..=u8::MAX {
        here.create(&session(number, "alice"), 1000, UNTIL).await.unwrap();
    }
    let all = Ending {
        which: Which::AllOf("alice", None),
        reason: EndReason::Operator,
        at: UNTIL,
        remember_until: UNTIL,
    };
    assert_eq!(here.end(&all).await.unwrap().len(), 256);
    let told = tokio::time::timeout(LONG, there.changed()).await.unwrap();
    assert_eq!(told, [], "they are too many for one word");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL; scripts/test starts it"]
async fn a_listening_connection_that_ends_is_replaced_and_what_was_missed_is_news() {
    let url = fresh();
    let there = listening(&url).await;
    for round in 0..3 {
        let end =
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database()
                   AND query ILIKE 'LISTEN%'";
        assert_eq!(sql(&url, end), "1", "{round}");
        assert!(is_heard(&*there, LONG).await, "a new connection is news by itself");
        while sql(&url, LISTENERS) == "0" {}
        node(&url).revoke(token(round), UNTIL).await.unwrap();
        assert!(is_heard(&*there, LONG).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL; scripts/test starts it"]
async fn a_listening_connection_that_is_alive_and_deaf_is_replaced() {
    let url = fresh();
    let proxy = Proxy::before(&url);
    // Only what listens goes by way of the proxy.
    let there = at(&url, &proxy.url(&url));
    there.ready().await.unwrap();
    assert!(is_heard(&*there, LONG).await);
    while is_heard(&*there, Duration::from_millis(300)).await {}
    proxy.set(Weather::LosesAnswers);
    node(&url).revoke(token(1), UNTIL).await.unwrap();
    assert!(!is_heard(&*there, Duration::from_millis(500)).await, "nothing comes through");
    proxy.set(Weather::Fair);
    // What was lost leaves the connection out of step, or it lives and has missed the word; both ways a word follows.
    assert!(is_heard(&*there, Duration::from_secs(20)).await);
    proxy.set(Weather::LosesAnswers);
    // Half-open for good: fifteen seconds of silence, and a new connection once it can be had.
    let silent = sql(&url, LISTENING);
    let replaced = async {
        tokio::time::sleep(Duration::from_secs(16)).await;
        proxy.set(Weather::Fair);
        while sql(&url, LISTENING) == silent || sql(&url, LISTENERS) == "0" {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(40), replaced).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL; scripts/test starts it"]
async fn a_node_that_is_not_told_to_listen_opens_no_connection_for_it() {
    let url = fresh();
    let store = open(&url.parse().unwrap()).sessions;
    store.ready().await.unwrap();
    assert!(!is_heard(&*store, Duration::from_millis(500)).await);
    assert_eq!(sql(&url, LISTENERS), "0");
}

const LONG: Duration = Duration::from_secs(10);
const LISTENERS: &str =
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query ILIKE 'LISTEN%'";
const LISTENING: &str =
    "SELECT max(pid) FROM pg_stat_activity WHERE datname = current_database() AND query ILIKE 'LISTEN%'";
