//! The SQL of passkeys, inside the transactions of [`factors`](super::factors).

use super::{Connection, Failure, query, query_as, query_scalar};
use crate::auth::UnixTime;
use crate::users::{FactorId, KeptPasskey, ShownPasskey, Username};

/// Those of an account, oldest first.
pub(super) async fn of(database: &mut Connection, account: &Username) -> Result<Vec<KeptPasskey>, Failure> {
    let rows: Vec<PasskeyRow> = query_as(
        "SELECT id, account, handle, credential, label, made_at, used_at, counter, public_key FROM passkeys
         WHERE account = $1 ORDER BY made_at, id",
    )
    .bind(account.as_str())
    .fetch_all(database)
    .await?;
    rows.into_iter().map(KeptPasskey::try_from).collect()
}

/// The one that its authenticator calls so.
pub(super) async fn named(
    database: &mut Connection,
    credential: &[u8],
) -> Result<Option<KeptPasskey>, Failure> {
    let row: Option<PasskeyRow> = query_as(
        "SELECT id, account, handle, credential, label, made_at, used_at, counter, public_key FROM passkeys
         WHERE credential = $1",
    )
    .bind(credential)
    .fetch_optional(database)
    .await?;
    row.map(KeptPasskey::try_from).transpose()
}

/// Keeps one; `false` when the challenge was spent, the credential is known, or the account has another handle.
pub(super) async fn keep(
    write: &mut Connection,
    passkey: &KeptPasskey,
    challenge: ShownPasskey,
) -> Result<bool, Failure> {
    let others: i64 = query_scalar(
        "SELECT count(*) FROM passkeys WHERE credential = $1 OR (account = $2) <> (handle = $3)",
    )
    .bind(passkey.credential.as_slice())
    .bind(passkey.account.as_str())
    .bind(passkey.handle.as_slice())
    .fetch_one(&mut *write)
    .await?;
    if others > 0 || !spend_challenge(write, challenge).await? {
        return Ok(false);
    }
    query(
        "INSERT INTO passkeys (id, account, handle, credential, label, made_at, used_at, counter, public_key)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(passkey.id.as_bytes().as_slice())
    .bind(passkey.account.as_str())
    .bind(passkey.handle.as_slice())
    .bind(passkey.credential.as_slice())
    .bind(passkey.label.as_str())
    .bind(passkey.made_at.as_secs())
    .bind(passkey.used_at.map(UnixTime::as_secs))
    .bind(i64::from(passkey.counter))
    .bind(passkey.public.as_str())
    .execute(write)
    .await?;
    Ok(true)
}

/// Spends a challenge that one of this account has answered; `false` when it was spent before, or the counter did not grow.
pub(super) async fn spend(
    write: &mut Connection,
    account: &Username,
    shown: ShownPasskey,
    now: UnixTime,
) -> Result<bool, Failure> {
    if !spend_challenge(write, shown).await? {
        return Ok(false);
    }
    // Two zeros: this authenticator does not count (WebAuthn 3, section 7.2, step 22).
    let used = query(
        "UPDATE passkeys SET counter = $3, used_at = $4
         WHERE id = $1 AND account = $2 AND (counter < $3 OR (counter = 0 AND $3 = 0))",
    )
    .bind(shown.id.as_bytes().as_slice())
    .bind(account.as_str())
    .bind(i64::from(shown.counter))
    .bind(now.as_secs())
    .execute(write)
    .await?;
    Ok(used.rows_affected() == 1)
}

/// Forgets one; whether there was one of this account.
pub(super) async fn forget(
    write: &mut Connection,
    account: &Username,
    id: FactorId,
) -> Result<bool, Failure> {
    let forgotten = query("DELETE FROM passkeys WHERE id = $1 AND account = $2")
        .bind(id.as_bytes().as_slice())
        .bind(account.as_str())
        .execute(write)
        .await?;
    Ok(forgotten.rows_affected() == 1)
}

pub(super) async fn forget_all(write: &mut Connection, account: &Username) -> Result<(), Failure> {
    query("DELETE FROM passkeys WHERE account = $1").bind(account.as_str()).execute(write).await?;
    Ok(())
}

async fn spend_challenge(write: &mut Connection, shown: ShownPasskey) -> Result<bool, Failure> {
    let spent =
        query("INSERT INTO spent_challenges (digest, expires_at) VALUES ($1, $2) ON CONFLICT DO NOTHING")
            .bind(shown.challenge.as_slice())
            .bind(shown.until.as_secs())
            .execute(write)
            .await?;
    Ok(spent.rows_affected() == 1)
}

#[derive(sqlx::FromRow)]
struct PasskeyRow {
    id: Vec<u8>,
    account: String,
    handle: Vec<u8>,
    credential: Vec<u8>,
    label: String,
    made_at: i64,
    used_at: Option<i64>,
    counter: i64,
    public_key: String,
}

impl TryFrom<PasskeyRow> for KeptPasskey {
    type Error = Failure;

    fn try_from(row: PasskeyRow) -> Result<Self, Failure> {
        let damaged = || Failure::Damaged("a passkey");
        Ok(Self {
            id: FactorId::from_bytes(row.id.try_into().map_err(|_| damaged())?),
            account: row.account.parse().map_err(|_| damaged())?,
            handle: row.handle.try_into().map_err(|_| damaged())?,
            credential: row.credential,
            label: row.label,
            made_at: UnixTime::from_secs(row.made_at),
            used_at: row.used_at.map(UnixTime::from_secs),
            counter: u32::try_from(row.counter).map_err(|_| damaged())?,
            public: row.public_key,
        })
    }
}
