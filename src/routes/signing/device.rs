//! Which device is this, as far as a sign-in can tell?
//!
//! An attack on an account must not lock its owner out, so a device that signed in before has failures of its own.
//! A device is recognised by the secret that a page gave it to keep, or by the tokens of an earlier session of the same
//! person that it still carries; the latter needs no cookie beyond the four, which programs count on.
//! It is not recognised by its address: behind a proxy or in an office everybody would be, and whoever is tells by the
//! answer which names have signed in there.

use crate::auth::{SessionId, Sessions};
use crate::routes::answer::negotiate::Form;
use crate::users::{Accounts, Authenticated, OF_A_PROGRAM};

/// The name under which this device would be known to the account; it is stored as a keyed hash.
pub(crate) fn of(sessions: &Sessions<'_>, account: &str) -> Option<String> {
    let by_secret = sessions.device().map(str::to_owned);
    let by_session = || sessions.carried_session(account).map(by_session);
    by_secret.or_else(by_session)
}

/// From now on an attack on the account does not lock this device out.
///
/// A browser that is not known to this account gets a new secret, whatever it carried: somebody else may have put it
/// there. The person is signed in either way, so a failure only waits for the next time.
pub(crate) async fn remember(
    person: &Authenticated,
    session: SessionId,
    form: Form,
    sessions: &Sessions<'_>,
    accounts: &Accounts,
) {
    let known_secret = sessions.device().filter(|_| person.is_known_device).map(str::to_owned);
    let secret = match (known_secret, form) {
        (Some(known), _) => Some(known),
        (None, Form::Page) => sessions.new_device().ok(),
        (None, Form::Data) => None,
    };
    let name = secret.clone().unwrap_or_else(|| by_session(session));
    if let Err(error) = accounts.remember_device(&person.account.name, &name).await {
        tracing::warn!(error = &error as &dyn std::error::Error, "a device was not remembered");
        return;
    }
    if let Some(secret) = secret {
        sessions.remember_device(&secret);
    }
}

fn by_session(session: SessionId) -> String {
    format!("{OF_A_PROGRAM}{session}")
}
