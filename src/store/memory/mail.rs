//! Addresses, links and messages in memory.

use std::collections::{BTreeMap, HashMap};

use async_trait::async_trait;

use super::{Kept, MemoryStore};
use crate::auth::EndReason;
use crate::auth::OsRandom;
use crate::auth::UnixTime;
use crate::users::{
    Account, AccountStoreError, Effective, EmailAddress, Followed, FollowedLink, KeptLink, KnownAddress,
    Letter, LinkId, LinkPurpose, LinkStep, MailBacklog, MailMessage, MailStore, MessageId, OutboxStore,
    Posted, QueuedMessage, Username, Warrant, notice,
};

/// What is kept of mail.
#[derive(Default)]
pub(super) struct Post {
    addresses: BTreeMap<Username, KnownAddress>,
    links: HashMap<LinkId, KeptLink>,
    /// With the end of the lease.
    queue: Vec<(QueuedMessage, UnixTime)>,
}

impl Post {
    fn owner_of(&self, address: &EmailAddress) -> Option<&Username> {
        let folded = address.folded();
        self.addresses.iter().find(|(_, known)| known.address.folded() == folded).map(|(owner, _)| owner)
    }

    pub(super) fn keep(&mut self, (message, link): Posted<'_>) {
        self.links.insert(link.id, link.clone());
        let message = message.clone();
        let not_before = message.made_at;
        let queued = QueuedMessage { message, attempts: 0, not_before, is_dead: false, last_error: None };
        self.queue.push((queued, UnixTime::from_secs(0)));
    }

    /// Messages to this person are written in this language.
    pub(super) fn speak(&mut self, name: &Username, language: &str) {
        if let Some(known) = self.addresses.get_mut(name) {
            language.clone_into(&mut known.language);
        }
    }

    /// The links by which this person has invited others, and that nobody has followed.
    pub(super) fn forget_invitations_of(&mut self, name: &Username) {
        let is_theirs = |link: &KeptLink| {
            link.newcomer.as_ref().is_some_and(|newcomer| newcomer.invited_by.as_ref() == Some(name))
        };
        self.links.retain(|_, link| link.used_at.is_some() || !is_theirs(link));
    }

    /// All that is kept of this person.
    pub(super) fn forget(&mut self, name: &Username) {
        self.addresses.remove(name);
        self.links.retain(|_, link| link.account.as_ref() != Some(name));
        for newcomer in self.links.values_mut().filter_map(|link| link.newcomer.as_mut()) {
            newcomer.invited_by = newcomer.invited_by.take().filter(|by| by != name);
        }
        self.queue.retain(|(queued, _)| queued.message.account.as_ref() != Some(name));
    }

    fn queued(&mut self, id: MessageId) -> Option<&mut (QueuedMessage, UnixTime)> {
        self.queue.iter_mut().find(|(queued, _)| queued.message.id == id)
    }

    /// Gives the account this address; `false` when somebody else has it.
    fn set_address(
        &mut self,
        account: &Username,
        address: &EmailAddress,
        language: &str,
        proved_at: UnixTime,
    ) -> bool {
        if self.owner_of(address).is_some_and(|owner| owner != account) {
            return false;
        }
        let known = KnownAddress { address: address.clone(), language: language.to_owned(), proved_at };
        self.addresses.insert(account.clone(), known);
        true
    }
}

impl Kept {
    /// Tells whoever has an address of what is done.
    pub(super) fn tell(
        &mut self,
        account: &Username,
        letter: Letter,
        now: UnixTime,
    ) -> Result<(), AccountStoreError> {
        let Some(known) = self.post.addresses.get(account) else { return Ok(()) };
        let written = notice(letter, account, known, now, &OsRandom);
        let (message, link) = written.map_err(|error| AccountStoreError(Box::new(error)))?;
        self.post.keep((&message, &link));
        Ok(())
    }
}

impl Kept {
    fn join(&mut self, link: &KeptLink, account: &Account, language: &str, now: UnixTime) -> FollowedLink {
        if self.accounts.contains_key(&account.name) {
            return FollowedLink::NameTaken;
        }
        self.post.links.insert(link.id, KeptLink { used_at: Some(now), ..link.clone() });
        if !self.post.set_address(&account.name, &link.address, language, now) {
            return FollowedLink::Taken;
        }
        self.accounts.insert(account.name.clone(), account.clone());
        FollowedLink::Done(Followed { account: account.name.clone(), ended: Vec::new() })
    }

    /// What is under way for the account as it was is over, and a new password is chosen by this link.
    fn begin_reset(&mut self, account: &Username, (message, link): Posted<'_>) {
        self.raise_epoch(account);
        let epoch = self.accounts.get(account).map(|account| account.epoch);
        self.post.keep((message, &KeptLink { epoch, ..link.clone() }));
    }
}

#[async_trait]
impl MailStore for MemoryStore {
    async fn address_of(&self, account: &Username) -> Result<Option<KnownAddress>, AccountStoreError> {
        Ok(self.kept().post.addresses.get(account).cloned())
    }

    async fn owner_of(&self, address: &EmailAddress) -> Result<Option<Username>, AccountStoreError> {
        Ok(self.kept().post.owner_of(address).cloned())
    }

    async fn post(
        &self,
        message: &MailMessage,
        link: &KeptLink,
        at_most: u32,
    ) -> Result<bool, AccountStoreError> {
        let post = &mut self.kept().post;
        let leads = |link: &KeptLink| link.account.is_some() || link.newcomer.is_some();
        let is_alike = |other: &&KeptLink| {
            let is_same = link.account.is_some() && other.account == link.account;
            leads(link)
                && leads(other)
                && (is_same || other.address.folded() == link.address.folded())
                && other.purpose == link.purpose
                && other.made_at.as_secs() > link.made_at.as_secs() - 3600
        };
        let sent = post.links.values().filter(is_alike).count();
        let is_sent = sent < usize::try_from(at_most).unwrap_or(usize::MAX);
        let (nothing, nowhere) = (message.to_nobody(), link.to_nobody());
        post.keep(if is_sent { (message, link) } else { (&nothing, &nowhere) });
        Ok(is_sent)
    }

    async fn post_warranted(
        &self,
        message: &MailMessage,
        link: &KeptLink,
        warrant: Warrant<'_>,
    ) -> Result<bool, AccountStoreError> {
        let kept = &mut *self.kept();
        let is_warranted = kept.warrants(warrant);
        if is_warranted {
            kept.post.keep((message, link));
        }
        Ok(is_warranted)
    }

    async fn tell(&self, account: &Username, letter: Letter, now: UnixTime) -> Result<(), AccountStoreError> {
        self.kept().tell(account, letter, now)
    }

    async fn link(&self, id: LinkId) -> Result<Option<KeptLink>, AccountStoreError> {
        Ok(self.kept().post.links.get(&id).cloned())
    }

    async fn follow(
        &self,
        id: LinkId,
        step: LinkStep<'_>,
        moment: Effective,
    ) -> Result<FollowedLink, AccountStoreError> {
        let kept = &mut *self.kept();
        let Some(link) = kept.post.links.get(&id).filter(|link| link.is_open(moment.at)).cloned() else {
            return Ok(FollowedLink::NotOpen);
        };
        if let (LinkStep::Join { account, language }, Some(_)) = (step, &link.newcomer) {
            return Ok(kept.join(&link, account, language, moment.at));
        }
        let leaves = link.purpose == LinkPurpose::Stay;
        let counts = |account: &Account| {
            (leaves || !account.disabled) && link.epoch.is_none_or(|epoch| epoch == account.epoch)
        };
        let account = link.account.as_ref().filter(|name| kept.accounts.get(*name).is_some_and(counts));
        let Some(account) = account else { return Ok(FollowedLink::NotOpen) };
        kept.post.links.insert(id, KeptLink { used_at: Some(moment.at), ..link.clone() });
        let ended = match step {
            LinkStep::Prove { language, farewell } => {
                if !kept.post.set_address(account, &link.address, language, moment.at) {
                    return Ok(FollowedLink::Taken);
                }
                farewell.into_iter().for_each(|posted| kept.post.keep(posted));
                Vec::new()
            }
            LinkStep::Reset { hash } => {
                if let Some(kept) = kept.accounts.get_mut(account) {
                    hash.clone_into(&mut kept.password_hash);
                }
                kept.raise_epoch(account);
                kept.forget_codes_of(account);
                kept.tell(account, Letter::PasswordChanged, moment.at)?;
                kept.end_all(account, None, EndReason::PasswordChanged, moment)
            }
            LinkStep::Undo { language, reset } => {
                if !kept.post.set_address(account, &link.address, language, moment.at) {
                    return Ok(FollowedLink::Taken);
                }
                kept.begin_reset(account, reset);
                kept.end_all(account, None, EndReason::EndedElsewhere, moment)
            }
            LinkStep::Disown { reset } => {
                kept.begin_reset(account, reset);
                kept.end_all(account, None, EndReason::EndedElsewhere, moment)
            }
            LinkStep::Stay => {
                if !kept.stay(account) {
                    return Ok(FollowedLink::NotOpen);
                }
                if let Some(kept) = kept.accounts.get_mut(account) {
                    kept.disabled = false;
                }
                kept.raise_epoch(account);
                Vec::new()
            }
            LinkStep::Join { .. } => return Ok(FollowedLink::NotOpen),
        };
        Ok(FollowedLink::Done(Followed { account: account.clone(), ended }))
    }

    async fn purge_links(&self, now: UnixTime) -> Result<(), AccountStoreError> {
        self.kept().post.links.retain(|_, link| link.expires_at > now);
        Ok(())
    }
}

#[async_trait]
impl OutboxStore for MemoryStore {
    async fn take(&self, now: UnixTime, until: UnixTime) -> Result<Option<QueuedMessage>, AccountStoreError> {
        let post = &mut self.kept().post;
        let due = post
            .queue
            .iter_mut()
            .filter(|(queued, lease)| !queued.is_dead && queued.not_before <= now && *lease <= now);
        let first = due.min_by_key(|(queued, _)| (queued.not_before, queued.message.id));
        Ok(first.map(|(queued, lease)| {
            *lease = until;
            queued.attempts += 1;
            queued.clone()
        }))
    }

    async fn forget_message(&self, id: MessageId) -> Result<bool, AccountStoreError> {
        let post = &mut self.kept().post;
        let before = post.queue.len();
        post.queue.retain(|(queued, _)| queued.message.id != id);
        Ok(post.queue.len() < before)
    }

    async fn put_off(
        &self,
        id: MessageId,
        until: Option<UnixTime>,
        error: &str,
    ) -> Result<(), AccountStoreError> {
        if let Some((queued, lease)) = self.kept().post.queued(id) {
            *lease = UnixTime::from_secs(0);
            queued.is_dead = until.is_none();
            queued.not_before = until.unwrap_or(queued.not_before);
            queued.last_error = Some(error.to_owned());
        }
        Ok(())
    }

    async fn retry_message(&self, id: MessageId, now: UnixTime) -> Result<bool, AccountStoreError> {
        let mut kept = self.kept();
        let Some((queued, lease)) = kept.post.queued(id) else { return Ok(false) };
        *lease = UnixTime::from_secs(0);
        (queued.is_dead, queued.not_before, queued.message.made_at) = (false, now, now);
        Ok(true)
    }

    async fn queued(&self, limit: u32) -> Result<Vec<QueuedMessage>, AccountStoreError> {
        let kept = self.kept();
        let mut queued: Vec<_> = kept.post.queue.iter().map(|(queued, _)| queued.clone()).collect();
        queued.sort_by_key(|queued| (queued.message.made_at, queued.message.id));
        queued.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(queued)
    }

    async fn backlog(&self) -> Result<MailBacklog, AccountStoreError> {
        let kept = self.kept();
        let (dead, waiting): (Vec<_>, Vec<_>) =
            kept.post.queue.iter().map(|(queued, _)| queued).partition(|queued| queued.is_dead);
        Ok(MailBacklog {
            waiting: u64::try_from(waiting.len()).unwrap_or(u64::MAX),
            oldest: waiting.iter().map(|queued| queued.message.made_at).min(),
            dead: u64::try_from(dead.len()).unwrap_or(u64::MAX),
        })
    }
}
