//! An address for mail (RFC 5321), in the form in which one is kept and compared.

use std::fmt;
use std::str::FromStr;

/// An address for mail.
///
/// The part before the `@` is kept as it was typed, because its letters' case may count; the host is kept in lower case. Two
/// addresses that differ by case alone are one ([`folded`](Self::folded)): nobody has met a host where they are two people's.
/// Letters outside of ASCII are refused before the `@`, and a host with them is written as `xn--…`.
///
/// ```
/// use portcullis::users::EmailAddress;
///
/// let address: EmailAddress = " Ada.Lovelace@Example.ORG ".parse().unwrap();
/// assert_eq!(address.as_str(), "Ada.Lovelace@example.org");
/// assert_eq!(address.folded(), "ada.lovelace@example.org");
/// for text in ["ada", "ada@", "@example.org", "a b@example.org", "ada@example.org\r\nBcc: all@example.org"] {
///     assert!(text.parse::<EmailAddress>().is_err(), "{text:?}");
/// }
/// assert_eq!(format!("{address:?}"), "EmailAddress(..)", "a log learns nothing");
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct EmailAddress(String);

/// The text is no address for mail.
///
/// ```
/// use portcullis::users::{EmailAddress, InvalidEmailAddress};
///
/// assert_eq!("ada".parse::<EmailAddress>(), Err(InvalidEmailAddress));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("This is no address for mail")]
pub struct InvalidEmailAddress;

impl EmailAddress {
    /// As it is written to.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands behind the `@`.
    #[must_use]
    pub fn host(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, host)| host)
    }

    /// As it is compared.
    #[must_use]
    pub fn folded(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

impl FromStr for EmailAddress {
    type Err = InvalidEmailAddress;

    fn from_str(text: &str) -> Result<Self, InvalidEmailAddress> {
        let text = text.trim_matches(' ');
        let (local, host) = text.rsplit_once('@').ok_or(InvalidEmailAddress)?;
        let host = host.to_ascii_lowercase();
        if text.len() <= LONGEST && is_local_part(local) && is_host(&host) {
            Ok(Self(format!("{local}@{host}")))
        } else {
            Err(InvalidEmailAddress)
        }
    }
}

impl fmt::Debug for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EmailAddress(..)")
    }
}

/// A dot-atom (RFC 5322 §3.2.3): what every server takes, and what no header can be broken with.
fn is_local_part(local: &str) -> bool {
    let is_sign = |sign: u8| sign.is_ascii_alphanumeric() || b"!#$%&'*+/=?^_`{|}~-".contains(&sign);
    let is_atom = |atom: &str| !atom.is_empty() && atom.bytes().all(is_sign);
    (1..=64).contains(&local.len()) && local.split('.').all(is_atom)
}

fn is_host(host: &str) -> bool {
    let is_sign = |sign: u8| sign.is_ascii_alphanumeric() || sign == b'-';
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(is_sign)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let is_known = host == "localhost" || host.contains('.');
    // A host whose last label is a number would be an address of another kind.
    let is_name = !host.rsplit('.').next().is_some_and(|last| last.bytes().all(|sign| sign.is_ascii_digit()));
    is_known && is_name && host.split('.').all(is_label)
}

/// RFC 5321 §4.5.3.1.3, without the angle brackets.
const LONGEST: usize = 254;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_breaks_a_header_or_leads_elsewhere_is_an_address() {
        let long = [format!("{}@example.org", "a".repeat(65)), format!("a@{}org", "aa.".repeat(90))];
        let odd = [
            "",
            "@",
            "a@b",
            "a@@example.org",
            "a@example.org,b@example.org",
            "a@example.org\n",
            "a@example.org\0",
            "a\r\nTo: b@example.org",
            "\"a b\"@example.org",
            "a..b@example.org",
            ".a@example.org",
            "a.@example.org",
            "a@-example.org",
            "a@example-.org",
            "a@example..org",
            "a@192.0.2.7",
            "a@[192.0.2.7]",
            "a@exämple.org",
            "ä@example.org",
            "<a@example.org>",
            "a@example.org\u{a0}",
        ];
        for text in odd.into_iter().map(str::to_owned).chain(long) {
            assert_eq!(text.parse::<EmailAddress>(), Err(InvalidEmailAddress), "{text:?}");
        }
        for text in ["a+b@example.org", "o'neill@xn--exmple-cua.org", "a_b-c@sub.example.org", "a@localhost"]
        {
            assert_eq!(text.parse::<EmailAddress>().unwrap().as_str(), text);
        }
    }
}
