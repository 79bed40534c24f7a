//! The answer that shows a one-time code, once, to the administrator who had it made.

use rocket::http::Status;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::auth::UnixTime;
use crate::routes::answer::negotiate::Form;
use crate::routes::answer::reply::Reply;
use crate::routes::people::administrator::Desk;
use crate::routes::view::frame::Moment;
use crate::routes::view::paths;
use crate::routes::view::states;
use crate::users::{OneTimeCode, Username};

/// A one-time code, which is shown this once.
#[derive(Serialize, ToSchema)]
pub(crate) struct IssuedCode<'a> {
    username: &'a str,
    code: String,
    /// Until when it can be exchanged for a password.
    expires: Moment,
}

/// The page that shows a code, once.
#[derive(Debug, Serialize)]
struct CodePage<'a> {
    name: &'a str,
    path: String,
    code: String,
    expires: Moment,
    /// Whether the account was made for it.
    is_new: bool,
}

/// The answer that shows a code.
pub(crate) fn show_code(
    desk: &Desk<'_>,
    name: &Username,
    code: &OneTimeCode,
    until: UnixTime,
    is_new: bool,
) -> Reply {
    let (code, expires) = (code.to_text(), Moment::from(until));
    if desk.form == Form::Data {
        return Reply::written(&IssuedCode { username: name.as_str(), code, expires });
    }
    let page = CodePage { name: name.as_str(), path: paths::person(name.as_str()), code, expires, is_new };
    Reply::Page(Status::Ok, desk.frame.render("code_issued.html", page))
}

/// The page of a code in every state.
pub(crate) fn code_samples(text: &str) -> Vec<Value> {
    let page = |is_new| CodePage {
        name: text,
        path: paths::person(text),
        code: text.to_owned(),
        expires: Moment::sample(text),
        is_new,
    };
    states::values(&[page(true), page(false)])
}
