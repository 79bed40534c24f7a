//! What are programs told? Every answer in JSON that is no refusal has a type, and by it stands in `/openapi.json`.
//!
//! Here are those that say that something was done, and what more than one room answers; the others stand with their handlers.

use serde::{Serialize, Serializer};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::routes::view::frame::Moment;

/// What can be answered to a program: it is written as JSON, and described by a schema.
pub(crate) trait JsonAnswer: Serialize + ToSchema {}

impl<T: Serialize + ToSchema> JsonAnswer for T {}

/// `true`, and never anything else.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Yes;

/// `false`, and never anything else.
#[derive(Debug, Clone, Copy)]
pub(crate) struct No;

/// `POST /logout`.
#[derive(Serialize, ToSchema)]
pub(crate) struct SignedOut {
    pub(crate) logout: Yes,
}

/// `POST /cookies/clear`.
#[derive(Serialize, ToSchema)]
pub(crate) struct CookiesCleared {
    pub(crate) cleared: Yes,
}

/// The password or a factor was given again.
#[derive(Serialize, ToSchema)]
pub(crate) struct Reauthenticated {
    pub(crate) fresh: Yes,
}

/// Sessions were ended.
#[derive(Serialize, ToSchema)]
pub(crate) struct SessionsEnded {
    /// How many.
    pub(crate) ended: usize,
}

/// What an authenticator app is given.
#[derive(Serialize, ToSchema)]
pub(crate) struct AppSecret {
    /// With which its first code is sent.
    pub(crate) id: String,
    /// The key in base 32, for typing.
    pub(crate) secret: String,
    /// The same as `otpauth://…`, for a picture.
    pub(crate) uri: String,
}

/// New recovery codes, which are shown this once.
#[derive(Serialize, ToSchema)]
pub(crate) struct RecoveryCodes {
    pub(crate) recovery_codes: Vec<String>,
}

/// The answer to the first code of an app: recovery codes with the first factor, later none.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum AppConfirmed {
    First(RecoveryCodes),
    Another(CodeConfirmed),
}

/// It was right.
#[derive(Serialize, ToSchema)]
pub(crate) struct CodeConfirmed {
    pub(crate) confirmed: Yes,
}

/// A passkey was taken into use.
#[derive(Serialize, ToSchema)]
pub(crate) struct PasskeyAdded {
    pub(crate) id: String,
    /// With the first factor, shown this once.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(crate) recovery_codes: Option<Vec<String>>,
}

/// A factor, or the trust in a browser, was taken away.
#[derive(Serialize, ToSchema)]
pub(crate) struct Removed {
    pub(crate) removed: Yes,
}

/// `POST /account/password`.
#[derive(Serialize, ToSchema)]
pub(crate) struct PasswordChanged {
    pub(crate) password_changed: Yes,
}

/// `POST /account/code`.
#[derive(Serialize, ToSchema)]
pub(crate) struct PasswordChosen {
    pub(crate) password_chosen: Yes,
}

/// A message is on its way, if there is somebody to read it.
#[derive(Serialize, ToSchema)]
pub(crate) struct Sent {
    pub(crate) sent: Yes,
}

/// The own account is about to go.
#[derive(Serialize, ToSchema)]
pub(crate) struct AccountLeaves {
    pub(crate) deleted: Yes,
    /// When it is gone.
    pub(crate) leaves_at: Moment,
}

/// The address for messages.
#[derive(Serialize, ToSchema)]
pub(crate) struct OwnAddress {
    /// None where there is none that was proved.
    #[schema(required)]
    pub(crate) email: Option<String>,
}

impl Serialize for Yes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bool(true)
    }
}

impl Serialize for No {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bool(false)
    }
}

impl PartialSchema for Yes {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new().schema_type(Type::Boolean).enum_values(Some([true])).into()
    }
}

impl PartialSchema for No {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new().schema_type(Type::Boolean).enum_values(Some([false])).into()
    }
}

impl ToSchema for Yes {}

impl ToSchema for No {}
