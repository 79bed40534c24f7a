//! A database that somebody else holds: the answer comes within about a second, says so, and afterwards all is well.

#![expect(clippy::disallowed_methods, reason = "a process is waited for by the machine's clock")]

use std::time::{Duration, Instant};

use sqlx::Connection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};

use crate::binary::server::Installation;

#[tokio::test(flavor = "multi_thread")]
async fn whoever_meets_a_locked_database_is_told_within_about_a_second() {
    let installation = Installation::new();
    let server = installation.start();
    let mut before = server.client();
    assert_eq!(before.sign_in("testuser", "testpass").status, 200);
    let options = SqliteConnectOptions::new().filename(installation.path("data/portcullis.db"));
    let mut holder = SqliteConnection::connect_with(&options).await.unwrap();
    for _ in 0..2 {
        sqlx::query("BEGIN IMMEDIATE").execute(&mut holder).await.unwrap();
        for password in ["testpass", "a wrong guess"] {
            let begun = Instant::now();
            let answer = server.client().sign_in("testuser", password);
            assert_eq!((answer.status, answer.code()), (503, "unavailable".to_owned()), "{password}");
            assert!(answer.all("retry-after").next().is_some());
            // The second is the store's; the rest is what a busy machine may take.
            assert!(begun.elapsed() < Duration::from_millis(1900), "{password}: {:?}", begun.elapsed());
        }
        assert_eq!(before.protected().status, 200, "nothing is asked of the store for that");
        sqlx::query("ROLLBACK").execute(&mut holder).await.unwrap();
        assert_eq!(server.client().sign_in("testuser", "testpass").status, 200);
        assert_eq!(before.refresh().status, 200);
    }
}
