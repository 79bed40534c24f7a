//! What is kept of addresses and links, and the contract of whoever keeps it.

use async_trait::async_trait;

use crate::auth::UnixTime;
use crate::users::account::{Account, Effective, SessionName, Warrant};
use crate::users::mail::address::EmailAddress;
use crate::users::mail::link::{KeptLink, LinkId};
use crate::users::mail::outbox::{Letter, MailMessage, OutboxStore};
use crate::users::store_error::AccountStoreError;
use crate::users::username::Username;

/// The address of an account, whose owner has followed a link that was sent there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownAddress {
    /// The address.
    pub address: EmailAddress,
    /// In which language messages are written to it (RFC 5646).
    pub language: String,
    /// When it was proved.
    pub proved_at: UnixTime,
}

/// A message, and the link in it.
pub type Posted<'a> = (&'a MailMessage, &'a KeptLink);

/// What is done by following a link.
#[derive(Debug, Clone, Copy)]
pub enum LinkStep<'a> {
    /// The link's address is the account's from now on, in this language. The address before is told by `farewell`.
    Prove {
        /// In which language messages are written to it.
        language: &'a str,
        /// The message to the address before.
        farewell: Option<Posted<'a>>,
    },
    /// The password is this one from now on, and all sessions of the person end.
    Reset {
        /// Its hash.
        hash: &'a str,
    },
    /// The link's address is the account's again; all sessions of the person end, and this is sent to it: a new password is
    /// chosen by it, because whoever changed the address may know the one there is. Its link counts for the state of the
    /// account from then on.
    Undo {
        /// In which language messages are written to it.
        language: &'a str,
        /// The message by which a new password is chosen.
        reset: Posted<'a>,
    },
    /// This account is made, and has the link's address, in this language.
    Join {
        /// The account.
        account: &'a Account,
        /// In which language messages are written to it.
        language: &'a str,
    },
    /// The account that was to be deleted stays, and may sign in again.
    Stay,
    /// All sessions of the person end, and the same is sent.
    Disown {
        /// The message by which a new password is chosen.
        reset: Posted<'a>,
    },
}

/// What became of following a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FollowedLink {
    /// It was done, once and for all.
    Done(Followed),
    /// It is not open: it was followed before, is over, or the account is another by now or may not sign in.
    NotOpen,
    /// Somebody else has proved the address; nothing is changed, and the link is spent.
    Taken,
    /// Somebody else has the name; nothing is changed, and the link can be followed with another.
    NameTaken,
}

/// Whose link it was, and what ended by it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Followed {
    /// Whose.
    pub account: Username,
    /// The sessions of the person that ended.
    pub ended: Vec<SessionName>,
}

/// Keeps addresses, links, and the messages that carry them.
///
/// A message is kept with what it tells of, in one transaction. Whoever has an address is told of a new password, of other
/// roles, and of factors and recovery codes that come or go by the same transaction that does it, in every method of
/// [`AccountStore`](crate::users::AccountStore) and [`FactorStore`](crate::users::FactorStore).
///
/// ```
/// use portcullis::auth::UnixTime;
/// use portcullis::store::{Stores, memory};
/// use portcullis::users::{Account, Effective, FollowedLink, KeptLink, Letter, LinkId, LinkPurpose, LinkStep, MailMessage, MessageId};
///
/// let Stores { accounts, mail, .. } = memory();
/// let now = UnixTime::from_secs(1_700_000_000);
/// let ada = Account {
///     name: "ada".parse().unwrap(),
///     password_hash: "$argon2id$…".to_owned(),
///     roles: vec![],
///     disabled: false,
///     created_at: now,
///     epoch: 0,
/// };
/// let address: portcullis::users::EmailAddress = "ada@example.org".parse().unwrap();
/// let link = KeptLink {
///     id: LinkId::from_bytes([1; 12]),
///     purpose: LinkPurpose::Prove,
///     account: Some(ada.name.clone()),
///     address: address.clone(),
///     epoch: Some(0),
///     made_at: now,
///     expires_at: UnixTime::from_secs(1_700_086_400),
///     used_at: None,
///     newcomer: None,
/// };
/// let message = MailMessage {
///     id: MessageId::from_bytes([2; 16]),
///     letter: Letter::ConfirmAddress,
///     to: address.clone(),
///     account: Some(ada.name.clone()),
///     language: "en".to_owned(),
///     link: Some(link.id),
///     made_at: now,
/// };
/// rocket::execute(async {
///     accounts.insert(&ada).await.unwrap();
///     assert!(mail.post(&message, &link, 3).await.unwrap());
///     let step = LinkStep::Prove { language: "en", farewell: None };
///     let moment = Effective { at: now, remember_until: now };
///     assert!(matches!(mail.follow(link.id, step, moment).await.unwrap(), FollowedLink::Done(_)));
///     assert_eq!(mail.follow(link.id, step, moment).await.unwrap(), FollowedLink::NotOpen, "once");
///     assert_eq!(mail.address_of(&ada.name).await.unwrap().unwrap().address, address);
/// });
/// ```
#[async_trait]
pub trait MailStore: OutboxStore {
    /// The proved address of an account.
    async fn address_of(&self, account: &Username) -> Result<Option<KnownAddress>, AccountStoreError>;

    /// Who has proved this address.
    async fn owner_of(&self, address: &EmailAddress) -> Result<Option<Username>, AccountStoreError>;

    /// Keeps a message and its link, both or neither. When `at_most` links for this purpose were sent to the address, or for the
    /// account, within the last hour, `false`: as much is kept, and it leads nowhere, so that nobody learns by the time that it
    /// takes whether there was anybody to write to.
    async fn post(
        &self,
        message: &MailMessage,
        link: &KeptLink,
        at_most: u32,
    ) -> Result<bool, AccountStoreError>;

    /// Keeps a message and its link on somebody's word, however many there were before; `false`, and nothing is kept, when the
    /// session in which they gave it has ended.
    async fn post_warranted(
        &self,
        message: &MailMessage,
        link: &KeptLink,
        warrant: Warrant<'_>,
    ) -> Result<bool, AccountStoreError>;

    /// Tells whoever has an address of something, with a link for whoever did not do it; nothing is kept for an account
    /// without one.
    async fn tell(&self, account: &Username, letter: Letter, now: UnixTime) -> Result<(), AccountStoreError>;

    /// The link of this row, followed or over or not.
    async fn link(&self, id: LinkId) -> Result<Option<KeptLink>, AccountStoreError>;

    /// Follows a link: spends it if it is open, and does this, or nothing of it.
    async fn follow(
        &self,
        id: LinkId,
        step: LinkStep<'_>,
        moment: Effective,
    ) -> Result<FollowedLink, AccountStoreError>;

    /// Forgets links that are over.
    async fn purge_links(&self, now: UnixTime) -> Result<(), AccountStoreError>;
}
