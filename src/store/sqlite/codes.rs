//! The SQL of one-time codes, inside the transactions of accounts.

use sqlx::SqliteConnection;

use super::Failure;
use crate::auth::UnixTime;
use crate::users::{CodeDigest, KeptCode, Username};

/// Keeps a code in place of any before, for an account that may sign in; whether it was kept.
pub(super) async fn keep(
    write: &mut SqliteConnection,
    name: &Username,
    code: &KeptCode,
) -> Result<bool, Failure> {
    let done = sqlx::query(
        "INSERT INTO one_time_codes (account, digest, expires_at)
         SELECT name, $2, $3 FROM accounts WHERE name = $1 AND NOT disabled
         ON CONFLICT (account) DO UPDATE SET digest = excluded.digest, expires_at = excluded.expires_at",
    )
    .bind(name.as_str())
    .bind(code.digest.as_bytes().as_slice())
    .bind(code.expires_at.as_secs())
    .execute(write)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// The code of an account, also one that is over.
pub(super) async fn find(read: &mut SqliteConnection, name: &Username) -> Result<Option<KeptCode>, Failure> {
    let row: Option<(Vec<u8>, i64)> =
        sqlx::query_as("SELECT digest, expires_at FROM one_time_codes WHERE account = $1")
            .bind(name.as_str())
            .fetch_optional(read)
            .await?;
    row.map(|(digest, expires_at)| {
        let digest = digest.try_into().map_err(|_| Failure::Damaged("a one-time code's digest"))?;
        Ok(KeptCode { digest: CodeDigest::from_bytes(digest), expires_at: UnixTime::from_secs(expires_at) })
    })
    .transpose()
}

/// Forgets the code of an account.
pub(super) async fn forget(write: &mut SqliteConnection, name: &Username) -> Result<(), Failure> {
    sqlx::query("DELETE FROM one_time_codes WHERE account = $1").bind(name.as_str()).execute(write).await?;
    Ok(())
}
