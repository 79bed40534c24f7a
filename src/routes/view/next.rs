//! Where to go after signing in: somewhere on this site, whatever the link said.

use std::fmt;

/// A path on this site.
///
/// It begins with exactly one `/`, has no backslash (browsers read it as a slash), no control and no non-ASCII
/// character. Whether it leads in a circle, the [`Sitemap`](crate::routes::view::sitemap::Sitemap) knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Next(String);

impl Next {
    /// The path, or `None` when the text is anything else (CT: `//evil`, `/\evil`, `https:…`, `javascript:…`).
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut characters = text.bytes();
        let begins_with_one_slash =
            characters.next() == Some(b'/') && !matches!(characters.next(), Some(b'/' | b'\\'));
        let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic() && !b"\\<>\"^`{|}".contains(&byte));
        if !begins_with_one_slash || !is_plain || text.len() > MAX_LENGTH {
            return None;
        }
        // A fragment may stand in a `Location` (RFC 9110 §10.2.2), but Rocket's parser knows only what a request may carry.
        let requested = text.split('#').next().unwrap_or_default();
        rocket::http::uri::Origin::parse(requested).is_ok().then(|| Self(text.to_owned()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Without query and fragment.
    pub(crate) fn path(&self) -> &str {
        self.0.split(['?', '#']).next().unwrap_or_default()
    }

    /// What stands between path and fragment; empty when nothing does.
    pub(crate) fn query(&self) -> &str {
        self.0.split('#').next().and_then(|text| text.split_once('?')).map_or("", |(_, query)| query)
    }
}

impl fmt::Display for Next {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

const MAX_LENGTH: usize = 1024;

#[cfg(test)]
mod tests {
    use super::Next;

    #[test]
    fn only_paths_of_this_site_are_followed() {
        for fine in ["/", "/dashboard", "/a/b?c=d&e=%2F%2Fevil", "/a//b", "/%09/evil", "/x#y"] {
            assert_eq!(Next::parse(fine).map(|next| next.0).as_deref(), Some(fine), "{fine}");
        }
        let hostile = [
            "",
            "dashboard",
            "//evil.example",
            "///evil.example",
            "/\\evil.example",
            "\\/evil",
            "https://evil.example",
            "https:evil",
            "javascript:alert(1)",
            "data:text/html,x",
            " /x",
            "/x y",
            "/x\r\nSet-Cookie: a=b",
            "/\t/evil",
            "/\u{e4}",
            "http:///evil",
            "//user:pass@evil",
            "/a\\b",
            "/<x>",
        ];
        for path in hostile {
            assert_eq!(Next::parse(path), None, "{path:?}");
        }
        assert_eq!(Next::parse(&format!("/{}", "a".repeat(65_536))), None);
    }
}
