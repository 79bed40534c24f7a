//! Addresses, links, and messages that are to be sent.

use std::time::Duration;

use portcullis::auth::UnixTime;
use portcullis::store::Stores;
use portcullis::users::{
    Account, CodeDigest, Effective, EmailAddress, FollowedLink, KeptCode, KeptLink, Letter, LinkId,
    LinkPurpose, LinkStep, MailBacklog, MailMessage, MessageId, NewHash, Username, Warrant,
};

use super::{NOW, after, create, session};

every_driver! {
    a_message_and_its_link_come_back_with_every_field,
    so_many_links_go_to_one_address_in_an_hour,
    a_message_is_one_workers_for_as_long_as_the_lease,
    of_twenty_workers_one_has_the_message,
    what_was_not_sent_waits_or_is_dead_until_the_operator_says_so,
    of_twenty_who_follow_one_link_one_does_it,
    a_link_is_followed_in_time_and_while_the_account_is_as_it_was,
    an_address_is_one_persons_whatever_its_case,
    whoever_has_an_address_is_told_of_a_new_password,
    a_reset_ends_every_session_and_the_code_of_an_administrator,
    an_address_is_taken_back_and_a_deed_disowned,
    links_that_are_over_are_forgotten,
}

const MOMENT: Effective = Effective { at: NOW, remember_until: NOW };

async fn account(stores: &Stores, text: &str) -> Username {
    let account = Account {
        name: text.parse().unwrap(),
        password_hash: "$argon2id$".to_owned(),
        roles: vec![],
        disabled: false,
        created_at: NOW,
        epoch: 0,
    };
    assert!(stores.accounts.insert(&account).await.unwrap());
    account.name
}

fn address(text: &str) -> EmailAddress {
    text.parse().unwrap()
}

fn link(number: u8, purpose: LinkPurpose, account: Option<&Username>, to: &str) -> KeptLink {
    KeptLink {
        id: LinkId::from_bytes([number; 12]),
        purpose,
        account: account.cloned(),
        address: address(to),
        epoch: None,
        made_at: NOW,
        expires_at: after(3600),
        used_at: None,
        newcomer: None,
    }
}

fn message(number: u8, link: &KeptLink) -> MailMessage {
    MailMessage {
        id: MessageId::from_bytes([number; 16]),
        letter: Letter::ConfirmAddress,
        to: link.address.clone(),
        account: link.account.clone(),
        language: "de".to_owned(),
        link: Some(link.id),
        made_at: link.made_at,
    }
}

async fn post(stores: &Stores, number: u8, link: &KeptLink) {
    assert!(stores.mail.post(&message(number, link), link, 9).await.unwrap());
}

async fn prove(stores: &Stores, number: u8, account: &Username, to: &str) -> FollowedLink {
    let link = link(number, LinkPurpose::Prove, Some(account), to);
    post(stores, number, &link).await;
    let step = LinkStep::Prove { language: "en", farewell: None };
    stores.mail.follow(link.id, step, MOMENT).await.unwrap()
}

async fn letters(stores: &Stores) -> Vec<Letter> {
    stores.mail.queued(100).await.unwrap().into_iter().map(|queued| queued.message.letter).collect()
}

async fn epoch(stores: &Stores, name: &Username) -> u64 {
    stores.accounts.find(name).await.unwrap().unwrap().epoch
}

async fn a_message_and_its_link_come_back_with_every_field(stores: Stores) {
    let alice = account(&stores, "alice").await;
    let kept = KeptLink { epoch: Some(7), ..link(1, LinkPurpose::Reset, Some(&alice), "A.B@example.org") };
    let written = message(1, &kept);
    assert_eq!(stores.mail.link(kept.id).await.unwrap(), None);
    post(&stores, 1, &kept).await;
    assert_eq!(stores.mail.link(kept.id).await.unwrap(), Some(kept.clone()));
    let queued = stores.mail.queued(9).await.unwrap();
    assert_eq!(queued.iter().map(|queued| &queued.message).collect::<Vec<_>>(), [&written]);
    assert_eq!((queued[0].attempts, queued[0].not_before, queued[0].is_dead), (0, NOW, false));
    // One to nobody has no account.
    let nobody = link(2, LinkPurpose::Reset, None, "nobody@example.invalid");
    post(&stores, 2, &nobody).await;
    assert_eq!(stores.mail.link(nobody.id).await.unwrap(), Some(nobody.clone()));
    let step = LinkStep::Reset { hash: "$argon2id$2" };
    assert_eq!(stores.mail.follow(nobody.id, step, MOMENT).await.unwrap(), FollowedLink::NotOpen);
}

async fn so_many_links_go_to_one_address_in_an_hour(stores: Stores) {
    let (alice, bob) = (account(&stores, "alice").await, account(&stores, "bob").await);
    let send =
        async |number: u8, link: KeptLink| stores.mail.post(&message(number, &link), &link, 2).await.unwrap();
    let reset = |number, name| link(number, LinkPurpose::Reset, Some(name), "A@example.org");
    assert!(send(1, reset(1, &alice)).await && send(2, reset(2, &alice)).await);
    assert!(!send(3, reset(3, &alice)).await);
    let third = stores.mail.link(LinkId::from_bytes([3; 12])).await.unwrap().unwrap();
    assert_eq!(third.account, None, "it leads nowhere");
    let said = letters(&stores).await;
    assert_eq!(said.iter().filter(|letter| **letter == Letter::Nothing).count(), 1, "and says nothing");
    assert_eq!(said.len(), 3, "as much is kept as ever");
    assert!(send(4, link(4, LinkPurpose::Prove, Some(&alice), "a@example.org")).await, "another purpose");
    assert!(!send(5, reset(5, &bob)).await, "whoever asks");
    let elsewhere = |number, name| link(number, LinkPurpose::Reset, Some(name), "b@example.org");
    assert!(!send(20, elsewhere(20, &alice)).await, "wherever it goes");
    assert!(send(21, elsewhere(21, &bob)).await);
    assert!(send(6, KeptLink { made_at: after(3601), ..reset(6, &alice) }).await, "an hour later");
    for number in 7..12 {
        assert!(send(number, link(number, LinkPurpose::Reset, None, "nobody@example.invalid")).await);
    }
}

async fn a_message_is_one_workers_for_as_long_as_the_lease(stores: Stores) {
    let alice = account(&stores, "alice").await;
    assert_eq!(stores.mail.take(NOW, after(60)).await.unwrap(), None);
    for number in [1, 2] {
        let purpose = LinkPurpose::Prove;
        let made_at = after(u64::from(number));
        post(&stores, number, &KeptLink { made_at, ..link(number, purpose, Some(&alice), "a@example.org") })
            .await;
    }
    assert_eq!(stores.mail.take(NOW, after(60)).await.unwrap(), None, "not before it was written");
    let taken = stores.mail.take(after(5), after(60)).await.unwrap().unwrap();
    assert_eq!((taken.message.id, taken.attempts), (MessageId::from_bytes([1; 16]), 1), "the oldest");
    let other = stores.mail.take(after(5), after(60)).await.unwrap().unwrap();
    assert_eq!(other.message.id, MessageId::from_bytes([2; 16]));
    assert_eq!(stores.mail.take(after(59), after(120)).await.unwrap(), None);
    let again = stores.mail.take(after(60), after(120)).await.unwrap().unwrap();
    assert_eq!((again.message.id, again.attempts), (taken.message.id, 2), "whoever had it is gone");
    assert!(stores.mail.forget_message(again.message.id).await.unwrap());
    assert!(!stores.mail.forget_message(again.message.id).await.unwrap());
    assert_eq!(stores.mail.queued(9).await.unwrap().len(), 1);
}

async fn of_twenty_workers_one_has_the_message(stores: Stores) {
    let alice = account(&stores, "alice").await;
    post(&stores, 1, &link(1, LinkPurpose::Prove, Some(&alice), "a@example.org")).await;
    let tasks: Vec<_> = (0..20)
        .map(|_| {
            let mail = stores.mail.clone();
            tokio::spawn(async move { mail.take(NOW, after(60)).await.unwrap().is_some() })
        })
        .collect();
    let mut had = 0;
    for task in tasks {
        had += usize::from(task.await.unwrap());
    }
    assert_eq!(had, 1);
    assert_eq!(stores.mail.queued(9).await.unwrap()[0].attempts, 1);
}

async fn what_was_not_sent_waits_or_is_dead_until_the_operator_says_so(stores: Stores) {
    let alice = account(&stores, "alice").await;
    post(&stores, 1, &link(1, LinkPurpose::Prove, Some(&alice), "a@example.org")).await;
    let id = MessageId::from_bytes([1; 16]);
    stores.mail.take(NOW, after(60)).await.unwrap().unwrap();
    stores.mail.put_off(id, Some(after(10)), "the server answered 421").await.unwrap();
    assert_eq!(stores.mail.take(after(9), after(60)).await.unwrap(), None);
    let taken = stores.mail.take(after(10), after(70)).await.unwrap().unwrap();
    assert_eq!((taken.attempts, taken.last_error.as_deref()), (2, Some("the server answered 421")));
    let backlog = MailBacklog { waiting: 1, oldest: Some(taken.message.made_at), dead: 0 };
    assert_eq!(stores.mail.backlog().await.unwrap(), backlog);
    stores.mail.put_off(id, None, "the server answered 550").await.unwrap();
    assert_eq!(stores.mail.take(after(1_000_000), after(1_000_060)).await.unwrap(), None);
    assert!(stores.mail.queued(9).await.unwrap()[0].is_dead);
    let backlog = MailBacklog { waiting: 0, oldest: None, dead: 1 };
    assert_eq!(stores.mail.backlog().await.unwrap(), backlog);
    assert!(stores.mail.retry_message(id, after(500)).await.unwrap());
    let taken = stores.mail.take(after(500), after(560)).await.unwrap().unwrap();
    assert_eq!((taken.is_dead, taken.message.made_at), (false, after(500)), "it has a day again");
    assert!(!stores.mail.retry_message(MessageId::from_bytes([9; 16]), NOW).await.unwrap());
}

async fn of_twenty_who_follow_one_link_one_does_it(stores: Stores) {
    let alice = account(&stores, "alice").await;
    let reset = link(1, LinkPurpose::Reset, Some(&alice), "a@example.org");
    post(&stores, 1, &reset).await;
    let tasks: Vec<_> = (0..20)
        .map(|number| {
            let mail = stores.mail.clone();
            tokio::spawn(async move {
                let hash = format!("$argon2id${number}");
                let done = mail.follow(reset.id, LinkStep::Reset { hash: &hash }, MOMENT).await.unwrap();
                matches!(done, FollowedLink::Done(_)).then_some(hash)
            })
        })
        .collect();
    let mut hashes = Vec::new();
    for task in tasks {
        hashes.extend(task.await.unwrap());
    }
    assert_eq!(hashes.len(), 1);
    let found = stores.accounts.find(&alice).await.unwrap().unwrap();
    assert_eq!((&found.password_hash, found.epoch), (&hashes[0], 1));
}

async fn a_link_is_followed_in_time_and_while_the_account_is_as_it_was(stores: Stores) {
    let alice = account(&stores, "alice").await;
    let step = LinkStep::Prove { language: "en", farewell: None };
    let prove = |number| KeptLink {
        epoch: Some(0),
        ..link(number, LinkPurpose::Prove, Some(&alice), "a@example.org")
    };
    for number in 1..5 {
        post(&stores, number, &prove(number)).await;
    }
    let follow = async |number: u8, at: UnixTime| {
        let moment = Effective { at, remember_until: at };
        stores.mail.follow(LinkId::from_bytes([number; 12]), step, moment).await.unwrap()
    };
    assert_eq!(follow(1, after(3600)).await, FollowedLink::NotOpen, "too late");
    assert!(matches!(follow(1, after(3599)).await, FollowedLink::Done(_)));
    assert_eq!(follow(9, NOW).await, FollowedLink::NotOpen, "there is none");
    let hash = NewHash { old: None, new: "$argon2id$2", keep: None };
    stores.accounts.change_password(&alice, hash, MOMENT).await.unwrap();
    assert_eq!(follow(2, NOW).await, FollowedLink::NotOpen, "it was made for the account as it was");
    post(&stores, 5, &KeptLink { epoch: None, ..prove(5) }).await;
    stores.accounts.set_disabled(&alice, true, MOMENT, Warrant::OPERATOR).await.unwrap();
    assert_eq!(follow(5, NOW).await, FollowedLink::NotOpen, "whoever is disabled follows none");
    stores.accounts.set_disabled(&alice, false, MOMENT, Warrant::OPERATOR).await.unwrap();
    assert!(matches!(follow(5, NOW).await, FollowedLink::Done(_)), "and nothing was spent by that");
}

async fn an_address_is_one_persons_whatever_its_case(stores: Stores) {
    let (alice, bob) = (account(&stores, "alice").await, account(&stores, "bob").await);
    assert!(matches!(prove(&stores, 1, &alice, "One@example.org").await, FollowedLink::Done(_)));
    let known = stores.mail.address_of(&alice).await.unwrap().unwrap();
    assert_eq!(
        (known.address, known.language.as_str(), known.proved_at),
        (address("One@example.org"), "en", NOW)
    );
    assert_eq!(stores.mail.owner_of(&address("one@EXAMPLE.org")).await.unwrap(), Some(alice.clone()));
    assert_eq!(prove(&stores, 2, &bob, "ONE@example.org").await, FollowedLink::Taken);
    assert_eq!(stores.mail.address_of(&bob).await.unwrap(), None);
    assert!(matches!(prove(&stores, 3, &alice, "one@example.org").await, FollowedLink::Done(_)), "her own");
    assert!(matches!(prove(&stores, 4, &alice, "two@example.org").await, FollowedLink::Done(_)));
    assert_eq!(stores.mail.owner_of(&address("one@example.org")).await.unwrap(), None, "it is free again");
    assert!(matches!(prove(&stores, 5, &bob, "one@example.org").await, FollowedLink::Done(_)));
}

async fn whoever_has_an_address_is_told_of_a_new_password(stores: Stores) {
    let (alice, bob) = (account(&stores, "alice").await, account(&stores, "bob").await);
    prove(&stores, 1, &alice, "a@example.org").await;
    stores.mail.forget_message(MessageId::from_bytes([1; 16])).await.unwrap();
    let hash = NewHash { old: None, new: "$argon2id$2", keep: None };
    for name in [&alice, &bob] {
        stores.accounts.change_password(name, hash, MOMENT).await.unwrap();
    }
    assert_eq!(letters(&stores).await, [Letter::PasswordChanged], "who has none is told nothing");
    let told = stores.mail.queued(1).await.unwrap().remove(0).message;
    assert_eq!(
        (told.to, told.account, told.language.as_str()),
        (address("a@example.org"), Some(alice.clone()), "en")
    );
    let link = stores.mail.link(told.link.unwrap()).await.unwrap().unwrap();
    assert_eq!((link.purpose, link.epoch), (LinkPurpose::Disown, None));
    // Nothing is told of what was not done.
    let old = NewHash { old: Some("another"), ..hash };
    assert_eq!(stores.accounts.change_password(&alice, old, MOMENT).await.unwrap(), None);
    assert_eq!(letters(&stores).await.len(), 1);
    let digest = CodeDigest::from_bytes([7; 32]);
    let code = KeptCode { digest: digest.clone(), expires_at: after(60), issued_by: None };
    stores.accounts.keep_code(&alice, &code, NOW, Warrant::OPERATOR).await.unwrap();
    assert!(stores.accounts.redeem(&alice, &digest, "$argon2id$3", MOMENT).await.unwrap().is_some());
    let told = letters(&stores).await;
    assert_eq!(told.iter().filter(|letter| **letter == Letter::PasswordChanged).count(), 2, "{told:?}");
    assert_eq!(told.iter().filter(|letter| **letter == Letter::CodeIssued).count(), 1, "{told:?}");
}

async fn a_reset_ends_every_session_and_the_code_of_an_administrator(stores: Stores) {
    let alice = account(&stores, "alice").await;
    prove(&stores, 1, &alice, "a@example.org").await;
    create(&stores, &session(1, "alice")).await;
    create(&stores, &session(2, "alice")).await;
    let code = KeptCode { digest: CodeDigest::from_bytes([7; 32]), expires_at: after(60), issued_by: None };
    stores.accounts.keep_code(&alice, &code, NOW, Warrant::OPERATOR).await.unwrap();
    let reset = KeptLink { epoch: Some(0), ..link(2, LinkPurpose::Reset, Some(&alice), "a@example.org") };
    post(&stores, 2, &reset).await;
    let step = LinkStep::Reset { hash: "$argon2id$2" };
    let FollowedLink::Done(done) = stores.mail.follow(reset.id, step, MOMENT).await.unwrap() else {
        unreachable!("it is open")
    };
    assert_eq!((done.account, done.ended.len()), (alice.clone(), 2));
    assert!(stores.accounts.code_of(&alice).await.unwrap().is_none());
    assert!(stores.sessions.live("alice", NOW).await.unwrap().is_empty());
    assert!(letters(&stores).await.contains(&Letter::PasswordChanged));
}

async fn an_address_is_taken_back_and_a_deed_disowned(stores: Stores) {
    let alice = account(&stores, "alice").await;
    prove(&stores, 1, &alice, "one@example.org").await;
    let undo = link(2, LinkPurpose::Undo, Some(&alice), "one@example.org");
    let farewell = message(2, &undo);
    let change = link(3, LinkPurpose::Prove, Some(&alice), "two@example.org");
    post(&stores, 3, &change).await;
    let step = LinkStep::Prove { language: "de", farewell: Some((&farewell, &undo)) };
    assert!(matches!(stores.mail.follow(change.id, step, MOMENT).await.unwrap(), FollowedLink::Done(_)));
    assert_eq!(stores.mail.link(undo.id).await.unwrap(), Some(undo.clone()), "the old address is told");
    create(&stores, &session(1, "alice")).await;
    let before = epoch(&stores, &alice).await;
    let again = link(6, LinkPurpose::Reset, Some(&alice), "one@example.org");
    let step = LinkStep::Undo { language: "en", reset: (&message(6, &again), &again) };
    let FollowedLink::Done(done) = stores.mail.follow(undo.id, step, MOMENT).await.unwrap() else {
        unreachable!("it is open")
    };
    assert_eq!(done.ended.len(), 1);
    assert_eq!(stores.mail.address_of(&alice).await.unwrap().unwrap().address, undo.address);
    assert_eq!(epoch(&stores, &alice).await, before + 1, "links of whoever changed it are over");
    assert_eq!(stores.mail.link(again.id).await.unwrap().unwrap().epoch, Some(before + 1));

    create(&stores, &session(2, "alice")).await;
    let disown = link(4, LinkPurpose::Disown, Some(&alice), "one@example.org");
    post(&stores, 4, &disown).await;
    let reset = link(5, LinkPurpose::Reset, Some(&alice), "one@example.org");
    let step = LinkStep::Disown { reset: (&message(5, &reset), &reset) };
    let FollowedLink::Done(done) = stores.mail.follow(disown.id, step, MOMENT).await.unwrap() else {
        unreachable!("it is open")
    };
    assert_eq!(done.ended.len(), 1);
    let now = epoch(&stores, &alice).await;
    assert_eq!(now, before + 2);
    assert_eq!(stores.mail.link(reset.id).await.unwrap().unwrap().epoch, Some(now), "it counts from now on");
}

async fn links_that_are_over_are_forgotten(stores: Stores) {
    let alice = account(&stores, "alice").await;
    let short = link(1, LinkPurpose::Prove, Some(&alice), "a@example.org");
    let long = KeptLink {
        expires_at: short.expires_at + Duration::from_secs(1),
        ..link(2, LinkPurpose::Prove, Some(&alice), "a@example.org")
    };
    post(&stores, 1, &short).await;
    post(&stores, 2, &long).await;
    stores.mail.purge_links(after(3600)).await.unwrap();
    assert_eq!(stores.mail.link(short.id).await.unwrap(), None);
    assert_eq!(stores.mail.link(long.id).await.unwrap(), Some(long));
}
