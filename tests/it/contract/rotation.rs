//! What becomes of a session when its refresh tokens come back.

use std::sync::Arc;
use std::time::Duration;

use portcullis::auth::{Cursor, EndReason, Ended, Proved, Session, SessionId, State, Verdict, Which};
use portcullis::store::Stores;

use super::{LENIENCY, NO_LIMIT, NOW, after, create, end, ending, find, id, logged, present, session};

every_driver! {
    ready_may_be_asked_again,
    a_session_comes_back_with_every_field,
    a_session_that_never_was_is_none,
    an_id_is_not_given_twice,
    the_current_generation_is_rotated,
    a_predecessor_is_replayed_with_the_same_successor,
    a_replay_restarts_the_window_only_while_the_successor_is_unseen,
    an_abandoned_token_ends_the_session_and_is_logged,
    a_generation_that_was_never_issued_changes_nothing,
    an_ended_session_stays_ended,
    an_expired_session_is_not_rotated,
    of_fifty_who_present_one_generation_exactly_one_rotates_it,
    only_the_current_generation_is_confirmed,
    reauthentication_needs_a_live_session,
    a_dropped_request_leaves_nothing_half_done,
}

async fn ready_may_be_asked_again(stores: Stores) {
    stores.sessions.ready().await.unwrap();
    stores.sessions.ready().await.unwrap();
}

async fn a_session_comes_back_with_every_field(stores: Stores) {
    let rich = Session {
        id: SessionId::from_bytes(*b"\x00\x01\xff3456789abcdef"),
        user: "o'brien@example.org".to_owned(),
        roles: vec!["admin".to_owned(), "a \"quoted\", one".to_owned(), "ü".to_owned()],
        state: State {
            generation: 7,
            rotated_at: after(1),
            confirmed: false,
            idle_ttl: Duration::from_secs(11),
            idle_deadline: after(2),
            absolute_deadline: after(3),
            ended: Some(Ended { at: after(4), reason: EndReason::PasswordChanged }),
        },
        remember: true,
        created_at: after(5),
        auth_time: after(6),
        last_seen: after(7),
        user_agent: "Mozilla/5.0 \u{1f510} \u{1} '; DROP TABLE sessions; --".to_owned(),
        address: Some("2001:db8::1".parse().unwrap()),
        proved: Proved::PasswordAndCode,
    };
    create(&stores, &rich).await;
    assert_eq!(stores.sessions.find(rich.id).await.unwrap(), Some(rich));

    let plain = Session { roles: vec![], address: Some("192.0.2.7".parse().unwrap()), ..session(1, "") };
    create(&stores, &plain).await;
    assert_eq!(find(&stores, 1).await, plain);
}

async fn a_session_that_never_was_is_none(stores: Stores) {
    assert_eq!(stores.sessions.find(id(1)).await.unwrap(), None);
    assert_eq!(stores.sessions.present(id(1), 1, NOW, LENIENCY, NOW).await.unwrap(), None);
    assert_eq!(end(&stores, Which::One(id(1))).await, []);
    assert_eq!(logged(&stores, Cursor::default()).await, [[0; 16]; 0]);
}

async fn an_id_is_not_given_twice(stores: Stores) {
    create(&stores, &session(1, "alice")).await;
    assert!(stores.sessions.create(&session(1, "mallory"), NO_LIMIT, NOW).await.is_err());
    assert_eq!(find(&stores, 1).await.user, "alice");
}

async fn the_current_generation_is_rotated(stores: Stores) {
    create(&stores, &session(1, "alice")).await;
    let (rotated, verdict) = present(&stores, 1, 1, after(100)).await;
    assert_eq!(verdict, Verdict::Rotated);
    assert_eq!((rotated.state.generation, rotated.state.confirmed), (2, false));
    assert_eq!((rotated.state.rotated_at, rotated.last_seen), (after(100), after(100)));
    assert_eq!(rotated.state.idle_deadline, after(100 + 86_400));
    assert_eq!(rotated.state.absolute_deadline, after(604_800), "it is never extended");
    assert_eq!((rotated.created_at, rotated.auth_time), (NOW, NOW));
    assert_eq!(present(&stores, 1, 2, after(200)).await.1, Verdict::Rotated);
}

async fn a_predecessor_is_replayed_with_the_same_successor(stores: Stores) {
    create(&stores, &session(1, "alice")).await;
    let (rotated, _) = present(&stores, 1, 1, after(100)).await;
    assert_eq!(present(&stores, 1, 1, after(100)).await, (rotated.clone(), Verdict::Replayed));
    let (late, verdict) = present(&stores, 1, 1, after(100 + 3600)).await;
    assert_eq!(verdict, Verdict::Replayed);
    assert_eq!(late.state, State { rotated_at: after(100 + 3600), ..rotated.state.clone() });
    assert_eq!(Session { state: rotated.state.clone(), ..late }, rotated);
}

async fn a_replay_restarts_the_window_only_while_the_successor_is_unseen(stores: Stores) {
    create(&stores, &session(1, "alice")).await;
    present(&stores, 1, 1, after(100)).await;
    let (handed_out_again, _) = present(&stores, 1, 1, after(1000)).await;
    stores.sessions.confirm(&[(id(1), 2)]).await.unwrap();
    for late in [1001, 1029, 1030] {
        let (kept, verdict) = present(&stores, 1, 1, after(late)).await;
        assert_eq!(verdict, Verdict::Replayed);
        assert_eq!(kept.state.rotated_at, handed_out_again.state.rotated_at);
    }
    assert_eq!(present(&stores, 1, 1, after(1031)).await.1, Verdict::Reused);
}

async fn an_abandoned_token_ends_the_session_and_is_logged(stores: Stores) {
    create(&stores, &session(1, "alice")).await;
    present(&stores, 1, 1, after(100)).await;
    stores.sessions.confirm(&[(id(1), 2)]).await.unwrap();
    let (reused, verdict) = present(&stores, 1, 1, after(131)).await;
    assert_eq!(verdict, Verdict::Reused);
    assert_eq!(reused.state.ended, Some(Ended { at: after(131), reason: EndReason::Reused }));
    let revocations = stores.sessions.revocations(&Cursor::default(), NOW).await.unwrap();
    assert_eq!(revocations.entries.len(), 1);
    assert_eq!((revocations.entries[0].id, revocations.entries[0].until), ([1; 16], after(431)));
    assert_eq!(present(&stores, 1, 2, after(132)).await.1, Verdict::AlreadyEnded);
    assert_eq!(logged(&stores, revocations.cursor).await, [[0; 16]; 0]);
}

async fn a_generation_that_was_never_issued_changes_nothing(stores: Stores) {
    create(&stores, &session(1, "alice")).await;
    for generation in [2, 3, u64::MAX] {
        assert_eq!(
            present(&stores, 1, generation, after(1)).await,
            (session(1, "alice"), Verdict::NeverIssued)
        );
    }
}

async fn an_ended_session_stays_ended(stores: Stores) {
    create(&stores, &session(1, "alice")).await;
    end(&stores, Which::One(id(1))).await;
    for generation in [1, 9] {
        let (kept, verdict) = present(&stores, 1, generation, after(61)).await;
        assert_eq!(verdict, Verdict::AlreadyEnded);
        assert_eq!((kept.state.generation, kept.last_seen), (1, NOW));
    }
}

async fn an_expired_session_is_not_rotated(stores: Stores) {
    create(&stores, &session(1, "alice")).await;
    assert_eq!(present(&stores, 1, 1, after(86_400)).await, (session(1, "alice"), Verdict::Expired));
}

async fn of_fifty_who_present_one_generation_exactly_one_rotates_it(stores: Stores) {
    create(&stores, &session(1, "alice")).await;
    let mut callers = Vec::new();
    for _ in 0..50 {
        let sessions = Arc::clone(&stores.sessions);
        callers.push(tokio::spawn(async move {
            sessions.present(id(1), 1, after(10), LENIENCY, after(310)).await.unwrap().unwrap()
        }));
    }
    let mut rotated = 0;
    for caller in callers {
        let (kept, verdict) = caller.await.unwrap();
        assert_eq!(kept.state.generation, 2);
        match verdict {
            Verdict::Rotated => rotated += 1,
            other => assert_eq!(other, Verdict::Replayed),
        }
    }
    assert_eq!(rotated, 1);
    assert_eq!(find(&stores, 1).await.state.generation, 2);
}

async fn only_the_current_generation_is_confirmed(stores: Stores) {
    create(&stores, &session(1, "alice")).await;
    create(&stores, &session(2, "alice")).await;
    present(&stores, 1, 1, after(10)).await;
    present(&stores, 2, 1, after(10)).await;
    stores.sessions.confirm(&[]).await.unwrap();
    stores.sessions.confirm(&[(id(1), 1), (id(1), 3), (id(1), u64::MAX), (id(9), 1)]).await.unwrap();
    assert!(!find(&stores, 1).await.state.confirmed);
    stores.sessions.confirm(&[(id(1), 1), (id(1), 2)]).await.unwrap();
    assert!(find(&stores, 1).await.state.confirmed);
    assert!(!find(&stores, 2).await.state.confirmed);
}

async fn reauthentication_needs_a_live_session(stores: Stores) {
    create(&stores, &session(1, "alice")).await;
    assert!(stores.sessions.reauthenticated(id(1), Proved::Password, after(50)).await.unwrap());
    assert_eq!(find(&stores, 1).await, Session { auth_time: after(50), ..session(1, "alice") });
    let more = Proved::PasswordAndCode;
    assert!(stores.sessions.reauthenticated(id(1), more, after(60)).await.unwrap());
    assert_eq!(find(&stores, 1).await.proved, more);
    assert!(stores.sessions.reauthenticated(id(1), Proved::Password, after(50)).await.unwrap());
    assert_eq!(find(&stores, 1).await.proved, more, "what was proved is not forgotten for less");
    assert!(!stores.sessions.reauthenticated(id(1), Proved::Password, after(86_400)).await.unwrap());
    end(&stores, Which::One(id(1))).await;
    assert!(!stores.sessions.reauthenticated(id(1), Proved::Password, after(70)).await.unwrap());
    assert!(!stores.sessions.reauthenticated(id(2), Proved::Password, after(50)).await.unwrap());
    assert_eq!(find(&stores, 1).await.auth_time, after(50));
}

async fn a_dropped_request_leaves_nothing_half_done(stores: Stores) {
    create(&stores, &session(1, "alice")).await;
    for polls in 0..40_u8 {
        let number = 100 + polls;
        create(&stores, &session(number, "bob")).await;
        let ending = ending(Which::One(id(number)));
        poll_some(stores.sessions.end(&ending), polls).await;
        // A commit that was on its way when the future was dropped may still land between the two reads below;
        // writers queue, so after another one it has landed or was rolled back.
        stores.sessions.confirm(&[(id(1), u64::MAX)]).await.unwrap();
        let is_ended = find(&stores, number).await.state.ended.is_some();
        let is_logged = logged(&stores, Cursor::default()).await.contains(&[number; 16]);
        assert_eq!(is_ended, is_logged, "dropped after {polls} polls");

        let before = find(&stores, 1).await.state.generation;
        poll_some(stores.sessions.present(id(1), before, after(1), LENIENCY, after(301)), polls).await;
        let (kept, verdict) = present(&stores, 1, before, after(1)).await;
        assert!(matches!(verdict, Verdict::Rotated | Verdict::Replayed), "{verdict:?} after {polls} polls");
        assert_eq!(kept.state.generation, before + 1);
    }
}

/// Drops the future right after so many polls, in the middle of whatever it then waits for.
pub(super) async fn poll_some<F: Future>(future: F, polls: u8) {
    let mut future = std::pin::pin!(future);
    let mut left = polls;
    std::future::poll_fn(|context| {
        if left == 0 || future.as_mut().poll(context).is_ready() {
            return std::task::Poll::Ready(());
        }
        left -= 1;
        if left == 0 { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
}
