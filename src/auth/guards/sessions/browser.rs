//! What a browser is given to keep besides its tokens: the secret of a device, and that of a sign-in under way.

use std::time::Duration;

use crate::auth::guards::sessions::Sessions;
use crate::auth::id::SessionId;
use crate::auth::request::asked::Asked;
use crate::auth::request::verdict::notes;
use crate::auth::wire::cookies::{Carried, Readable};
use crate::auth::wire::error::AuthError;

impl Sessions<'_> {
    /// The secret that tells which device this is, if it was given one by [`remember_device`](Self::remember_device).
    #[must_use]
    pub fn device(&self) -> Option<&str> {
        match Asked::bare(self.request).cookie(&self.authority.jar.wire().device_cookie) {
            Carried::Once(secret) if secret.parse::<SessionId>().is_ok() => Some(secret),
            _ => None,
        }
    }

    /// Draws a secret for a device: 16 random bytes as text.
    ///
    /// # Errors
    /// [`AuthError::Unavailable`] when there is no randomness.
    pub fn new_device(&self) -> Result<String, AuthError> {
        // A session's id has the shape of 16 random bytes; this one names no session.
        Ok(SessionId::draw(&*self.authority.random)?.to_string())
    }

    /// Gives the browser a device's secret to keep for 180 days, also after signing out.
    pub fn remember_device(&self, secret: &str) {
        let jar = self.authority.jar;
        jar.set(
            &notes(self.request).outbox,
            &jar.wire().device_cookie,
            secret,
            Readable::ByServerOnly,
            Some(DEVICE_AGE),
        );
    }

    /// The secret of the sign-in that this browser has under way, if it was given one by
    /// [`keep_pending`](Self::keep_pending).
    #[must_use]
    pub fn pending(&self) -> Option<&str> {
        match Asked::bare(self.request).cookie(&self.authority.jar.wire().pending_cookie) {
            Carried::Once(secret) => Some(secret),
            _ => None,
        }
    }

    /// Gives the browser the secret of a sign-in that lacks its second step, for as long as that may take. It is no token,
    /// and opens nothing.
    pub fn keep_pending(&self, secret: &str, life: Duration) {
        let jar = self.authority.jar;
        let (out, name) = (&notes(self.request).outbox, &jar.wire().pending_cookie);
        jar.set(out, name, secret, Readable::ByServerOnly, Some(life));
    }

    /// The secret of a browser that somebody trusts, if it was given one by [`keep_trust`](Self::keep_trust).
    #[must_use]
    pub fn trust(&self) -> Option<&str> {
        match Asked::bare(self.request).cookie(&self.authority.jar.wire().trusted_cookie) {
            Carried::Once(secret) => Some(secret),
            _ => None,
        }
    }

    /// Gives the browser the secret by which it is trusted, for as long as it is. Nothing makes it last longer, and it
    /// outlives signing out.
    pub fn keep_trust(&self, secret: &str, life: Duration) {
        let jar = self.authority.jar;
        let (out, name) = (&notes(self.request).outbox, &jar.wire().trusted_cookie);
        jar.set(out, name, secret, Readable::ByServerOnly, Some(life));
    }

    /// Gives the browser something to keep for a year that is no secret, such as a language; `None` takes it away.
    #[cfg(feature = "app")]
    pub(crate) fn keep(&self, name: &str, value: Option<&str>) {
        let (jar, out) = (self.authority.jar, &notes(self.request).outbox);
        match value {
            Some(value) => jar.set(out, name, value, Readable::ByServerOnly, Some(YEAR)),
            None => jar.delete(out, name, Readable::ByServerOnly),
        }
    }

    /// Takes away the secret of the sign-in that is under way.
    pub fn forget_pending(&self) {
        let jar = self.authority.jar;
        jar.delete(&notes(self.request).outbox, &jar.wire().pending_cookie, Readable::ByServerOnly);
    }
}

#[cfg(feature = "app")]
const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);
/// Browsers keep a cookie for 400 days at most (RFC 6265bis §5.5).
const DEVICE_AGE: Duration = Duration::from_secs(180 * 24 * 3600);
