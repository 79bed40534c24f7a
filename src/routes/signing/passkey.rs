//! `/login/passkey`: signing in with a passkey and nothing else, and what browsers are asked to show one by.
//!
//! The script fetches what is asked, lets the browser have it answered, and sends the answer as a form, so that the page that
//! follows is one like any other.

use rocket::http::Status;
use rocket::{State, post};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{AdditionalProperties, ObjectBuilder, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::auth::{AuthError, Proved, Refusal, Sessions, SignInAttempt, TokenPair, Voucher, What};
use crate::routes::answer::body::{self, Body, Fields};
use crate::routes::answer::errors::Refused;
use crate::routes::answer::negotiate::Form;
use crate::routes::answer::rejection::{NotDone, Rejection};
use crate::routes::answer::reply::Reply;
use crate::routes::signing::begin::{Delivery, begin, delivery_of, led_on, signed_in};
use crate::routes::signing::form_proof::FormProof;
use crate::routes::signing::login::{self, Demo};
use crate::routes::view::frame::Frame;
use crate::users::{Accounts, PasskeyError};

/// What a browser brings of a passkey: in JSON the object itself, in a form its text.
pub(crate) struct Credential(String);

/// A passkey, and whether to remember the browser.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Passkey {
    credential: Credential,
    #[serde(default)]
    remember: bool,
    delivery: Option<Delivery>,
    #[serde(skip)]
    next: Option<String>,
}

/// `POST /login/passkey/options`: what the browser of somebody who is not known yet is asked.
#[post("/login/passkey/options")]
pub(crate) fn options(_attempt: SignInAttempt, accounts: &State<Accounts>) -> Result<Reply, Refused> {
    let options = accounts.passkey_request().map_err(|error| {
        let error = &error as &dyn std::error::Error;
        tracing::error!(error, "nobody can sign in with a passkey");
        Refused(AuthError::Unavailable)
    })?;
    Ok(asked(options, not_offered))
}

/// `POST /login/passkey`: as a form, or as JSON `{"credential", "remember"?}`.
#[expect(clippy::too_many_arguments, reason = "a handler's signature names everything it touches")]
#[post("/login/passkey", data = "<body>")]
pub(crate) async fn submit(
    attempt: Result<SignInAttempt, AuthError>,
    csrf: FormProof<'_>,
    sessions: Sessions<'_>,
    accounts: &State<Accounts>,
    frame: Frame<'_>,
    form: Form,
    demo: &State<Demo>,
    body: Body<Passkey>,
) -> Result<Reply, Refused> {
    let Body(sent) = body;
    let next = sent.next.as_deref().and_then(|next| frame.site.next(next));
    let mut unknown = None;
    let not_done = match attempt {
        Ok(_) => match sign_in(&sent, form, &sessions, accounts).await {
            Ok(tokens) => return Ok(signed_in(tokens, form, next.as_ref())),
            Err(Failed::Unknown) => {
                unknown = accounts.unknown_passkey(sent.credential.as_str());
                unknown_passkey().noted(What::SignInFailed).into()
            }
            Err(Failed::NotDone(not_done)) => not_done,
        },
        Err(AuthError::CsrfMissing | AuthError::CsrfMismatch) if csrf.is_signed_in => {
            return Ok(led_on(next.as_ref()));
        }
        Err(error) => csrf.lost(error),
    };
    let rejection = not_done.rejection()?;
    if let Some(what) = rejection.event() {
        sessions.note(what, rejection.whose(), None);
    }
    Ok(rejection.answer(form, |rejection| {
        let frame = frame.csrf(csrf.as_str());
        login::passkey_refused(&frame, rejection, next.as_ref(), unknown.as_ref(), demo.0, accounts)
    }))
}

/// Why nobody was signed in.
enum Failed {
    /// There is no such passkey.
    Unknown,
    NotDone(NotDone),
}

async fn sign_in(
    sent: &Passkey,
    form: Form,
    sessions: &Sessions<'_>,
    accounts: &Accounts,
) -> Result<Option<TokenPair>, Failed> {
    let delivery = delivery_of(sent.delivery, sessions).map_err(Failed::NotDone)?;
    let shown = sent.credential.as_str();
    let step = match accounts.sign_in_by_passkey(shown, sent.remember, sessions.address()).await {
        Ok(step) => step,
        Err(PasskeyError::Unknown) => return Err(Failed::Unknown),
        Err(PasskeyError::SignIn(error)) => {
            let wrong = bad_passkey().noted(What::SignInFailed);
            return Err(Failed::NotDone(Rejection::of_sign_in(error, wrong)));
        }
    };
    let (voucher, proved) = (Some(Voucher::from_bytes(step.voucher)), Proved::Passkey);
    let begun = begin(&step.person, voucher, proved, step.remember, delivery, form, sessions, accounts).await;
    begun.map(|(_, tokens)| tokens).map_err(|not_done| match not_done {
        // The account changed in between.
        NotDone::Refused(Refused(AuthError::Revoked)) => Failed::NotDone(bad_passkey().into()),
        not_done => Failed::NotDone(not_done),
    })
}

/// What a browser is asked, or why it is not.
pub(crate) fn asked(options: Option<Value>, otherwise: impl FnOnce() -> Rejection) -> Reply {
    match options {
        Some(options) => Reply::Json(Status::Ok, options),
        None => Reply::Refused(otherwise().into_refusal()),
    }
}

/// Whatever was wrong with it.
pub(crate) fn bad_passkey() -> Rejection {
    Rejection::new(Status::Unauthorized, BAD_PASSKEY, "The passkey was refused")
}

/// There is none of this name, which nobody guesses; so a program may tell its keeper.
fn unknown_passkey() -> Rejection {
    let refusal = Refusal::new(Status::Unauthorized, "There is no such passkey", "unknown_passkey");
    Rejection::told(BAD_PASSKEY, refusal)
}

pub(crate) fn not_offered() -> Rejection {
    let message = "The operator has set no app.base_url, or no app.factor_key";
    Rejection::new(Status::Conflict, "passkeys_not_offered", message)
}

impl Credential {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for Credential {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl PartialSchema for Credential {
    fn schema() -> RefOr<Schema> {
        let says = "What `PublicKeyCredential.toJSON()` gives, whole";
        let anything = AdditionalProperties::FreeForm(true);
        ObjectBuilder::new().description(Some(says)).additional_properties(Some(anything)).into()
    }
}

impl ToSchema for Credential {}

impl<'de> Deserialize<'de> for Credential {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let whole = serde_json::Map::deserialize(deserializer)?;
        Ok(Self(Value::Object(whole).to_string()))
    }
}

impl body::FromFields for Passkey {
    fn from_fields(fields: &mut Fields) -> Result<Self, body::Unreadable> {
        Ok(Self {
            credential: fields.required("credential")?.into(),
            remember: fields.optional("remember").is_some_and(|value| value == "true"),
            delivery: None,
            next: fields.optional("next"),
        })
    }
}

const BAD_PASSKEY: &str = "bad_passkey";
