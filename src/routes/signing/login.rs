//! `/login`: the form, its submission, and the same in JSON.

use std::convert::Infallible;

use rocket::http::Status;
use rocket::request::{FromRequest, Outcome};
use rocket::{Request, State, get, post};
use rocket_dyn_templates::Template;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::auth::{
    AuthError, CsrfToken, Proved, Sessions, SignInAttempt, SignedIn, TokenPair, What, has_cookies,
};
use crate::routes::answer::body::{self, Body, Fields};
use crate::routes::answer::errors::{COOKIES_LOST, Refused, next_parameter};
use crate::routes::answer::negotiate::Form;
use crate::routes::answer::rejection::{NotDone, Rejection};
use crate::routes::answer::reply::Reply;
use crate::routes::answer::told::No;
use crate::routes::signing::begin::{
    Begun, Delivery, Halfway, SignInAnswer, StillAsked, bad_credentials, begin, delivery_of, led_on,
    signed_in, unfitting,
};
use crate::routes::signing::device;
use crate::routes::signing::form_proof::{COOKIE_LOST, COOKIE_TWICE, FormProof};
use crate::routes::view::frame::Frame;
use crate::routes::view::next::Next;
use crate::routes::view::paths::{self, saying};
use crate::routes::view::sitemap::Sitemap;
use crate::routes::view::states;
use crate::users::{Accounts, Attempt, Lack, Password, SecondMethods, SignInError, Step, Trusting};

/// Whether the sign-in page names the demo accounts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Demo(pub bool);

/// What a person sends to sign in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Credentials {
    username: String,
    password: String,
    #[serde(default)]
    remember: bool,
    /// By default where tokens are looked for: cookies, or the body where no cookies are.
    delivery: Option<Delivery>,
    #[serde(skip)]
    next: Option<String>,
}

/// Whether the browser sends any cookies.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SendsCookies(bool);

/// The page's own context.
#[derive(Debug, Default, Serialize)]
struct LoginPage<'a> {
    next: &'a str,
    username: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    notice: Option<&'a str>,
    /// Whether the browser does not send our cookies back as they were set, and may be told to forget them.
    cookie_trouble: bool,
    demo: bool,
    /// Whether passkeys are asked for.
    passkeys: bool,
    /// Whether a forgotten password is replaced by a link in a message.
    mail: bool,
    /// Whether anybody may register.
    registration: bool,
    /// What the keeper of a passkey that is not known here is told, as JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    unknown_passkey: Option<String>,
}

/// `GET /login?next=…&notice=…`: the form; who is signed in already is led on.
#[expect(clippy::too_many_arguments, reason = "a handler's signature names everything it touches")]
#[get("/login?<next>&<notice>")]
pub(crate) fn form(
    next: Option<&str>,
    notice: Option<&str>,
    visitor: Result<SignedIn<'_>, AuthError>,
    csrf: CsrfToken<'_>,
    cookies: SendsCookies,
    accounts: &State<Accounts>,
    frame: Frame<'_>,
    demo: &State<Demo>,
) -> Result<Reply, Refused> {
    let next = next.and_then(|next| frame.site.next(next));
    let notice = match visitor {
        Ok(_) => return Ok(led_on(next.as_ref())),
        // Not "signed out": the form could not sign anybody in either.
        Err(AuthError::Unavailable) => return Err(Refused(AuthError::Unavailable)),
        Err(AuthError::Reused) => Some("session_reused"),
        Err(AuthError::Ambiguous) => Some(COOKIES_TWICE),
        // A link that anybody may send must not claim what is not so.
        Err(_) if notice == Some(COOKIES_LOST) => notice.filter(|_| !cookies.0),
        Err(_) => notice.filter(|notice| NOTICES.contains(notice)),
    };
    let page = LoginPage {
        next: next.as_ref().map_or("", Next::as_str),
        notice,
        cookie_trouble: [Some(COOKIES_LOST), Some(COOKIES_TWICE)].contains(&notice),
        demo: demo.0,
        passkeys: accounts.offers_passkeys(),
        mail: accounts.post_office().is_some(),
        registration: accounts.offers_registration(),
        ..LoginPage::default()
    };
    Ok(Reply::Page(Status::Ok, frame.csrf(csrf.as_str()).render("login.html", page)))
}

/// `POST /login`: as a form, or as JSON `{"username", "password", "remember"?}`.
#[expect(clippy::too_many_arguments, reason = "a handler's signature names everything it touches")]
#[post("/login", data = "<body>")]
pub(crate) async fn submit(
    attempt: Result<SignInAttempt, AuthError>,
    csrf: FormProof<'_>,
    sessions: Sessions<'_>,
    accounts: &State<Accounts>,
    frame: Frame<'_>,
    form: Form,
    demo: &State<Demo>,
    body: Body<Credentials>,
) -> Result<Reply, Refused> {
    let Body(credentials) = body;
    let next = credentials.next.as_deref().and_then(|next| frame.site.next(next));
    let name = credentials.username.clone();
    let not_done = match attempt {
        Ok(_) => match sign_in(credentials, form, &sessions, accounts).await {
            Ok(Came::In(tokens)) => return Ok(signed_in(tokens, form, next.as_ref())),
            Ok(Came::Leaked(tokens)) => return Ok(warned(tokens, form, next.as_ref(), frame.site)),
            Ok(Came::Halfway(lacks, methods)) => return Ok(asked_for(lacks, methods, form, next.as_ref())),
            Err(not_done) => not_done,
        },
        Err(AuthError::CsrfMissing | AuthError::CsrfMismatch) if csrf.is_signed_in => {
            // Nothing is changed, and the person is where the form would have led.
            return Ok(led_on(next.as_ref()));
        }
        Err(error) => csrf.lost(error),
    };
    let rejection = not_done.rejection()?;
    match rejection.event() {
        // Whoever has no time for a password has none to look up whose it is.
        Some(What::SignInBusy) => sessions.note(What::SignInBusy, None, None),
        Some(what) => note_failure(what, &name, &sessions, accounts).await,
        None => {}
    }
    Ok(rejection.answer(form, |rejection| {
        let page = LoginPage {
            next: next.as_ref().map_or("", Next::as_str),
            username: if name.len() <= MAX_KEPT_NAME { &name } else { "" },
            error: Some(rejection.key()),
            retry_after: rejection.retry_after(),
            cookie_trouble: [COOKIE_LOST, COOKIE_TWICE].contains(&rejection.key()),
            demo: demo.0,
            passkeys: accounts.offers_passkeys(),
            mail: accounts.post_office().is_some(),
            registration: accounts.offers_registration(),
            ..LoginPage::default()
        };
        frame.csrf(csrf.as_str()).render("login.html", page)
    }))
}

/// The page after a passkey that signed nobody in; `unknown` is what its keeper is told if there is none of this name.
pub(super) fn passkey_refused(
    frame: &Frame<'_>,
    rejection: &Rejection,
    next: Option<&Next>,
    unknown: Option<&Value>,
    demo: bool,
    accounts: &Accounts,
) -> Template {
    let page = LoginPage {
        next: next.map_or("", Next::as_str),
        error: Some(rejection.key()),
        retry_after: rejection.retry_after(),
        cookie_trouble: [COOKIE_LOST, COOKIE_TWICE].contains(&rejection.key()),
        demo,
        passkeys: true,
        mail: accounts.post_office().is_some(),
        registration: accounts.offers_registration(),
        unknown_passkey: unknown.map(Value::to_string),
        ..LoginPage::default()
    };
    frame.render("login.html", page)
}

/// The page in every state, with `text` wherever a text of somebody else's may stand.
pub(crate) fn samples(text: &str) -> Vec<Value> {
    states::values(&[
        LoginPage::default(),
        LoginPage {
            next: text,
            username: text,
            error: Some("bad_credentials"),
            demo: true,
            ..LoginPage::default()
        },
        LoginPage { passkeys: true, mail: true, registration: true, ..LoginPage::default() },
        LoginPage {
            passkeys: true,
            error: Some("bad_passkey"),
            unknown_passkey: Some(text.to_owned()),
            ..LoginPage::default()
        },
        LoginPage { error: Some("throttled"), retry_after: Some(30), ..LoginPage::default() },
        LoginPage { error: Some(text), ..LoginPage::default() },
        LoginPage { notice: Some("session_reused"), ..LoginPage::default() },
        LoginPage { error: Some(COOKIE_LOST), cookie_trouble: true, ..LoginPage::default() },
        LoginPage { error: Some(COOKIE_TWICE), cookie_trouble: true, ..LoginPage::default() },
        LoginPage { notice: Some(COOKIES_LOST), cookie_trouble: true, ..LoginPage::default() },
        LoginPage { notice: Some(COOKIES_TWICE), cookie_trouble: true, ..LoginPage::default() },
        LoginPage { notice: Some("signed_out"), ..LoginPage::default() },
        LoginPage { notice: Some(text), ..LoginPage::default() },
    ])
}

/// The answer to a password that was right and is not enough.
fn asked_for(lacks: Lack, methods: SecondMethods, form: Form, next: Option<&Next>) -> Reply {
    let (path, step) = match lacks {
        Lack::Factor => (paths::FACTOR, StillAsked::SecondFactor),
        Lack::Enrolment => (paths::ENROL, StillAsked::FactorEnrolment),
    };
    match form {
        Form::Page => Reply::SeeOther(
            next.map_or_else(|| path.to_owned(), |next| format!("{path}?{}", next_parameter(next))),
        ),
        Form::Data => {
            let halfway = Halfway { login: No, next: step, methods: methods.words() };
            Reply::written(&SignInAnswer::Halfway(halfway))
        }
    }
}

/// The answer to a password that was right, and that others have: to choose another is the person's business.
fn warned(tokens: Option<TokenPair>, form: Form, next: Option<&Next>, site: &Sitemap) -> Reply {
    let is_dashboard = next.is_none_or(|next| site.is_at(next, paths::DASHBOARD));
    match (tokens, form) {
        (None, Form::Page) if is_dashboard => Reply::SeeOther(saying(paths::DASHBOARD, PASSWORD_LEAKED)),
        (None, Form::Page) => led_on(next),
        (tokens, _) => Reply::written(&SignInAnswer::In(Begun::with(tokens).leaked())),
    }
}

/// How far a password has led.
enum Came {
    In(Option<TokenPair>),
    /// The same by a password that was stolen elsewhere.
    Leaked(Option<TokenPair>),
    /// To a second step, for which one of these is asked, or taken into use.
    Halfway(Lack, SecondMethods),
}

/// Checks the password, and begins the session if nothing else is asked for.
async fn sign_in(
    credentials: Credentials,
    form: Form,
    sessions: &Sessions<'_>,
    accounts: &Accounts,
) -> Result<Came, NotDone> {
    if credentials.password.is_empty() {
        // Answered like a wrong one, but no attempt: nothing was compared.
        return Err(bad_credentials().into());
    }
    let delivery = delivery_of(credentials.delivery, sessions)?;
    let Ok(password) = Password::new(credentials.password) else { return Err(unfitting().into()) };
    let device = device::of(sessions, &credentials.username);
    let attempt = Attempt { address: sessions.address(), device: device.as_deref() };
    let step = {
        let trusting = Trusting(sessions.trust());
        accounts.sign_in(&credentials.username, password, credentials.remember, trusting, attempt).await
    };
    let (person, proved) = match step {
        Ok(Step::Done(person)) => (person, Proved::Password),
        Ok(Step::Trusted(person)) => (person, Proved::TrustedPassword),
        Ok(Step::Next(pending)) => {
            sessions.keep_pending(&pending.secret, pending.life);
            return Ok(Came::Halfway(pending.lacks, pending.methods));
        }
        Err(SignInError::Busy) => return Err(Rejection::busy().noted(What::SignInBusy).into()),
        Err(error) => {
            return Err(Rejection::of_sign_in(error, bad_credentials().noted(What::SignInFailed)));
        }
    };
    let begun = begin(&person, None, proved, credentials.remember, delivery, form, sessions, accounts);
    let came = if person.password_leaked { Came::Leaked } else { Came::In };
    begun.await.map(|(_, tokens)| came(tokens))
}

/// Writes the event of a failed attempt. The name is kept only when it is somebody's:
/// people type passwords into the wrong field.
pub(crate) async fn note_failure(what: What, name: &str, sessions: &Sessions<'_>, accounts: &Accounts) {
    let account = match accounts.name_of(name).await {
        Ok(Some(name)) => accounts.find(&name).await.ok().flatten(),
        Ok(None) | Err(_) => None,
    };
    sessions.note(what, account.as_ref().map(|account| account.name.as_str()), None);
}

#[rocket::async_trait]
impl<'r> FromRequest<'r> for SendsCookies {
    type Error = Infallible;

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, Infallible> {
        Outcome::Success(Self(has_cookies(request)))
    }
}

impl body::FromFields for Credentials {
    fn from_fields(fields: &mut Fields) -> Result<Self, body::Unreadable> {
        Ok(Self {
            username: fields.required("username")?,
            password: fields.required("password")?,
            remember: fields.optional("remember").is_some_and(|value| value != "false"),
            delivery: None,
            next: fields.optional("next"),
        })
    }
}

/// The notices that a link to the sign-in page may ask for; a closed list, so that nobody can put words into our mouth.
const NOTICES: [&str; 9] = [
    "signed_out",
    "session_ended",
    "session_expired",
    "password_changed",
    PASSWORD_CHOSEN,
    RESET_SENT,
    LINK_SENT,
    ACCOUNT_DELETED,
    SIGN_IN_EXPIRED,
];
/// A cookie of ours came twice, with different values; seen here and not asked for by a link.
const COOKIES_TWICE: &str = "cookies_twice";
/// The notice after a second step that came too late, or after too many wrong ones.
pub(crate) const SIGN_IN_EXPIRED: &str = "sign_in_expired";
/// The notice after a one-time code was exchanged.
pub(crate) const PASSWORD_CHOSEN: &str = "password_chosen";
/// The notice after somebody asked for a link by which a password is chosen.
pub(crate) const RESET_SENT: &str = "reset_sent";
/// The notice after a sign-in by a password that was stolen elsewhere.
pub(crate) const PASSWORD_LEAKED: &str = "password_leaked";
/// The notice after somebody registered.
pub(crate) const LINK_SENT: &str = "join_sent";
/// The notice after somebody deleted the account.
pub(crate) const ACCOUNT_DELETED: &str = "account_deleted";
/// A longer name is nobody's and not worth showing again.
const MAX_KEPT_NAME: usize = 64;
