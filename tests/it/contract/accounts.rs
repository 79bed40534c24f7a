//! Accounts come back as they went in, and a name belongs to one person.

use std::sync::Arc;

use portcullis::store::Stores;
use portcullis::users::Account;

use super::{NOW, after};

every_driver! {
    an_account_comes_back_with_every_field,
    a_taken_name_is_not_overwritten,
    of_twenty_who_take_a_name_one_gets_it,
    a_hash_is_renewed_only_if_it_is_still_the_old_one,
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

fn account(name: &str) -> Account {
    Account {
        name: name.parse().unwrap(),
        password_hash: "$argon2id$old".to_owned(),
        roles: vec!["admin".to_owned(), "user".to_owned()],
        disabled: false,
        created_at: NOW,
    }
}
