//! The SQL of factors, recovery codes, and sign-ins that are under way.
//! What becomes of a sign-in is [`begin`]'s and [`present`]'s business; here a proof is spent and the outcome kept.

use async_trait::async_trait;

use super::accounts::{AccountRow, end_all};
use super::purge::in_pieces;
use super::{Connection, Driver, Failure, query, query_as, query_scalar, warrant};
use crate::auth::{EndReason, UnixTime};
use crate::users::{
    Account, AccountStoreError, Answered, Beginning, Change, CodeDigest, Effective, FactorId, FactorStore,
    KeptFactor, KeptPending, PendingDigest, PendingState, Presented, SecondOutcome, SecondProof, Standing,
    Username, Warrant, begin, present,
};

#[async_trait]
impl FactorStore for Driver {
    async fn factors(&self, account: &Username) -> Result<Vec<KeptFactor>, AccountStoreError> {
        let rows: Vec<FactorRow> = once!({
            let mut reader = self.read().await?;
            let rows = query_as(
                "SELECT id, account, label, made_at, confirmed_at, used_at, sealed, last_step FROM factors
                 WHERE account = $1 AND kind = 'totp' ORDER BY made_at, id",
            );
            Ok(rows.bind(account.as_str()).fetch_all(&mut *reader).await?)
        })?;
        Ok(rows.into_iter().map(KeptFactor::try_from).collect::<Result<_, _>>()?)
    }

    async fn recovery_codes_left(&self, account: &Username) -> Result<u32, AccountStoreError> {
        let left: i64 = once!({
            let mut reader = self.read().await?;
            let left = query_scalar("SELECT count(*) FROM recovery_codes WHERE account = $1");
            Ok(left.bind(account.as_str()).fetch_one(&mut *reader).await?)
        })?;
        Ok(u32::try_from(left).unwrap_or(u32::MAX))
    }

    async fn begin_sign_in(
        &self,
        digest: PendingDigest,
        account: &Username,
        epoch: u64,
        remember: bool,
        now: UnixTime,
    ) -> Result<Option<Beginning>, AccountStoreError> {
        Ok(again!({
            let mut write = self.write().await?;
            let Some((_, standing)) = standing(&mut write.0, account).await? else { return Ok(None) };
            let beginning = begin(standing, epoch, now);
            if let Beginning::Pending(state) = beginning {
                query(
                    "INSERT INTO pending_sign_ins (digest, account, epoch, remember, failures, expires_at, proved)
                     VALUES ($1, $2, $3, $4, $5, $6, FALSE)",
                )
                .bind(digest.as_bytes().as_slice())
                .bind(account.as_str())
                .bind(signed(state.epoch))
                .bind(remember)
                .bind(i64::from(state.failures))
                .bind(state.expires_at.as_secs())
                .execute(&mut *write.0)
                .await?;
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
            let kept = match outcome {
                SecondOutcome::Wrong(next) => {
                    let failed = query("UPDATE pending_sign_ins SET failures = $2 WHERE digest = $1");
                    failed.bind(digest.as_bytes().as_slice()).bind(i64::from(next.failures))
                }
                // What was proved is taken back by the session that begins by it.
                SecondOutcome::Complete => {
                    query("UPDATE pending_sign_ins SET proved = TRUE WHERE digest = $1")
                        .bind(digest.as_bytes().as_slice())
                }
                SecondOutcome::Over => {
                    query("DELETE FROM pending_sign_ins WHERE digest = $1").bind(digest.as_bytes().as_slice())
                }
            };
            kept.execute(&mut *write.0).await?;
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
        account: &Username,
        id: FactorId,
        step: u64,
        label: &str,
        recovery: &[CodeDigest],
        now: UnixTime,
    ) -> Result<Option<bool>, AccountStoreError> {
        Ok(again!({
            let mut write = self.write().await?;
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
            raise_epoch(&mut write.0, account).await?;
            let left: i64 = query_scalar("SELECT count(*) FROM recovery_codes WHERE account = $1")
                .bind(account.as_str())
                .fetch_one(&mut *write.0)
                .await?;
            if left == 0 {
                keep_codes(&mut write.0, account, recovery).await?;
            }
            write.commit().await?;
            Ok(Some(left == 0))
        })?)
    }

    async fn replace_recovery_codes(
        &self,
        account: &Username,
        codes: &[CodeDigest],
    ) -> Result<bool, AccountStoreError> {
        Ok(again!({
            let mut write = self.write().await?;
            let standing = standing(&mut write.0, account).await?;
            if standing.is_none_or(|(_, standing)| standing.factors == 0) {
                return Ok(false);
            }
            forget_codes(&mut write.0, account).await?;
            keep_codes(&mut write.0, account, codes).await?;
            write.commit().await?;
            Ok(true)
        })?)
    }

    async fn remove_factor(&self, account: &Username, id: FactorId) -> Result<bool, AccountStoreError> {
        Ok(again!({
            let mut write = self.write().await?;
            let removed = query("DELETE FROM factors WHERE id = $1 AND account = $2")
                .bind(id.as_bytes().as_slice())
                .bind(account.as_str())
                .execute(&mut *write.0)
                .await?;
            if removed.rows_affected() == 0 {
                return Ok(false);
            }
            let standing = standing(&mut write.0, account).await?;
            if standing.is_some_and(|(_, standing)| standing.factors == 0) {
                forget_codes(&mut write.0, account).await?;
            }
            raise_epoch(&mut write.0, account).await?;
            write.commit().await?;
            Ok(true)
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
            forget_codes(&mut write.0, account).await?;
            Ok(Change::Made(end_all(write, account, None, EndReason::Operator, moment).await?))
        })?)
    }

    async fn purge_pending(&self, now: UnixTime) -> Result<(), AccountStoreError> {
        let statement = "DELETE FROM pending_sign_ins WHERE digest IN
                         (SELECT digest FROM pending_sign_ins WHERE expires_at <= $1 LIMIT $2)";
        Ok(in_pieces(self, statement, now).await?)
    }
}

/// The account, and what counts of it when somebody signs in.
async fn standing(
    database: &mut Connection,
    name: &Username,
) -> Result<Option<(Account, Standing)>, Failure> {
    let account: Option<AccountRow> = query_as(
        "SELECT name, password_hash, roles, disabled, created_at, epoch FROM accounts WHERE name = $1",
    )
    .bind(name.as_str())
    .fetch_optional(&mut *database)
    .await?;
    let Some(account) = account.map(Account::try_from).transpose()? else { return Ok(None) };
    let factors: i64 =
        query_scalar("SELECT count(*) FROM factors WHERE account = $1 AND confirmed_at IS NOT NULL")
            .bind(name.as_str())
            .fetch_one(database)
            .await?;
    let factors = u32::try_from(factors).unwrap_or(u32::MAX);
    let standing = Standing { epoch: account.epoch, is_open: !account.disabled, factors };
    Ok(Some((account, standing)))
}

async fn pending(database: &mut Connection, digest: PendingDigest) -> Result<Option<KeptPending>, Failure> {
    let row: Option<(String, i64, bool, i64, i64, bool)> = query_as(
        "SELECT account, epoch, remember, failures, expires_at, proved FROM pending_sign_ins WHERE digest = $1",
    )
    .bind(digest.as_bytes().as_slice())
    .fetch_optional(database)
    .await?;
    let Some((account, epoch, remember, failures, expires_at, is_proved)) = row else { return Ok(None) };
    let damaged = Failure::Damaged("a sign-in that is under way");
    let (Ok(account), Ok(epoch), Ok(failures)) =
        (account.parse(), u64::try_from(epoch), u32::try_from(failures))
    else {
        return Err(damaged);
    };
    let expires_at = UnixTime::from_secs(expires_at);
    let state = PendingState { epoch, failures, expires_at, is_proved };
    Ok(Some(KeptPending { digest, account, remember, state }))
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

async fn keep_codes(write: &mut Connection, account: &Username, codes: &[CodeDigest]) -> Result<(), Failure> {
    for code in codes {
        query("INSERT INTO recovery_codes (account, digest) VALUES ($1, $2)")
            .bind(account.as_str())
            .bind(code.as_bytes().as_slice())
            .execute(&mut *write)
            .await?;
    }
    Ok(())
}

async fn forget_codes(write: &mut Connection, account: &Username) -> Result<(), Failure> {
    query("DELETE FROM recovery_codes WHERE account = $1").bind(account.as_str()).execute(write).await?;
    Ok(())
}

/// Databases count with a sign; neither an epoch nor a step comes near its end.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[derive(sqlx::FromRow)]
struct FactorRow {
    id: Vec<u8>,
    account: String,
    label: String,
    made_at: i64,
    confirmed_at: Option<i64>,
    used_at: Option<i64>,
    sealed: Vec<u8>,
    last_step: i64,
}

impl TryFrom<FactorRow> for KeptFactor {
    type Error = Failure;

    fn try_from(row: FactorRow) -> Result<Self, Failure> {
        let id = <[u8; 16]>::try_from(row.id.as_slice()).map_err(|_| Failure::Damaged("a factor's id"))?;
        Ok(Self {
            id: FactorId::from_bytes(id),
            account: row.account.parse().map_err(|_| Failure::Damaged("whose a factor is"))?,
            label: row.label,
            made_at: UnixTime::from_secs(row.made_at),
            confirmed_at: row.confirmed_at.map(UnixTime::from_secs),
            used_at: row.used_at.map(UnixTime::from_secs),
            sealed: row.sealed,
            last_step: u64::try_from(row.last_step).map_err(|_| Failure::Damaged("a factor's step"))?,
        })
    }
}
