//! Passkeys: whose they are, and that nothing counts twice.

use std::sync::Arc;

use portcullis::auth::{UnixTime, Voucher};
use portcullis::store::Stores;
use portcullis::users::{
    Account, Beginning, CodeDigest, Effective, FactorCounts, FactorId, KeptPasskey, OneTimeCode,
    PendingDigest, Presented, Removal, SecondOutcome, ShownPasskey, Username, Warrant,
};

use super::{NOW, after, session};

every_driver! {
    a_passkey_comes_back_with_every_field,
    a_passkey_of_somebody_else_or_under_another_handle_is_not_kept,
    a_challenge_makes_one_passkey,
    a_counter_only_grows_unless_it_never_counts,
    of_fifty_who_bring_one_answer_one_is_signed_in,
    of_fifty_who_bring_one_answer_for_a_second_step_one_is_signed_in,
    whoever_arrives_begins_one_session,
    an_account_that_may_not_sign_in_is_not_arrived_at,
    the_last_passkey_takes_the_recovery_codes_and_one_of_two_does_not,
    a_reset_takes_passkeys_too,
    spent_challenges_are_forgotten_at_their_end_and_not_before,
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

fn passkey(number: u8, account: &Username) -> KeptPasskey {
    KeptPasskey {
        id: FactorId::from_bytes([number; 16]),
        account: account.clone(),
        handle: [u8::try_from(account.as_str().len()).unwrap(); 32],
        credential: vec![number, 0, 255],
        label: "my key".to_owned(),
        made_at: after(u64::from(number)),
        used_at: None,
        counter: 0,
        public: "{}".to_owned(),
    }
}

/// An answer to the challenge of this number.
fn shown(passkey: &KeptPasskey, counter: u32, challenge: u8) -> ShownPasskey {
    ShownPasskey { id: passkey.id, counter, challenge: [challenge; 32], until: after(300) }
}

fn codes(first: u8) -> Vec<CodeDigest> {
    (first..first + 10).map(|number| OneTimeCode::from_bytes([number; 15]).digest()).collect()
}

async fn add(stores: &Stores, passkey: &KeptPasskey, challenge: u8) -> Option<bool> {
    let made = shown(passkey, passkey.counter, challenge);
    stores.factors.add_passkey(None, passkey, made, &codes(challenge), 10).await.unwrap()
}

async fn counts(stores: &Stores, account: &Username) -> FactorCounts {
    stores.factors.counts(account).await.unwrap()
}

async fn arrive(stores: &Stores, number: u8, account: &Username, shown: ShownPasskey) -> bool {
    let digest = PendingDigest::of(&[number]);
    let arrived = stores.factors.arrive(digest, account, shown, false, after(9)).await.unwrap();
    arrived.is_some_and(|arrived| arrived.name == *account)
}

async fn a_passkey_comes_back_with_every_field(stores: Stores) {
    let alice = account(&stores, "alice").await;
    let kept = passkey(1, &alice);
    assert_eq!(add(&stores, &kept, 1).await, Some(true), "the first factor brings recovery codes");
    assert_eq!(stores.factors.passkeys(&alice).await.unwrap(), std::slice::from_ref(&kept));
    assert_eq!(stores.factors.passkey(&kept.credential).await.unwrap(), Some(kept.clone()));
    assert_eq!(stores.factors.passkey(&[1, 0]).await.unwrap(), None);
    assert!(stores.factors.spend(&alice, Presented::Passkey(shown(&kept, 7, 2)), after(60)).await.unwrap());
    let used = KeptPasskey { used_at: Some(after(60)), counter: 7, ..kept };
    assert_eq!(stores.factors.passkeys(&alice).await.unwrap(), [used]);
    assert_eq!(
        counts(&stores, &alice).await,
        FactorCounts { apps: 0, passkeys: 1, recovery_codes: 10, is_required: false }
    );
    assert_eq!(stores.accounts.find(&alice).await.unwrap().unwrap().epoch, 1, "sign-ins under way are over");
}

async fn a_passkey_of_somebody_else_or_under_another_handle_is_not_kept(stores: Stores) {
    let (alice, bob) = (account(&stores, "alice").await, account(&stores, "bob").await);
    let hers = passkey(1, &alice);
    assert_eq!(add(&stores, &hers, 1).await, Some(true));
    assert_eq!(add(&stores, &KeptPasskey { account: bob.clone(), ..passkey(2, &bob) }, 2).await, Some(true));
    let same = KeptPasskey { credential: hers.credential.clone(), ..passkey(3, &bob) };
    assert_eq!(add(&stores, &same, 3).await, None, "the credential is known");
    let foreign = KeptPasskey { handle: hers.handle, ..passkey(4, &bob) };
    assert_eq!(add(&stores, &foreign, 4).await, None, "the handle is somebody else's");
    let other = KeptPasskey { handle: [9; 32], ..passkey(5, &alice) };
    assert_eq!(add(&stores, &other, 5).await, None, "the account is known by another");
    let nobody = passkey(6, &"nobody".parse().unwrap());
    assert_eq!(add(&stores, &nobody, 6).await, None);
    assert_eq!(add(&stores, &passkey(7, &alice), 7).await, Some(false));
    let full =
        stores.factors.add_passkey(None, &passkey(8, &alice), shown(&hers, 0, 8), &[], 2).await.unwrap();
    assert_eq!(full, None, "there is room for two");
    // And shown by one account it says nothing of another.
    assert!(!stores.factors.spend(&bob, Presented::Passkey(shown(&hers, 1, 9)), NOW).await.unwrap());
}

async fn a_challenge_makes_one_passkey(stores: Stores) {
    let alice = account(&stores, "alice").await;
    assert_eq!(add(&stores, &passkey(1, &alice), 1).await, Some(true));
    assert_eq!(add(&stores, &passkey(2, &alice), 1).await, None);
    assert!(
        !stores
            .factors
            .spend(&alice, Presented::Passkey(shown(&passkey(1, &alice), 1, 1)), NOW)
            .await
            .unwrap()
    );
}

async fn a_counter_only_grows_unless_it_never_counts(stores: Stores) {
    let alice = account(&stores, "alice").await;
    let kept = passkey(1, &alice);
    assert_eq!(add(&stores, &kept, 1).await, Some(true));
    for (challenge, counter, counts) in
        [(2, 0, true), (3, 0, true), (4, 5, true), (5, 5, false), (6, 4, false), (7, 0, false), (8, 6, true)]
    {
        let spent = stores.factors.spend(&alice, Presented::Passkey(shown(&kept, counter, challenge)), NOW);
        assert_eq!(spent.await.unwrap(), counts, "{counter}");
    }
}

async fn of_fifty_who_bring_one_answer_one_is_signed_in(stores: Stores) {
    let alice = account(&stores, "alice").await;
    let kept = passkey(1, &alice);
    assert_eq!(add(&stores, &kept, 1).await, Some(true));
    let stores = Arc::new(stores);
    let tasks: Vec<_> = (0..50)
        .map(|number| {
            let (stores, alice, shown) = (Arc::clone(&stores), alice.clone(), shown(&kept, 0, 2));
            tokio::spawn(async move { arrive(&stores, number, &alice, shown).await })
        })
        .collect();
    let mut arrived = 0;
    for task in tasks {
        arrived += u32::from(task.await.unwrap());
    }
    assert_eq!(arrived, 1);
}

async fn of_fifty_who_bring_one_answer_for_a_second_step_one_is_signed_in(stores: Stores) {
    let alice = account(&stores, "alice").await;
    let kept = passkey(1, &alice);
    assert_eq!(add(&stores, &kept, 1).await, Some(true));
    for number in 0..50 {
        let begun =
            stores.factors.begin_sign_in(PendingDigest::of(&[number]), &alice, 1, false, &[], NOW).await;
        assert!(matches!(begun.unwrap(), Some(Beginning::Pending(_))));
    }
    let stores = Arc::new(stores);
    let tasks: Vec<_> = (0..50)
        .map(|number| {
            let (stores, shown) = (Arc::clone(&stores), Presented::Passkey(shown(&kept, 0, 2)));
            tokio::spawn(async move {
                let answered = stores.factors.answer(PendingDigest::of(&[number]), shown, NOW).await;
                answered.unwrap().is_some_and(|answered| answered.outcome == SecondOutcome::Complete)
            })
        })
        .collect();
    let mut complete = 0;
    for task in tasks {
        complete += u32::from(task.await.unwrap());
    }
    assert_eq!(complete, 1);
}

async fn whoever_arrives_begins_one_session(stores: Stores) {
    let (alice, bob) = (account(&stores, "alice").await, account(&stores, "bob").await);
    let kept = passkey(1, &alice);
    assert_eq!(add(&stores, &kept, 1).await, Some(true));
    assert!(arrive(&stores, 1, &alice, shown(&kept, 0, 2)).await);
    let voucher = Voucher::from_bytes(*PendingDigest::of(&[1]).as_bytes());
    let begin = async |number, user: &str| {
        let session = session(number, user);
        let begun = stores.sessions.create_by(&voucher, &session, 10, after(9_999));
        begun.await.unwrap().is_some()
    };
    assert!(!begin(1, bob.as_str()).await, "it is somebody else's");
    assert!(begin(2, "alice").await);
    assert!(!begin(3, "alice").await, "once");
    // What happens to the account in between ends it.
    assert!(arrive(&stores, 4, &alice, shown(&kept, 0, 4)).await);
    assert_eq!(stores.factors.remove_factor(&alice, kept.id, &[], NOW).await.unwrap(), Removal::Made);
    let voucher = Voucher::from_bytes(*PendingDigest::of(&[4]).as_bytes());
    let begun = stores.sessions.create_by(&voucher, &session(5, "alice"), 10, after(9_999)).await.unwrap();
    assert!(begun.is_none());
    assert!(!arrive(&stores, 6, &alice, shown(&kept, 0, 6)).await, "it is gone");
}

async fn an_account_that_may_not_sign_in_is_not_arrived_at(stores: Stores) {
    let alice = account(&stores, "alice").await;
    let kept = passkey(1, &alice);
    assert_eq!(add(&stores, &kept, 1).await, Some(true));
    let moment = Effective { at: after(1), remember_until: after(999) };
    stores.accounts.set_disabled(&alice, true, moment, Warrant::OPERATOR).await.unwrap();
    assert!(!arrive(&stores, 1, &alice, shown(&kept, 0, 2)).await);
    assert_eq!(add(&stores, &passkey(2, &alice), 3).await, None);
}

async fn the_last_passkey_takes_the_recovery_codes_and_one_of_two_does_not(stores: Stores) {
    let alice = account(&stores, "alice").await;
    let (one, other) = (passkey(1, &alice), passkey(2, &alice));
    add(&stores, &one, 1).await;
    add(&stores, &other, 2).await;
    assert_eq!(stores.factors.remove_factor(&alice, one.id, &[], NOW).await.unwrap(), Removal::Made);
    assert_eq!(stores.factors.remove_factor(&alice, one.id, &[], NOW).await.unwrap(), Removal::NotThere);
    assert_eq!(
        counts(&stores, &alice).await,
        FactorCounts { apps: 0, passkeys: 1, recovery_codes: 10, is_required: false }
    );
    assert_eq!(stores.factors.remove_factor(&alice, other.id, &[], NOW).await.unwrap(), Removal::Made);
    assert_eq!(counts(&stores, &alice).await, FactorCounts::default());
}

async fn a_reset_takes_passkeys_too(stores: Stores) {
    let (alice, bob) = (account(&stores, "alice").await, account(&stores, "bob").await);
    add(&stores, &passkey(1, &alice), 1).await;
    add(&stores, &passkey(2, &bob), 2).await;
    let moment = Effective { at: after(1), remember_until: after(999) };
    stores.factors.reset_factors(&alice, moment, Warrant::OPERATOR).await.unwrap();
    assert_eq!(counts(&stores, &alice).await, FactorCounts::default());
    assert_eq!(counts(&stores, &bob).await.passkeys, 1);
}

async fn spent_challenges_are_forgotten_at_their_end_and_not_before(stores: Stores) {
    let alice = account(&stores, "alice").await;
    let kept = passkey(1, &alice);
    add(&stores, &kept, 1).await;
    let again = async |at: UnixTime| {
        stores.factors.purge_pending(at).await.unwrap();
        stores.factors.spend(&alice, Presented::Passkey(shown(&kept, 0, 1)), at).await.unwrap()
    };
    assert!(!again(after(299)).await);
    assert!(again(after(300)).await, "nobody takes the challenge any more, so nothing is kept of it");
}
