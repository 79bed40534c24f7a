//! The use cases of mail: an address of one's own, and a forgotten password. Following a link is `following`'s, and how
//! somebody becomes somebody here `joining`'s.
//!
//! Whoever asks for a message learns nothing by the answer: it is the same, and takes as long, whether or not anybody has
//! that name or address, and as much is kept.

mod following;
mod joining;

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use tokio::sync::Notify;

use crate::auth::Random;
use crate::auth::RandomError;
use crate::auth::UnixTime;
use crate::users::account::Account;
use crate::users::accounts::{Accounts, ChangeError};
use crate::users::factors::SealKey;
use crate::users::mail::address::{EmailAddress, InvalidEmailAddress};
use crate::users::mail::link::{KeptLink, LinkId, LinkPurpose};
use crate::users::mail::newcomer::Registration;
use crate::users::mail::outbox::{Letter, MailMessage, MessageId};
use crate::users::mail::store::{KnownAddress, MailStore};
use crate::users::mail::writing::written;
use crate::users::sign_in_error::SignInError;
use crate::users::store_error::AccountStoreError;
use crate::users::username::{InvalidUsername, Username};

pub use following::{LinkForm, OpenLink};

/// What mail needs: where it is kept, and the key by which links are known.
#[derive(Clone)]
pub struct PostOffice {
    store: Arc<dyn MailStore>,
    key: SealKey,
    random: Arc<dyn Random>,
    posted: Arc<Notify>,
    registration: Registration,
}

/// Why nothing was sent, or a link was not followed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LinkError {
    /// What was typed is no address for mail.
    #[error(transparent)]
    Address(#[from] InvalidEmailAddress),
    /// The link is none of ours, was followed before, or is over.
    #[error("this link cannot be followed any more")]
    NotOpen,
    /// Somebody else has proved the address.
    #[error("the address is another account's")]
    Taken,
    /// Somebody else has the name.
    #[error("there is an account of this name already")]
    NameTaken,
    /// What was typed is no name.
    #[error(transparent)]
    Username(InvalidUsername),
    /// The name is a mail address, and not the one that it is registered with.
    #[error("a name with an @ must be the own mail address")]
    NameIsAddress,
    /// Nobody who reads mail there may register.
    #[error("nobody registers with an address of this host")]
    NotAdmitted,
    /// The new password may not be chosen; whoever asked has to wait; or the store has no answer.
    #[error(transparent)]
    Change(#[from] ChangeError),
}

impl PostOffice {
    /// Messages that are kept in `store`, whose links are known by this key; ids are drawn from `random`.
    #[must_use]
    pub fn new(store: Arc<dyn MailStore>, key: SealKey, random: Arc<dyn Random>) -> Self {
        Self { store, key, random, posted: Arc::default(), registration: Registration::Closed }
    }

    /// Lets these people in; by default nobody.
    #[must_use]
    pub fn registering(self, registration: Registration) -> Self {
        Self { registration, ..self }
    }

    /// Who may register.
    #[must_use]
    pub const fn registration(&self) -> &Registration {
        &self.registration
    }

    /// Comes back when this process has written a message.
    pub async fn posted(&self) {
        self.posted.notified().await;
    }

    /// The text of a link that can still be followed, for the message that carries it, and its end.
    ///
    /// # Errors
    /// [`AccountStoreError`] when the store is out of reach.
    pub async fn text_of(
        &self,
        id: LinkId,
        now: UnixTime,
    ) -> Result<Option<(String, UnixTime)>, AccountStoreError> {
        let link = self.store.link(id).await?;
        Ok(link.filter(|link| link.is_open(now)).map(|link| (link.text(&self.key), link.expires_at)))
    }

    /// Who keeps the messages.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn MailStore> {
        &self.store
    }

    /// Makes a message due now, dead or not; `false` when there is none of this name.
    ///
    /// # Errors
    /// [`AccountStoreError`] when the store is out of reach.
    pub async fn retry(&self, id: MessageId, now: UnixTime) -> Result<bool, AccountStoreError> {
        let is_there = self.store.retry_message(id, now).await?;
        self.posted.notify_one();
        Ok(is_there)
    }

    async fn post(&self, message: &MailMessage, link: &KeptLink) -> Result<(), AccountStoreError> {
        let at_most = match link.purpose {
            LinkPurpose::Prove | LinkPurpose::Join => MOST_PROOFS,
            _ => MOST_RESETS,
        };
        self.store.post(message, link, at_most).await?;
        self.posted.notify_one();
        Ok(())
    }
}

impl fmt::Debug for PostOffice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PostOffice(..)")
    }
}

impl Accounts {
    /// Who sends mail here, if anybody does.
    #[must_use]
    pub const fn post_office(&self) -> Option<&PostOffice> {
        self.post_office.as_ref()
    }

    /// The address of an account; `None` also where no mail is sent.
    ///
    /// # Errors
    /// [`AccountStoreError`] when the store is out of reach.
    pub async fn address_of(&self, name: &Username) -> Result<Option<KnownAddress>, AccountStoreError> {
        match &self.post_office {
            Some(office) => office.store.address_of(name).await,
            None => Ok(None),
        }
    }

    /// Tells somebody who has an address that they signed in where they never had, or that somebody did.
    ///
    /// # Errors
    /// [`AccountStoreError`] when the store is out of reach.
    pub async fn tell_of_new_browser(&self, name: &Username) -> Result<(), AccountStoreError> {
        let Some(office) = &self.post_office else { return Ok(()) };
        // Most have none, and nothing is written for them.
        if office.store.address_of(name).await?.is_some() {
            office.store.tell(name, Letter::NewBrowser, self.moment().at).await?;
            office.posted.notify_one();
        }
        Ok(())
    }

    /// Sends a link to what somebody typed as their address; it is theirs once they follow it. Nothing is sent to an address
    /// that is another account's.
    ///
    /// # Errors
    /// [`LinkError::Address`], and [`LinkError::Change`] when the store is out of reach.
    pub async fn ask_for_address(
        &self,
        name: &Username,
        typed: &str,
        language: &str,
    ) -> Result<(), LinkError> {
        let Some(office) = &self.post_office else { return Err(LinkError::NotOpen) };
        let address: EmailAddress = typed.parse()?;
        let owner = office.store.owner_of(&address).await.map_err(ChangeError::from)?;
        let account = self.find(name).await.map_err(ChangeError::from)?;
        let account = account.filter(|account| owner.is_none_or(|owner| owner == account.name));
        let letter = Letter::ConfirmAddress;
        let written = self.write(LinkPurpose::Prove, letter, account.as_ref(), &address, language)?;
        Ok(office.post(&written.0, &written.1).await.map_err(ChangeError::from)?)
    }

    /// Sends a link by which a new password is chosen, to whoever has this name or address, if anybody has, and an address.
    ///
    /// # Errors
    /// [`LinkError::Change`] when the caller has to wait, or the store is out of reach.
    pub async fn forgotten(
        &self,
        typed: &str,
        language: &str,
        caller: Option<IpAddr>,
    ) -> Result<(), LinkError> {
        let Some(office) = &self.post_office else { return Err(LinkError::NotOpen) };
        // Counted, and never taken back: there is no right answer to guess, and each may send a message.
        drop(self.gate.admit_address(caller).map_err(SignInError::from).map_err(ChangeError::from)?);
        let found = self.reader(office, typed).await.map_err(ChangeError::from)?;
        let (account, known) = found.unzip();
        let language = known.as_ref().map_or(language, |known| known.language.as_str());
        let address = match &known {
            Some(known) => known.address.clone(),
            None => NOBODY.parse()?,
        };
        let letter = Letter::ResetPassword;
        let written = self.write(LinkPurpose::Reset, letter, account.as_ref(), &address, language)?;
        Ok(office.post(&written.0, &written.1).await.map_err(ChangeError::from)?)
    }

    /// The name of whoever signs in with this: a name, whether or not anybody has it, or an address that somebody has proved.
    ///
    /// # Errors
    /// [`AccountStoreError`] when the store is out of reach.
    pub async fn name_of(&self, typed: &str) -> Result<Option<Username>, AccountStoreError> {
        let name = typed.parse::<Username>().ok();
        let (Some(office), Ok(address)) = (&self.post_office, typed.parse::<EmailAddress>()) else {
            return Ok(name);
        };
        // Somebody's name is never read as somebody else's address.
        if let Some(name) = &name
            && self.find(name).await?.is_some()
        {
            return Ok(Some(name.clone()));
        }
        Ok(office.store.owner_of(&address).await?.or(name))
    }

    /// Somebody wrote a message, if anybody sends any.
    pub(in crate::users) fn posted(&self) {
        if let Some(office) = &self.post_office {
            office.posted.notify_one();
        }
    }

    /// The message to somebody who leaves, if they have an address.
    pub(in crate::users) async fn farewell(
        &self,
        name: &Username,
        leaves_at: UnixTime,
    ) -> Result<Option<(MailMessage, KeptLink)>, ChangeError> {
        let Some(known) = self.address_of(name).await? else { return Ok(None) };
        let (purpose, letter) = (LinkPurpose::Stay, Letter::Farewell);
        let (message, link) = self.lasting(purpose, letter, name, &known.address, &known.language)?;
        Ok(Some((message, KeptLink { expires_at: leaves_at, ..link })))
    }

    /// Who reads what is sent to this name or address, and where. As much is asked for a name that nobody has.
    async fn reader(
        &self,
        office: &PostOffice,
        typed: &str,
    ) -> Result<Option<(Account, KnownAddress)>, AccountStoreError> {
        let name = self.name_of(typed.trim()).await?;
        let Ok(stand_in) = STAND_IN.parse::<Username>() else { return Ok(None) };
        let asked = name.as_ref().unwrap_or(&stand_in);
        let account = self.find(asked).await?.filter(|account| !account.disabled);
        let known = office.store.address_of(asked).await?;
        Ok(name.and_then(|_| account.zip(known)))
    }

    /// A link that counts for the account as it is now, and the message that carries it.
    fn write(
        &self,
        purpose: LinkPurpose,
        letter: Letter,
        account: Option<&Account>,
        address: &EmailAddress,
        language: &str,
    ) -> Result<(MailMessage, KeptLink), ChangeError> {
        let Some(office) = &self.post_office else { return Err(unavailable(RandomError)) };
        let name = account.map(|account| &account.name);
        let letter = if account.is_some() { letter } else { Letter::Nothing };
        let now = self.moment().at;
        let (message, link) =
            written(purpose, letter, name, address, language, now, &*office.random).map_err(unavailable)?;
        Ok((message, KeptLink { epoch: account.map(|account| account.epoch), ..link }))
    }

    /// The same, whatever becomes of the account.
    fn lasting(
        &self,
        purpose: LinkPurpose,
        letter: Letter,
        account: &Username,
        address: &EmailAddress,
        language: &str,
    ) -> Result<(MailMessage, KeptLink), ChangeError> {
        let Some(office) = &self.post_office else { return Err(unavailable(RandomError)) };
        let now = self.moment().at;
        written(purpose, letter, Some(account), address, language, now, &*office.random).map_err(unavailable)
    }
}

fn unavailable(error: RandomError) -> ChangeError {
    ChangeError::Store(AccountStoreError(Box::new(error)))
}

/// In an hour, of one account or to one address; whoever asks for more is told the same, and nothing is sent.
const MOST_RESETS: u32 = 3;
/// The same of links that prove an address, which people mistype.
const MOST_PROOFS: u32 = 5;
/// Who is asked for in place of what can be no name.
const STAND_IN: &str = "nobody";
/// Where nothing is sent to (RFC 6761).
const NOBODY: &str = "nobody@example.invalid";
