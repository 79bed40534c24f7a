//! The session of somebody who has proved who they are: it begins, and this is what they get.

use rocket::http::Status;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::auth::{EndReason, Proved, Refusal, SessionId, Sessions, TokenPair, Voucher, What};
use crate::routes::answer::negotiate::Form;
use crate::routes::answer::rejection::{NotDone, Rejection};
use crate::routes::answer::reply::Reply;
use crate::routes::answer::told::{No, Yes};
use crate::routes::signing::device;
use crate::routes::view::next::Next;
use crate::routes::view::paths;
use crate::users::{Accounts, Authenticated, OneTimeCode};

/// Where a program wants its tokens.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Delivery {
    Cookies,
    /// In the answer, for programs that send them in a header; only where headers are looked at.
    Body,
}

/// What is given for a factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum FactorMethod {
    Totp,
    Recovery,
    Passkey,
}

/// The answer to whoever proved who they are: they are in, or something more is asked for.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum SignInAnswer {
    In(Begun),
    Halfway(Halfway),
}

/// A session has begun.
#[derive(Serialize, ToSchema)]
pub(crate) struct Begun {
    login: Yes,
    /// The password is one that was stolen elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    password_leaked: Option<Yes>,
    /// With `"delivery": "body"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    access_token: Option<String>,
    /// With `"delivery": "body"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    refresh_token: Option<String>,
    /// When a first factor was taken into use on the way, shown this once.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    recovery_codes: Option<Vec<String>>,
}

/// A password was right and is not enough.
#[derive(Serialize, ToSchema)]
pub(crate) struct Halfway {
    pub(super) login: No,
    pub(super) next: StillAsked,
    /// By which of them it can be done.
    #[schema(value_type = Vec<FactorMethod>)]
    pub(super) methods: Vec<&'static str>,
}

/// What has to be done before a session begins.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StillAsked {
    /// A factor that the person has is to be given.
    SecondFactor,
    /// A first one is to be taken into use.
    FactorEnrolment,
}

impl Begun {
    /// With these tokens, if the program keeps them itself.
    pub(super) fn with(tokens: Option<TokenPair>) -> Self {
        let (access_token, refresh_token) = match tokens {
            Some(TokenPair { access_token, refresh_token }) => (Some(access_token), Some(refresh_token)),
            None => (None, None),
        };
        Self { login: Yes, password_leaked: None, access_token, refresh_token, recovery_codes: None }
    }

    /// By a password that others have, too.
    pub(super) fn leaked(self) -> Self {
        Self { password_leaked: Some(Yes), ..self }
    }

    /// With recovery codes to be kept.
    pub(super) fn recoverable(self, codes: &[OneTimeCode]) -> Self {
        Self { recovery_codes: Some(codes.iter().map(OneTimeCode::to_text).collect()), ..self }
    }
}

pub(super) fn led_on(next: Option<&Next>) -> Reply {
    match next {
        Some(next) => Reply::Onward(next.to_string()),
        None => Reply::SeeOther(paths::DASHBOARD.to_owned()),
    }
}

/// Where a browser goes and what a program gets.
pub(super) fn signed_in(tokens: Option<TokenPair>, form: Form, next: Option<&Next>) -> Reply {
    match tokens {
        None if form == Form::Page => led_on(next),
        tokens => Reply::written(&SignInAnswer::In(Begun::with(tokens))),
    }
}

/// Where a program gets its tokens, if they can be had there.
pub(super) fn delivery_of(wanted: Option<Delivery>, sessions: &Sessions<'_>) -> Result<Delivery, NotDone> {
    let delivery = wanted.unwrap_or(match sessions.takes_cookies() {
        true => Delivery::Cookies,
        false => Delivery::Body,
    });
    let is_fit = match delivery {
        Delivery::Cookies => sessions.takes_cookies(),
        Delivery::Body => sessions.takes_bearers(),
    };
    if is_fit { Ok(delivery) } else { Err(unfitting().into()) }
}

/// Begins the session of somebody whose proofs were right; by a voucher when they were more than a password, or none.
#[expect(clippy::too_many_arguments, reason = "everything that a session begins by")]
pub(super) async fn begin(
    person: &Authenticated,
    voucher: Option<Voucher>,
    proved: Proved,
    remember: bool,
    delivery: Delivery,
    form: Form,
    sessions: &Sessions<'_>,
    accounts: &Accounts,
) -> Result<(SessionId, Option<TokenPair>), NotDone> {
    if sessions.pending().is_some() {
        // Of this sign-in, or of another that was left in the middle.
        sessions.forget_pending();
    }
    let account = &person.account;
    let (name, roles) = (account.name.as_str(), &account.roles);
    let (session, tokens) = match delivery {
        Delivery::Cookies => (sessions.sign_in_having(proved, voucher, name, roles, remember).await?, None),
        Delivery::Body => {
            let (session, pair) =
                sessions.sign_in_without_cookies_having(proved, voucher, name, roles, remember).await?;
            (session, Some(pair))
        }
    };
    let is_current = accounts.is_current(account).await;
    if !is_current.map_err(|error| NotDone::out_of_reach(&error, "nobody can sign in"))? {
        // The password was changed, or the account, while this one was being checked.
        sessions.take_back(name, session, EndReason::PasswordChanged).await?;
        return Err(bad_credentials().noted(What::SignInFailed).into());
    }
    if person.failures > 0 {
        sessions.note(What::SignedInAfterFailures, Some(name), Some(session));
    }
    // A passkey names no device, and is at hand for nobody else.
    if !person.is_known_device
        && proved != Proved::Passkey
        && let Err(error) = accounts.tell_of_new_browser(&account.name).await
    {
        // The person is in either way.
        tracing::warn!(error = &error as &dyn std::error::Error, "nobody is told of a new browser");
    }
    if person.password_leaked {
        sessions.note(What::PasswordLeaked, Some(name), Some(session));
    }
    if tokens.is_none() {
        device::remember(person, session, form, sessions, accounts).await;
    }
    Ok((session, tokens))
}

pub(super) fn bad_credentials() -> Rejection {
    Rejection::told("bad_credentials", Refusal::bad_credentials())
}

/// What was sent can be no sign-in: too long a password, or a delivery that is not to be had.
pub(super) fn unfitting() -> Rejection {
    Rejection::told("bad_credentials", Refusal::of_status(Status::UnprocessableEntity))
}
