//! What people say of themselves, how they join, and how they leave.

use portcullis::auth::{EndReason, Event, EventSpan, JournalEntry, UnixTime, What};
use portcullis::store::Stores;
use portcullis::users::{
    Account, Change, CodeDigest, Effective, Followed, FollowedLink, KeptCode, KeptLink, Letter, LinkId,
    LinkPurpose, LinkStep, MailMessage, MessageId, NewHash, Newcomer, Profile, Username, Warrant,
};

use super::{NOW, after, create, find, session};

every_driver! {
    a_profile_comes_back_and_messages_follow_its_language,
    somebody_joins_by_a_link_once,
    a_name_that_is_taken_spends_no_link,
    an_address_that_is_taken_makes_no_account,
    of_twenty_who_follow_one_invitation_one_joins,
    an_invitation_is_sent_on_a_word_that_counts,
    an_invitation_counts_for_as_long_as_the_word_of_whoever_sent_it,
    so_many_links_to_join_go_to_one_address_in_an_hour,
    whoever_leaves_is_out_and_may_come_back,
    an_administrator_takes_a_departure_back,
    somebody_is_left_who_looks_after_accounts,
    nothing_is_left_of_whoever_has_left_but_events_that_name_nobody,
    of_twenty_who_delete_one_does,
}

const MOMENT: Effective = Effective { at: NOW, remember_until: UnixTime::from_secs(1_700_000_300) };

fn account(name: &str) -> Account {
    Account {
        name: name.parse().unwrap(),
        password_hash: "$argon2id$".to_owned(),
        roles: vec!["staff".to_owned()],
        disabled: false,
        created_at: NOW,
        epoch: 0,
    }
}

async fn add(stores: &Stores, name: &str) -> Username {
    assert!(stores.accounts.insert(&account(name)).await.unwrap());
    account(name).name
}

fn link(number: u8, purpose: LinkPurpose, account: Option<&Username>, to: &str) -> KeptLink {
    KeptLink {
        id: LinkId::from_bytes([number; 12]),
        purpose,
        account: account.cloned(),
        address: to.parse().unwrap(),
        epoch: None,
        made_at: NOW,
        expires_at: after(3600),
        used_at: None,
        newcomer: None,
    }
}

fn newcomer(number: u8, name: &str, to: &str) -> KeptLink {
    let newcomer = Newcomer {
        name: name.parse().ok(),
        password_hash: Some("$argon2id$chosen".to_owned()),
        roles: vec!["staff".to_owned()],
        invited_by: "boss".parse().ok(),
    };
    KeptLink { newcomer: Some(newcomer), ..link(number, LinkPurpose::Join, None, to) }
}

fn message(number: u8, letter: Letter, link: &KeptLink) -> MailMessage {
    MailMessage {
        id: MessageId::from_bytes([number; 16]),
        letter,
        to: link.address.clone(),
        account: link.account.clone(),
        language: "de".to_owned(),
        link: Some(link.id),
        made_at: link.made_at,
    }
}

async fn post(stores: &Stores, number: u8, link: &KeptLink) {
    assert!(stores.mail.post(&message(number, Letter::Welcome, link), link, 9).await.unwrap());
}

async fn join(stores: &Stores, number: u8, account: &Account) -> FollowedLink {
    let step = LinkStep::Join { account, language: "de" };
    stores.mail.follow(LinkId::from_bytes([number; 12]), step, MOMENT).await.unwrap()
}

async fn prove(stores: &Stores, number: u8, name: &Username, to: &str) {
    let link = link(number, LinkPurpose::Prove, Some(name), to);
    post(stores, number, &link).await;
    let step = LinkStep::Prove { language: "en", farewell: None };
    assert!(matches!(stores.mail.follow(link.id, step, MOMENT).await.unwrap(), FollowedLink::Done(_)));
}

async fn a_profile_comes_back_and_messages_follow_its_language(stores: Stores) {
    let alice = add(&stores, "alice").await;
    assert_eq!(stores.profiles.profile_of(&alice).await.unwrap(), Profile::default());
    prove(&stores, 1, &alice, "a@example.org").await;
    for profile in [
        Profile { display_name: "Älice 🌿 \u{202e}x".parse().ok(), language: Some("de".to_owned()) },
        Profile { display_name: None, language: None },
    ] {
        assert!(stores.profiles.keep_profile(&alice, &profile).await.unwrap());
        assert_eq!(stores.profiles.profile_of(&alice).await.unwrap(), profile);
        let known = stores.mail.address_of(&alice).await.unwrap().unwrap();
        assert_eq!(known.language, "de", "which stays when no language is chosen any more");
    }
    let nobody = "nobody".parse().unwrap();
    assert!(!stores.profiles.keep_profile(&nobody, &Profile::default()).await.unwrap());
}

async fn somebody_joins_by_a_link_once(stores: Stores) {
    let kept = newcomer(1, "ada", "Ada@example.org");
    post(&stores, 1, &kept).await;
    assert_eq!(stores.mail.link(kept.id).await.unwrap(), Some(kept));
    assert_eq!(stores.accounts.find(&account("ada").name).await.unwrap(), None, "not before");
    let ada = Followed { account: account("ada").name, ended: vec![] };
    assert_eq!(join(&stores, 1, &account("ada")).await, FollowedLink::Done(ada));
    assert_eq!(stores.accounts.find(&account("ada").name).await.unwrap(), Some(account("ada")));
    let known = stores.mail.address_of(&account("ada").name).await.unwrap().unwrap();
    assert_eq!((known.address.as_str(), known.language.as_str()), ("Ada@example.org", "de"));
    assert_eq!(join(&stores, 1, &account("bob")).await, FollowedLink::NotOpen);
    let spent = stores.mail.link(LinkId::from_bytes([1; 12])).await.unwrap().unwrap();
    assert!(spent.used_at.is_some());
    // Nothing else joins anybody.
    let ada = account("ada").name;
    post(&stores, 2, &link(2, LinkPurpose::Reset, Some(&ada), "ada@example.org")).await;
    assert_eq!(join(&stores, 2, &account("eve")).await, FollowedLink::NotOpen);
    assert_eq!(stores.accounts.find(&account("eve").name).await.unwrap(), None);
}

async fn a_name_that_is_taken_spends_no_link(stores: Stores) {
    add(&stores, "ada").await;
    post(&stores, 1, &newcomer(1, "ada", "a@example.org")).await;
    assert_eq!(join(&stores, 1, &account("ada")).await, FollowedLink::NameTaken);
    assert_eq!(stores.mail.owner_of(&"a@example.org".parse().unwrap()).await.unwrap(), None);
    assert!(matches!(join(&stores, 1, &account("ada2")).await, FollowedLink::Done(_)));
}

async fn an_address_that_is_taken_makes_no_account(stores: Stores) {
    let alice = add(&stores, "alice").await;
    post(&stores, 1, &newcomer(1, "ada", "A@example.org")).await;
    prove(&stores, 2, &alice, "a@example.org").await;
    assert_eq!(join(&stores, 1, &account("ada")).await, FollowedLink::Taken);
    assert_eq!(stores.accounts.find(&account("ada").name).await.unwrap(), None);
    assert_eq!(join(&stores, 1, &account("ada")).await, FollowedLink::NotOpen, "it is spent");
}

async fn of_twenty_who_follow_one_invitation_one_joins(stores: Stores) {
    post(&stores, 1, &newcomer(1, "ada", "a@example.org")).await;
    let tries = (0..20).map(|number| {
        let stores = stores.clone();
        tokio::spawn(async move { join(&stores, 1, &account(&format!("ada{number}"))).await })
    });
    let mut joined = 0;
    for one in tries.collect::<Vec<_>>() {
        joined += u32::from(matches!(one.await.unwrap(), FollowedLink::Done(_)));
    }
    assert_eq!((joined, stores.accounts.count().await.unwrap()), (1, 1));
}

async fn an_invitation_is_sent_on_a_word_that_counts(stores: Stores) {
    add(&stores, "boss").await;
    create(&stores, &session(1, "boss")).await;
    let by = "boss".parse().ok();
    let warrant = |number: u8| Warrant { by: by.as_ref(), session: Some([number; 16]), keeps: None };
    let kept = newcomer(1, "ada", "a@example.org");
    let written = message(1, Letter::Invitation, &kept);
    assert!(!stores.mail.post_warranted(&written, &kept, warrant(9)).await.unwrap(), "no such session");
    assert_eq!(stores.mail.link(kept.id).await.unwrap(), None);
    assert!(stores.mail.queued(9).await.unwrap().is_empty());
    assert!(stores.mail.post_warranted(&written, &kept, warrant(1)).await.unwrap());
    let other = newcomer(2, "bob", "a@example.org");
    let written = message(2, Letter::Invitation, &other);
    assert!(stores.mail.post_warranted(&written, &other, Warrant::OPERATOR).await.unwrap());
    assert_eq!(stores.mail.queued(9).await.unwrap().len(), 2);
}

async fn an_invitation_counts_for_as_long_as_the_word_of_whoever_sent_it(stores: Stores) {
    let boss = add(&stores, "boss").await;
    let hash = NewHash { old: None, new: "$argon2id$2", keep: None };
    for turn in 0..4 {
        let (mine, others) = (2 * turn + 1, 2 * turn + 2);
        let of_others = KeptLink {
            newcomer: Some(Newcomer { name: "bob".parse().ok(), ..Newcomer::default() }),
            ..newcomer(others, "", &format!("{others}@example.org"))
        };
        post(&stores, mine, &newcomer(mine, "ada", &format!("{mine}@example.org"))).await;
        post(&stores, others, &of_others).await;
        match turn {
            0 => drop(stores.accounts.change_password(&boss, hash, MOMENT).await.unwrap()),
            1 => drop(stores.accounts.set_roles(&boss, &[], MOMENT, Warrant::OPERATOR).await.unwrap()),
            2 => drop(stores.accounts.set_disabled(&boss, true, MOMENT, Warrant::OPERATOR).await.unwrap()),
            _ => drop(stores.profiles.leave(&boss, NOW, None, MOMENT, Warrant::OPERATOR).await.unwrap()),
        }
        assert_eq!(join(&stores, mine, &account("ada")).await, FollowedLink::NotOpen, "{turn}");
        let joined = join(&stores, others, &account(&format!("bob{turn}"))).await;
        assert!(matches!(joined, FollowedLink::Done(_)), "{turn}");
    }
}

async fn so_many_links_to_join_go_to_one_address_in_an_hour(stores: Stores) {
    let send = async |number: u8, link: KeptLink| {
        stores.mail.post(&message(number, Letter::Welcome, &link), &link, 2).await.unwrap()
    };
    assert!(send(1, newcomer(1, "ada", "A@example.org")).await);
    assert!(send(2, newcomer(2, "bob", "a@example.org")).await);
    assert!(!send(3, newcomer(3, "eve", "a@Example.org")).await, "whatever name is asked for");
    let third = stores.mail.link(LinkId::from_bytes([3; 12])).await.unwrap().unwrap();
    assert_eq!(third.newcomer, None, "it leads nowhere");
    assert_eq!(join(&stores, 3, &account("eve")).await, FollowedLink::NotOpen);
    for number in 4..8 {
        let elsewhere = newcomer(number, "ada", &format!("{number}@example.org"));
        assert!(send(number, elsewhere).await, "nobody blocks a name");
    }
    assert!(send(9, KeptLink { made_at: after(3601), ..newcomer(9, "ada", "a@example.org") }).await);
}

async fn whoever_leaves_is_out_and_may_come_back(stores: Stores) {
    let alice = add(&stores, "alice").await;
    for number in [1, 2] {
        create(&stores, &session(number, "alice")).await;
    }
    let stay = link(1, LinkPurpose::Stay, Some(&alice), "a@example.org");
    let farewell = message(1, Letter::Farewell, &stay);
    let posted = Some((&farewell, &stay));
    let left = stores.profiles.leave(&alice, after(600), posted, MOMENT, Warrant::OPERATOR).await.unwrap();
    assert!(matches!(&left, Change::Made(ended) if ended.len() == 2), "{left:?}");
    assert!(find(&stores, 2).await.state.ended.is_some());
    let reason = find(&stores, 1).await.state.ended.unwrap().reason;
    assert_eq!(reason, EndReason::AccountDisabled);
    assert!(stores.accounts.find(&alice).await.unwrap().unwrap().disabled);
    assert_eq!(stores.profiles.leaves_at(&alice).await.unwrap(), Some(after(600)));
    assert_eq!(stores.mail.queued(9).await.unwrap().len(), 1);
    assert_eq!(stores.profiles.forget_one(after(599), "deleted:1").await.unwrap(), None, "not yet");
    // Another link of an account that may not sign in is not open; this one is.
    let reset = link(2, LinkPurpose::Reset, Some(&alice), "a@example.org");
    post(&stores, 2, &reset).await;
    let step = LinkStep::Reset { hash: "$argon2id$2" };
    assert_eq!(stores.mail.follow(reset.id, step, MOMENT).await.unwrap(), FollowedLink::NotOpen);
    assert!(matches!(
        stores.mail.follow(stay.id, LinkStep::Stay, MOMENT).await.unwrap(),
        FollowedLink::Done(_)
    ));
    assert!(!stores.accounts.find(&alice).await.unwrap().unwrap().disabled);
    assert_eq!(stores.profiles.leaves_at(&alice).await.unwrap(), None);
    assert_eq!(stores.profiles.forget_one(after(9999), "deleted:1").await.unwrap(), None);
    assert_eq!(stores.mail.follow(stay.id, LinkStep::Stay, MOMENT).await.unwrap(), FollowedLink::NotOpen);
    // Somebody who was disabled by somebody else does not let themselves in by it.
    let other = link(3, LinkPurpose::Stay, Some(&alice), "a@example.org");
    post(&stores, 3, &other).await;
    stores.accounts.set_disabled(&alice, true, MOMENT, Warrant::OPERATOR).await.unwrap();
    assert_eq!(stores.mail.follow(other.id, LinkStep::Stay, MOMENT).await.unwrap(), FollowedLink::NotOpen);
    assert!(stores.accounts.find(&alice).await.unwrap().unwrap().disabled);
    let nobody = "nobody".parse().unwrap();
    let nothing = stores.profiles.leave(&nobody, NOW, None, MOMENT, Warrant::OPERATOR).await.unwrap();
    assert_eq!(nothing, Change::NotMade);
}

async fn an_administrator_takes_a_departure_back(stores: Stores) {
    let alice = add(&stores, "alice").await;
    stores.profiles.leave(&alice, NOW, None, MOMENT, Warrant::OPERATOR).await.unwrap();
    stores.accounts.set_disabled(&alice, false, MOMENT, Warrant::OPERATOR).await.unwrap();
    assert_eq!(stores.profiles.leaves_at(&alice).await.unwrap(), None);
    assert_eq!(stores.profiles.forget_one(after(9999), "deleted:1").await.unwrap(), None);
    assert!(stores.accounts.find(&alice).await.unwrap().is_some());
}

async fn somebody_is_left_who_looks_after_accounts(stores: Stores) {
    let alice = add(&stores, "alice").await;
    let warrant = Warrant { keeps: Some("staff"), ..Warrant::OPERATOR };
    let left = stores.profiles.leave(&alice, NOW, None, MOMENT, warrant).await.unwrap();
    assert_eq!(left, Change::LastOfRole);
    assert_eq!(stores.profiles.leaves_at(&alice).await.unwrap(), None);
    assert!(!stores.accounts.find(&alice).await.unwrap().unwrap().disabled);
    let warrant = Warrant { session: Some([9; 16]), ..Warrant::OPERATOR };
    let left = stores.profiles.leave(&alice, NOW, None, MOMENT, warrant).await.unwrap();
    assert_eq!(left, Change::Unwarranted);
    add(&stores, "bob").await;
    let warrant = Warrant { keeps: Some("staff"), ..Warrant::OPERATOR };
    let left = stores.profiles.leave(&alice, NOW, None, MOMENT, warrant).await.unwrap();
    assert_eq!(left, Change::Made(vec![]));
}

async fn nothing_is_left_of_whoever_has_left_but_events_that_name_nobody(stores: Stores) {
    let (alice, bob) = (add(&stores, "alice").await, add(&stores, "bob").await);
    create(&stores, &session(1, "alice")).await;
    create(&stores, &session(2, "bob")).await;
    prove(&stores, 1, &alice, "a@example.org").await;
    prove(&stores, 2, &bob, "b@example.org").await;
    let profile = Profile { display_name: "Alice".parse().ok(), language: None };
    stores.profiles.keep_profile(&alice, &profile).await.unwrap();
    let code = |number: u8, by: &Username| KeptCode {
        digest: CodeDigest::from_bytes([number; 32]),
        expires_at: after(600),
        issued_by: Some(by.clone()),
    };
    stores.accounts.keep_code(&alice, &code(1, &bob), NOW, Warrant::OPERATOR).await.unwrap();
    stores.factors.require_factor(&alice, true, Warrant::OPERATOR).await.unwrap();
    stores
        .factors
        .begin_sign_in(
            portcullis::users::PendingDigest::from_bytes([3; 32]),
            &alice,
            stores.accounts.find(&alice).await.unwrap().unwrap().epoch,
            false,
            &[],
            NOW,
        )
        .await
        .unwrap();
    let event = |user: &str, by: Option<&str>| Event {
        at: NOW,
        what: What::SignedIn,
        user: Some(user.to_owned()),
        session: None,
        address: "192.0.2.7".parse().ok(),
        by: by.map(str::to_owned),
        roles: None,
    };
    let entries = [event("alice", None), event("bob", Some("alice"))]
        .into_iter()
        .map(|event| JournalEntry::draw(event, &portcullis::auth::OsRandom).unwrap());
    stores.events.record(&entries.collect::<Vec<_>>()).await.unwrap();
    stores.profiles.leave(&alice, after(60), None, MOMENT, Warrant::OPERATOR).await.unwrap();
    let gone = stores.profiles.forget_one(after(60), "deleted:7").await.unwrap();
    assert_eq!(gone, Some(alice.clone()));
    assert_eq!(stores.accounts.find(&alice).await.unwrap(), None);
    assert!(stores.accounts.code_of(&alice).await.unwrap().is_none());
    assert_eq!(stores.profiles.profile_of(&alice).await.unwrap(), Profile::default());
    assert_eq!(stores.mail.address_of(&alice).await.unwrap(), None);
    assert_eq!(stores.mail.link(LinkId::from_bytes([1; 12])).await.unwrap(), None);
    assert!(stores.sessions.find(portcullis::auth::SessionId::from_bytes([1; 16])).await.unwrap().is_none());
    let all = EventSpan::since(NOW);
    assert!(stores.events.events_of("alice", all, 9).await.unwrap().is_empty());
    let kept = stores.events.events_of("deleted:7", all, 9).await.unwrap();
    assert_eq!((kept.len(), kept[0].address), (1, None));
    assert_eq!(stores.events.events_of("bob", all, 9).await.unwrap()[0].by.as_deref(), Some("deleted:7"));
    // Whoever else is there has lost nothing.
    assert!(stores.accounts.find(&bob).await.unwrap().is_some());
    assert!(stores.mail.address_of(&bob).await.unwrap().is_some());
    assert!(find(&stores, 2).await.state.ended.is_none());
    // The name is anybody's, who inherits nothing.
    add(&stores, "alice").await;
    assert_eq!(stores.profiles.leaves_at(&alice).await.unwrap(), None);
    assert_eq!(stores.profiles.forget_one(after(9999), "deleted:8").await.unwrap(), None);
}

async fn of_twenty_who_delete_one_does(stores: Stores) {
    let alice = add(&stores, "alice").await;
    stores.profiles.leave(&alice, NOW, None, MOMENT, Warrant::OPERATOR).await.unwrap();
    let tries = (0..20).map(|number| {
        let stores = stores.clone();
        let pseudonym = format!("deleted:{number}");
        tokio::spawn(async move { stores.profiles.forget_one(NOW, &pseudonym).await.unwrap() })
    });
    let mut gone = 0;
    for one in tries.collect::<Vec<_>>() {
        gone += u32::from(one.await.unwrap().is_some());
    }
    assert_eq!(gone, 1);
}
