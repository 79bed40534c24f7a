//! Races against the real program: many callers, processes that die, thieves in every order.
//!
//! What a race would have to do to break a promise is written out in `rotation`; here the promise meets sockets,
//! threads, a disk and `kill -9`.

mod administrators;
mod connection;
mod crash;
mod crowd;
mod history;
mod links;
mod logout;
mod nodes;
mod orders;
mod passkeys;
mod second_factor;
mod theft;

use std::path::Path;
use std::time::Duration;

use portcullis::auth::{Clock, Session, SessionId, SystemClock};
use portcullis::store::{StoreUrl, open};
use serde_json::json;

use crate::binary::server::Installation;
use crate::contract::session;
use crate::races::connection::Pair;
use crate::support::{KEY, mint};

/// An installation whose signing key this test knows.
fn installation() -> Installation {
    Installation::new().with("PORTCULLIS_AUTH__SECRET_KEY", KEY)
}

/// Begins so many sessions of `testuser` without a password: their rows in the file, their tokens from the key.
/// The program must have made the file.
fn begin_sessions(database: &Path, count: u64) -> Vec<Pair> {
    begin_sessions_in(&StoreUrl::SqliteFile(database.to_owned()), count)
}

/// The same in any store.
fn begin_sessions_in(store: &StoreUrl, count: u64) -> Vec<Pair> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let now = SystemClock::new().now();
    let begin = |number: u64| {
        let mut id = [7; 16];
        id[8..].copy_from_slice(&number.to_be_bytes());
        let id = SessionId::from_bytes(id);
        let state =
            portcullis::auth::State::begin(now, Duration::from_secs(86_400), Duration::from_secs(604_800));
        let moments = Session { created_at: now, auth_time: now, last_seen: now, ..session(0, "testuser") };
        Session { id, state, ..moments }
    };
    let sessions: Vec<_> = (0..count).map(begin).collect();
    runtime.block_on(async {
        let stores = open(store);
        for session in &sessions {
            let until = session.created_at + Duration::from_secs(300);
            stores.sessions.create(session, usize::MAX, until).await.unwrap();
        }
    });
    sessions.iter().map(first_pair).collect()
}

fn first_pair(session: &Session) -> Pair {
    let iat = session.created_at.as_secs();
    let token = |kind: &str, exp: i64, csrf: &str| {
        let claims = json!({
            "fresh": false, "iat": iat, "jti": "123e4567-e89b-42d3-a456-426614174000", "type": kind,
            "sub": session.user, "nbf": iat, "csrf": csrf, "exp": exp, "sid": session.id.to_string(), "gen": 1,
            "auth_time": iat, "roles": session.roles,
        });
        mint(&json!({ "alg": "HS256", "typ": "JWT" }), &claims, KEY)
    };
    Pair {
        access: token("access", iat + 300, "of the access token"),
        refresh: token("refresh", iat + 86_400, "of the refresh token"),
        csrf_access: "of the access token".to_owned(),
        csrf_refresh: "of the refresh token".to_owned(),
    }
}

/// The next of a row of numbers that look random and are the same in every run.
fn draw(seed: &mut u64) -> u64 {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    *seed >> 33
}
