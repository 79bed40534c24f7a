//! Accounts come back as they went in, and a name belongs to one person.

use std::sync::Arc;

use portcullis::auth::{Cursor, EndReason, UnixTime, Which};
use portcullis::store::Stores;
use portcullis::users::{
    Account, Change, Effective, KeptCode, NewHash, OneTimeCode, SessionName, Username, Warrant,
};

use super::rotation::poll_some;
use super::{NOW, after, create, end, find, id, logged, session};

every_driver! {
    an_account_comes_back_with_every_field,
    a_taken_name_is_not_overwritten,
    of_twenty_who_take_a_name_one_gets_it,
    a_hash_is_renewed_only_if_it_is_still_the_old_one,
    accounts_are_listed_by_name_page_by_page,
    a_changed_password_ends_the_other_sessions,
    a_password_that_was_changed_meanwhile_changes_nothing,
    an_operators_password_ends_every_session,
    a_disabled_account_has_no_sessions_left,
    new_roles_end_every_session,
    nobody_cannot_be_changed,
    whoever_has_lost_the_session_changes_nothing,
    somebody_who_may_sign_in_keeps_the_role,
    two_who_shut_each_other_out_leave_one,
    a_dropped_change_leaves_neither_the_hash_nor_the_ends,
    a_password_change_and_a_refresh_that_race_leave_no_live_session,
}

async fn an_account_comes_back_with_every_field(stores: Stores) {
    let disabled = Account { disabled: true, roles: vec![], created_at: after(9), ..account("o.brien@b+c") };
    for account in [account("alice"), disabled] {
        assert_eq!(stores.accounts.find(&account.name).await.unwrap(), None);
        assert!(stores.accounts.insert(&account).await.unwrap());
        assert_eq!(stores.accounts.find(&account.name).await.unwrap(), Some(account));
    }
    assert_eq!(stores.accounts.count().await.unwrap(), 2);
}

async fn a_taken_name_is_not_overwritten(stores: Stores) {
    assert!(stores.accounts.insert(&account("alice")).await.unwrap());
    let other = Account { password_hash: "$argon2id$other".to_owned(), ..account("Alice") };
    assert!(!stores.accounts.insert(&other).await.unwrap());
    assert_eq!(stores.accounts.find(&other.name).await.unwrap(), Some(account("alice")));
    assert_eq!(stores.accounts.count().await.unwrap(), 1);
}

async fn of_twenty_who_take_a_name_one_gets_it(stores: Stores) {
    let takers = (0..20).map(|_| {
        let accounts = Arc::clone(&stores.accounts);
        tokio::spawn(async move { accounts.insert(&account("alice")).await.unwrap() })
    });
    let mut won = 0;
    for taker in takers.collect::<Vec<_>>() {
        won += u32::from(taker.await.unwrap());
    }
    assert_eq!(won, 1);
}

async fn a_hash_is_renewed_only_if_it_is_still_the_old_one(stores: Stores) {
    let alice = account("alice");
    stores.accounts.insert(&alice).await.unwrap();
    stores.accounts.insert(&account("bob")).await.unwrap();
    assert!(!stores.accounts.renew_hash(&alice.name, "$argon2id$else", "$new").await.unwrap());
    assert!(stores.accounts.renew_hash(&alice.name, "$argon2id$old", "$new").await.unwrap());
    assert!(!stores.accounts.renew_hash(&alice.name, "$argon2id$old", "$newer").await.unwrap());
    assert!(!stores.accounts.renew_hash(&"carol".parse().unwrap(), "$argon2id$old", "$new").await.unwrap());
    let hash =
        async |name: &str| stores.accounts.find(&name.parse().unwrap()).await.unwrap().unwrap().password_hash;
    assert_eq!(hash("alice").await, "$new");
    assert_eq!(hash("bob").await, "$argon2id$old");
}

pub(super) const MOMENT: Effective =
    Effective { at: UnixTime::from_secs(1_700_000_060), remember_until: UnixTime::from_secs(1_700_000_360) };

/// Alice with the sessions 1, 2 and 3, of which 3 has ended, and Bob with session 4.
async fn people(stores: &Stores) -> Username {
    for name in ["alice", "bob"] {
        stores.accounts.insert(&account(name)).await.unwrap();
    }
    for (number, name) in [(1, "alice"), (2, "alice"), (3, "alice"), (4, "bob")] {
        create(stores, &session(number, name)).await;
    }
    end(stores, Which::One(id(3))).await;
    account("alice").name
}

fn sorted(ended: Option<Vec<SessionName>>) -> Vec<SessionName> {
    let mut ended = ended.unwrap();
    ended.sort_unstable();
    ended
}

/// The sessions that have ended for this reason and are in the log, and whether Bob's lives.
async fn ended_for(stores: &Stores, reason: EndReason) -> Vec<u8> {
    assert!(find(stores, 4).await.state.ended.is_none(), "bob has nothing to do with it");
    let logged = logged(stores, Cursor::default()).await;
    let mut ended = Vec::new();
    for number in 1..=3 {
        let has_ended = find(stores, number).await.state.ended.is_some_and(|ended| ended.reason == reason);
        if has_ended {
            assert_eq!(logged.iter().filter(|id| **id == [number; 16]).count(), 1);
            ended.push(number);
        }
    }
    assert_eq!(logged.len(), ended.len() + 1, "besides session 3");
    ended
}

async fn accounts_are_listed_by_name_page_by_page(stores: Stores) {
    for name in ["dave", "alice", "carol", "bob"] {
        stores.accounts.insert(&account(name)).await.unwrap();
    }
    let page = async |after: Option<&str>, limit| {
        let after = after.map(|name| name.parse().unwrap());
        let listed = stores.accounts.list("", after.as_ref(), limit).await.unwrap();
        listed.into_iter().map(|account| account.name.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(page(None, 3).await, ["alice", "bob", "carol"]);
    assert_eq!(page(Some("carol"), 3).await, ["dave"]);
    assert_eq!(page(Some("bb"), 1).await, ["bob"]);
    assert!(page(Some("dave"), 3).await.is_empty());
    assert_eq!(stores.accounts.list("", None, 1).await.unwrap(), [account("alice")]);
}

async fn a_changed_password_ends_the_other_sessions(stores: Stores) {
    let alice = people(&stores).await;
    let hash = NewHash { old: Some("$argon2id$old"), new: "$new", keep: Some([1; 16]) };
    let ended = stores.accounts.change_password(&alice, hash, MOMENT).await.unwrap();
    assert_eq!(sorted(ended), [[2; 16]]);
    assert_eq!(ended_for(&stores, EndReason::PasswordChanged).await, [2]);
    assert!(find(&stores, 1).await.state.ended.is_none());
    assert_eq!(find(&stores, 2).await.state.ended.unwrap().at, MOMENT.at);
    let log = stores.sessions.revocations(&Cursor::default(), NOW).await.unwrap();
    assert_eq!(log.entries.last().unwrap().until, MOMENT.remember_until);
    let changed = Account { password_hash: "$new".to_owned(), epoch: 1, ..account("alice") };
    assert_eq!(stores.accounts.find(&alice).await.unwrap(), Some(changed));
}

async fn a_password_that_was_changed_meanwhile_changes_nothing(stores: Stores) {
    let alice = people(&stores).await;
    let hash = NewHash { old: Some("$argon2id$older"), new: "$new", keep: None };
    assert_eq!(stores.accounts.change_password(&alice, hash, MOMENT).await.unwrap(), None);
    assert_eq!(ended_for(&stores, EndReason::PasswordChanged).await, [0; 0]);
    assert_eq!(stores.accounts.find(&alice).await.unwrap(), Some(account("alice")));
}

async fn an_operators_password_ends_every_session(stores: Stores) {
    let alice = people(&stores).await;
    let hash = NewHash { old: None, new: "$new", keep: None };
    let ended = stores.accounts.change_password(&alice, hash, MOMENT).await.unwrap();
    assert_eq!(sorted(ended), [[1; 16], [2; 16]]);
    assert_eq!(ended_for(&stores, EndReason::PasswordChanged).await, [1, 2]);
}

async fn a_disabled_account_has_no_sessions_left(stores: Stores) {
    let alice = people(&stores).await;
    let change = stores.accounts.set_disabled(&alice, true, MOMENT, Warrant::OPERATOR).await.unwrap();
    assert_eq!(sorted(made(change)), [[1; 16], [2; 16]]);
    assert_eq!(ended_for(&stores, EndReason::AccountDisabled).await, [1, 2]);
    let disabled = Account { disabled: true, epoch: 1, ..account("alice") };
    assert_eq!(stores.accounts.find(&alice).await.unwrap(), Some(disabled));
    assert_eq!(
        stores.accounts.set_disabled(&alice, false, MOMENT, Warrant::OPERATOR).await.unwrap(),
        Change::Made(vec![])
    );
    let enabled = Account { epoch: 2, ..account("alice") };
    assert_eq!(stores.accounts.find(&alice).await.unwrap(), Some(enabled));
}

async fn new_roles_end_every_session(stores: Stores) {
    let alice = people(&stores).await;
    let roles = ["clerk".to_owned(), "a \"b\"".to_owned()];
    let change = stores.accounts.set_roles(&alice, &roles, MOMENT, Warrant::OPERATOR).await.unwrap();
    assert_eq!(sorted(made(change)), [[1; 16], [2; 16]]);
    assert_eq!(ended_for(&stores, EndReason::RolesChanged).await, [1, 2]);
    let renamed = Account { roles: roles.to_vec(), epoch: 1, ..account("alice") };
    assert_eq!(stores.accounts.find(&alice).await.unwrap(), Some(renamed));
}

/// The change was made; the sessions that ended by it.
fn made(change: Change) -> Option<Vec<[u8; 16]>> {
    assert!(matches!(change, Change::Made(_)), "{change:?}");
    let Change::Made(ended) = change else { return None };
    Some(ended)
}

async fn whoever_has_lost_the_session_changes_nothing(stores: Stores) {
    let alice = people(&stores).await;
    stores.accounts.insert(&account("root")).await.unwrap();
    create(&stores, &session(8, "root")).await;
    let warrant = Warrant { session: Some([8; 16]), ..Warrant::OPERATOR };
    let roles = ["clerk".to_owned()];
    made(stores.accounts.set_roles(&alice, &roles, MOMENT, warrant).await.unwrap());
    end(&stores, Which::One(id(8))).await;
    let before = stores.accounts.find(&alice).await.unwrap();
    let code = KeptCode {
        digest: OneTimeCode::from_bytes([1; 15]).digest(),
        expires_at: after(61),
        issued_by: None,
    };
    for lost in [warrant, Warrant { session: Some([99; 16]), ..Warrant::OPERATOR }] {
        let accounts = &stores.accounts;
        for change in [
            accounts.set_disabled(&alice, true, MOMENT, lost).await.unwrap(),
            accounts.set_roles(&alice, &[], MOMENT, lost).await.unwrap(),
            accounts.keep_code(&alice, &code, NOW, lost).await.unwrap(),
            accounts.invite(&account("new"), &code, lost).await.unwrap(),
        ] {
            assert_eq!(change, Change::Unwarranted);
        }
    }
    assert_eq!(stores.accounts.find(&alice).await.unwrap(), before);
    assert!(stores.accounts.code_of(&alice).await.unwrap().is_none());
    assert_eq!(stores.accounts.find(&account("new").name).await.unwrap(), None);
}

fn with_role(name: &str, role: &str, disabled: bool) -> Account {
    Account { roles: vec!["staff".to_owned(), role.to_owned()], disabled, ..account(name) }
}

async fn somebody_who_may_sign_in_keeps_the_role(stores: Stores) {
    let keeps = Warrant { keeps: Some("admin"), ..Warrant::OPERATOR };
    for it in [
        with_role("root", "admin", false),
        with_role("sleeper", "admin", true),
        // A part of the name, and another spelling of it, are other roles.
        with_role("other", "administrator", false),
        with_role("loud", "ADMIN", false),
    ] {
        stores.accounts.insert(&it).await.unwrap();
    }
    let root = account("root").name;
    create(&stores, &session(1, "root")).await;
    let accounts = &stores.accounts;
    assert_eq!(accounts.set_disabled(&root, true, MOMENT, keeps).await.unwrap(), Change::LastOfRole);
    let roles = ["staff".to_owned()];
    assert_eq!(accounts.set_roles(&root, &roles, MOMENT, keeps).await.unwrap(), Change::LastOfRole);
    assert_eq!(
        accounts.find(&root).await.unwrap(),
        Some(with_role("root", "admin", false)),
        "nothing changed"
    );
    assert!(find(&stores, 1).await.state.ended.is_none());
    made(accounts.set_disabled(&account("sleeper").name, false, MOMENT, keeps).await.unwrap());
    made(accounts.set_disabled(&root, true, MOMENT, keeps).await.unwrap());
    // The operator's own word counts whatever comes of it.
    made(accounts.set_disabled(&account("sleeper").name, true, MOMENT, Warrant::OPERATOR).await.unwrap());
}

async fn two_who_shut_each_other_out_leave_one(stores: Stores) {
    for round in 0..10_u8 {
        let names = [format!("a{round}"), format!("b{round}")];
        let numbers = [100 + round, 200 + round];
        for (name, number) in names.iter().zip(numbers) {
            stores.accounts.insert(&with_role(name, "admin", false)).await.unwrap();
            create(&stores, &session(number, name)).await;
        }
        let shut_out = |whom: usize, by: u8| {
            let (stores, name) = (stores.clone(), account(&names[whom]).name);
            tokio::spawn(async move {
                let warrant = Warrant { by: None, session: Some([by; 16]), keeps: Some("admin") };
                stores.accounts.set_disabled(&name, true, MOMENT, warrant).await.unwrap()
            })
        };
        let (first, second) = (shut_out(1, numbers[0]), shut_out(0, numbers[1]));
        let changes = [first.await.unwrap(), second.await.unwrap()];
        let done = changes.iter().filter(|change| matches!(change, Change::Made(_))).count();
        assert_eq!(done, 1, "{changes:?}");
        assert!(changes.contains(&Change::Unwarranted), "{changes:?}");
    }
}

async fn nobody_cannot_be_changed(stores: Stores) {
    people(&stores).await;
    let nobody = "nobody".parse().unwrap();
    create(&stores, &session(9, "nobody")).await;
    let hash = NewHash { old: None, new: "$new", keep: None };
    assert_eq!(stores.accounts.change_password(&nobody, hash, MOMENT).await.unwrap(), None);
    assert_eq!(
        stores.accounts.set_disabled(&nobody, true, MOMENT, Warrant::OPERATOR).await.unwrap(),
        Change::NotMade
    );
    assert_eq!(
        stores.accounts.set_roles(&nobody, &[], MOMENT, Warrant::OPERATOR).await.unwrap(),
        Change::NotMade
    );
    assert!(find(&stores, 9).await.state.ended.is_none());
}

async fn a_dropped_change_leaves_neither_the_hash_nor_the_ends(stores: Stores) {
    for polls in 0..40_u8 {
        let name = format!("p{polls}");
        let number = 100 + polls;
        stores.accounts.insert(&account(&name)).await.unwrap();
        create(&stores, &session(number, &name)).await;
        let name: Username = name.parse().unwrap();
        let hash = NewHash { old: Some("$argon2id$old"), new: "$new", keep: None };
        poll_some(stores.accounts.change_password(&name, hash, MOMENT), polls).await;
        // Writers queue, so after another one a commit that was on its way has landed or was rolled back.
        stores.sessions.confirm(&[(id(1), u64::MAX)]).await.unwrap();
        let is_changed = stores.accounts.find(&name).await.unwrap().unwrap().password_hash == "$new";
        let is_ended = find(&stores, number).await.state.ended.is_some();
        let is_logged = logged(&stores, Cursor::default()).await.contains(&[number; 16]);
        assert_eq!((is_changed, is_changed), (is_ended, is_logged), "dropped after {polls} polls");
    }
}

async fn a_password_change_and_a_refresh_that_race_leave_no_live_session(stores: Stores) {
    for round in 0..50_u8 {
        let name = format!("r{round}");
        stores.accounts.insert(&account(&name)).await.unwrap();
        create(&stores, &session(round, &name)).await;
        let name: Username = name.parse().unwrap();
        let sessions = Arc::clone(&stores.sessions);
        let refresh = tokio::spawn(async move {
            sessions.present(id(round), 1, after(10), super::LENIENCY, after(310)).await.unwrap()
        });
        let hash = NewHash { old: None, new: "$new", keep: None };
        stores.accounts.change_password(&name, hash, MOMENT).await.unwrap().unwrap();
        refresh.await.unwrap();
        assert!(find(&stores, round).await.state.ended.is_some());
    }
}

pub(super) fn account(name: &str) -> Account {
    Account {
        name: name.parse().unwrap(),
        password_hash: "$argon2id$old".to_owned(),
        roles: vec!["admin".to_owned(), "user".to_owned()],
        disabled: false,
        created_at: NOW,
        epoch: 0,
    }
}
