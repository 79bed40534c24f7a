//! How many live sessions a person has, and when the last one was begun.

use portcullis::auth::{Event, Presence, What, Which};
use portcullis::store::Stores;

use super::{NOW, after, create, end, id, session};

every_driver! {
    sessions_that_live_are_counted,
    the_last_sign_in_is_the_newest_event_of_its_kind,
    people_are_told_of_in_the_order_they_were_asked_for,
}

async fn presence(stores: &Stores, user: &str, seconds: u64) -> Presence {
    let found = stores.sessions.presence(&[user], after(seconds)).await.unwrap();
    assert_eq!(found.len(), 1);
    found[0]
}

async fn signed_in(stores: &Stores, user: &str, seconds: u64, what: What) {
    let user = Some(user.to_owned());
    let event = Event { at: after(seconds), what, user, session: None, address: None, by: None, roles: None };
    stores.sessions.record(&[event]).await.unwrap();
}

async fn sessions_that_live_are_counted(stores: Stores) {
    for (number, user) in [(1, "alice"), (2, "alice"), (3, "alice"), (4, "bob")] {
        create(&stores, &session(number, user)).await;
    }
    assert_eq!(presence(&stores, "alice", 60).await.live, 3);
    end(&stores, Which::One(id(2))).await;
    assert_eq!(presence(&stores, "alice", 60).await.live, 2);
    assert_eq!(presence(&stores, "alice", 86_400).await.live, 0, "they lay idle for too long");
    assert_eq!(presence(&stores, "carol", 60).await, Presence::default());
}

async fn the_last_sign_in_is_the_newest_event_of_its_kind(stores: Stores) {
    for (seconds, what) in
        [(5, What::SignedIn), (9, What::SignedIn), (7, What::SignedIn), (20, What::SignInFailed)]
    {
        signed_in(&stores, "alice", seconds, what).await;
    }
    signed_in(&stores, "bob", 30, What::SignedIn).await;
    assert_eq!(presence(&stores, "alice", 60).await.last_sign_in, Some(after(9)));
    assert_eq!(presence(&stores, "Alice", 60).await.last_sign_in, None);
}

async fn people_are_told_of_in_the_order_they_were_asked_for(stores: Stores) {
    create(&stores, &session(1, "bob")).await;
    let found = stores.sessions.presence(&["zoe", "bob", "amy"], NOW).await.unwrap();
    assert_eq!(found.iter().map(|one| one.live).collect::<Vec<_>>(), [0, 1, 0]);
    assert_eq!(stores.sessions.presence(&[], NOW).await.unwrap(), []);
}
