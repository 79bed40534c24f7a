//! Who is this? The use case on a real store, without any request.

use std::sync::Arc;

use async_trait::async_trait;
use portcullis::auth::{Clock, ManualClock, UnixTime};
use portcullis::store::{Stores, memory};
use portcullis::users::{
    Account, AccountStore, AccountStoreError, Accounts, Admission, Attempt, AttemptStore, Change, CodeDigest,
    Cost, Creation, Effective, Failures, Hasher, KeptCode, Key, NewHash, Password, Retention, Roles, Ruling,
    SessionName, SignInError, Subject, Username, Warrant,
};

const NOW: UnixTime = UnixTime::from_secs(1_700_000_000);

fn clock() -> Arc<dyn Clock> {
    Arc::new(ManualClock::at(NOW))
}

fn accounts(stores: &Stores, cost: Cost) -> Accounts {
    Accounts::new(
        stores.accounts.clone(),
        stores.attempts.clone(),
        Arc::new(Hasher::new(cost)),
        clock(),
        [7; 32],
    )
}

fn password(text: &str) -> Password {
    Password::new(text.to_owned()).unwrap()
}

async fn with_alice() -> (Stores, Accounts) {
    let stores = memory();
    let accounts = accounts(&stores, Cost::default());
    let roles = Roles::parse(["user"]).unwrap();
    let made = accounts.create("alice".parse().unwrap(), password("secret"), roles).await.unwrap();
    assert!(matches!(made, Creation::Created(_)));
    (stores, accounts)
}

#[tokio::test]
async fn the_right_password_brings_the_account() {
    let (_, accounts) = with_alice().await;
    let signed_in = accounts.authenticate("Alice", password("secret"), Attempt::default()).await.unwrap();
    assert_eq!((signed_in.is_known_device, signed_in.failures, signed_in.hash_renewed), (false, 0, false));
    let alice = signed_in.account;
    assert_eq!((alice.name.as_str(), alice.roles, alice.created_at), ("alice", vec!["user".to_owned()], NOW));
}

#[tokio::test]
async fn unknown_malformed_disabled_and_wrong_are_one_answer() {
    let (stores, accounts) = with_alice().await;
    let alice = stores.accounts.find(&"alice".parse().unwrap()).await.unwrap().unwrap();
    let gone = Account { name: "gone".parse().unwrap(), disabled: true, ..alice.clone() };
    let broken = Account { name: "broken".parse().unwrap(), password_hash: "secret".to_owned(), ..alice };
    stores.accounts.insert(&gone).await.unwrap();
    stores.accounts.insert(&broken).await.unwrap();
    for (name, typed) in [
        ("alice", "Secret"),
        ("nobody", "secret"),
        ("nobody", "nobody's password"),
        ("", "secret"),
        ("a b\0", "secret"),
        ("gone", "secret"),
        ("broken", "secret"),
    ] {
        let answer = accounts.authenticate(name, password(typed), Attempt::default()).await;
        assert!(matches!(answer, Err(SignInError::BadCredentials)), "{name:?}: {answer:?}");
    }
}

#[tokio::test]
async fn a_taken_name_is_an_outcome_and_the_account_stays() {
    let (_, accounts) = with_alice().await;
    let again = accounts.create("alice".parse().unwrap(), password("other"), Roles::default()).await.unwrap();
    assert!(matches!(again, Creation::Taken));
    assert!(accounts.authenticate("alice", password("secret"), Attempt::default()).await.is_ok());
}

#[tokio::test]
async fn the_store_is_empty_until_the_first_account() {
    let accounts = accounts(&memory(), Cost::default());
    assert!(accounts.is_empty().await.unwrap());
    accounts.create("alice".parse().unwrap(), password("secret"), Roles::default()).await.unwrap();
    assert!(!accounts.is_empty().await.unwrap());
}

#[tokio::test]
async fn a_hash_with_old_parameters_is_renewed_at_sign_in() {
    let stores = memory();
    let old = accounts(&stores, Cost::new(7_168, 5, 1).unwrap());
    old.create("alice".parse().unwrap(), password("secret"), Roles::default()).await.unwrap();
    let name: Username = "alice".parse().unwrap();
    let hash = async || stores.accounts.find(&name).await.unwrap().unwrap().password_hash;

    let new = accounts(&stores, Cost::default());
    assert!(new.authenticate("alice", password("wrong"), Attempt::default()).await.is_err());
    assert!(hash().await.contains("m=7168"), "a wrong password renews nothing");
    let alice = new.authenticate("alice", password("secret"), Attempt::default()).await.unwrap();
    assert!(hash().await.contains("m=19456"));
    assert_eq!(alice.account.password_hash, hash().await);
    assert_eq!((alice.hash_renewed, alice.failures), (true, 1));
    assert!(new.authenticate("alice", password("secret"), Attempt::default()).await.is_ok());
}

/// A store that knows one account and fails at whatever it is told to fail at.
struct Failing {
    account: Option<Account>,
}

#[async_trait]
impl AccountStore for Failing {
    async fn find(&self, _: &Username) -> Result<Option<Account>, AccountStoreError> {
        self.account.clone().map(Some).ok_or_else(out_of_reach)
    }

    async fn insert(&self, _: &Account) -> Result<bool, AccountStoreError> {
        Err(out_of_reach())
    }

    async fn count(&self) -> Result<u64, AccountStoreError> {
        Err(out_of_reach())
    }

    async fn list(&self, _: &str, _: Option<&Username>, _: usize) -> Result<Vec<Account>, AccountStoreError> {
        Err(out_of_reach())
    }

    async fn invite(&self, _: &Account, _: &KeptCode, _: Warrant<'_>) -> Result<Change, AccountStoreError> {
        Err(out_of_reach())
    }

    async fn keep_code(
        &self,
        _: &Username,
        _: &KeptCode,
        _: UnixTime,
        _: Warrant<'_>,
    ) -> Result<Change, AccountStoreError> {
        Err(out_of_reach())
    }

    async fn code_of(&self, _: &Username) -> Result<Option<KeptCode>, AccountStoreError> {
        Err(out_of_reach())
    }

    async fn forget_code(&self, _: &Username) -> Result<bool, AccountStoreError> {
        Err(out_of_reach())
    }

    async fn redeem(
        &self,
        _: &Username,
        _: &CodeDigest,
        _: &str,
        _: Effective,
    ) -> Result<Option<Vec<SessionName>>, AccountStoreError> {
        Err(out_of_reach())
    }

    async fn renew_hash(&self, _: &Username, _: &str, _: &str) -> Result<bool, AccountStoreError> {
        Err(out_of_reach())
    }

    async fn change_password(
        &self,
        _: &Username,
        _: NewHash<'_>,
        _: Effective,
    ) -> Result<Option<Vec<SessionName>>, AccountStoreError> {
        Err(out_of_reach())
    }

    async fn set_disabled(
        &self,
        _: &Username,
        _: bool,
        _: Effective,
        _: Warrant<'_>,
    ) -> Result<Change, AccountStoreError> {
        Err(out_of_reach())
    }

    async fn set_roles(
        &self,
        _: &Username,
        _: &[String],
        _: Effective,
        _: Warrant<'_>,
    ) -> Result<Change, AccountStoreError> {
        Err(out_of_reach())
    }
}

#[async_trait]
impl AttemptStore for Failing {
    async fn attempt_secret(&self, proposed: [u8; 32]) -> Result<[u8; 32], AccountStoreError> {
        Ok(proposed)
    }

    async fn attempt(&self, _: Subject, _: UnixTime) -> Result<Admission, AccountStoreError> {
        if self.account.is_none() {
            return Err(out_of_reach());
        }
        Ok(Admission { ruling: Ruling::Evaluate, failures: 0, is_known_device: false })
    }

    async fn attempt_succeeded(&self, _: Subject, _: UnixTime) -> Result<(), AccountStoreError> {
        Err(out_of_reach())
    }

    async fn attempt_not_evaluated(&self, _: portcullis::users::Subject) -> Result<(), AccountStoreError> {
        Err(out_of_reach())
    }

    async fn failures(&self, _: Key) -> Result<Failures, AccountStoreError> {
        Err(out_of_reach())
    }

    async fn knows_device(&self, _: Key, _: Key) -> Result<bool, AccountStoreError> {
        Err(out_of_reach())
    }

    async fn remember_device(&self, _: Key, _: Key, _: UnixTime, _: usize) -> Result<(), AccountStoreError> {
        Err(out_of_reach())
    }

    async fn forget_attempts(&self, _: Key) -> Result<(), AccountStoreError> {
        Err(out_of_reach())
    }

    async fn purge_attempts(&self, _: Retention) -> Result<(), AccountStoreError> {
        Err(out_of_reach())
    }
}

fn out_of_reach() -> AccountStoreError {
    AccountStoreError(Box::new(std::io::Error::other("unplugged")))
}

fn failing(account: Option<Account>) -> Accounts {
    let store = Arc::new(Failing { account });
    Accounts::new(store.clone(), store, Arc::new(Hasher::default()), clock(), [7; 32])
}

#[tokio::test]
async fn a_store_out_of_reach_is_never_a_wrong_password() {
    let accounts = failing(None);
    let answer = accounts.authenticate("alice", password("secret"), Attempt::default()).await;
    assert!(matches!(answer, Err(SignInError::Unavailable(_))), "{answer:?}");
    assert!(accounts.create("alice".parse().unwrap(), password("secret"), Roles::default()).await.is_err());
    assert!(accounts.is_empty().await.is_err());
}

#[tokio::test]
async fn a_hash_that_cannot_be_renewed_does_not_keep_anybody_out() {
    let old = Hasher::new(Cost::new(7_168, 5, 1).unwrap());
    let account = Account {
        name: "alice".parse().unwrap(),
        password_hash: old.hash(&password("secret")).await.unwrap(),
        roles: vec![],
        disabled: false,
        created_at: NOW,
        epoch: 0,
    };
    let alice = failing(Some(account.clone()))
        .authenticate("alice", password("secret"), Attempt::default())
        .await
        .unwrap();
    assert_eq!((alice.account, alice.hash_renewed), (account, false));
}
