//! The use cases of mail: an address of one's own, a forgotten password, and following a link.
//!
//! Whoever asks for a message learns nothing by the answer: it is the same, and takes as long, whether or not anybody has
//! that name or address, and as much is kept.

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
use crate::users::mail::link::{KeptLink, LinkId, LinkPurpose, read};
use crate::users::mail::outbox::{Letter, MailMessage};
use crate::users::mail::store::{Followed, FollowedLink, KnownAddress, LinkStep, MailStore};
use crate::users::mail::writing::written;
use crate::users::sign_in_error::SignInError;
use crate::users::store_error::AccountStoreError;
use crate::users::username::Username;

/// What mail needs: where it is kept, and the key by which links are known.
#[derive(Clone)]
pub struct PostOffice {
    store: Arc<dyn MailStore>,
    key: SealKey,
    random: Arc<dyn Random>,
    posted: Arc<Notify>,
}

/// A link that can be followed, for whoever looks at it first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenLink {
    /// What it is for.
    pub purpose: LinkPurpose,
    /// Whose account.
    pub account: Username,
    /// To whom it was sent.
    pub address: EmailAddress,
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
    /// The new password may not be chosen; whoever asked has to wait; or the store has no answer.
    #[error(transparent)]
    Change(#[from] ChangeError),
}

impl PostOffice {
    /// Messages that are kept in `store`, whose links are known by this key; ids are drawn from `random`.
    #[must_use]
    pub fn new(store: Arc<dyn MailStore>, key: SealKey, random: Arc<dyn Random>) -> Self {
        Self { store, key, random, posted: Arc::default() }
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

    async fn post(&self, message: &MailMessage, link: &KeptLink) -> Result<(), AccountStoreError> {
        let at_most = if link.purpose == LinkPurpose::Prove { MOST_PROOFS } else { MOST_RESETS };
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

    /// What this link does, if it can be followed. Looking at it changes nothing.
    ///
    /// # Errors
    /// [`AccountStoreError`] when the store is out of reach.
    pub async fn open_link(&self, text: &str) -> Result<Option<OpenLink>, AccountStoreError> {
        let Some(link) = self.known_link(text).await? else { return Ok(None) };
        let KeptLink { purpose, account, address, epoch, .. } = link;
        let Some(account) = account else { return Ok(None) };
        let found = self.find(&account).await?.filter(|found| !found.disabled);
        let counts = found.is_some_and(|found| epoch.is_none_or(|epoch| epoch == found.epoch));
        Ok(counts.then_some(OpenLink { purpose, account, address }))
    }

    /// Follows a link, once; `new` is the password that somebody chooses by it.
    ///
    /// # Errors
    /// [`LinkError`], as it says. A password that may not be chosen spends nothing.
    pub async fn follow_link(
        &self,
        text: &str,
        new: Option<String>,
        language: &str,
    ) -> Result<(LinkPurpose, Followed), LinkError> {
        let Some(office) = &self.post_office else { return Err(LinkError::NotOpen) };
        let link = self.known_link(text).await.map_err(ChangeError::from)?;
        let Some((link, account)) = link.and_then(|link| Some((link.clone(), link.account?))) else {
            return Err(LinkError::NotOpen);
        };
        let moment = self.moment();
        let store = &office.store;
        let done = match link.purpose {
            LinkPurpose::Prove => {
                let before = store.address_of(&account).await.map_err(ChangeError::from)?;
                let before = before.filter(|before| before.address.folded() != link.address.folded());
                let farewell = before.map(|before| {
                    let (letter, purpose) = (Letter::AddressChanged, LinkPurpose::Undo);
                    self.lasting(purpose, letter, &account, &before.address, &before.language)
                });
                let farewell = farewell.transpose()?;
                let farewell = farewell.as_ref().map(|(message, link)| (message, link));
                store.follow(link.id, LinkStep::Prove { language, farewell }, moment).await
            }
            LinkPurpose::Reset => {
                let new = self.policy().password(new.unwrap_or_default(), &account);
                let hash = self.hasher.hash(&new.map_err(ChangeError::from)?).await;
                let hash = hash.map_err(ChangeError::from)?;
                store.follow(link.id, LinkStep::Reset { hash: &hash }, moment).await
            }
            LinkPurpose::Undo | LinkPurpose::Disown => {
                let (letter, purpose) = (Letter::ResetPassword, LinkPurpose::Reset);
                let written = self.lasting(purpose, letter, &account, &link.address, language)?;
                let reset = (&written.0, &written.1);
                let step = match link.purpose {
                    LinkPurpose::Undo => LinkStep::Undo { language, reset },
                    _ => LinkStep::Disown { reset },
                };
                store.follow(link.id, step, moment).await
            }
        };
        match done.map_err(ChangeError::from)? {
            FollowedLink::Done(followed) => {
                if link.purpose == LinkPurpose::Reset {
                    self.free(&followed.account).await;
                }
                office.posted.notify_one();
                Ok((link.purpose, followed))
            }
            FollowedLink::NotOpen => Err(LinkError::NotOpen),
            FollowedLink::Taken => Err(LinkError::Taken),
        }
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

    /// The link of this text, if it is one of ours and was neither followed nor is over.
    async fn known_link(&self, text: &str) -> Result<Option<KeptLink>, AccountStoreError> {
        let (Some(office), Some((id, code))) = (&self.post_office, read(text)) else { return Ok(None) };
        let now = self.moment().at;
        let link = office.store.link(id).await?;
        Ok(link.filter(|link| link.is_told_by(&code, &office.key) && link.is_open(now)))
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
