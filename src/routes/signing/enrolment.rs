//! What somebody sees who takes a factor into use, on their own page or in the middle of signing in.

use qrcode::QrCode;
use qrcode::render::svg;
use rocket::http::ContentType;
use rocket_dyn_templates::Template;
use serde::Serialize;
use serde_json::Value;

use crate::routes::view::frame::Frame;
use crate::routes::view::paths;
use crate::routes::view::states;
use crate::users::Enrolment;

#[derive(Debug, Serialize)]
struct EnrolPage<'a> {
    /// Under which address it is taken into use: somebody's own page, or a sign-in.
    at: &'static str,
    id: &'a str,
    /// The secret in groups of four.
    secret: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u64>,
}

#[derive(Debug, Serialize)]
struct CodesPage<'a> {
    codes: Vec<&'a str>,
}

/// The enrolment in every state.
pub(crate) fn app_samples(text: &str) -> Vec<Value> {
    let page =
        |error, retry_after| EnrolPage { at: paths::FACTORS, id: text, secret: text, error, retry_after };
    states::values(&[
        page(None, None),
        page(Some("bad_second_code"), None),
        page(Some("throttled"), Some(30)),
        page(Some(text), None),
    ])
}

/// The page of new codes in every state.
pub(crate) fn code_samples(text: &str) -> Vec<Value> {
    states::values(&[CodesPage { codes: vec![text; 10] }])
}

/// Its picture; a name for which no picture has room is typed with the key.
pub(crate) fn drawn(enrolment: &Enrolment) -> Option<(ContentType, String)> {
    let drawn = QrCode::new(enrolment.uri.as_bytes())
        .map(|code| code.render::<svg::Color<'_>>().min_dimensions(240, 240).quiet_zone(true).build());
    drawn.ok().map(|drawn| (ContentType::SVG, drawn))
}

/// The picture, the key, and the form for the first code.
pub(crate) fn enrol_page(
    at: &'static str,
    enrolment: &Enrolment,
    frame: &Frame<'_>,
    error: Option<&str>,
    retry_after: Option<u64>,
) -> Template {
    let secret = enrolment.secret.to_base32();
    let groups: Vec<_> = secret.as_bytes().chunks(4).map(String::from_utf8_lossy).collect();
    let (id, secret) = (enrolment.id.to_string(), groups.join(" "));
    frame.render("enrol.html", EnrolPage { at, id: &id, secret: &secret, error, retry_after })
}

/// Recovery codes, this once.
pub(crate) fn codes_page(texts: &[String], frame: &Frame<'_>) -> Template {
    let page = CodesPage { codes: texts.iter().map(String::as_str).collect() };
    frame.render("recovery_codes.html", page)
}
