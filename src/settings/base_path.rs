//! Under which path of its origin the application stands, where that is not the root.
//!
//! Inside, every address begins at the root: routes, redirects and templates say `/login`. What leaves for a browser begins
//! with the base path; what comes may have it, or a proxy has taken it off already.

use std::fmt;
use std::str::FromStr;

/// Nothing, or as in `/auth`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BasePath(String);

/// A text is no base path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be a path as in \"/auth\": it begins with \"/\", does not end with one, and has letters, digits, \"-\", \"_\", \"~\" and \".\""
)]
pub struct UnfitBasePath;

impl BasePath {
    /// At the root.
    pub(crate) const ROOT: Self = Self(String::new());

    /// Whether it is the root.
    pub(crate) const fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// As it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// An address of ours as a browser knows it.
    pub(crate) fn address(&self, inside: &str) -> String {
        format!("{}{inside}", self.0)
    }

    /// An address that a browser knows, as we know it; `None` when it is none of ours.
    pub(crate) fn inside<'a>(&self, address: &'a str) -> Option<&'a str> {
        let rest = address.strip_prefix(&self.0)?;
        match rest.bytes().next() {
            None if !self.is_root() => Some("/"),
            Some(b'/' | b'?' | b'#') => Some(rest),
            _ => None,
        }
    }

    /// A page whose addresses are as a browser knows them. A value of a template is escaped, so that none looks like an
    /// attribute.
    pub(crate) fn page(&self, page: &str) -> String {
        let mut found = String::with_capacity(page.len() + 1024);
        let mut rest = page;
        while let Some(at) = rest.find("=\"") {
            let (before, value) = rest.split_at(at + 2);
            found.push_str(before);
            let name = before.trim_end_matches("=\"");
            let inside = SLASHES.iter().find_map(|slash| value.strip_prefix(slash));
            let is_ours = inside.is_some_and(|inside| !SLASHES.iter().any(|slash| inside.starts_with(slash)));
            if is_ours && ADDRESSES.iter().any(|address| name.ends_with(address)) {
                found.push_str(&self.0);
            }
            rest = value;
        }
        found.push_str(rest);
        found
    }
}

impl FromStr for BasePath {
    type Err = UnfitBasePath;

    fn from_str(text: &str) -> Result<Self, UnfitBasePath> {
        if text.is_empty() {
            return Ok(Self::ROOT);
        }
        let segments = text.strip_prefix('/').ok_or(UnfitBasePath)?;
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_~.".contains(&byte);
        let is_fit = |segment: &str| !matches!(segment, "" | "." | "..") && segment.bytes().all(is_plain);
        let is_path = segments.split('/').all(is_fit) && text.len() <= LONGEST;
        is_path.then(|| Self(text.to_owned())).ok_or(UnfitBasePath)
    }
}

impl fmt::Display for BasePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The attributes of our pages whose values are addresses, with what stands before them.
const ADDRESSES: [&str; 5] = [" href", " action", " src", " formaction", " data-passkey"];
/// A slash, and what a template makes of one in a value.
const SLASHES: [&str; 2] = ["/", "&#x2F;"];
const LONGEST: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_are_base_paths() {
        for fine in ["", "/auth", "/a/b-c_d~e.f", "/.hidden"] {
            assert_eq!(fine.parse::<BasePath>().map(|base| base.0).as_deref(), Ok(fine));
        }
        for unfit in [
            "auth", "/", "/auth/", "//auth", "/a//b", "/../a", "/a/.", "/a b", "/ä", "/a?b", "/a%20b",
            "/a\"b",
        ] {
            assert_eq!(unfit.parse::<BasePath>(), Err(UnfitBasePath), "{unfit}");
        }
        assert!(format!("/{}", "a".repeat(100)).parse::<BasePath>().is_err());
    }

    #[test]
    fn addresses_go_in_and_out() {
        let base: BasePath = "/auth".parse().unwrap();
        for (address, inside) in [
            ("/auth", Some("/")),
            ("/auth/", Some("/")),
            ("/auth/login", Some("/login")),
            ("/auth?a=b", Some("?a=b")),
            ("/authority", None),
            ("/", None),
            ("/app/auth/login", None),
        ] {
            assert_eq!(base.inside(address), inside, "{address}");
            assert_eq!(BasePath::ROOT.inside(address), Some(address), "{address}");
        }
        assert_eq!(base.address("/login"), "/auth/login");
    }

    #[test]
    fn pages_lead_to_addresses_that_a_browser_knows() {
        let base: BasePath = "/auth".parse().unwrap();
        for (page, expected) in [
            (r#"<a href="/login">"#, r#"<a href="/auth/login">"#),
            (r#"<a href="&#x2F;login">"#, r#"<a href="/auth&#x2F;login">"#),
            (r#"<a href="&#x2F;&#x2F;cdn.example">"#, r#"<a href="&#x2F;&#x2F;cdn.example">"#),
            (r#"<a href="//cdn.example/x">"#, r#"<a href="//cdn.example/x">"#),
            (r#"<a href="https://a.example/">"#, r#"<a href="https://a.example/">"#),
            (r#"<form action="/" data-passkey="/x">"#, r#"<form action="/auth/" data-passkey="/auth/x">"#),
            (
                r#"<input name="next" value="/auth/dashboard">"#,
                r#"<input name="next" value="/auth/dashboard">"#,
            ),
            (r#"<p>href=&quot;/x&quot; and ="/ alone"#, r#"<p>href=&quot;/x&quot; and ="/ alone"#),
        ] {
            assert_eq!(base.page(page), expected);
        }
    }
}
