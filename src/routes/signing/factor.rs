//! `/login/factor`: the second step of signing in, a code of an authenticator app or for recovery, or a passkey.
//!
//! Nobody is signed in here yet: what the browser holds from the first step is no token and opens this page alone. When it
//! is over, for whatever reason, the person begins with the password, and is told no more than that.

use rocket::http::Status;
use rocket::{State, get, post};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::auth::{AuthError, CsrfToken, Proved, Refusal, Sessions, SignInAttempt, TokenPair, Voucher, What};
use crate::routes::answer::body::{self, Body, Fields};
use crate::routes::answer::errors::Refused;
use crate::routes::answer::negotiate::Form;
use crate::routes::answer::rejection::{NotDone, Rejection};
use crate::routes::answer::reply::Reply;
use crate::routes::signing::begin::{Delivery, FactorMethod, begin, delivery_of, signed_in};
use crate::routes::signing::device;
use crate::routes::signing::form_proof::FormProof;
use crate::routes::signing::login::SIGN_IN_EXPIRED;
use crate::routes::signing::passkey::{self, Credential};
use crate::routes::view::frame::Frame;
use crate::routes::view::next::Next;
use crate::routes::view::paths::{self, saying};
use crate::routes::view::states;
use crate::users::{
    Accounts, Attempt, Authenticated, Lack, SecondAnswer, SecondMethods, SecondStepError, UnderWay,
};

/// A code, and what kind it is, which a form leaves to us; or what a browser brings of a passkey.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SecondCode {
    method: Option<FactorMethod>,
    code: Option<String>,
    credential: Option<Credential>,
    /// Whether a password is to be enough in this browser for a while.
    #[serde(default)]
    trust: bool,
    delivery: Option<Delivery>,
    #[serde(skip)]
    next: Option<String>,
}

#[derive(Debug, Serialize)]
struct FactorPage<'a> {
    next: &'a str,
    /// What may be given.
    app: bool,
    passkey: bool,
    recovery: bool,
    /// For how many days the browser may be trusted, if at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    trust_days: Option<u64>,
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
    let Some(methods) = methods_of(Lack::Factor, &sessions, accounts).await? else {
        return Ok(Reply::SeeOther(saying(paths::LOGIN, SIGN_IN_EXPIRED)));
    };
    let page = FactorPage::asking(methods, accounts, next.as_ref(), None);
    Ok(Reply::Page(Status::Ok, frame.csrf(csrf.as_str()).render("factor.html", page)))
}

/// `POST /login/factor/options`: what the browser is asked to show a passkey by.
#[post("/login/factor/options")]
pub(crate) async fn options(
    _attempt: SignInAttempt,
    sessions: Sessions<'_>,
    accounts: &State<Accounts>,
) -> Result<Reply, Refused> {
    let Some(secret) = sessions.pending() else {
        return Ok(Reply::Refused(over().into_refusal()));
    };
    let options = accounts.second_passkey_request(secret).await.map_err(|error| unreadable(&error))?;
    Ok(passkey::asked(options, over))
}

/// `POST /login/factor`: as a form, or as JSON `{"method": "totp" or "recovery", "code"}` or
/// `{"method": "passkey", "credential"}`.
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
            Ok(tokens) => return Ok(signed_in(tokens, form, next.as_ref())),
            Err(not_done) => not_done,
        },
        Err(error) => csrf.lost(error),
    };
    let rejection = not_done.rejection()?;
    if rejection.key() == SIGN_IN_EXPIRED && form == Form::Page {
        return Ok(Reply::SeeOther(saying(paths::LOGIN, SIGN_IN_EXPIRED)));
    }
    let methods = methods_of(Lack::Factor, &sessions, accounts).await?;
    let methods = methods.unwrap_or(SecondMethods { app: true, passkey: false, recovery: true });
    Ok(rejection.answer(form, |rejection| {
        let page = FactorPage::asking(methods, accounts, next.as_ref(), Some(rejection));
        frame.csrf(csrf.as_str()).render("factor.html", page)
    }))
}

/// The page in every state, with `text` wherever a text of somebody else's may stand.
pub(crate) fn samples(text: &str) -> Vec<Value> {
    let page = |next, recovery, error, retry_after| FactorPage {
        next,
        app: true,
        passkey: false,
        recovery,
        trust_days: Some(30),
        error,
        retry_after,
    };
    states::values(&[
        FactorPage { passkey: true, ..page(text, true, None, None) },
        FactorPage {
            passkey: true,
            app: false,
            trust_days: None,
            ..page("", true, Some("bad_passkey"), None)
        },
        page("", true, None, None),
        page(text, false, Some(BAD_CODE), None),
        page("", true, Some("throttled"), Some(30)),
        page("", true, Some("form_expired"), None),
        page("", true, Some(text), None),
    ])
}

impl<'a> FactorPage<'a> {
    fn asking(
        methods: SecondMethods,
        accounts: &Accounts,
        next: Option<&'a Next>,
        rejection: Option<&'a Rejection>,
    ) -> Self {
        let SecondMethods { app, passkey, recovery } = methods;
        let retry_after = rejection.and_then(Rejection::retry_after);
        let next = next.map_or("", Next::as_str);
        let days = accounts.trusts_browsers_for().as_secs() / 86_400;
        let (trust_days, error) = ((days > 0).then_some(days), rejection.map(Rejection::key));
        Self { next, app, passkey, recovery, trust_days, error, retry_after }
    }
}

/// What may be given for the sign-in that this browser has under way, if it lacks this.
pub(super) async fn methods_of(
    lacks: Lack,
    sessions: &Sessions<'_>,
    accounts: &Accounts,
) -> Result<Option<SecondMethods>, Refused> {
    let Some(secret) = sessions.pending() else { return Ok(None) };
    match accounts.pending(secret).await {
        Ok(pending) => Ok(pending.filter(|it| it.lacks == lacks).map(|it| it.methods)),
        Err(error) => Err(unreadable(&error)),
    }
}

pub(super) fn unreadable(error: &(dyn std::error::Error + 'static)) -> Refused {
    tracing::error!(error, "nobody can take a second step");
    Refused(AuthError::Unavailable)
}

/// Checks the code and begins the session.
async fn take(
    sent: SecondCode,
    form: Form,
    sessions: &Sessions<'_>,
    accounts: &Accounts,
) -> Result<Option<TokenPair>, NotDone> {
    let delivery = delivery_of(sent.delivery, sessions)?;
    let Some(secret) = sessions.pending() else { return Err(expired(sessions)) };
    let pending = accounts.pending(secret).await;
    let pending = pending.map_err(|error| NotDone::out_of_reach(&error, "nobody can take a second step"))?;
    let Some(UnderWay { account: name, .. }) = pending else { return Err(expired(sessions)) };
    let device = device::of(sessions, name.as_str());
    let attempt = Attempt { address: sessions.address(), device: device.as_deref() };
    let answer = answer(sent.method, sent.code.as_deref(), sent.credential.as_ref());
    let taken = accounts.second_step(secret, answer, attempt).await;
    let step = match taken {
        Ok(step) => step,
        Err(SecondStepError::Over) => return Err(expired(sessions)),
        Err(SecondStepError::LastWrong) => {
            sessions.note(What::SecondFactorExhausted, Some(name.as_str()), None);
            return Err(expired(sessions));
        }
        Err(SecondStepError::SignIn(error)) => {
            let wrong = wrong(answer).noted(What::SecondFactorFailed);
            let not_done = Rejection::of_sign_in(error, wrong);
            if let NotDone::Rejected(rejection) = &not_done
                && let Some(what) = rejection.event()
            {
                sessions.note(what, Some(name.as_str()), None);
            }
            return Err(not_done);
        }
    };
    let proved = proved_by(answer);
    let voucher = Some(Voucher::from_bytes(step.voucher));
    let begun = begin(&step.person, voucher, proved, step.remember, delivery, form, sessions, accounts).await;
    let begun = match begun {
        // Another tab has begun by it, or the account changed in between.
        Err(NotDone::Refused(Refused(AuthError::Revoked))) => return Err(expired(sessions)),
        begun => begun?.1,
    };
    if sent.trust {
        trust(&step.person, sessions, accounts).await;
    }
    if matches!(answer, SecondAnswer::Recovery(_)) {
        sessions.note(What::RecoveryCodeUsed, Some(name.as_str()), None);
    }
    Ok(begun)
}

/// From now on a password is enough for this person in this browser, for a while. They are in either way.
async fn trust(person: &Authenticated, sessions: &Sessions<'_>, accounts: &Accounts) {
    match accounts.trust_browser(&person.account, &sessions.user_agent()).await {
        Ok(Some((secret, life))) => {
            sessions.keep_trust(&secret, life);
            sessions.note(What::BrowserTrusted, Some(person.account.name.as_str()), None);
        }
        Ok(None) => {}
        Err(error) => {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "a browser was to be trusted and is not");
        }
    }
}

/// What a password and this prove together.
pub(super) const fn proved_by(answer: SecondAnswer<'_>) -> Proved {
    match answer {
        SecondAnswer::Totp(_) | SecondAnswer::Recovery(_) => Proved::PasswordAndCode,
        SecondAnswer::Passkey(_) => Proved::PasswordAndPasskey,
    }
}

/// What somebody gave: six digits are a code of an app, anything else one for recovery, unless the caller says which.
/// A passkey that is named and not brought is a wrong one, and so is a code that is none.
pub(crate) fn answer<'a>(
    method: Option<FactorMethod>,
    code: Option<&'a str>,
    credential: Option<&'a Credential>,
) -> SecondAnswer<'a> {
    if method == Some(FactorMethod::Passkey) || method.is_none() && credential.is_some() {
        return SecondAnswer::Passkey(credential.map_or("", Credential::as_str));
    }
    let code = code.unwrap_or_default();
    let signs = code.chars().filter(|sign| !sign.is_whitespace());
    let is_short =
        signs.clone().count() <= LONGEST_APP_CODE && signs.clone().all(|sign| sign.is_ascii_digit());
    match method {
        Some(FactorMethod::Totp) => SecondAnswer::Totp(code),
        Some(FactorMethod::Recovery) => SecondAnswer::Recovery(code),
        _ if is_short => SecondAnswer::Totp(code),
        _ => SecondAnswer::Recovery(code),
    }
}

/// What it is called when it was wrong.
fn wrong(answer: SecondAnswer<'_>) -> Rejection {
    if matches!(answer, SecondAnswer::Passkey(_)) { passkey::bad_passkey() } else { bad_code() }
}

/// Wrong, spent, or of another account: which of them is not told. On pages the words differ from those for a one-time code.
pub(crate) fn bad_code() -> Rejection {
    Rejection::told(BAD_CODE, Refusal::new(Status::Unauthorized, "Wrong or spent code", "bad_code"))
}

pub(super) fn expired(sessions: &Sessions<'_>) -> NotDone {
    sessions.forget_pending();
    over().into()
}

pub(super) fn over() -> Rejection {
    let refusal = Refusal::new(Status::Unauthorized, "This sign-in is over", SIGN_IN_EXPIRED);
    Rejection::told(SIGN_IN_EXPIRED, refusal)
}

impl body::FromFields for SecondCode {
    fn from_fields(fields: &mut Fields) -> Result<Self, body::Unreadable> {
        let (code, credential) =
            (fields.optional("code"), fields.optional("credential").map(Credential::from));
        if code.is_none() && credential.is_none() {
            return Err(body::Unreadable::Unfitting);
        }
        Ok(Self {
            method: None,
            code,
            credential,
            trust: fields.optional("trust").is_some_and(|value| value == "true"),
            delivery: None,
            next: fields.optional("next"),
        })
    }
}

pub(crate) const BAD_CODE: &str = "bad_second_code";
const LONGEST_APP_CODE: usize = 8;
