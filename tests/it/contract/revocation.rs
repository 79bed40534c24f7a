//! How sessions end, and how every node hears of it.

use std::time::Duration;

use portcullis::auth::{Cursor, EndReason, Ended, Ending, Session, State, TokenId, UnixTime, Which};
use portcullis::store::Stores;

use super::{NOW, after, create, end, ending, find, id, logged, session};

every_driver! {
    an_end_keeps_its_first_reason,
    an_end_is_logged_after_a_cursor,
    ending_all_of_a_person_keeps_the_one_to_keep,
    someone_elses_session_is_not_ended,
    everybodys_sessions_end,
    a_session_past_its_idle_deadline_can_still_be_ended,
    too_many_sessions_end_the_longest_idle,
    dead_sessions_do_not_count_towards_the_limit,
    a_limit_of_zero_still_lets_the_new_session_live,
    live_sessions_are_listed_last_used_first,
    a_single_token_is_revoked,
    not_before_never_moves_back,
    the_cursor_never_falls,
    nobody_is_kept_awake_without_a_cause,
    expired_revocations_are_not_told,
    purge_keeps_what_still_matters,
}

async fn an_end_keeps_its_first_reason(stores: Stores) {
    create(&stores, &session(1, "alice")).await;
    assert_eq!(end(&stores, Which::One(id(1))).await, [id(1)]);
    let again = Ending { reason: EndReason::Operator, at: after(99), ..ending(Which::One(id(1))) };
    assert_eq!(stores.sessions.end(&again).await.unwrap(), []);
    let first = Some(Ended { at: after(60), reason: EndReason::LoggedOut });
    assert_eq!(find(&stores, 1).await.state.ended, first);
    assert_eq!(logged(&stores, Cursor::default()).await, [[1; 16]], "and is logged once");
}

async fn an_end_is_logged_after_a_cursor(stores: Stores) {
    create(&stores, &session(1, "alice")).await;
    create(&stores, &session(2, "alice")).await;
    end(&stores, Which::One(id(1))).await;
    let first = stores.sessions.revocations(&Cursor::default(), NOW).await.unwrap();
    assert_eq!(first.entries.len(), 1);
    assert_eq!(first.entries[0].until, after(360));
    end(&stores, Which::One(id(2))).await;
    let second = stores.sessions.revocations(&first.cursor, NOW).await.unwrap();
    assert_eq!(second.entries.iter().map(|revocation| revocation.id).collect::<Vec<_>>(), [[2; 16]]);
    assert_ne!(second.cursor, first.cursor);
    assert_eq!(logged(&stores, second.cursor).await, [[0; 16]; 0]);
    assert_eq!(logged(&stores, Cursor::default()).await, [[1; 16], [2; 16]]);
}

async fn ending_all_of_a_person_keeps_the_one_to_keep(stores: Stores) {
    for number in 1..=3 {
        create(&stores, &session(number, "alice")).await;
    }
    create(&stores, &session(4, "bob")).await;
    assert_eq!(end(&stores, Which::AllOf("alice", Some(id(2)))).await, [id(1), id(3)]);
    assert_eq!(find(&stores, 2).await.state.ended, None);
    assert_eq!(find(&stores, 4).await.state.ended, None);
    let mut ids = logged(&stores, Cursor::default()).await;
    ids.sort_unstable();
    assert_eq!(ids, [[1; 16], [3; 16]]);
    assert_eq!(end(&stores, Which::AllOf("alice", None)).await, [id(2)]);
}

async fn someone_elses_session_is_not_ended(stores: Stores) {
    create(&stores, &session(1, "alice")).await;
    assert_eq!(end(&stores, Which::OneOf(id(1), "mallory")).await, []);
    assert_eq!(find(&stores, 1).await.state.ended, None);
    assert_eq!(logged(&stores, Cursor::default()).await, [[0; 16]; 0]);
    assert_eq!(end(&stores, Which::OneOf(id(1), "alice")).await, [id(1)]);
}

async fn everybodys_sessions_end(stores: Stores) {
    create(&stores, &session(1, "alice")).await;
    create(&stores, &session(2, "bob")).await;
    assert_eq!(end(&stores, Which::Everybody).await, [id(1), id(2)]);
    assert_eq!(logged(&stores, Cursor::default()).await.len(), 2);
}

async fn a_session_past_its_idle_deadline_can_still_be_ended(stores: Stores) {
    create(&stores, &session(1, "alice")).await;
    let late = Ending { at: after(90_000), remember_until: after(90_300), ..ending(Which::One(id(1))) };
    assert_eq!(stores.sessions.end(&late).await.unwrap(), [id(1)]);
    assert_eq!(logged(&stores, Cursor::default()).await, [[1; 16]], "its last access token may still live");
}

async fn too_many_sessions_end_the_longest_idle(stores: Stores) {
    for (number, seen) in [(1, 30), (2, 10), (3, 20)] {
        create(&stores, &Session { last_seen: after(seen), ..session(number, "alice") }).await;
    }
    create(&stores, &session(5, "bob")).await;
    let newest = Session { created_at: after(40), last_seen: after(40), ..session(4, "alice") };
    let mut ended = stores.sessions.create(&newest, 2, after(340)).await.unwrap();
    ended.sort();
    assert_eq!(ended, [id(2), id(3)]);
    for number in [2, 3] {
        let end = find(&stores, number).await.state.ended;
        assert_eq!(end, Some(Ended { at: after(40), reason: EndReason::TooMany }));
    }
    for number in [1, 4, 5] {
        assert_eq!(find(&stores, number).await.state.ended, None, "{number}");
    }
    let revocations = stores.sessions.revocations(&Cursor::default(), NOW).await.unwrap();
    assert_eq!(revocations.entries.len(), 2);
    assert!(revocations.entries.iter().all(|revocation| revocation.until == after(340)));
}

async fn dead_sessions_do_not_count_towards_the_limit(stores: Stores) {
    create(&stores, &session(1, "alice")).await;
    create(&stores, &session(2, "alice")).await;
    end(&stores, Which::One(id(1))).await;
    let late = after(86_400);
    let state = State::begin(late, Duration::from_secs(86_400), Duration::from_secs(604_800));
    let third = Session { created_at: late, last_seen: late, state, ..session(3, "alice") };
    assert_eq!(stores.sessions.create(&third, 1, late).await.unwrap(), [], "1 has ended and 2 is idle");
}

async fn a_limit_of_zero_still_lets_the_new_session_live(stores: Stores) {
    create(&stores, &session(1, "alice")).await;
    assert_eq!(stores.sessions.create(&session(2, "alice"), 0, after(300)).await.unwrap(), [id(1)]);
    assert_eq!(find(&stores, 2).await.state.ended, None);
}

async fn live_sessions_are_listed_last_used_first(stores: Stores) {
    for (number, seen) in [(1, 10), (2, 30), (3, 20), (4, 40)] {
        create(&stores, &Session { last_seen: after(seen), ..session(number, "alice") }).await;
    }
    create(&stores, &session(5, "bob")).await;
    end(&stores, Which::One(id(4))).await;
    let live = async |now| {
        let live = stores.sessions.live("alice", now).await.unwrap();
        live.iter().map(|session| session.id).collect::<Vec<_>>()
    };
    assert_eq!(live(after(61)).await, [id(2), id(3), id(1)]);
    assert_eq!(live(after(86_400)).await, []);
}

async fn a_single_token_is_revoked(stores: Stores) {
    let token: TokenId = "11111111-2222-4333-8444-555555555555".parse().unwrap();
    let ids = [[9; 16], *token.as_bytes()];
    assert!(!stores.sessions.is_revoked(ids, NOW).await.unwrap());
    stores.sessions.revoke(token, after(300)).await.unwrap();
    stores.sessions.revoke(token, after(300)).await.unwrap();
    assert!(stores.sessions.is_revoked(ids, NOW).await.unwrap());
    assert!(stores.sessions.is_revoked([*token.as_bytes(), [9; 16]], NOW).await.unwrap());
    assert!(!stores.sessions.is_revoked([[9; 16]; 2], NOW).await.unwrap());
    assert_eq!(logged(&stores, Cursor::default()).await.first(), Some(token.as_bytes()));
    create(&stores, &session(1, "alice")).await;
    end(&stores, Which::One(id(1))).await;
    assert!(stores.sessions.is_revoked([[1; 16], [9; 16]], NOW).await.unwrap());
}

async fn not_before_never_moves_back(stores: Stores) {
    let not_before = async || stores.sessions.revocations(&Cursor::default(), NOW).await.unwrap().not_before;
    assert_eq!(not_before().await, UnixTime::default());
    stores.sessions.raise_not_before(after(10)).await.unwrap();
    stores.sessions.raise_not_before(after(5)).await.unwrap();
    assert_eq!(not_before().await, after(10));
    assert!(stores.sessions.is_revoked([[9; 16]; 2], after(9)).await.unwrap());
    assert!(!stores.sessions.is_revoked([[9; 16]; 2], after(10)).await.unwrap());
    stores.sessions.raise_not_before(after(20)).await.unwrap();
    assert_eq!(not_before().await, after(20));
}

async fn the_cursor_never_falls(stores: Stores) {
    create(&stores, &session(1, "alice")).await;
    create(&stores, &session(2, "alice")).await;
    end(&stores, Which::One(id(1))).await;
    let before = stores.sessions.revocations(&Cursor::default(), NOW).await.unwrap().cursor;
    stores.sessions.purge(after(400)).await.unwrap();
    let purged = stores.sessions.revocations(&before, after(400)).await.unwrap();
    assert_eq!(purged.entries, []);
    end(&stores, Which::One(id(2))).await;
    assert_eq!(logged(&stores, before).await, [[2; 16]], "a number is not given twice");
}

async fn nobody_is_kept_awake_without_a_cause(stores: Stores) {
    create(&stores, &session(1, "alice")).await;
    end(&stores, Which::One(id(1))).await;
    let mut told = 0;
    while tokio::time::timeout(Duration::from_millis(300), stores.sessions.changed()).await.is_ok() {
        told += 1;
        assert!(told < 5, "what is over is told again and again");
    }
}

#[tokio::test]
async fn who_waits_on_the_store_in_memory_is_told_of_every_change() {
    let stores = portcullis::store::memory();
    create(&stores, &session(1, "alice")).await;
    for change in 0..3 {
        let mut news = std::pin::pin!(stores.sessions.changed());
        assert!(tokio::time::timeout(Duration::from_millis(5), &mut news).await.is_err());
        match change {
            0 => drop(end(&stores, Which::One(id(1))).await),
            1 => stores
                .sessions
                .revoke("7f3c1f0e-9a4b-4c7d-8e21-5d6f7a8b9c0d".parse().unwrap(), after(9))
                .await
                .unwrap(),
            _ => stores.sessions.raise_not_before(NOW).await.unwrap(),
        }
        tokio::time::timeout(Duration::from_secs(5), news).await.unwrap();
    }
}

async fn expired_revocations_are_not_told(stores: Stores) {
    create(&stores, &session(1, "alice")).await;
    end(&stores, Which::One(id(1))).await;
    let matters = stores.sessions.revocations(&Cursor::default(), after(359)).await.unwrap();
    assert_eq!(matters.entries.len(), 1);
    let over = stores.sessions.revocations(&Cursor::default(), after(360)).await.unwrap();
    assert_eq!(over.entries, []);
    assert_eq!(
        stores.sessions.revocations(&over.cursor, after(359)).await.unwrap().entries,
        [],
        "it was read"
    );
}

async fn purge_keeps_what_still_matters(stores: Stores) {
    let short = State::begin(NOW, Duration::from_secs(100), Duration::from_secs(100));
    create(&stores, &Session { state: short, ..session(1, "alice") }).await;
    create(&stores, &session(2, "alice")).await;
    create(&stores, &session(3, "alice")).await;
    create(&stores, &session(4, "alice")).await;
    let brief = Ending { remember_until: after(100), ..ending(Which::One(id(2))) };
    stores.sessions.end(&brief).await.unwrap();
    end(&stores, Which::One(id(3))).await;
    stores.sessions.raise_not_before(NOW).await.unwrap();

    stores.sessions.purge(after(99)).await.unwrap();
    assert!(stores.sessions.find(id(1)).await.unwrap().is_some());
    assert_eq!(logged(&stores, Cursor::default()).await, [[2; 16], [3; 16]]);

    stores.sessions.purge(after(100)).await.unwrap();
    assert!(stores.sessions.find(id(1)).await.unwrap().is_none());
    assert_eq!(logged(&stores, Cursor::default()).await, [[3; 16]]);
    assert!(stores.sessions.is_revoked([[3; 16], [9; 16]], NOW).await.unwrap());
    assert!(!stores.sessions.is_revoked([[2; 16], [9; 16]], NOW).await.unwrap());
    assert_eq!(find(&stores, 4).await, session(4, "alice"));
    assert!(find(&stores, 2).await.state.ended.is_some(), "why it ended may still be asked");
    assert_eq!(stores.sessions.revocations(&Cursor::default(), NOW).await.unwrap().not_before, NOW);
}
