//! The SQL of sign-ins that are under way, and of what counts of an account meanwhile.

use super::accounts::AccountRow;
use super::{Connection, Failure, query, query_as};
use crate::auth::UnixTime;
use crate::users::{
    Account, FactorCounts, KeptPending, Lack, PendingDigest, PendingState, Standing, Username, enrolled,
};

/// The account, and what counts of it when somebody signs in.
pub(super) async fn standing(
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
    let factors = counts(database, name).await?.factors();
    let standing = Standing { epoch: account.epoch, is_open: !account.disabled, factors };
    Ok(Some((account, standing)))
}

pub(super) async fn counts(database: &mut Connection, account: &Username) -> Result<FactorCounts, Failure> {
    let (apps, passkeys, recovery_codes, required): (i64, i64, i64, i64) = query_as(
        "SELECT (SELECT count(*) FROM factors WHERE account = $1 AND confirmed_at IS NOT NULL),
                (SELECT count(*) FROM passkeys WHERE account = $1),
                (SELECT count(*) FROM recovery_codes WHERE account = $1),
                (SELECT count(*) FROM required_factors WHERE account = $1)",
    )
    .bind(account.as_str())
    .fetch_one(database)
    .await?;
    let small = |count| u32::try_from(count).unwrap_or(u32::MAX);
    let (apps, passkeys, recovery_codes) = (small(apps), small(passkeys), small(recovery_codes));
    Ok(FactorCounts { apps, passkeys, recovery_codes, is_required: required > 0 })
}

pub(super) async fn keep_pending(write: &mut Connection, pending: &KeptPending) -> Result<(), Failure> {
    query(
        "INSERT INTO pending_sign_ins (digest, account, epoch, remember, failures, expires_at, proved, lacks)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(pending.digest.as_bytes().as_slice())
    .bind(pending.account.as_str())
    .bind(signed(pending.state.epoch))
    .bind(pending.remember)
    .bind(i64::from(pending.state.failures))
    .bind(pending.state.expires_at.as_secs())
    .bind(pending.state.is_proved)
    .bind(lack_text(pending.state.lacks))
    .execute(write)
    .await?;
    Ok(())
}

pub(super) async fn pending(
    database: &mut Connection,
    digest: PendingDigest,
) -> Result<Option<KeptPending>, Failure> {
    let row: Option<(String, i64, bool, i64, i64, bool, String)> = query_as(
        "SELECT account, epoch, remember, failures, expires_at, proved, lacks FROM pending_sign_ins WHERE digest = $1",
    )
    .bind(digest.as_bytes().as_slice())
    .fetch_optional(database)
    .await?;
    let Some((account, epoch, remember, failures, expires_at, is_proved, lacks)) = row else {
        return Ok(None);
    };
    let damaged = Failure::Damaged("a sign-in that is under way");
    let lacks = [Lack::Factor, Lack::Enrolment].into_iter().find(|lack| lack_text(*lack) == lacks);
    let (Ok(account), Ok(epoch), Ok(failures), Some(lacks)) =
        (account.parse(), u64::try_from(epoch), u32::try_from(failures), lacks)
    else {
        return Err(damaged);
    };
    let expires_at = UnixTime::from_secs(expires_at);
    let state = PendingState { lacks, epoch, failures, expires_at, is_proved };
    Ok(Some(KeptPending { digest, account, remember, state }))
}

/// Databases count with a sign; neither an epoch nor a step comes near its end.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The sign-in for which a factor was added is proved by it; `false` when it is not open for that. Without one there is nothing
/// to prove.
pub(super) async fn proves(
    write: &mut Connection,
    digest: Option<PendingDigest>,
    account: &Username,
    before: Option<(Account, Standing)>,
    now: UnixTime,
) -> Result<bool, Failure> {
    let Some(digest) = digest else { return Ok(true) };
    let kept = pending(write, digest).await?.filter(|kept| kept.account == *account);
    let after = standing(write, account).await?;
    let (Some(kept), Some((_, before)), Some((_, after))) = (kept, before, after) else { return Ok(false) };
    let Some(state) = enrolled(kept.state, before, after, now) else { return Ok(false) };
    keep_state(write, digest, state).await?;
    Ok(true)
}

/// What became of a sign-in.
pub(super) async fn keep_state(
    write: &mut Connection,
    digest: PendingDigest,
    state: PendingState,
) -> Result<(), Failure> {
    query("UPDATE pending_sign_ins SET epoch = $2, failures = $3, proved = $4, lacks = $5 WHERE digest = $1")
        .bind(digest.as_bytes().as_slice())
        .bind(signed(state.epoch))
        .bind(i64::from(state.failures))
        .bind(state.is_proved)
        .bind(lack_text(state.lacks))
        .execute(write)
        .await?;
    Ok(())
}

pub(super) async fn forget_pending(write: &mut Connection, digest: PendingDigest) -> Result<(), Failure> {
    let forget = query("DELETE FROM pending_sign_ins WHERE digest = $1").bind(digest.as_bytes().as_slice());
    forget.execute(write).await?;
    Ok(())
}

const fn lack_text(lack: Lack) -> &'static str {
    match lack {
        Lack::Factor => "factor",
        Lack::Enrolment => "enrolment",
    }
}
