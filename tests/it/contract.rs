//! What every store must do: one suite, run against each driver.
//!
//! A check takes fresh, empty [`Stores`] and knows nothing of the driver behind them; a new driver adds a module to
//! `every_driver!` and passes unchanged.

macro_rules! every_driver {
    ($($check:ident,)*) => {
        mod in_memory {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $check() {
                super::$check(portcullis::store::memory()).await;
            })*
        }
        mod sqlite_in_memory {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $check() {
                super::$check(portcullis::store::open(&portcullis::store::StoreUrl::SqliteMemory)).await;
            })*
        }
        mod sqlite_file {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $check() {
                let folder = tempfile::tempdir().unwrap();
                let url = portcullis::store::StoreUrl::SqliteFile(folder.path().join("a.db"));
                super::$check(portcullis::store::open(&url)).await;
            })*
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            #[ignore = "needs PostgreSQL; scripts/test starts it"]
            async fn $check() {
                super::$check(crate::postgres::stores()).await;
            })*
        }
    };
}

mod accounts;
mod attempts;
mod codes;
mod events;
mod factors;
mod mail;
mod passkeys;
mod people;
mod presence;
mod revocation;
mod rotation;
mod trust;

use std::time::Duration;

use portcullis::auth::{
    Cursor, EndReason, Ending, Leniency, Proved, Session, SessionId, State, UnixTime, Verdict, Which,
};
use portcullis::store::Stores;

const NOW: UnixTime = UnixTime::from_secs(1_700_000_000);
const LENIENCY: Leniency =
    Leniency { grace: Duration::from_secs(30), lost_response: Duration::from_secs(3600) };
const NO_LIMIT: usize = usize::MAX;

pub(crate) fn after(seconds: u64) -> UnixTime {
    NOW + Duration::from_secs(seconds)
}

fn id(number: u8) -> SessionId {
    SessionId::from_bytes([number; 16])
}

pub(crate) fn session(number: u8, user: &str) -> Session {
    Session {
        id: id(number),
        user: user.to_owned(),
        roles: vec!["user".to_owned()],
        state: State::begin(NOW, Duration::from_secs(86_400), Duration::from_secs(604_800)),
        remember: false,
        created_at: NOW,
        auth_time: NOW,
        last_seen: NOW,
        user_agent: "a browser".to_owned(),
        address: None,
        proved: Proved::Password,
    }
}

pub(crate) async fn create(stores: &Stores, session: &Session) {
    let ended = stores.sessions.create(session, NO_LIMIT, after(300)).await.unwrap();
    assert_eq!(ended, []);
}

async fn find(stores: &Stores, number: u8) -> Session {
    stores.sessions.find(id(number)).await.unwrap().unwrap()
}

async fn present(stores: &Stores, number: u8, generation: u64, now: UnixTime) -> (Session, Verdict) {
    let until = now + Duration::from_secs(300);
    let answer =
        stores.sessions.present(id(number), generation, now, LENIENCY, until).await.unwrap().unwrap();
    assert_eq!(find(stores, number).await, answer.0, "the session is returned as it is kept");
    answer
}

pub(crate) fn ending(which: Which<'_>) -> Ending<'_> {
    Ending { which, reason: EndReason::LoggedOut, at: after(60), remember_until: after(360) }
}

async fn end(stores: &Stores, which: Which<'_>) -> Vec<SessionId> {
    let mut ended = stores.sessions.end(&ending(which)).await.unwrap();
    ended.sort();
    ended
}

async fn logged(stores: &Stores, cursor: Cursor) -> Vec<[u8; 16]> {
    let revocations = stores.sessions.revocations(&cursor, NOW).await.unwrap();
    revocations.entries.iter().map(|revocation| revocation.id).collect()
}
