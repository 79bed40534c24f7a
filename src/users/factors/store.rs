//! What is kept of factors and of sign-ins that are under way, and the contract of whoever keeps it.

mod passkey;

use std::fmt;

use async_trait::async_trait;
use sha2::{Digest, Sha256};

use crate::auth::UnixTime;
use crate::users::account::{Account, Change, Effective, Warrant};
use crate::users::code::CodeDigest;
pub use crate::users::factors::id::{FactorId, InvalidFactorId};
use crate::users::factors::machine::{Beginning, PendingState, SecondOutcome};
pub use crate::users::factors::store::passkey::{KeptPasskey, ShownPasskey};
use crate::users::factors::trust::trusted::TrustStore;
use crate::users::store_error::AccountStoreError;
use crate::users::username::Username;

/// An authenticator app as the store keeps it.
#[derive(Clone, PartialEq, Eq)]
pub struct KeptFactor {
    /// Its name.
    pub id: FactorId,
    /// Whose it is.
    pub account: Username,
    /// What the person calls it.
    pub label: String,
    /// When it was made.
    pub made_at: UnixTime,
    /// When a code of it was given for the first time; until then it counts for nothing.
    pub confirmed_at: Option<UnixTime>,
    /// When one was given last.
    pub used_at: Option<UnixTime>,
    /// Its sealed secret.
    pub sealed: Vec<u8>,
    /// The newest step whose code was spent.
    pub last_step: u64,
}

impl fmt::Debug for KeptFactor {
    /// The secret is left out, sealed as it is.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeptFactor")
            .field("id", &self.id)
            .field("account", &self.account)
            .finish_non_exhaustive()
    }
}

/// What is kept of the secret that a browser holds while a sign-in is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PendingDigest([u8; 32]);

impl PendingDigest {
    /// The digest of this secret.
    #[must_use]
    pub fn of(secret: &[u8]) -> Self {
        Self(Sha256::new().chain_update(PURPOSE).chain_update(secret).finalize().into())
    }

    /// The digest that a store has kept.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes, for a store.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// A sign-in that is under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptPending {
    /// The digest of the browser's secret.
    pub digest: PendingDigest,
    /// Who gave the password.
    pub account: Username,
    /// Whether "remember me" was chosen.
    pub remember: bool,
    /// How far it has come.
    pub state: PendingState,
}

/// How much somebody has besides a password.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FactorCounts {
    /// Apps that are in use.
    pub apps: u32,
    /// Passkeys.
    pub passkeys: u32,
    /// Recovery codes that are not spent; they are no factor by themselves.
    pub recovery_codes: u32,
    /// Whether an administrator has said that this person needs a factor, whatever the roles.
    pub is_required: bool,
}

impl FactorCounts {
    /// How many factors that are.
    #[must_use]
    pub const fn factors(self) -> u32 {
        self.apps.saturating_add(self.passkeys)
    }
}

/// The first code of an app.
#[derive(Debug, Clone, Copy)]
pub struct Confirmation<'a> {
    /// The app.
    pub factor: FactorId,
    /// The step whose code it is.
    pub step: u64,
    /// What the person calls the app.
    pub label: &'a str,
}

/// What was given for a second step.
#[derive(Debug, Clone, Copy)]
pub enum Presented<'a> {
    /// The code of this step of an app.
    Step {
        /// The app.
        factor: FactorId,
        /// The step.
        step: u64,
    },
    /// A recovery code.
    Recovery(&'a CodeDigest),
    /// A passkey.
    Passkey(ShownPasskey),
    /// Something that is none of these.
    Wrong,
}

/// What became of the wish to take a factor away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removal {
    /// It is gone.
    Made,
    /// There is no such factor of this account.
    NotThere,
    /// It is the last one of somebody whose role needs one.
    Needed,
}

/// What became of a second step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// The account as it was in the transaction that decided.
    pub account: Account,
    /// Whether "remember me" was chosen with the password.
    pub remember: bool,
    /// What follows.
    pub outcome: SecondOutcome,
}

/// Keeps factors, recovery codes and sign-ins that are under way.
///
/// Whatever counts once is spent by the transaction that acts on it. A factor that is added or taken away raises the
/// account's epoch in the same transaction, and so ends every sign-in that is under way.
///
/// ```
/// use portcullis::auth::UnixTime;
/// use portcullis::store::{Stores, memory};
/// use portcullis::users::{Account, Beginning, Confirmation, FactorId, KeptFactor, PendingDigest, Presented, SecondOutcome};
///
/// let Stores { accounts, factors, .. } = memory();
/// let (now, name) = (UnixTime::from_secs(1_700_000_000), "ada".parse().unwrap());
/// let ada = Account {
///     name,
///     password_hash: "$argon2id$…".to_owned(),
///     roles: vec![],
///     disabled: false,
///     created_at: now,
///     epoch: 0,
/// };
/// let (id, account) = (FactorId::from_bytes([7; 16]), ada.name.clone());
/// let (confirmed_at, used_at) = (None, None);
/// let app =
///     KeptFactor { id, account, label: String::new(), made_at: now, confirmed_at, used_at, sealed: vec![1], last_step: 0 };
/// rocket::execute(async {
///     accounts.insert(&ada).await.unwrap();
///     assert!(factors.enrol(&app, 5).await.unwrap());
///     factors.confirm(None, &ada.name, Confirmation { factor: id, step: 41, label: "phone" }, &[], now).await.unwrap();
///     let (digest, epoch) = (PendingDigest::of(b"what the browser holds"), 1);
///     let begun = factors.begin_sign_in(digest, &ada.name, epoch, false, &[], now).await.unwrap();
///     assert!(matches!(begun, Some(Beginning::Pending(_))));
///     let answered = factors.answer(digest, Presented::Step { factor: id, step: 42 }, now).await.unwrap();
///     assert_eq!(answered.unwrap().outcome, SecondOutcome::Complete);
/// });
/// ```
#[async_trait]
pub trait FactorStore: TrustStore {
    /// The factors of an account, confirmed or not, oldest first.
    async fn factors(&self, account: &Username) -> Result<Vec<KeptFactor>, AccountStoreError>;

    /// How much somebody has besides the password.
    async fn counts(&self, account: &Username) -> Result<FactorCounts, AccountStoreError>;

    /// The password was right when the account stood at `epoch`: runs [`begin`](crate::users::begin), or for somebody who has
    /// one of the `strong` roles or of whom it is required [`begin_strong`](crate::users::begin_strong), and keeps what is under way then. `None` when
    /// there is no such account.
    async fn begin_sign_in(
        &self,
        digest: PendingDigest,
        account: &Username,
        epoch: u64,
        remember: bool,
        strong: &[String],
        now: UnixTime,
    ) -> Result<Option<Beginning>, AccountStoreError>;

    /// The sign-in of this secret that is open now.
    async fn pending(
        &self,
        digest: PendingDigest,
        now: UnixTime,
    ) -> Result<Option<KeptPending>, AccountStoreError>;

    /// Gives a proof for a sign-in that is under way: spends it if that is open, runs [`present`](crate::users::present),
    /// and keeps or forgets the sign-in. `None` when there is none of this secret.
    async fn answer(
        &self,
        digest: PendingDigest,
        presented: Presented<'_>,
        now: UnixTime,
    ) -> Result<Option<Answered>, AccountStoreError>;

    /// Spends a proof for somebody who is signed in; `false` when it is wrong or spent.
    async fn spend(
        &self,
        account: &Username,
        presented: Presented<'_>,
        now: UnixTime,
    ) -> Result<bool, AccountStoreError>;

    /// Keeps a factor that is not yet confirmed, in place of any such; `false` when there is no such account, or it may
    /// not sign in, or has so many confirmed ones already.
    async fn enrol(&self, factor: &KeptFactor, at_most: u32) -> Result<bool, AccountStoreError>;

    /// Confirms a factor by the code of this step, and gives it this label. The recovery codes are kept if the account has
    /// none; returns whether they were. `None` when there is no such factor to confirm.
    ///
    /// Where it is done for a sign-in that is under way, the same transaction runs [`enrolled`](crate::users::enrolled), and
    /// the sign-in is proved by it; `None` also when it is not open for that.
    async fn confirm(
        &self,
        pending: Option<PendingDigest>,
        account: &Username,
        first: Confirmation<'_>,
        recovery: &[CodeDigest],
        now: UnixTime,
    ) -> Result<Option<bool>, AccountStoreError>;

    /// The passkeys of an account, oldest first.
    async fn passkeys(&self, account: &Username) -> Result<Vec<KeptPasskey>, AccountStoreError>;

    /// The passkey that its authenticator calls so.
    async fn passkey(&self, credential: &[u8]) -> Result<Option<KeptPasskey>, AccountStoreError>;

    /// Keeps a passkey, whose challenge is spent by it, and these recovery codes if the account has none; returns whether
    /// they were. `None` when there is no such account, or it may not sign in, or has so many factors already, or knows
    /// authenticators by another handle; when the credential is known; and when the challenge was spent before. For a sign-in
    /// that is under way as [`confirm`](Self::confirm).
    async fn add_passkey(
        &self,
        pending: Option<PendingDigest>,
        passkey: &KeptPasskey,
        challenge: ShownPasskey,
        recovery: &[CodeDigest],
        at_most: u32,
    ) -> Result<Option<bool>, AccountStoreError>;

    /// Somebody shows a passkey and nothing else: spends it, runs [`arrive`](crate::users::arrive), and keeps the sign-in,
    /// by which a session may begin. The account; `None` when nothing follows.
    async fn arrive(
        &self,
        digest: PendingDigest,
        account: &Username,
        passkey: ShownPasskey,
        remember: bool,
        now: UnixTime,
    ) -> Result<Option<Account>, AccountStoreError>;

    /// Keeps these recovery codes in place of all; `false` when the account has no confirmed factor.
    async fn replace_recovery_codes(
        &self,
        account: &Username,
        codes: &[CodeDigest],
        now: UnixTime,
    ) -> Result<bool, AccountStoreError>;

    /// Forgets a factor of this account, app or passkey, and with the last of them the recovery codes. The last of somebody who
    /// has one of the `strong` roles, or of whom one is required, stays.
    async fn remove_factor(
        &self,
        account: &Username,
        id: FactorId,
        strong: &[String],
        now: UnixTime,
    ) -> Result<Removal, AccountStoreError>;

    /// Forgets all factors and recovery codes, and ends all sessions of the person.
    async fn reset_factors(
        &self,
        account: &Username,
        moment: Effective,
        warrant: Warrant<'_>,
    ) -> Result<Change, AccountStoreError>;

    /// From now on this person needs a factor, whatever the roles, or no longer.
    async fn require_factor(
        &self,
        account: &Username,
        is_required: bool,
        warrant: Warrant<'_>,
    ) -> Result<Change, AccountStoreError>;

    /// Forgets sign-ins that are over, and challenges that nobody would take.
    async fn purge_pending(&self, now: UnixTime) -> Result<(), AccountStoreError>;
}

const PURPOSE: &[u8] = b"portcullis pending sign-in\0";
