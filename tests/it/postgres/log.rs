//! The log of revocations, when transactions become visible in another order than they noted.

use std::process::{Child, Command};

use portcullis::auth::{Cursor, TokenId, UnixTime};
use portcullis::store::open;

use crate::postgres::{fresh, sql};

const NOW: UnixTime = UnixTime::from_secs(1_700_000_000);
const UNTIL: UnixTime = UnixTime::from_secs(1_700_000_300);

fn token(number: u8) -> TokenId {
    format!("00000000-0000-4000-8000-0000000000{number:02x}").parse().unwrap()
}

/// Somebody else's transaction that notes a revocation now and lets it be seen when it is told to.
struct Late {
    psql: Child,
    url: String,
}

impl Late {
    fn begin(url: &str, id: TokenId) -> Self {
        let hex: String = id.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        let statement = format!(
            "BEGIN; INSERT INTO revocations (id, until) VALUES ('\\x{hex}', {});
             SELECT pg_advisory_xact_lock(1); COMMIT",
            UNTIL.as_secs()
        );
        // The lock is held by the one who waits below.
        let psql = Command::new("psql").args(["-qXAt", "-c", &statement, url]).spawn().unwrap();
        let waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted";
        while sql(url, waiting) != "1" {}
        Self { psql, url: url.to_owned() }
    }

    /// Lets it commit.
    fn finish(mut self, holder: &mut Child) {
        let stop = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted";
        sql(&self.url, stop);
        holder.wait().unwrap();
        assert!(self.psql.wait().unwrap().success());
    }
}

/// Holds the lock that the late one waits for.
fn holder(url: &str) -> Child {
    let statement = "SELECT pg_advisory_lock(1); SELECT pg_sleep(60)";
    let mut psql = Command::new("psql");
    let child =
        psql.args(["-qXAt", "-c", statement, url]).stderr(std::process::Stdio::null()).spawn().unwrap();
    while sql(url, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted") != "1" {}
    child
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL; scripts/test starts it"]
async fn what_becomes_visible_late_is_not_missed_and_nothing_is_told_twice() {
    let url = fresh();
    let store = open(&url.parse().unwrap()).sessions;
    store.ready().await.unwrap();
    let mut holder = holder(&url);
    let late = Late::begin(&url, token(1));
    store.revoke(token(2), UNTIL).await.unwrap();
    let first = store.revocations(&Cursor::default(), NOW).await.unwrap();
    let told = |entries: &[portcullis::auth::Revocation]| {
        entries.iter().map(|revocation| revocation.id).collect::<Vec<_>>()
    };
    assert_eq!(told(&first.entries), [*token(2).as_bytes()], "the other is noted earlier and not yet seen");
    late.finish(&mut holder);
    let second = store.revocations(&first.cursor, NOW).await.unwrap();
    assert_eq!(told(&second.entries), [*token(1).as_bytes()]);
    assert_eq!(store.revocations(&second.cursor, NOW).await.unwrap().entries, []);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL; scripts/test starts it"]
async fn what_a_long_transaction_noted_is_told_by_the_next_thorough_read() {
    let url = fresh();
    let store = open(&url.parse().unwrap()).sessions;
    store.revoke(token(1), UNTIL).await.unwrap();
    let mut cursor = store.revocations(&Cursor::default(), NOW).await.unwrap().cursor;
    let late = "INSERT INTO revocations (id, until, noted_at)
                SELECT decode(repeat('07', 16), 'hex'), 1700000300, noted_at - 20000000 FROM revocations";
    sql(&url, late);
    let mut told = Vec::new();
    for _ in 0..200 {
        let news = store.revocations(&cursor, NOW).await.unwrap();
        told.extend(news.entries.iter().map(|revocation| revocation.id));
        cursor = news.cursor;
        if !told.is_empty() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(told, [[7; 16]]);
    for _ in 0..30 {
        let news = store.revocations(&cursor, NOW).await.unwrap();
        assert_eq!(news.entries, [], "nothing is told twice");
        cursor = news.cursor;
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL; scripts/test starts it"]
async fn a_database_whose_clock_was_set_back_is_still_followed() {
    let url = fresh();
    let store = open(&url.parse().unwrap()).sessions;
    store.revoke(token(1), UNTIL).await.unwrap();
    // As if it had been noted by a clock that was an hour ahead.
    sql(&url, "UPDATE revocations SET noted_at = noted_at + 3600000000");
    let ahead = store.revocations(&Cursor::default(), NOW).await.unwrap();
    assert_eq!(ahead.entries.len(), 1);
    store.revoke(token(2), UNTIL).await.unwrap();
    let behind = store.revocations(&ahead.cursor, NOW).await.unwrap();
    assert!(behind.entries.iter().any(|revocation| revocation.id == *token(2).as_bytes()), "{behind:?}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL; scripts/test starts it"]
async fn a_flood_of_revocations_arrives_whole() {
    let url = fresh();
    let store = open(&url.parse().unwrap()).sessions;
    store.ready().await.unwrap();
    let flood = "INSERT INTO revocations (id, until)
                 SELECT decode(lpad(to_hex(n), 32, '0'), 'hex'), 1700000300 FROM generate_series(1, 10000) n";
    sql(&url, flood);
    let all = store.revocations(&Cursor::default(), NOW).await.unwrap();
    assert_eq!(all.entries.len(), 10_000);
    store.revoke(token(7), UNTIL).await.unwrap();
    let more = store.revocations(&all.cursor, NOW).await.unwrap();
    assert!(more.entries.iter().any(|revocation| revocation.id == *token(7).as_bytes()));
}
