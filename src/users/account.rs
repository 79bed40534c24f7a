//! A person who may sign in, and the contract of whoever keeps the accounts.

mod profile;

use async_trait::async_trait;

use crate::auth::UnixTime;
use crate::users::code::{CodeDigest, KeptCode};
use crate::users::store_error::AccountStoreError;
use crate::users::username::Username;

pub use profile::{DisplayName, InvalidDisplayName, Profile, ProfileStore};

/// One account as the store keeps it.
///
/// ```
/// use portcullis::testing;
/// use portcullis::users::{Creation, Password, Roles};
///
/// let accounts = testing::accounts();
/// let password = |text: &str| Password::new(text.to_owned()).unwrap();
/// rocket::execute(async {
///     let made = accounts.create("ada".parse().unwrap(), password("correct horse"), Roles::default()).await.unwrap();
///     let Creation::Created(account) = made else { panic!("the store was empty") };
///     assert!(account.password_hash.starts_with("$argon2id$") && !account.disabled);
///     assert!(!format!("{account:?}").contains("argon2id"), "a log learns nothing");
/// });
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Account {
    /// The name the person signs in with; also claim `sub`.
    pub name: Username,
    /// The password's Argon2id hash as a PHC string.
    pub password_hash: String,
    /// What the person may do, as the store keeps it: what is written passes [`Roles`](crate::users::Roles), and what an older
    /// version wrote is read as it stands.
    pub roles: Vec<String>,
    /// A disabled account cannot sign in and answers like an unknown one.
    pub disabled: bool,
    /// When it was made.
    pub created_at: UnixTime,
    /// Counts the changes after which a sign-in that is under way is over: another password, other roles, being disabled,
    /// a factor more or less.
    pub epoch: u64,
}

impl Account {
    /// Whether the person has one of these roles.
    #[must_use]
    pub fn has_any_role(&self, roles: &[String]) -> bool {
        self.roles.iter().any(|role| roles.contains(role))
    }
}

impl std::fmt::Debug for Account {
    /// The hash is left out: it is not a secret to print by accident.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Account")
            .field("name", &self.name)
            .field("roles", &self.roles)
            .field("disabled", &self.disabled)
            .finish_non_exhaustive()
    }
}

/// The 16 bytes of a session's id.
/// Who may log in ends sessions, but knows no more of them than their names.
pub type SessionName = [u8; 16];

/// When a change happens, and until when nodes must remember the sessions it ends: when the last access token of them
/// has expired.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Effective {
    /// When.
    pub at: UnixTime,
    /// Until when.
    pub remember_until: UnixTime,
}

/// On whose word an account is changed, and what must hold afterwards.
///
/// It is asked inside the transaction of the change, so that it holds whichever node the change is made on: of two
/// administrators who shut each other out at the same moment, one is too late.
///
/// ```
/// use portcullis::auth::UnixTime;
/// use portcullis::store;
/// use portcullis::users::{Change, Effective, Warrant};
///
/// let people = store::memory().accounts;
/// let at = UnixTime::from_secs(1_700_000_000);
/// let warrant = Warrant { session: Some([7; 16]), ..Warrant::OPERATOR };
/// let moment = Effective { at, remember_until: at };
/// let ada = "ada".parse().unwrap();
/// let change = people.set_disabled(&ada, true, moment, warrant);
/// assert_eq!(rocket::execute(change).unwrap(), Change::Unwarranted, "there is no such session");
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Warrant<'a> {
    /// The administrator; `None` is the operator.
    pub by: Option<&'a Username>,
    /// The session in which it was asked for; when that has ended, nothing is changed.
    pub session: Option<SessionName>,
    /// A role that somebody who may sign in must have afterwards.
    pub keeps: Option<&'a str>,
}

impl Warrant<'_> {
    /// The operator's own word, which counts whatever comes of it.
    pub const OPERATOR: Self = Self { by: None, session: None, keeps: None };
}

/// What became of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// It was made, and these sessions ended by it.
    Made(Vec<SessionName>),
    /// There is no account to change; or, of one that is to be made, there is one already.
    NotMade,
    /// The session in which it was asked for has ended.
    Unwarranted,
    /// Nobody who may sign in would have the role of [`Warrant::keeps`].
    LastOfRole,
}

/// A new password hash for an account.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct NewHash<'a> {
    /// The hash that it replaces; `None` replaces any.
    pub old: Option<&'a str>,
    /// The new one.
    pub new: &'a str,
    /// The session in which the password is changed; it goes on.
    pub keep: Option<SessionName>,
}

/// Keeps accounts.
///
/// A change of an account that ends sessions is one transaction: the account, the sessions and the log of revocations
/// all change, or nothing does.
///
/// ```
/// use portcullis::auth::UnixTime;
/// use portcullis::store;
/// use portcullis::users::Account;
///
/// let people = store::memory().accounts;
/// let ada = Account {
///     name: "ada".parse().unwrap(),
///     password_hash: "$argon2id$…".to_owned(),
///     roles: vec![],
///     disabled: false,
///     created_at: UnixTime::from_secs(1_700_000_000),
///     epoch: 0,
/// };
/// rocket::execute(async {
///     assert!(people.insert(&ada).await.unwrap());
///     assert!(!people.insert(&ada).await.unwrap(), "the name is taken");
///     assert_eq!(people.find(&ada.name).await.unwrap(), Some(ada));
/// });
/// ```
#[async_trait]
pub trait AccountStore: Send + Sync + 'static {
    /// The account of this name.
    async fn find(&self, name: &Username) -> Result<Option<Account>, AccountStoreError>;

    /// Keeps a new account; `false` when the name is taken.
    async fn insert(&self, account: &Account) -> Result<bool, AccountStoreError>;

    /// How many accounts there are.
    async fn count(&self) -> Result<u64, AccountStoreError>;

    /// At most `limit` accounts whose names contain `part`, by name, beginning behind `after`.
    async fn list(
        &self,
        part: &str,
        after: Option<&Username>,
        limit: usize,
    ) -> Result<Vec<Account>, AccountStoreError>;

    /// Keeps a new account and the code for it, both or neither.
    async fn invite(
        &self,
        account: &Account,
        code: &KeptCode,
        warrant: Warrant<'_>,
    ) -> Result<Change, AccountStoreError>;

    /// Keeps a code for an account in place of any before; [`Change::NotMade`] for a disabled one too.
    async fn keep_code(
        &self,
        name: &Username,
        code: &KeptCode,
        now: UnixTime,
        warrant: Warrant<'_>,
    ) -> Result<Change, AccountStoreError>;

    /// The code that is kept for this account, also one that is over.
    async fn code_of(&self, name: &Username) -> Result<Option<KeptCode>, AccountStoreError>;

    /// Forgets the code of this account; `false` when there was none.
    async fn forget_code(&self, name: &Username) -> Result<bool, AccountStoreError>;

    /// Exchanges a code for a password: the code is forgotten, with those that the person issued, the hash is replaced, and all sessions of the person end
    /// because the password was changed; they are returned. `None`, and nothing is changed, when this code is not
    /// open for an account that may sign in.
    async fn redeem(
        &self,
        name: &Username,
        code: &CodeDigest,
        new_hash: &str,
        moment: Effective,
    ) -> Result<Option<Vec<SessionName>>, AccountStoreError>;

    /// Replaces a hash by one of the same password with newer parameters, if it still is `old`.
    async fn renew_hash(&self, name: &Username, old: &str, new: &str) -> Result<bool, AccountStoreError>;

    /// Replaces the hash, forgets any code for the account and those that the person issued, and ends the person's other sessions because the password was changed;
    /// returns those that ended. `None`, and nothing is changed, when there is no such account or its hash is not the old one any more.
    async fn change_password(
        &self,
        name: &Username,
        hash: NewHash<'_>,
        moment: Effective,
    ) -> Result<Option<Vec<SessionName>>, AccountStoreError>;

    /// Disables or enables an account; disabling forgets any code for it and those that the person issued, and ends all
    /// sessions of the person. Enabling it takes back that it is to be deleted.
    async fn set_disabled(
        &self,
        name: &Username,
        disabled: bool,
        moment: Effective,
        warrant: Warrant<'_>,
    ) -> Result<Change, AccountStoreError>;

    /// Replaces the roles, forgets the codes that the person issued, and ends all sessions of the person, whose tokens
    /// name the old roles.
    async fn set_roles(
        &self,
        name: &Username,
        roles: &[String],
        moment: Effective,
        warrant: Warrant<'_>,
    ) -> Result<Change, AccountStoreError>;
}
