//! Events come back as they went in, newest first, to the person they are about.

use portcullis::auth::{EndReason, Event, EventSpan, JournalEntry, OsRandom, UnixTime, What};
use portcullis::store::Stores;

use super::{NOW, after, id};

every_driver! {
    an_event_comes_back_with_every_field,
    events_come_newest_first,
    only_events_since_a_moment_are_told,
    no_more_than_the_limit_are_told_and_they_are_the_newest,
    someone_elses_events_are_not_told,
    purging_forgets_what_is_before_the_moment_and_nothing_at_it,
    a_thousand_old_events_are_all_forgotten,
    an_event_that_is_told_again_is_kept_once,
}

fn event(what: What, user: &str, seconds: u64) -> Event {
    Event {
        at: after(seconds),
        what,
        user: Some(user.to_owned()),
        session: None,
        address: None,
        by: None,
        roles: None,
    }
}

async fn record(stores: &Stores, events: &[Event]) {
    let draw = |event: &Event| JournalEntry::draw(event.clone(), &OsRandom).unwrap();
    stores.events.record(&events.iter().map(draw).collect::<Vec<_>>()).await.unwrap();
}

async fn told(stores: &Stores, user: &str, since: UnixTime, limit: u32) -> Vec<Event> {
    stores.events.events_of(user, EventSpan::since(since), limit).await.unwrap()
}

async fn an_event_comes_back_with_every_field(stores: Stores) {
    let what = What::SessionEnded(EndReason::Reused);
    let full = Event {
        session: Some(id(1)),
        address: "2001:db8::7".parse().ok(),
        by: Some("root".to_owned()),
        roles: Some(vec!["a".to_owned(), "b".to_owned()]),
        ..event(what, "alice", 1)
    };
    let bare = event(What::SignInFailed, "alice", 0);
    record(&stores, &[]).await;
    record(&stores, &[bare.clone(), full.clone()]).await;
    assert_eq!(told(&stores, "alice", NOW, 10).await, [full, bare]);
}

async fn events_come_newest_first(stores: Stores) {
    let late = event(What::SignedIn, "alice", 9);
    let early = event(What::SignInFailed, "alice", 1);
    let same_second = event(What::SignInThrottled, "alice", 1);
    record(&stores, &[late.clone(), early.clone()]).await;
    record(&stores, std::slice::from_ref(&same_second)).await;
    assert_eq!(told(&stores, "alice", NOW, 10).await, [late, same_second, early]);
}

async fn only_events_since_a_moment_are_told(stores: Stores) {
    let [before, at] = [4, 5].map(|seconds| event(What::SignedIn, "alice", seconds));
    record(&stores, &[before, at.clone()]).await;
    assert_eq!(told(&stores, "alice", after(5), 10).await, [at]);
    assert_eq!(told(&stores, "alice", after(6), 10).await, []);
}

async fn no_more_than_the_limit_are_told_and_they_are_the_newest(stores: Stores) {
    let [first, second, third] = [1, 2, 3].map(|seconds| event(What::SignedIn, "alice", seconds));
    record(&stores, &[first, second.clone(), third.clone()]).await;
    assert_eq!(told(&stores, "alice", NOW, 2).await, [third, second]);
    assert_eq!(told(&stores, "alice", NOW, 0).await, []);
}

async fn someone_elses_events_are_not_told(stores: Stores) {
    let hers = event(What::SignedIn, "alice", 1);
    let nobodys = Event { user: None, ..event(What::SignInFailed, "", 1) };
    record(&stores, &[hers.clone(), event(What::SignedIn, "bob", 1), nobodys]).await;
    assert_eq!(told(&stores, "alice", NOW, 10).await, [hers]);
    for nobody in ["", "Alice", "alic_", "%"] {
        assert_eq!(told(&stores, nobody, NOW, 10).await, [], "{nobody:?}");
    }
}

async fn purging_forgets_what_is_before_the_moment_and_nothing_at_it(stores: Stores) {
    let [before, at] = [4, 5].map(|seconds| event(What::SignedIn, "alice", seconds));
    record(&stores, &[before, at.clone()]).await;
    stores.events.purge_events(after(5)).await.unwrap();
    assert_eq!(told(&stores, "alice", NOW, 10).await, [at]);
    stores.events.purge_events(after(6)).await.unwrap();
    assert_eq!(told(&stores, "alice", NOW, 10).await, []);
}

async fn a_thousand_old_events_are_all_forgotten(stores: Stores) {
    let old: Vec<_> = (0..1200).map(|number| event(What::SignedIn, "alice", number % 5)).collect();
    record(&stores, &old).await;
    let kept = event(What::SignedIn, "alice", 5);
    record(&stores, std::slice::from_ref(&kept)).await;
    stores.events.purge_events(after(5)).await.unwrap();
    assert_eq!(told(&stores, "alice", NOW, 2000).await, [kept]);
}

/// Whoever did not hear the answer tells all of it again, with what happened since.
async fn an_event_that_is_told_again_is_kept_once(stores: Stores) {
    let draw = |seconds| JournalEntry::draw(event(What::SignInFailed, "alice", seconds), &OsRandom).unwrap();
    let (first, alike, later) = (draw(1), draw(1), draw(2));
    stores.events.record(&[first.clone(), alike.clone()]).await.unwrap();
    stores.events.record(&[alike.clone(), later.clone(), first.clone()]).await.unwrap();
    let told = told(&stores, "alice", NOW, 10).await;
    assert_eq!(told, [later.event.clone(), alike.event.clone(), first.event.clone()]);
    stores.events.purge_events(after(2)).await.unwrap();
    stores.events.record(std::slice::from_ref(&later)).await.unwrap();
    assert_eq!(stores.events.events_of("alice", EventSpan::since(NOW), 10).await.unwrap(), [later.event]);
}
