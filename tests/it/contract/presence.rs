//! How many live sessions a person has, and when the last one was begun.

use portcullis::auth::{Event, JournalEntry, OsRandom, UnixTime, What, Which};
use portcullis::store::Stores;

use super::{NOW, after, create, end, id, session};

every_driver! {
    sessions_that_live_are_counted,
    the_last_sign_in_is_the_newest_event_of_its_kind,
    people_are_told_of_in_the_order_they_were_asked_for,
}

async fn live(stores: &Stores, user: &str, seconds: u64) -> u32 {
    let found = stores.sessions.count_live(&[user], after(seconds)).await.unwrap();
    assert_eq!(found.len(), 1);
    found[0]
}

async fn last_sign_in(stores: &Stores, user: &str) -> Option<UnixTime> {
    let found = stores.events.last_sign_ins(&[user]).await.unwrap();
    assert_eq!(found.len(), 1);
    found[0]
}

async fn signed_in(stores: &Stores, user: &str, seconds: u64, what: What) {
    let user = Some(user.to_owned());
    let event = Event { at: after(seconds), what, user, session: None, address: None, by: None, roles: None };
    stores.events.record(&[JournalEntry::draw(event, &OsRandom).unwrap()]).await.unwrap();
}

async fn sessions_that_live_are_counted(stores: Stores) {
    for (number, user) in [(1, "alice"), (2, "alice"), (3, "alice"), (4, "bob")] {
        create(&stores, &session(number, user)).await;
    }
    assert_eq!(live(&stores, "alice", 60).await, 3);
    end(&stores, Which::One(id(2))).await;
    assert_eq!(live(&stores, "alice", 60).await, 2);
    assert_eq!(live(&stores, "alice", 86_400).await, 0, "they lay idle for too long");
    assert_eq!(live(&stores, "carol", 60).await, 0);
}

async fn the_last_sign_in_is_the_newest_event_of_its_kind(stores: Stores) {
    for (seconds, what) in
        [(5, What::SignedIn), (9, What::SignedIn), (7, What::SignedIn), (20, What::SignInFailed)]
    {
        signed_in(&stores, "alice", seconds, what).await;
    }
    signed_in(&stores, "bob", 30, What::SignedIn).await;
    assert_eq!(last_sign_in(&stores, "alice").await, Some(after(9)));
    assert_eq!(last_sign_in(&stores, "Alice").await, None);
}

async fn people_are_told_of_in_the_order_they_were_asked_for(stores: Stores) {
    create(&stores, &session(1, "bob")).await;
    signed_in(&stores, "amy", 3, What::SignedIn).await;
    let people = ["zoe", "bob", "amy"];
    assert_eq!(stores.sessions.count_live(&people, NOW).await.unwrap(), [0, 1, 0]);
    assert_eq!(stores.events.last_sign_ins(&people).await.unwrap(), [None, None, Some(after(3))]);
    assert_eq!(stores.sessions.count_live(&[], NOW).await.unwrap(), [0; 0]);
    assert_eq!(stores.events.last_sign_ins(&[]).await.unwrap(), []);
}
