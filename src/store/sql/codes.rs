//! The SQL of one-time codes and recovery codes, inside the transactions of accounts and factors.

use super::{Connection, Failure, query, query_as};
use crate::auth::UnixTime;
use crate::users::{CodeDigest, KeptCode, Username};

/// Keeps a code in place of any before, for an account that may sign in; whether it was kept.
pub(super) async fn keep(write: &mut Connection, name: &Username, code: &KeptCode) -> Result<bool, Failure> {
    let done = query(
        "INSERT INTO one_time_codes (account, digest, expires_at, issued_by)
         SELECT name, $2, $3, $4 FROM accounts WHERE name = $1 AND NOT disabled
         ON CONFLICT (account) DO UPDATE
         SET digest = excluded.digest, expires_at = excluded.expires_at, issued_by = excluded.issued_by",
    )
    .bind(name.as_str())
    .bind(code.digest.as_bytes().as_slice())
    .bind(code.expires_at.as_secs())
    .bind(code.issued_by.as_ref().map(Username::as_str))
    .execute(write)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// The code of an account, also one that is over.
pub(super) async fn find(read: &mut Connection, name: &Username) -> Result<Option<KeptCode>, Failure> {
    let row: Option<(Vec<u8>, i64, Option<String>)> =
        query_as("SELECT digest, expires_at, issued_by FROM one_time_codes WHERE account = $1")
            .bind(name.as_str())
            .fetch_optional(read)
            .await?;
    row.map(|(digest, expires_at, issued_by)| {
        let digest = digest.try_into().map_err(|_| Failure::Damaged("a one-time code's digest"))?;
        let issued_by = issued_by.map(|name| name.parse()).transpose();
        Ok(KeptCode {
            digest: CodeDigest::from_bytes(digest),
            expires_at: UnixTime::from_secs(expires_at),
            issued_by: issued_by.map_err(|_| Failure::Damaged("who issued a one-time code"))?,
        })
    })
    .transpose()
}

/// Forgets the code of an account; whether there was one.
pub(super) async fn forget(write: &mut Connection, name: &Username) -> Result<bool, Failure> {
    let forget = query("DELETE FROM one_time_codes WHERE account = $1").bind(name.as_str());
    Ok(forget.execute(write).await?.rows_affected() == 1)
}

/// Forgets the codes that this person issued, and the links by which they invited others.
pub(super) async fn forget_issued_by(write: &mut Connection, name: &Username) -> Result<(), Failure> {
    let forget = query("DELETE FROM one_time_codes WHERE issued_by = $1").bind(name.as_str());
    forget.execute(&mut *write).await?;
    let forget =
        query("DELETE FROM mail_links WHERE invited_by = $1 AND used_at IS NULL").bind(name.as_str());
    forget.execute(write).await?;
    Ok(())
}

/// Keeps recovery codes.
pub(super) async fn keep_recovery(
    write: &mut Connection,
    account: &Username,
    codes: &[CodeDigest],
) -> Result<(), Failure> {
    for code in codes {
        query("INSERT INTO recovery_codes (account, digest) VALUES ($1, $2)")
            .bind(account.as_str())
            .bind(code.as_bytes().as_slice())
            .execute(&mut *write)
            .await?;
    }
    Ok(())
}

/// Forgets all recovery codes of an account.
pub(super) async fn forget_recovery(write: &mut Connection, account: &Username) -> Result<(), Failure> {
    query("DELETE FROM recovery_codes WHERE account = $1").bind(account.as_str()).execute(write).await?;
    Ok(())
}
