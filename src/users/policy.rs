//! Which passwords may be chosen.
//!
//! Long enough, not one of those that everybody chooses, and not the person's or the service's own name; nothing is
//! said about capitals, digits or signs, because such rules make passwords worse (NIST SP 800-63B-4 §3.1.1.2).
//! It is asked when a password is chosen, never when one is checked: a password from before goes on working.

use std::cmp::Ordering;

use crate::users::password::Password;
use crate::users::username::Username;

/// What a new password must be.
///
/// ```
/// use portcullis::users::{Password, PasswordPolicy, UnfitPassword};
///
/// let policy = PasswordPolicy::new(15, "Portcullis");
/// let name = "alice".parse().unwrap();
/// assert!(policy.password("a heron on the weir".to_owned(), &name).is_ok());
/// let short = policy.password("heron".to_owned(), &name);
/// assert_eq!(short.unwrap_err(), UnfitPassword::TooShort { min: 15 });
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasswordPolicy {
    min: usize,
    service: String,
}

/// Why a password may not be chosen.
///
/// ```
/// use portcullis::users::{PasswordPolicy, UnfitPassword};
///
/// let policy = PasswordPolicy::new(15, "Portcullis");
/// let unfit = policy.password("my portcullis password".to_owned(), &"ada".parse().unwrap()).unwrap_err();
/// assert_eq!(unfit, UnfitPassword::ContainsService);
/// assert_eq!(unfit.to_string(), "the password must not contain the name of the service");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnfitPassword {
    /// Fewer characters (Unicode code points) than required.
    #[error("the password must have at least {min} characters")]
    TooShort {
        /// How many are required.
        min: usize,
    },
    /// More than 256 bytes.
    #[error("the password must have at most 256 bytes")]
    TooLong,
    /// It is on the list of common passwords, or a few characters over and over.
    #[error("the password is one of the most common ones")]
    Common,
    /// It was stolen elsewhere, from whoever chose it there.
    #[error("the password is on a list of stolen ones")]
    Leaked,
    /// The user name is in it.
    #[error("the password must not contain the user name")]
    ContainsName,
    /// The service's name is in it.
    #[error("the password must not contain the name of the service")]
    ContainsService,
}

impl PasswordPolicy {
    /// A policy of at least `min` characters, and never fewer than 8 (NIST SP 800-63B-4 §3.1.1.2), for the service of
    /// this name.
    #[must_use]
    pub fn new(min: usize, service: &str) -> Self {
        Self { min: min.max(LEAST), service: service.to_lowercase() }
    }

    /// The fewest characters a password must have.
    #[must_use]
    pub const fn min_length(&self) -> usize {
        self.min
    }

    /// Makes a new password of what the person `name` typed.
    ///
    /// # Errors
    /// [`UnfitPassword`], as it says.
    pub fn password(&self, typed: String, name: &Username) -> Result<Password, UnfitPassword> {
        if typed.is_empty() {
            return Err(UnfitPassword::TooShort { min: self.min });
        }
        let password = Password::new(typed).map_err(|_| UnfitPassword::TooLong)?;
        self.judge(&password, name).map(|()| password)
    }

    /// Judges a password that the person `name` wants to have.
    ///
    /// # Errors
    /// [`UnfitPassword`], as it says.
    pub fn judge(&self, password: &Password, name: &Username) -> Result<(), UnfitPassword> {
        let text = password.as_str();
        if text.chars().count() < self.min {
            return Err(UnfitPassword::TooShort { min: self.min });
        }
        let text = zeroize::Zeroizing::new(text.to_lowercase());
        let contains = |part: &str| part.chars().count() >= SHORTEST_NAME && text.contains(part);
        if is_common(&text) || is_monotonous(&text) {
            return Err(UnfitPassword::Common);
        }
        if contains(name.as_str()) {
            return Err(UnfitPassword::ContainsName);
        }
        if contains(&self.service) {
            return Err(UnfitPassword::ContainsService);
        }
        Ok(())
    }
}

impl Default for PasswordPolicy {
    /// 15 characters, what NIST SP 800-63B-4 asks of a password that stands alone.
    fn default() -> Self {
        Self::new(15, "Portcullis")
    }
}

/// Whether the text has so few different characters that it is one of those repeated.
fn is_monotonous(text: &str) -> bool {
    let mut seen = Vec::with_capacity(LEAST_VARIETY);
    for sign in text.chars() {
        if !seen.contains(&sign) {
            seen.push(sign);
        }
        if seen.len() >= LEAST_VARIETY {
            return false;
        }
    }
    true
}

/// Whether the lower-case text is a line of the sorted list.
fn is_common(text: &str) -> bool {
    let (mut from, mut to) = (0, COMMON.len());
    while from < to {
        let middle = from + (to - from) / 2;
        let start =
            COMMON.get(..middle).and_then(|before| before.rfind('\n')).map_or(0, |newline| newline + 1);
        let line = COMMON.get(start..).and_then(|rest| rest.split('\n').next()).unwrap_or_default();
        match line.cmp(text) {
            Ordering::Equal => return !text.is_empty(),
            Ordering::Less => from = start + line.len() + 1,
            Ordering::Greater => to = start,
        }
    }
    false
}

/// One lower-case ASCII password to a line, sorted by bytes; `common_passwords.NOTICE` says where they come from.
static COMMON: &str = include_str!("common_passwords.txt");
const LEAST: usize = 8;
/// One character over and over, or two, is what people type to be done with a form.
const LEAST_VARIETY: usize = 3;
/// Shorter names are in words by chance.
const SHORTEST_NAME: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(min: usize, text: &str, name: &str) -> Result<(), UnfitPassword> {
        let policy = PasswordPolicy::new(min, "Tollhouse");
        policy.password(text.to_owned(), &name.parse().unwrap()).map(drop)
    }

    #[test]
    fn length_is_counted_in_code_points_and_limited_in_bytes() {
        assert_eq!(judge(15, "heron weir 123", "alice"), Err(UnfitPassword::TooShort { min: 15 }));
        assert_eq!(judge(15, "heron weir 1234", "alice"), Ok(()));
        assert_eq!(judge(15, "žluťoučký kůňů", "alice"), Err(UnfitPassword::TooShort { min: 15 }));
        assert_eq!(judge(15, "žluťoučký kůň ů", "alice"), Ok(()));
        assert_eq!(judge(15, "", "alice"), Err(UnfitPassword::TooShort { min: 15 }));
        assert_eq!(judge(15, &"ab c".repeat(64), "alice"), Ok(()));
        assert_eq!(judge(15, &"é".repeat(129), "alice"), Err(UnfitPassword::TooLong));
        assert_eq!(judge(1, "weirher", "alice"), Err(UnfitPassword::TooShort { min: 8 }), "8 is the floor");
    }

    #[test]
    fn no_composition_is_asked_for() {
        for text in ["herons on the weir", "             h e", "8150 7261 9034 55", "🜂🜄🜁🜃🜂🜄🜁🜃🜂🜄🜁🜃🜂🜄🜁🜃"]
        {
            assert_eq!(judge(15, text, "alice"), Ok(()), "{text}");
        }
    }

    #[test]
    fn a_few_characters_over_and_over_are_refused() {
        for text in [" ".repeat(15), "~".repeat(15), "#q".repeat(8), "éÉ".repeat(8), "aAaA".repeat(4)] {
            assert_eq!(judge(15, &text, "alice"), Err(UnfitPassword::Common), "{text:?}");
        }
        assert_eq!(judge(15, &"#q!".repeat(5), "alice"), Ok(()));
    }

    #[test]
    fn names_may_not_be_part_of_it() {
        assert_eq!(judge(15, "the weir of ALICE here", "alice"), Err(UnfitPassword::ContainsName));
        assert_eq!(judge(15, "the weir of al here", "al"), Ok(()), "short names are in words by chance");
        assert_eq!(judge(15, "my tollHOUSE login", "alice"), Err(UnfitPassword::ContainsService));
    }

    #[test]
    fn every_common_password_is_refused_in_any_case() {
        let (mut of_8, mut of_15) = (0, 0);
        for line in COMMON.lines() {
            of_8 += 1;
            assert_eq!(judge(8, line, "zz"), Err(UnfitPassword::Common), "{line}");
            assert_eq!(judge(8, &line.to_uppercase(), "zz"), Err(UnfitPassword::Common), "{line}");
            if line.len() >= 15 {
                of_15 += 1;
                assert_eq!(judge(15, line, "zz"), Err(UnfitPassword::Common), "{line}");
            }
        }
        assert!(of_8 >= 20_000 && of_15 >= 10_000, "{of_8} in all, {of_15} of 15 characters and more");
        for well_known in ["password123", "passwordpassword", "1qaz2wsx3edc4rfv", "123456789012345"] {
            assert_eq!(judge(8, well_known, "zz"), Err(UnfitPassword::Common), "{well_known}");
        }
        assert_eq!(judge(8, "zzzzzzzz-not-there", "alice"), Ok(()));
        assert_eq!(judge(8, "!!!!!!! not there", "alice"), Ok(()));
    }

    #[test]
    fn the_list_is_sorted_and_small() {
        assert!(COMMON.lines().is_sorted() && COMMON.ends_with('\n') && COMMON.len() < 300_000);
        assert!(COMMON.lines().all(|line| line.len() >= 8 && line == line.to_lowercase()));
    }
}
