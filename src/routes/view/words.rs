//! The words of the pages, in the visitor's language.
//!
//! All text stands in `templates/text/<language>.json`; English is what everybody else gets.

use rocket::Request;
use rocket::request::{FromRequest, Outcome};
use serde_json::Value;

/// The catalogues of all languages.
#[derive(Debug, Clone)]
pub struct Catalogues(Vec<(String, Value)>);

/// The catalogue for one request.
#[derive(Debug, Clone, Copy)]
pub struct Words<'r> {
    /// The language's tag (RFC 5646), for `<html lang>`.
    pub language: &'r str,
    /// All texts, as the templates' `t`.
    pub catalogue: &'r Value,
}

impl Catalogues {
    /// The catalogues that are part of the program.
    ///
    /// # Errors
    /// When one of them is not JSON, which a test would have found.
    pub fn embedded() -> Result<Self, serde_json::Error> {
        Ok(Self(vec![
            ("en".to_owned(), serde_json::from_str(include_str!("../../../templates/text/en.json"))?),
            ("de".to_owned(), serde_json::from_str(include_str!("../../../templates/text/de.json"))?),
        ]))
    }

    /// The languages, the default first.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(language, catalogue)| (language.as_str(), catalogue))
    }

    /// Adds a language, or puts another catalogue in the place of its own.
    pub(crate) fn put(&mut self, language: String, catalogue: Value) {
        match self.0.iter_mut().find(|(tag, _)| *tag == language) {
            Some((_, known)) => *known = catalogue,
            None => self.0.push((language, catalogue)),
        }
    }

    /// The words of this language, if there are any.
    #[must_use]
    pub fn of(&self, language: &str) -> Option<Words<'_>> {
        let known = self.iter().find(|(known, _)| *known == language);
        known.map(|(language, catalogue)| Words { language, catalogue })
    }

    /// The language that whoever asks has chosen here, or else the best for the request (RFC 9110 §12.5.4, quality first, then
    /// order).
    #[must_use]
    pub fn choose(&self, request: &Request<'_>) -> Words<'_> {
        let chosen = chosen(request).and_then(|language| self.of(language));
        if let Some(words) = chosen {
            return words;
        }
        let mut best: Option<(f32, Words<'_>)> = None;
        for range in request.headers().get("Accept-Language").flat_map(|line| line.split(',')) {
            let mut parts = range.split(';');
            let tag = parts.next().unwrap_or_default().trim();
            let quality = parts.find_map(|part| part.trim().strip_prefix("q=")?.parse().ok()).unwrap_or(1.0);
            let known = self.iter().find(|(language, _)| language.eq_ignore_ascii_case(tag));
            let known = known.or_else(|| {
                self.iter().find(|(language, _)| primary(language).eq_ignore_ascii_case(primary(tag)))
            });
            if let Some((language, catalogue)) = known
                && quality > best.map_or(0.0, |(quality, _)| quality)
            {
                best = Some((quality, Words { language, catalogue }));
            }
        }
        best.map_or_else(|| self.fallback(), |(_, words)| words)
    }

    fn fallback(&self) -> Words<'_> {
        let (language, catalogue) =
            self.0.first().map_or(("en", &Value::Null), |(tag, words)| (tag.as_str(), words));
        Words { language, catalogue }
    }
}

/// The language that the browser's cookie says.
fn chosen<'r>(request: &'r Request<'_>) -> Option<&'r str> {
    let mut pairs = request.headers().get("Cookie").flat_map(|line| line.split(';'));
    let sent = pairs.find_map(|pair| pair.trim().strip_prefix(LANGUAGE_COOKIE)?.strip_prefix('='));
    // Rocket's local client puts cookies into the jar alone, without a header.
    sent.or_else(|| request.cookies().get(LANGUAGE_COOKIE).map(rocket::http::Cookie::value))
}

/// The cookie that says which language somebody has chosen; it tells nothing else.
pub(crate) const LANGUAGE_COOKIE: &str = "portcullis_language";

/// The language of a tag, without script and region.
fn primary(tag: &str) -> &str {
    tag.split('-').next().unwrap_or_default()
}

#[rocket::async_trait]
impl<'r> FromRequest<'r> for Words<'r> {
    type Error = std::convert::Infallible;

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, Self::Error> {
        Outcome::Success(of(request))
    }
}

/// The words for this request, for catchers, which take no guards.
pub(crate) fn of<'r>(request: &'r Request<'_>) -> Words<'r> {
    request
        .rocket()
        .state::<Catalogues>()
        .map_or(Words { language: "en", catalogue: &Value::Null }, |all| all.choose(request))
}
