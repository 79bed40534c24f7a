//! Browsers that people trust.

use portcullis::store::Stores;
use portcullis::users::{Account, Effective, NewHash, TrustedBrowser, Username, Warrant};

use super::{NOW, after};

every_driver! {
    a_trusted_browser_comes_back_with_every_field,
    trust_ends_at_its_end_and_nothing_moves_it,
    the_trust_of_one_is_nobody_elses,
    whatever_changes_the_account_ends_the_trust,
    one_is_taken_back_or_all,
    so_many_are_trusted_and_no_more,
    what_is_over_is_forgotten,
}

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

fn browser(number: u8, account: &Username) -> TrustedBrowser {
    TrustedBrowser {
        digest: [number; 32],
        account: account.clone(),
        epoch: 0,
        made_at: after(u64::from(number)),
        until: after(1000),
        browser: format!("browser {number}"),
    }
}

async fn trust(stores: &Stores, browser: &TrustedBrowser) {
    stores.factors.trust(browser, 20).await.unwrap();
}

async fn is_trusted(stores: &Stores, number: u8, account: &Username, seconds: u64) -> bool {
    stores.factors.is_trusted([number; 32], account, after(seconds)).await.unwrap()
}

async fn a_trusted_browser_comes_back_with_every_field(stores: Stores) {
    let alice = account(&stores, "alice").await;
    assert!(!is_trusted(&stores, 1, &alice, 0).await);
    let (one, other) = (browser(1, &alice), browser(2, &alice));
    trust(&stores, &one).await;
    trust(&stores, &other).await;
    assert_eq!(stores.factors.trusted(&alice, NOW).await.unwrap(), [other, one]);
    assert!(is_trusted(&stores, 1, &alice, 0).await && is_trusted(&stores, 2, &alice, 0).await);
    assert!(!is_trusted(&stores, 3, &alice, 0).await);
}

async fn trust_ends_at_its_end_and_nothing_moves_it(stores: Stores) {
    let alice = account(&stores, "alice").await;
    trust(&stores, &browser(1, &alice)).await;
    trust(&stores, &TrustedBrowser { until: after(5000), ..browser(1, &alice) }).await;
    assert!(is_trusted(&stores, 1, &alice, 999).await);
    assert!(!is_trusted(&stores, 1, &alice, 1000).await);
    assert!(stores.factors.trusted(&alice, after(1000)).await.unwrap().is_empty());
}

async fn the_trust_of_one_is_nobody_elses(stores: Stores) {
    let (alice, bob) = (account(&stores, "alice").await, account(&stores, "bob").await);
    trust(&stores, &browser(1, &alice)).await;
    assert!(!is_trusted(&stores, 1, &bob, 0).await);
    assert_eq!(stores.factors.distrust(&bob, Some([1; 32])).await.unwrap(), 0);
    assert_eq!(stores.factors.distrust(&bob, None).await.unwrap(), 0);
    assert!(is_trusted(&stores, 1, &alice, 0).await);
}

async fn whatever_changes_the_account_ends_the_trust(stores: Stores) {
    let moment = Effective { at: NOW, remember_until: after(360) };
    for change in 0..4 {
        let alice = account(&stores, &format!("alice{change}")).await;
        trust(&stores, &browser(change, &alice)).await;
        match change {
            0 => {
                let roles = ["admin".to_owned()];
                drop(stores.accounts.set_roles(&alice, &roles, moment, Warrant::OPERATOR).await.unwrap());
            }
            1 => drop(stores.accounts.set_disabled(&alice, true, moment, Warrant::OPERATOR).await.unwrap()),
            2 => drop(stores.factors.reset_factors(&alice, moment, Warrant::OPERATOR).await.unwrap()),
            _ => {
                let hash = NewHash { old: None, new: "$argon2id$2", keep: None };
                drop(stores.accounts.change_password(&alice, hash, moment).await.unwrap());
            }
        }
        assert!(!is_trusted(&stores, change, &alice, 0).await, "{change}");
        assert!(stores.factors.trusted(&alice, NOW).await.unwrap().is_empty(), "{change}");
    }
}

async fn one_is_taken_back_or_all(stores: Stores) {
    let alice = account(&stores, "alice").await;
    for number in 1..=4 {
        trust(&stores, &browser(number, &alice)).await;
    }
    assert_eq!(stores.factors.distrust(&alice, Some([2; 32])).await.unwrap(), 1);
    assert_eq!(stores.factors.distrust(&alice, Some([2; 32])).await.unwrap(), 0);
    assert!(!is_trusted(&stores, 2, &alice, 0).await && is_trusted(&stores, 3, &alice, 0).await);
    assert_eq!(stores.factors.distrust(&alice, None).await.unwrap(), 3);
    assert!(!is_trusted(&stores, 3, &alice, 0).await);
}

async fn so_many_are_trusted_and_no_more(stores: Stores) {
    let (alice, bob) = (account(&stores, "alice").await, account(&stores, "bob").await);
    trust(&stores, &browser(99, &bob)).await;
    for number in 1..=4 {
        stores.factors.trust(&browser(number, &alice), 3).await.unwrap();
    }
    let left = stores.factors.trusted(&alice, NOW).await.unwrap();
    assert_eq!(left.iter().map(|browser| browser.digest[0]).collect::<Vec<_>>(), [4, 3, 2]);
    assert!(is_trusted(&stores, 99, &bob, 0).await);
}

async fn what_is_over_is_forgotten(stores: Stores) {
    let alice = account(&stores, "alice").await;
    trust(&stores, &browser(1, &alice)).await;
    stores.factors.purge_trust(after(999)).await.unwrap();
    assert!(is_trusted(&stores, 1, &alice, 0).await);
    stores.factors.purge_trust(after(1000)).await.unwrap();
    assert!(!is_trusted(&stores, 1, &alice, 0).await);
}
