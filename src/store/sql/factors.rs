//! The SQL of factors, recovery codes, and sign-ins that are under way.
//! What becomes of a sign-in is [`begin`]'s and [`present`]'s business; here a proof is spent and the outcome kept.

use async_trait::async_trait;

use super::accounts::end_all;
use super::mail::tell;
use super::purge::in_pieces;
use super::under_way::{counts, forget_pending, keep_pending, keep_state, pending, proves, signed, standing};
use super::{Connection, Driver, Failure, apps, codes, passkeys, query, warrant};
use crate::auth::{EndReason, UnixTime};
use crate::users::{
    Account, AccountStoreError, Answered, Beginning, Change, CodeDigest, Confirmation, Effective,
    FactorCounts, FactorId, FactorStore, KeptFactor, KeptPasskey, KeptPending, Letter, PendingDigest,
    PendingState, Presented, Removal, SecondOutcome, SecondProof, ShownPasskey, Username, Warrant, arrive,
    begin, begin_strong, present,
};

#[async_trait]
impl FactorStore for Driver {
    async fn factors(&self, account: &Username) -> Result<Vec<KeptFactor>, AccountStoreError> {
        Ok(once!({
            let mut reader = self.read().await?;
            apps::of(&mut reader, account).await
        })?)
    }

    async fn counts(&self, account: &Username) -> Result<FactorCounts, AccountStoreError> {
        Ok(once!({
            let mut reader = self.read().await?;
            counts(&mut reader, account).await
        })?)
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
        Ok(again!({
            let mut write = self.write().await?;
            let Some((kept, standing)) = standing(&mut write.0, account).await? else { return Ok(None) };
            let is_required = counts(&mut write.0, account).await?.is_required;
            let begin = if is_required || kept.has_any_role(strong) { begin_strong } else { begin };
            let beginning = begin(standing, epoch, now);
            if let Beginning::Pending(state) = beginning {
                let pending = KeptPending { digest, account: account.clone(), remember, state };
                keep_pending(&mut write.0, &pending).await?;
                write.commit().await?;
            }
            Ok(Some(beginning))
        })?)
    }

    async fn pending(
        &self,
        digest: PendingDigest,
        now: UnixTime,
    ) -> Result<Option<KeptPending>, AccountStoreError> {
        Ok(once!({
            let mut reader = self.read().await?;
            let Some(kept) = pending(&mut reader, digest).await? else { return Ok(None) };
            let standing = standing(&mut reader, &kept.account).await?;
            Ok(standing.filter(|(_, standing)| kept.state.is_open(*standing, now)).map(|_| kept))
        })?)
    }

    async fn answer(
        &self,
        digest: PendingDigest,
        presented: Presented<'_>,
        now: UnixTime,
    ) -> Result<Option<Answered>, AccountStoreError> {
        Ok(again!({
            let mut write = self.write().await?;
            let Some(KeptPending { account, remember, state, .. }) = pending(&mut write.0, digest).await?
            else {
                return Ok(None);
            };
            let Some((account, standing)) = standing(&mut write.0, &account).await? else { return Ok(None) };
            let proof = match state.is_open(standing, now) && !state.is_proved {
                true => spend(&mut write.0, &account.name, presented, now).await?,
                false => SecondProof::Wrong,
            };
            let outcome = present(state, standing, proof, now);
            match outcome {
                SecondOutcome::Wrong(next) => keep_state(&mut write.0, digest, next).await?,
                // What was proved is taken back by the session that begins by it.
                SecondOutcome::Complete => {
                    keep_state(&mut write.0, digest, PendingState { is_proved: true, ..state }).await?;
                }
                SecondOutcome::LastWrong | SecondOutcome::Over => {
                    forget_pending(&mut write.0, digest).await?;
                }
            }
            write.commit().await?;
            Ok(Some(Answered { account, remember, outcome }))
        })?)
    }

    async fn spend(
        &self,
        account: &Username,
        presented: Presented<'_>,
        now: UnixTime,
    ) -> Result<bool, AccountStoreError> {
        Ok(again!({
            let mut write = self.write_rows().await?;
            let proof = spend(&mut write.0, account, presented, now).await?;
            if proof == SecondProof::Spent {
                write.commit().await?;
            }
            Ok(proof == SecondProof::Spent)
        })?)
    }

    async fn enrol(&self, factor: &KeptFactor, at_most: u32) -> Result<bool, AccountStoreError> {
        Ok(again!({
            let mut write = self.write().await?;
            let standing = standing(&mut write.0, &factor.account).await?;
            if !standing.is_some_and(|(_, standing)| standing.is_open && standing.factors < at_most) {
                return Ok(false);
            }
            let earlier = query("DELETE FROM factors WHERE account = $1 AND confirmed_at IS NULL");
            earlier.bind(factor.account.as_str()).execute(&mut *write.0).await?;
            query(
                "INSERT INTO factors (id, account, kind, label, made_at, confirmed_at, used_at, sealed, last_step)
                 VALUES ($1, $2, 'totp', $3, $4, $5, $6, $7, $8)",
            )
            .bind(factor.id.as_bytes().as_slice())
            .bind(factor.account.as_str())
            .bind(factor.label.as_str())
            .bind(factor.made_at.as_secs())
            .bind(factor.confirmed_at.map(UnixTime::as_secs))
            .bind(factor.used_at.map(UnixTime::as_secs))
            .bind(factor.sealed.as_slice())
            .bind(signed(factor.last_step))
            .execute(&mut *write.0)
            .await?;
            write.commit().await?;
            Ok(true)
        })?)
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
        Ok(again!({
            let mut write = self.write().await?;
            let before = standing(&mut write.0, account).await?;
            let done = query(
                "UPDATE factors SET confirmed_at = $3, used_at = $3, last_step = $4, label = $5
                 WHERE id = $1 AND account = $2 AND confirmed_at IS NULL AND last_step < $4",
            )
            .bind(id.as_bytes().as_slice())
            .bind(account.as_str())
            .bind(now.as_secs())
            .bind(signed(step))
            .bind(label)
            .execute(&mut *write.0)
            .await?;
            if done.rows_affected() == 0 {
                return Ok(None);
            }
            let is_first = added(&mut write.0, account, recovery).await?;
            tell(&mut write.0, account, Letter::FactorAdded, now).await?;
            if !proves(&mut write.0, pending, account, before, now).await? {
                return Ok(None);
            }
            write.commit().await?;
            Ok(Some(is_first))
        })?)
    }

    async fn passkeys(&self, account: &Username) -> Result<Vec<KeptPasskey>, AccountStoreError> {
        Ok(once!({
            let mut reader = self.read().await?;
            passkeys::of(&mut reader, account).await
        })?)
    }

    async fn passkey(&self, credential: &[u8]) -> Result<Option<KeptPasskey>, AccountStoreError> {
        Ok(once!({
            let mut reader = self.read().await?;
            passkeys::named(&mut reader, credential).await
        })?)
    }

    async fn add_passkey(
        &self,
        pending: Option<PendingDigest>,
        passkey: &KeptPasskey,
        challenge: ShownPasskey,
        recovery: &[CodeDigest],
        at_most: u32,
    ) -> Result<Option<bool>, AccountStoreError> {
        Ok(again!({
            let mut write = self.write().await?;
            let before = standing(&mut write.0, &passkey.account).await?;
            let Some((_, standing)) = &before else { return Ok(None) };
            if !standing.is_open
                || standing.factors >= at_most
                || !passkeys::keep(&mut write.0, passkey, challenge).await?
            {
                return Ok(None);
            }
            let (account, now) = (&passkey.account, passkey.made_at);
            let is_first = added(&mut write.0, account, recovery).await?;
            tell(&mut write.0, account, Letter::FactorAdded, now).await?;
            if !proves(&mut write.0, pending, account, before, now).await? {
                return Ok(None);
            }
            write.commit().await?;
            Ok(Some(is_first))
        })?)
    }

    async fn arrive(
        &self,
        digest: PendingDigest,
        account: &Username,
        passkey: ShownPasskey,
        remember: bool,
        now: UnixTime,
    ) -> Result<Option<Account>, AccountStoreError> {
        Ok(again!({
            let mut write = self.write().await?;
            let Some((account, standing)) = standing(&mut write.0, account).await? else { return Ok(None) };
            let proof = spend(&mut write.0, &account.name, Presented::Passkey(passkey), now).await?;
            let Some(state) = arrive(standing, proof, now) else { return Ok(None) };
            let pending = KeptPending { digest, account: account.name.clone(), remember, state };
            keep_pending(&mut write.0, &pending).await?;
            write.commit().await?;
            Ok(Some(account))
        })?)
    }

    async fn replace_recovery_codes(
        &self,
        account: &Username,
        codes: &[CodeDigest],
        now: UnixTime,
    ) -> Result<bool, AccountStoreError> {
        Ok(again!({
            let mut write = self.write().await?;
            let standing = standing(&mut write.0, account).await?;
            if standing.is_none_or(|(_, standing)| standing.factors == 0) {
                return Ok(false);
            }
            codes::forget_recovery(&mut write.0, account).await?;
            codes::keep_recovery(&mut write.0, account, codes).await?;
            tell(&mut write.0, account, Letter::RecoveryCodesMade, now).await?;
            write.commit().await?;
            Ok(true)
        })?)
    }

    async fn remove_factor(
        &self,
        account: &Username,
        id: FactorId,
        strong: &[String],
        now: UnixTime,
    ) -> Result<Removal, AccountStoreError> {
        Ok(again!({
            let mut write = self.write().await?;
            let app = query("DELETE FROM factors WHERE id = $1 AND account = $2")
                .bind(id.as_bytes().as_slice())
                .bind(account.as_str())
                .execute(&mut *write.0)
                .await?;
            if app.rows_affected() == 0 && !passkeys::forget(&mut write.0, account, id).await? {
                return Ok(Removal::NotThere);
            }
            let standing = standing(&mut write.0, account).await?;
            if let Some((kept, _)) = standing.filter(|(_, standing)| standing.factors == 0) {
                if kept.has_any_role(strong) || counts(&mut write.0, account).await?.is_required {
                    return Ok(Removal::Needed);
                }
                codes::forget_recovery(&mut write.0, account).await?;
            }
            raise_epoch(&mut write.0, account).await?;
            tell(&mut write.0, account, Letter::FactorRemoved, now).await?;
            write.commit().await?;
            Ok(Removal::Made)
        })?)
    }

    async fn reset_factors(
        &self,
        account: &Username,
        moment: Effective,
        who: Warrant<'_>,
    ) -> Result<Change, AccountStoreError> {
        Ok(again!({
            let mut write = self.write().await?;
            if !warrant::holds(&mut write.0, who).await? {
                return Ok(Change::Unwarranted);
            }
            if raise_epoch(&mut write.0, account).await? == 0 {
                return Ok(Change::NotMade);
            }
            let factors = query("DELETE FROM factors WHERE account = $1").bind(account.as_str());
            factors.execute(&mut *write.0).await?;
            passkeys::forget_all(&mut write.0, account).await?;
            codes::forget_recovery(&mut write.0, account).await?;
            tell(&mut write.0, account, Letter::FactorsReset, moment.at).await?;
            Ok(Change::Made(end_all(write, account, None, EndReason::Operator, moment).await?))
        })?)
    }

    async fn require_factor(
        &self,
        account: &Username,
        is_required: bool,
        who: Warrant<'_>,
    ) -> Result<Change, AccountStoreError> {
        Ok(again!({
            let mut write = self.write().await?;
            if !warrant::holds(&mut write.0, who).await? {
                return Ok(Change::Unwarranted);
            }
            if standing(&mut write.0, account).await?.is_none() {
                return Ok(Change::NotMade);
            }
            let change = match is_required {
                true => query("INSERT INTO required_factors (account) VALUES ($1) ON CONFLICT DO NOTHING"),
                false => query("DELETE FROM required_factors WHERE account = $1"),
            };
            change.bind(account.as_str()).execute(&mut *write.0).await?;
            write.commit().await?;
            Ok(Change::Made(Vec::new()))
        })?)
    }

    async fn purge_pending(&self, now: UnixTime) -> Result<(), AccountStoreError> {
        let statement = "DELETE FROM pending_sign_ins WHERE digest IN
                         (SELECT digest FROM pending_sign_ins WHERE expires_at <= $1 LIMIT $2)";
        in_pieces(self, statement, now).await?;
        let statement = "DELETE FROM spent_challenges WHERE digest IN
                         (SELECT digest FROM spent_challenges WHERE expires_at <= $1 LIMIT $2)";
        Ok(in_pieces(self, statement, now).await?)
    }
}

/// Spends what was presented, if it counts for this account and was never spent.
async fn spend(
    write: &mut Connection,
    account: &Username,
    presented: Presented<'_>,
    now: UnixTime,
) -> Result<SecondProof, Failure> {
    let spent = match presented {
        Presented::Wrong => return Ok(SecondProof::Wrong),
        Presented::Passkey(passkey) => {
            let is_spent = passkeys::spend(write, account, passkey, now).await?;
            return Ok(if is_spent { SecondProof::Spent } else { SecondProof::Wrong });
        }
        Presented::Step { factor, step } => query(
            "UPDATE factors SET last_step = $3, used_at = $4
             WHERE id = $1 AND account = $2 AND confirmed_at IS NOT NULL AND last_step < $3",
        )
        .bind(factor.as_bytes().to_vec())
        .bind(account.as_str().to_owned())
        .bind(signed(step))
        .bind(now.as_secs()),
        Presented::Recovery(digest) => query("DELETE FROM recovery_codes WHERE account = $1 AND digest = $2")
            .bind(account.as_str().to_owned())
            .bind(digest.as_bytes().to_vec()),
    };
    Ok(if spent.execute(write).await?.rows_affected() == 1 { SecondProof::Spent } else { SecondProof::Wrong })
}

/// Ends every sign-in that is under way; how many accounts there are of this name.
async fn raise_epoch(write: &mut Connection, account: &Username) -> Result<u64, Failure> {
    let raise = query("UPDATE accounts SET epoch = epoch + 1 WHERE name = $1").bind(account.as_str());
    Ok(raise.execute(write).await?.rows_affected())
}

/// A factor was added: every sign-in that is under way ends, and these recovery codes are kept if there are none; whether
/// they were.
async fn added(write: &mut Connection, account: &Username, recovery: &[CodeDigest]) -> Result<bool, Failure> {
    raise_epoch(write, account).await?;
    let has_none = counts(write, account).await?.recovery_codes == 0;
    if has_none {
        codes::keep_recovery(write, account, recovery).await?;
    }
    Ok(has_none)
}
