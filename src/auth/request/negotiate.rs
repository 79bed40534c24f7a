//! Page or data? Browsers and programs use the same URLs; what they ask for decides the form of the answer.

use rocket::Request;

/// Whether this request wants a page: it names HTML, or it sends a form and does not name JSON.
///
/// A caller that accepts anything, such as curl, is a program and gets JSON.
/// Where both are named, the higher quality value decides (RFC 9110 §12.5.1), and of equals the first.
#[must_use]
pub fn wants_page(request: &Request<'_>) -> bool {
    let accepted = request.headers().get("Accept").flat_map(|line| line.split(','));
    let mut best: Option<(bool, u16)> = None;
    for range in accepted {
        let mut parts = range.split(';').map(str::trim);
        let media_type = parts.next().unwrap_or_default();
        let is = |name: &str| media_type.eq_ignore_ascii_case(name);
        let is_page = is("text/html") || is("application/xhtml+xml");
        if !is_page && !is("application/json") {
            continue;
        }
        let quality = parts.find_map(quality).unwrap_or(1000);
        if quality > best.map_or(0, |(_, best)| best) {
            best = Some((is_page, quality));
        }
    }
    let sends_form = || request.content_type().is_some_and(|kind| kind.is_form() || kind.is_form_data());
    best.map_or_else(sends_form, |(is_page, _)| is_page)
}

/// The quality value of a media range in thousandths, when this parameter is one; what cannot be read counts as none.
fn quality(parameter: &str) -> Option<u16> {
    let (name, value) = parameter.split_once('=')?;
    if !name.trim().eq_ignore_ascii_case("q") {
        return None;
    }
    let (whole, fraction) = value.trim().split_once('.').unwrap_or((value.trim(), ""));
    let is_digits = fraction.len() <= 3 && fraction.bytes().all(|sign| sign.is_ascii_digit());
    match (whole, is_digits) {
        ("1", true) => Some(1000),
        ("0", true) => format!("{fraction:0<3}").parse().ok(),
        _ => None,
    }
}
