//! Which device is this, as far as a sign-in can tell?
//!
//! An attack on an account must not lock its owner out, so a device that signed in before has failures of its own.
//! A device is recognised, in this order, by the secret that a page gave it to keep, by the tokens of an earlier session of
//! the same person that it still carries, or by its address (IPv6 by /64), when somebody signed in from there before.
//! The last two need no cookie beyond the four, which programs count on.

use std::net::IpAddr;

use crate::auth::{SessionId, Sessions};
use crate::routes::negotiate::Form;
use crate::users::{Accounts, Authenticated};

/// The name under which this device would be known to the account; it is stored as a keyed hash.
pub(crate) fn of(sessions: &Sessions<'_>, account: &str) -> Option<String> {
    let by_secret = sessions.device().map(str::to_owned);
    let by_session = || sessions.carried_session(account).map(by_session);
    by_secret.or_else(by_session).or_else(|| sessions.address().map(by_address))
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
    let mut names: Vec<_> = sessions.address().map(by_address).into_iter().collect();
    let known_secret = sessions.device().filter(|_| person.is_known_device).map(str::to_owned);
    let secret = match (known_secret, form) {
        (Some(known), _) => Some(known),
        (None, Form::Page) => sessions.new_device().ok(),
        (None, Form::Data) => None,
    };
    names.push(secret.clone().unwrap_or_else(|| by_session(session)));
    for name in names {
        if let Err(error) = accounts.remember_device(&person.account.name, &name).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "a device was not remembered");
            return;
        }
    }
    if let Some(secret) = secret {
        sessions.remember_device(&secret);
    }
}

fn by_session(session: SessionId) -> String {
    format!("session {session}")
}

fn by_address(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => format!("address {address}"),
        IpAddr::V6(address) => {
            let network: Vec<_> = address.segments().iter().take(4).map(|part| format!("{part:x}")).collect();
            format!("address {}::/64", network.join(":"))
        }
    }
}
