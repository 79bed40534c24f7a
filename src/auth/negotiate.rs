//! Page or data? Browsers and programs use the same URLs; what they ask for decides the form of the answer.

use rocket::Request;

/// Whether this request wants a page: it names HTML, or it sends a form and does not name JSON.
///
/// A caller that accepts anything, such as curl, is a program and gets JSON.
#[must_use]
pub fn wants_page(request: &Request<'_>) -> bool {
    let accepted = request.headers().get("Accept").flat_map(|line| line.split(','));
    for range in accepted {
        let media_type = range.split(';').next().unwrap_or_default().trim();
        if media_type.eq_ignore_ascii_case("text/html")
            || media_type.eq_ignore_ascii_case("application/xhtml+xml")
        {
            return true;
        }
        if media_type.eq_ignore_ascii_case("application/json") {
            return false;
        }
    }
    request.content_type().is_some_and(|kind| kind.is_form() || kind.is_form_data())
}
