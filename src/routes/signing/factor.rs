//! `/login/factor`: the second step of signing in, a code of an authenticator app or for recovery.
//!
//! Nobody is signed in here yet: what the browser holds from the first step is no token and opens this page alone. When it
//! is over, for whatever reason, the person begins with the password, and is told no more than that.

use rocket::http::Status;
use rocket::{State, get, post};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::auth::{AuthError, CsrfToken, Refusal, Sessions, SignInAttempt, TokenPair, Voucher, What};
use crate::routes::answer::body::{self, Body, Fields};
use crate::routes::answer::errors::Refused;
use crate::routes::answer::negotiate::Form;
use crate::routes::answer::rejection::{NotDone, Rejection};
use crate::routes::answer::reply::Reply;
use crate::routes::signing::device;
use crate::routes::signing::login::{self, Delivery, FormProof, SIGN_IN_EXPIRED};
use crate::routes::view::frame::Frame;
use crate::routes::view::next::Next;
use crate::routes::view::paths::{self, saying};
use crate::routes::view::states;
use crate::users::{Accounts, Attempt, SecondAnswer, SecondMethods, SecondStepError};

/// A code, and what kind it is; a form leaves that to us.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SecondCode {
    method: Option<CodeMethod>,
    code: String,
    delivery: Option<Delivery>,
    #[serde(skip)]
    next: Option<String>,
}

/// What kind of code.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum CodeMethod {
    Totp,
    Recovery,
}

#[derive(Debug, Serialize)]
struct FactorPage<'a> {
    next: &'a str,
    /// Whether a recovery code may be given instead.
    recovery: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u64>,
}

/// `GET /login/factor?next=…`: the form; without a sign-in under way, the sign-in page.
#[get("/login/factor?<next>")]
pub(crate) async fn form(
    next: Option<&str>,
    csrf: CsrfToken<'_>,
    sessions: Sessions<'_>,
    accounts: &State<Accounts>,
    frame: Frame<'_>,
) -> Result<Reply, Refused> {
    let next = next.and_then(|next| frame.site.next(next));
    let Some(methods) = methods_of(&sessions, accounts).await? else {
        return Ok(Reply::SeeOther(saying(paths::LOGIN, SIGN_IN_EXPIRED)));
    };
    let next = next.as_ref().map_or("", Next::as_str);
    let page = FactorPage { next, recovery: methods.recovery, error: None, retry_after: None };
    Ok(Reply::Page(Status::Ok, frame.csrf(csrf.as_str()).render("factor.html", page)))
}

/// `POST /login/factor`: as a form, or as JSON `{"method": "totp" or "recovery", "code"}`.
#[post("/login/factor", data = "<body>")]
pub(crate) async fn submit(
    attempt: Result<SignInAttempt, AuthError>,
    csrf: FormProof<'_>,
    sessions: Sessions<'_>,
    accounts: &State<Accounts>,
    frame: Frame<'_>,
    form: Form,
    body: Body<SecondCode>,
) -> Result<Reply, Refused> {
    let Body(sent) = body;
    let next = sent.next.as_deref().and_then(|next| frame.site.next(next));
    let not_done = match attempt {
        Ok(_) => match take(sent, form, &sessions, accounts).await {
            Ok(tokens) => return Ok(login::signed_in(tokens, form, next.as_ref())),
            Err(not_done) => not_done,
        },
        Err(error) => csrf.lost(error),
    };
    let rejection = not_done.rejection()?;
    if rejection.key() == SIGN_IN_EXPIRED && form == Form::Page {
        return Ok(Reply::SeeOther(saying(paths::LOGIN, SIGN_IN_EXPIRED)));
    }
    let methods = methods_of(&sessions, accounts).await?;
    Ok(rejection.answer(form, |rejection| {
        let page = FactorPage {
            next: next.as_ref().map_or("", Next::as_str),
            recovery: methods.is_some_and(|methods| methods.recovery),
            error: Some(rejection.key()),
            retry_after: rejection.retry_after(),
        };
        frame.csrf(csrf.as_str()).render("factor.html", page)
    }))
}

/// The page in every state, with `text` wherever a text of somebody else's may stand.
pub(crate) fn samples(text: &str) -> Vec<Value> {
    let page = |next, recovery, error, retry_after| FactorPage { next, recovery, error, retry_after };
    states::values(&[
        page("", true, None, None),
        page(text, false, Some(BAD_CODE), None),
        page("", true, Some("throttled"), Some(30)),
        page("", true, Some("form_expired"), None),
        page("", true, Some(text), None),
    ])
}

/// What may be given for the sign-in that this browser has under way.
async fn methods_of(sessions: &Sessions<'_>, accounts: &Accounts) -> Result<Option<SecondMethods>, Refused> {
    let Some(secret) = sessions.pending() else { return Ok(None) };
    match accounts.pending(secret).await {
        Ok(pending) => Ok(pending.map(|(_, methods)| methods)),
        Err(error) => {
            let error = &error as &dyn std::error::Error;
            tracing::error!(error, "nobody can take a second step");
            Err(Refused(AuthError::Unavailable))
        }
    }
}

/// Checks the code and begins the session.
async fn take(
    sent: SecondCode,
    form: Form,
    sessions: &Sessions<'_>,
    accounts: &Accounts,
) -> Result<Option<TokenPair>, NotDone> {
    let delivery = login::delivery_of(sent.delivery, sessions)?;
    let Some(secret) = sessions.pending() else { return Err(expired(sessions)) };
    let pending = accounts.pending(secret).await;
    let pending = pending.map_err(|error| NotDone::out_of_reach(&error, "nobody can take a second step"))?;
    let Some((name, _)) = pending else { return Err(expired(sessions)) };
    let device = device::of(sessions, name.as_str());
    let attempt = Attempt { address: sessions.address(), device: device.as_deref() };
    let answer = answer(sent.method, &sent.code);
    let taken = accounts.second_step(secret, answer, attempt).await;
    let step = match taken {
        Ok(step) => step,
        Err(SecondStepError::Over) => return Err(expired(sessions)),
        Err(SecondStepError::SignIn(error)) => {
            let not_done = Rejection::of_sign_in(error, bad_code().noted(What::SecondFactorFailed));
            if let NotDone::Rejected(rejection) = &not_done
                && let Some(what) = rejection.event()
            {
                sessions.note(what, Some(name.as_str()), None);
            }
            return Err(not_done);
        }
    };
    let voucher = Some(Voucher::from_bytes(step.voucher));
    let begun = login::begin(&step.person, voucher, step.remember, delivery, form, sessions, accounts).await;
    let begun = match begun {
        // Another tab has begun by it, or the account changed in between.
        Err(NotDone::Refused(Refused(AuthError::Revoked))) => return Err(expired(sessions)),
        begun => begun?,
    };
    if matches!(answer, SecondAnswer::Recovery(_)) {
        sessions.note(What::RecoveryCodeUsed, Some(name.as_str()), None);
    }
    Ok(begun)
}

/// What somebody typed: six digits are a code of an app, anything else one for recovery, unless the caller says which.
pub(crate) fn answer(method: Option<CodeMethod>, code: &str) -> SecondAnswer<'_> {
    let signs = code.chars().filter(|sign| !sign.is_whitespace());
    let is_short =
        signs.clone().count() <= LONGEST_APP_CODE && signs.clone().all(|sign| sign.is_ascii_digit());
    match method {
        Some(CodeMethod::Totp) => SecondAnswer::Totp(code),
        Some(CodeMethod::Recovery) => SecondAnswer::Recovery(code),
        None if is_short => SecondAnswer::Totp(code),
        None => SecondAnswer::Recovery(code),
    }
}

/// Wrong, spent, or of another account: which of them is not told. On pages the words differ from those for a one-time code.
pub(crate) fn bad_code() -> Rejection {
    Rejection::told(BAD_CODE, Refusal::new(Status::Unauthorized, "Wrong or spent code", "bad_code"))
}

fn expired(sessions: &Sessions<'_>) -> NotDone {
    sessions.forget_pending();
    let refusal = Refusal::new(Status::Unauthorized, "This sign-in is over", SIGN_IN_EXPIRED);
    Rejection::told(SIGN_IN_EXPIRED, refusal).into()
}

impl body::FromFields for SecondCode {
    fn from_fields(fields: &mut Fields) -> Result<Self, body::Unreadable> {
        Ok(Self {
            method: None,
            code: fields.required("code")?,
            delivery: None,
            next: fields.optional("next"),
        })
    }
}

pub(crate) const BAD_CODE: &str = "bad_second_code";
const LONGEST_APP_CODE: usize = 8;
