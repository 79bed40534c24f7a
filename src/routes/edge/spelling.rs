//! Every path has one spelling.
//!
//! Rocket takes `//protected`, `/protected/` and `/%70rotected` for `/protected`, so that a rule of a proxy for `/login`
//! does not see `POST /login/`. Here GET and HEAD of another spelling are led to the one (308), and anything else by
//! another spelling finds nothing.
//! A request fairing cannot answer, so it points the request at nothing and leaves a note for the catcher.
//! A path without a doubled or last slash, a `%` or a dot segment is taken as it is, which costs one look at its bytes.

use crate::routes::view::sitemap::fits;
use rocket::fairing::{Fairing, Info, Kind};
use rocket::http::Method;
use rocket::{Data, Request, Route, uri};

/// Refuses other spellings of our paths.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OneSpelling;

/// Where the request should have gone.
struct Respelled(Option<String>);

#[rocket::async_trait]
impl Fairing for OneSpelling {
    fn info(&self) -> Info {
        Info { name: "One spelling", kind: Kind::Request }
    }

    async fn on_request(&self, request: &mut Request<'_>, _: &mut Data<'_>) {
        let path = request.uri().path().as_str();
        if is_plain(path) {
            return;
        }
        let proper = respell(path);
        if proper == path {
            return;
        }
        let is_read = matches!(request.method(), Method::Get | Method::Head);
        // What is still encoded may hide a slash or a line break, and is worth no guess.
        let is_there = is_read
            && !proper.contains('%')
            && methods(request.rocket().routes(), &proper).contains(&Method::Get);
        let address = is_there.then(|| match request.uri().query() {
            Some(query) => format!("{proper}?{query}"),
            None => proper,
        });
        request.local_cache(|| Respelled(address));
        // No route is called so.
        request.set_uri(uri!("/-"));
    }
}

/// The address that this request, which found nothing, should have asked for.
pub(crate) fn proper_address(request: &Request<'_>) -> Option<String> {
    request.local_cache(|| Respelled(None)).0.clone()
}

/// The methods with which this path is served.
pub(crate) fn methods<'a>(routes: impl Iterator<Item = &'a Route>, path: &str) -> Vec<Method> {
    let mut methods: Vec<_> =
        routes.filter(|route| fits(route.uri.path(), path)).map(|route| route.method).collect();
    methods.sort_by_key(|method| method.as_str());
    methods.dedup();
    methods
}

fn is_plain(path: &str) -> bool {
    let has_last = path.len() > 1 && path.ends_with('/');
    let is_odd = |pair: &[u8]| matches!(pair, [b'/', b'/' | b'.'] | [_, b'%']);
    !has_last && !path.as_bytes().windows(2).any(is_odd)
}

/// The one spelling: no empty and no dot segments, and nothing encoded that need not be (RFC 3986 §6.2.2).
fn respell(path: &str) -> String {
    let mut segments = Vec::new();
    for segment in path.split('/') {
        match decode_unreserved(segment).as_str() {
            "" | "." => {}
            ".." => {
                segments.pop();
            }
            plain => segments.push(plain.to_owned()),
        }
    }
    format!("/{}", segments.join("/"))
}

fn decode_unreserved(segment: &str) -> String {
    let mut pieces = segment.split('%');
    let mut plain = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let code = piece.get(..2).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match (code, piece.get(2..)) {
            (Some(byte), Some(rest)) if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) => {
                plain.push(byte.into());
                plain.push_str(rest);
            }
            _ => {
                plain.push('%');
                plain.push_str(piece);
            }
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_spellings_are_read_as_the_one() {
        for (path, expected) in [
            ("/protected", "/protected"),
            ("//protected", "/protected"),
            ("/protected/", "/protected"),
            ("/%70rotected", "/protected"),
            ("/people//ada", "/people/ada"),
            ("/./protected", "/protected"),
            ("/people/../protected", "/protected"),
            ("/%2e%2E/protected", "/protected"),
            ("/", "/"),
            ("//", "/"),
            ("//evil.example/x", "/evil.example/x"),
            ("/people/a%40b", "/people/a%40b"),
            ("/people/a%2bb", "/people/a%2bb"),
            ("/people/%", "/people/%"),
            ("/people/%zz", "/people/%zz"),
            ("/people/%c3%a9", "/people/%c3%a9"),
            ("/people/a.b", "/people/a.b"),
        ] {
            assert_eq!(respell(path), expected, "{path}");
            assert_eq!(respell(expected), expected, "{expected}");
        }
        for plain in ["/", "/protected", "/people/a.b", "/static/portcullis.0a1b.css"] {
            assert!(is_plain(plain), "{plain}");
        }
    }
}
