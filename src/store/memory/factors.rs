//! Factors, recovery codes and sign-ins that are under way, in memory.

use std::collections::{HashMap, HashSet};

use async_trait::async_trait;

use super::{Kept, MemoryStore};
use crate::auth::{EndReason, UnixTime};
use crate::users::{
    Account, AccountStoreError, Answered, Beginning, Change, CodeDigest, Confirmation, Effective,
    FactorCounts, FactorId, FactorStore, KeptFactor, KeptPasskey, KeptPending, Letter, PendingDigest,
    Presented, Removal, SecondOutcome, SecondProof, ShownPasskey, Standing, Username, Warrant, arrive, begin,
    begin_strong, present,
};

/// What is kept besides the accounts themselves.
#[derive(Default)]
pub(super) struct Besides {
    factors: Vec<KeptFactor>,
    recovery: HashMap<Username, Vec<CodeDigest>>,
    pub(super) pending: HashMap<PendingDigest, KeptPending>,
    passkeys: Vec<KeptPasskey>,
    spent: HashMap<[u8; 32], UnixTime>,
    required: HashSet<Username>,
}

impl Besides {
    /// All of it that is this person's.
    pub(super) fn forget(&mut self, name: &Username) {
        self.factors.retain(|factor| factor.account != *name);
        self.recovery.remove(name);
        self.pending.retain(|_, pending| pending.account != *name);
        self.passkeys.retain(|passkey| passkey.account != *name);
        self.required.remove(name);
    }
}

#[async_trait]
impl FactorStore for MemoryStore {
    async fn factors(&self, account: &Username) -> Result<Vec<KeptFactor>, AccountStoreError> {
        let kept = self.kept();
        Ok(kept.besides.factors.iter().filter(|factor| factor.account == *account).cloned().collect())
    }

    async fn counts(&self, account: &Username) -> Result<FactorCounts, AccountStoreError> {
        Ok(self.kept().counts(account))
    }

    async fn begin_sign_in(
        &self,
        digest: PendingDigest,
        account: &Username,
        epoch: u64,
        remember: bool,
        strong: &[String],
        now: UnixTime,
    ) -> Result<Option<Beginning>, AccountStoreError> {
        let mut kept = self.kept();
        let Some(standing) = kept.standing(account) else { return Ok(None) };
        let begin = if kept.needs_factor(account, strong) { begin_strong } else { begin };
        let beginning = begin(standing, epoch, now);
        if let Beginning::Pending(state) = beginning {
            let pending = KeptPending { digest, account: account.clone(), remember, state };
            kept.besides.pending.insert(digest, pending);
        }
        Ok(Some(beginning))
    }

    async fn pending(
        &self,
        digest: PendingDigest,
        now: UnixTime,
    ) -> Result<Option<KeptPending>, AccountStoreError> {
        let kept = self.kept();
        let pending = kept.besides.pending.get(&digest);
        let is_open = |pending: &&KeptPending| {
            kept.standing(&pending.account).is_some_and(|standing| pending.state.is_open(standing, now))
        };
        Ok(pending.filter(is_open).cloned())
    }

    async fn answer(
        &self,
        digest: PendingDigest,
        presented: Presented<'_>,
        now: UnixTime,
    ) -> Result<Option<Answered>, AccountStoreError> {
        let mut kept = self.kept();
        let Some(pending) = kept.besides.pending.get(&digest).cloned() else { return Ok(None) };
        let Some(account) = kept.accounts.get(&pending.account).cloned() else { return Ok(None) };
        let Some(standing) = kept.standing(&account.name) else { return Ok(None) };
        let proof = match pending.state.is_open(standing, now) && !pending.state.is_proved {
            true => kept.spend(&account.name, presented, now),
            false => SecondProof::Wrong,
        };
        let outcome = present(pending.state, standing, proof, now);
        match outcome {
            SecondOutcome::Wrong(state) => {
                kept.besides.pending.entry(digest).and_modify(|pending| pending.state = state);
            }
            SecondOutcome::Complete => {
                kept.besides.pending.entry(digest).and_modify(|pending| pending.state.is_proved = true);
            }
            SecondOutcome::LastWrong | SecondOutcome::Over => drop(kept.besides.pending.remove(&digest)),
        }
        Ok(Some(Answered { account, remember: pending.remember, outcome }))
    }

    async fn spend(
        &self,
        account: &Username,
        presented: Presented<'_>,
        now: UnixTime,
    ) -> Result<bool, AccountStoreError> {
        Ok(self.kept().spend(account, presented, now) == SecondProof::Spent)
    }

    async fn enrol(&self, factor: &KeptFactor, at_most: u32) -> Result<bool, AccountStoreError> {
        let mut kept = self.kept();
        let standing = kept.standing(&factor.account);
        if !standing.is_some_and(|standing| standing.is_open && standing.factors < at_most) {
            return Ok(false);
        }
        let is_earlier = |other: &KeptFactor| other.account == factor.account && other.confirmed_at.is_none();
        kept.besides.factors.retain(|other| !is_earlier(other));
        kept.besides.factors.push(factor.clone());
        Ok(true)
    }

    async fn confirm(
        &self,
        pending: Option<PendingDigest>,
        account: &Username,
        first: Confirmation<'_>,
        recovery: &[CodeDigest],
        now: UnixTime,
    ) -> Result<Option<bool>, AccountStoreError> {
        let Confirmation { factor: id, step, label } = first;
        let kept = &mut *self.kept();
        if !kept.may_prove(pending, account, now) {
            return Ok(None);
        }
        let before = kept.standing(account);
        let mut factors = kept.besides.factors.iter_mut();
        let is_meant = |factor: &&mut KeptFactor| {
            factor.id == id
                && factor.account == *account
                && factor.confirmed_at.is_none()
                && factor.last_step < step
        };
        let Some(factor) = factors.find(is_meant) else { return Ok(None) };
        (factor.confirmed_at, factor.used_at, factor.last_step) = (Some(now), Some(now), step);
        label.clone_into(&mut factor.label);
        let is_first = kept.added(account, recovery);
        kept.prove(pending, account, before, now);
        kept.tell(account, Letter::FactorAdded, now)?;
        Ok(Some(is_first))
    }

    async fn passkeys(&self, account: &Username) -> Result<Vec<KeptPasskey>, AccountStoreError> {
        let kept = self.kept();
        Ok(kept.besides.passkeys.iter().filter(|passkey| passkey.account == *account).cloned().collect())
    }

    async fn passkey(&self, credential: &[u8]) -> Result<Option<KeptPasskey>, AccountStoreError> {
        let kept = self.kept();
        Ok(kept.besides.passkeys.iter().find(|passkey| passkey.credential == credential).cloned())
    }

    async fn add_passkey(
        &self,
        pending: Option<PendingDigest>,
        passkey: &KeptPasskey,
        challenge: ShownPasskey,
        recovery: &[CodeDigest],
        at_most: u32,
    ) -> Result<Option<bool>, AccountStoreError> {
        let mut kept = self.kept();
        let Some(standing) = kept.standing(&passkey.account) else { return Ok(None) };
        let collides = |other: &KeptPasskey| {
            other.credential == passkey.credential
                || (other.account == passkey.account) != (other.handle == passkey.handle)
        };
        let (account, now) = (&passkey.account, passkey.made_at);
        if !standing.is_open
            || !kept.may_prove(pending, account, now)
            || standing.factors >= at_most
            || kept.besides.passkeys.iter().any(collides)
            || kept.besides.spent.insert(challenge.challenge, challenge.until).is_some()
        {
            return Ok(None);
        }
        kept.besides.passkeys.push(passkey.clone());
        let is_first = kept.added(account, recovery);
        kept.prove(pending, account, Some(standing), now);
        kept.tell(account, Letter::FactorAdded, now)?;
        Ok(Some(is_first))
    }

    async fn arrive(
        &self,
        digest: PendingDigest,
        account: &Username,
        passkey: ShownPasskey,
        remember: bool,
        now: UnixTime,
    ) -> Result<Option<Account>, AccountStoreError> {
        let mut kept = self.kept();
        let Some(standing) = kept.standing(account) else { return Ok(None) };
        let proof = kept.spend(account, Presented::Passkey(passkey), now);
        let Some(state) = arrive(standing, proof, now) else { return Ok(None) };
        let pending = KeptPending { digest, account: account.clone(), remember, state };
        kept.besides.pending.insert(digest, pending);
        Ok(kept.accounts.get(account).cloned())
    }

    async fn replace_recovery_codes(
        &self,
        account: &Username,
        codes: &[CodeDigest],
        now: UnixTime,
    ) -> Result<bool, AccountStoreError> {
        let mut kept = self.kept();
        let has_factor = kept.standing(account).is_some_and(|standing| standing.factors > 0);
        if has_factor {
            kept.besides.recovery.insert(account.clone(), codes.to_vec());
            kept.tell(account, Letter::RecoveryCodesMade, now)?;
        }
        Ok(has_factor)
    }

    async fn remove_factor(
        &self,
        account: &Username,
        id: FactorId,
        strong: &[String],
        now: UnixTime,
    ) -> Result<Removal, AccountStoreError> {
        let mut kept = self.kept();
        let is_needed = kept.counts(account).factors() == 1 && kept.needs_factor(account, strong);
        let besides = &mut kept.besides;
        let is_app = |it: &KeptFactor| it.id == id && it.account == *account && it.confirmed_at.is_some();
        let is_passkey = |it: &KeptPasskey| it.id == id && it.account == *account;
        if is_needed && (besides.factors.iter().any(is_app) || besides.passkeys.iter().any(is_passkey)) {
            return Ok(Removal::Needed);
        }
        let before = besides.factors.len() + besides.passkeys.len();
        besides.factors.retain(|factor| factor.id != id || factor.account != *account);
        besides.passkeys.retain(|passkey| passkey.id != id || passkey.account != *account);
        if besides.factors.len() + besides.passkeys.len() == before {
            return Ok(Removal::NotThere);
        }
        if kept.standing(account).is_some_and(|standing| standing.factors == 0) {
            kept.besides.recovery.remove(account);
        }
        kept.raise_epoch(account);
        kept.tell(account, Letter::FactorRemoved, now)?;
        Ok(Removal::Made)
    }

    async fn reset_factors(
        &self,
        account: &Username,
        moment: Effective,
        warrant: Warrant<'_>,
    ) -> Result<Change, AccountStoreError> {
        let mut kept = self.kept();
        if !kept.warrants(warrant) {
            return Ok(Change::Unwarranted);
        }
        if !kept.accounts.contains_key(account) {
            return Ok(Change::NotMade);
        }
        kept.raise_epoch(account);
        kept.besides.factors.retain(|factor| factor.account != *account);
        kept.besides.passkeys.retain(|passkey| passkey.account != *account);
        kept.besides.recovery.remove(account);
        kept.tell(account, Letter::FactorsReset, moment.at)?;
        Ok(Change::Made(kept.end_all(account, None, EndReason::Operator, moment)))
    }

    async fn require_factor(
        &self,
        account: &Username,
        is_required: bool,
        warrant: Warrant<'_>,
    ) -> Result<Change, AccountStoreError> {
        let mut kept = self.kept();
        if !kept.warrants(warrant) {
            return Ok(Change::Unwarranted);
        }
        if !kept.accounts.contains_key(account) {
            return Ok(Change::NotMade);
        }
        match is_required {
            true => kept.besides.required.insert(account.clone()),
            false => kept.besides.required.remove(account),
        };
        Ok(Change::Made(Vec::new()))
    }

    async fn purge_pending(&self, now: UnixTime) -> Result<(), AccountStoreError> {
        let besides = &mut self.kept().besides;
        besides.pending.retain(|_, pending| now < pending.state.expires_at);
        besides.spent.retain(|_, until| now < *until);
        Ok(())
    }
}

impl Kept {
    fn counts(&self, account: &Username) -> FactorCounts {
        let small = |count| u32::try_from(count).unwrap_or(u32::MAX);
        let is_in_use = |factor: &&KeptFactor| factor.account == *account && factor.confirmed_at.is_some();
        let is_theirs = |passkey: &&KeptPasskey| passkey.account == *account;
        FactorCounts {
            apps: small(self.besides.factors.iter().filter(is_in_use).count()),
            passkeys: small(self.besides.passkeys.iter().filter(is_theirs).count()),
            recovery_codes: small(self.besides.recovery.get(account).map_or(0, Vec::len)),
            is_required: self.besides.required.contains(account),
        }
    }

    fn needs_factor(&self, account: &Username, strong: &[String]) -> bool {
        self.besides.required.contains(account)
            || self.accounts.get(account).is_some_and(|account| account.has_any_role(strong))
    }

    pub(super) fn standing(&self, account: &Username) -> Option<Standing> {
        let factors = self.counts(account).factors();
        let account = self.accounts.get(account)?;
        Some(Standing { epoch: account.epoch, is_open: !account.disabled, factors })
    }

    fn spend(&mut self, account: &Username, presented: Presented<'_>, now: UnixTime) -> SecondProof {
        let is_spent = match presented {
            Presented::Wrong => false,
            Presented::Passkey(shown) => self.spend_passkey(account, shown, now),
            Presented::Step { factor: id, step } => {
                let counts = |factor: &&mut KeptFactor| {
                    factor.id == id
                        && factor.account == *account
                        && factor.confirmed_at.is_some()
                        && factor.last_step < step
                };
                let found = self.besides.factors.iter_mut().find(counts);
                found.map(|factor| (factor.last_step, factor.used_at) = (step, Some(now))).is_some()
            }
            Presented::Recovery(digest) => self.besides.recovery.get_mut(account).is_some_and(|codes| {
                let before = codes.len();
                codes.retain(|code| !code.is(digest));
                codes.len() < before
            }),
        };
        if is_spent { SecondProof::Spent } else { SecondProof::Wrong }
    }

    fn spend_passkey(&mut self, account: &Username, shown: ShownPasskey, now: UnixTime) -> bool {
        if self.besides.spent.insert(shown.challenge, shown.until).is_some() {
            return false;
        }
        let counts = |passkey: &&mut KeptPasskey| {
            passkey.id == shown.id
                && passkey.account == *account
                && (passkey.counter < shown.counter || passkey.counter == 0 && shown.counter == 0)
        };
        let found = self.besides.passkeys.iter_mut().find(counts);
        found.map(|passkey| (passkey.counter, passkey.used_at) = (shown.counter, Some(now))).is_some()
    }

    /// A factor was added: sign-ins end, and these recovery codes are kept if there are none; whether they were.
    fn added(&mut self, account: &Username, recovery: &[CodeDigest]) -> bool {
        self.raise_epoch(account);
        let codes = self.besides.recovery.entry(account.clone()).or_default();
        let has_none = codes.is_empty();
        if has_none {
            codes.extend(recovery.iter().cloned());
        }
        has_none
    }

    /// Ends every sign-in that is under way.
    pub(super) fn raise_epoch(&mut self, account: &Username) {
        if let Some(account) = self.accounts.get_mut(account) {
            account.epoch = account.epoch.saturating_add(1);
        }
    }
}
