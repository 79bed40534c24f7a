//! A one-time code is exchanged once, in time, for an account that may sign in; and with it the sessions end.

use std::sync::Arc;

use portcullis::auth::Cursor;
use portcullis::store::Stores;
use portcullis::users::{Account, Change, KeptCode, NewHash, OneTimeCode, Username, Warrant};

use super::accounts::{MOMENT, account};
use super::{NOW, after, create, find, id, logged, session};

every_driver! {
    an_invited_account_has_its_code,
    a_taken_name_is_not_invited,
    a_code_is_exchanged_once,
    an_exchange_ends_every_session,
    a_wrong_code_and_one_that_is_over_change_nothing,
    a_new_code_replaces_the_one_before,
    a_disabled_account_has_no_code_and_gets_none,
    a_changed_password_forgets_the_code,
    of_twenty_who_exchange_a_code_one_succeeds,
    a_withdrawn_code_is_worth_nothing,
    what_a_person_issued_is_forgotten_with_their_powers,
    names_are_found_by_any_part_of_them,
}

fn code(number: u8) -> OneTimeCode {
    OneTimeCode::from_bytes([number; 15])
}

/// Open until after the moment of the exchange.
fn kept(number: u8) -> KeptCode {
    KeptCode { digest: code(number).digest(), expires_at: after(61), issued_by: None }
}

async fn alice(stores: &Stores) -> Username {
    assert_eq!(
        stores.accounts.invite(&account("alice"), &kept(1), Warrant::OPERATOR).await.unwrap(),
        Change::Made(vec![])
    );
    account("alice").name
}

async fn exchange(stores: &Stores, name: &Username, number: u8) -> Option<usize> {
    let ended = stores.accounts.redeem(name, &code(number).digest(), "$chosen", MOMENT).await.unwrap();
    ended.map(|ended| ended.len())
}

async fn hash(stores: &Stores, name: &Username) -> String {
    stores.accounts.find(name).await.unwrap().unwrap().password_hash
}

async fn an_invited_account_has_its_code(stores: Stores) {
    let name = alice(&stores).await;
    assert_eq!(stores.accounts.find(&name).await.unwrap(), Some(account("alice")));
    let found = stores.accounts.code_of(&name).await.unwrap().unwrap();
    assert!(found.digest.is(&code(1).digest()));
    assert_eq!(found.expires_at, after(61));
    assert!(stores.accounts.code_of(&"bob".parse().unwrap()).await.unwrap().is_none());
}

async fn a_taken_name_is_not_invited(stores: Stores) {
    let name = alice(&stores).await;
    let other = Account { password_hash: "$other".to_owned(), ..account("alice") };
    assert_eq!(stores.accounts.invite(&other, &kept(2), Warrant::OPERATOR).await.unwrap(), Change::NotMade);
    assert_eq!(hash(&stores, &name).await, account("alice").password_hash);
    assert!(stores.accounts.code_of(&name).await.unwrap().unwrap().digest.is(&code(1).digest()));
}

async fn a_code_is_exchanged_once(stores: Stores) {
    let name = alice(&stores).await;
    assert_eq!(exchange(&stores, &name, 1).await, Some(0));
    assert_eq!(hash(&stores, &name).await, "$chosen");
    assert!(stores.accounts.code_of(&name).await.unwrap().is_none());
    assert_eq!(exchange(&stores, &name, 1).await, None);
}

async fn an_exchange_ends_every_session(stores: Stores) {
    let name = alice(&stores).await;
    for (number, user) in [(1, "alice"), (2, "alice"), (3, "bob")] {
        create(&stores, &session(number, user)).await;
    }
    assert_eq!(exchange(&stores, &name, 1).await, Some(2));
    let mut revoked = logged(&stores, Cursor::default()).await;
    revoked.sort_unstable();
    assert_eq!(revoked, [*id(1).as_bytes(), *id(2).as_bytes()]);
    assert!(find(&stores, 1).await.state.ended.is_some() && find(&stores, 3).await.state.ended.is_none());
}

async fn a_wrong_code_and_one_that_is_over_change_nothing(stores: Stores) {
    let name = alice(&stores).await;
    create(&stores, &session(1, "alice")).await;
    assert_eq!(exchange(&stores, &name, 2).await, None);
    assert_eq!(exchange(&stores, &"bob".parse().unwrap(), 1).await, None);
    let over = KeptCode { expires_at: MOMENT.at, ..kept(1) };
    assert_eq!(
        stores.accounts.keep_code(&name, &over, NOW, Warrant::OPERATOR).await.unwrap(),
        Change::Made(vec![])
    );
    assert_eq!(exchange(&stores, &name, 1).await, None);
    assert_eq!(hash(&stores, &name).await, account("alice").password_hash);
    assert!(find(&stores, 1).await.state.ended.is_none());
}

async fn a_new_code_replaces_the_one_before(stores: Stores) {
    let name = alice(&stores).await;
    assert_eq!(
        stores.accounts.keep_code(&name, &kept(2), NOW, Warrant::OPERATOR).await.unwrap(),
        Change::Made(vec![])
    );
    assert_eq!(exchange(&stores, &name, 1).await, None);
    assert_eq!(exchange(&stores, &name, 2).await, Some(0));
    assert_eq!(
        stores.accounts.keep_code(&"bob".parse().unwrap(), &kept(1), NOW, Warrant::OPERATOR).await.unwrap(),
        Change::NotMade
    );
}

async fn a_disabled_account_has_no_code_and_gets_none(stores: Stores) {
    let name = alice(&stores).await;
    stores.accounts.set_disabled(&name, true, MOMENT, Warrant::OPERATOR).await.unwrap();
    assert!(stores.accounts.code_of(&name).await.unwrap().is_none());
    assert_eq!(
        stores.accounts.keep_code(&name, &kept(1), NOW, Warrant::OPERATOR).await.unwrap(),
        Change::NotMade
    );
    assert_eq!(exchange(&stores, &name, 1).await, None);
    stores.accounts.set_disabled(&name, false, MOMENT, Warrant::OPERATOR).await.unwrap();
    assert_eq!(exchange(&stores, &name, 1).await, None, "the code from before stays forgotten");
}

async fn a_changed_password_forgets_the_code(stores: Stores) {
    let name = alice(&stores).await;
    let new = NewHash { old: Some("$stale"), new: "$new", keep: None };
    assert!(stores.accounts.change_password(&name, new, MOMENT).await.unwrap().is_none());
    assert!(stores.accounts.code_of(&name).await.unwrap().is_some(), "nothing was changed");
    let new = NewHash { old: None, new: "$new", keep: None };
    assert!(stores.accounts.change_password(&name, new, MOMENT).await.unwrap().is_some());
    assert_eq!(exchange(&stores, &name, 1).await, None);
    assert_eq!(hash(&stores, &name).await, "$new");
}

async fn of_twenty_who_exchange_a_code_one_succeeds(stores: Stores) {
    let name = alice(&stores).await;
    let takers = (0..20).map(|number| {
        let (accounts, name) = (Arc::clone(&stores.accounts), name.clone());
        tokio::spawn(async move {
            let hash = format!("$chosen{number}");
            accounts.redeem(&name, &code(1).digest(), &hash, MOMENT).await.unwrap().map(|_| hash)
        })
    });
    let mut won = Vec::new();
    for taker in takers.collect::<Vec<_>>() {
        won.extend(taker.await.unwrap());
    }
    assert_eq!(won, [hash(&stores, &name).await]);
}

async fn a_withdrawn_code_is_worth_nothing(stores: Stores) {
    let name = alice(&stores).await;
    assert!(stores.accounts.forget_code(&name).await.unwrap());
    assert!(!stores.accounts.forget_code(&name).await.unwrap());
    assert_eq!(exchange(&stores, &name, 1).await, None);
}

async fn what_a_person_issued_is_forgotten_with_their_powers(stores: Stores) {
    let name = alice(&stores).await;
    for issuer in ["root", "boss"] {
        stores.accounts.insert(&account(issuer)).await.unwrap();
    }
    let root = account("root").name;
    let issue = async || {
        let by_root = KeptCode { issued_by: Some(root.clone()), ..kept(1) };
        assert_eq!(
            stores.accounts.keep_code(&name, &by_root, NOW, Warrant::OPERATOR).await.unwrap(),
            Change::Made(vec![])
        );
        let found = stores.accounts.code_of(&name).await.unwrap().unwrap();
        assert_eq!(found.issued_by.as_ref(), Some(&root));
    };
    let is_there = async || stores.accounts.code_of(&name).await.unwrap().is_some();
    let new = NewHash { old: None, new: "$new", keep: None };
    issue().await;
    stores.accounts.change_password(&account("boss").name, new, MOMENT).await.unwrap();
    stores.accounts.set_disabled(&account("boss").name, true, MOMENT, Warrant::OPERATOR).await.unwrap();
    assert!(is_there().await, "somebody else's powers do not matter");
    stores.accounts.set_roles(&name, &["staff".to_owned()], MOMENT, Warrant::OPERATOR).await.unwrap();
    assert!(is_there().await, "nor do the roles of the person whom it is for");
    stores.accounts.set_disabled(&root, true, MOMENT, Warrant::OPERATOR).await.unwrap();
    assert!(!is_there().await);
    stores.accounts.set_disabled(&root, false, MOMENT, Warrant::OPERATOR).await.unwrap();
    issue().await;
    stores.accounts.set_roles(&root, &[], MOMENT, Warrant::OPERATOR).await.unwrap();
    assert!(!is_there().await);
    issue().await;
    stores.accounts.change_password(&root, new, MOMENT).await.unwrap();
    assert!(!is_there().await);
}

async fn names_are_found_by_any_part_of_them(stores: Stores) {
    for name in ["alice", "al_ice", "bob.alison", "carol"] {
        assert!(stores.accounts.insert(&account(name)).await.unwrap());
    }
    let found = async |part: &str, after: Option<&str>, limit| {
        let after = after.map(|name| name.parse().unwrap());
        let accounts = stores.accounts.list(part, after.as_ref(), limit).await.unwrap();
        accounts.into_iter().map(|account| account.name.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(found("", None, 9).await, ["al_ice", "alice", "bob.alison", "carol"]);
    assert_eq!(found("ali", None, 9).await, ["alice", "bob.alison"]);
    assert_eq!(found("ali", Some("alice"), 9).await, ["bob.alison"]);
    assert_eq!(found("ali", None, 1).await, ["alice"]);
    assert_eq!(found("l_i", None, 9).await, ["al_ice"], "what is a wildcard elsewhere stands for itself");
    for part in ["%", "l%e", "!", "x", "\\", "'"] {
        assert_eq!(found(part, None, 9).await, Vec::<String>::new(), "{part}");
    }
}
