//! What a person may do: the names of roles, as they stand in every token of the person.

use std::fmt;

/// Roles without repetition, in the order they were given.
///
/// A role's name has 1 to 64 of the characters `a-z A-Z 0-9 . _ : -`, and all of them together have at most 1024
/// characters, because they travel in every token.
///
/// ```
/// use portcullis::users::{InvalidRoles, Roles};
///
/// let roles = Roles::parse(["staff", "editor", "staff"]).unwrap();
/// assert_eq!(roles.to_string(), "staff, editor");
/// assert_eq!(roles.into_vec(), ["staff", "editor"]);
/// assert_eq!(Roles::parse(["two words"]), Err(InvalidRoles::Name));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Roles(Vec<String>);

/// These are no roles.
///
/// ```
/// use portcullis::users::{InvalidRoles, Roles};
///
/// let names: Vec<_> = (0..30).map(|number| format!("{number:060}")).collect();
/// assert_eq!(Roles::parse(names.iter().map(String::as_str)), Err(InvalidRoles::TooLong));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRoles {
    /// A name that is empty, too long or has other characters.
    #[error("A role has 1 to {LONGEST} of the characters a-z A-Z 0-9 . _ : -")]
    Name,
    /// All names together are too long.
    #[error("All roles together have at most {ALL} characters: they stand in every token")]
    TooLong,
}

impl Roles {
    /// The roles of these names.
    ///
    /// # Errors
    /// [`InvalidRoles`], as it says.
    pub fn parse<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self, InvalidRoles> {
        let mut kept: Vec<String> = Vec::new();
        for name in names {
            let is_sound = |sign: char| sign.is_ascii_alphanumeric() || "._:-".contains(sign);
            if name.is_empty() || name.len() > LONGEST || !name.chars().all(is_sound) {
                return Err(InvalidRoles::Name);
            }
            if !kept.iter().any(|known| known == name) {
                kept.push(name.to_owned());
            }
        }
        if kept.iter().map(String::len).sum::<usize>() > ALL {
            return Err(InvalidRoles::TooLong);
        }
        Ok(Self(kept))
    }

    /// The roles that a person wrote into one line, between spaces or commas.
    ///
    /// # Errors
    /// [`InvalidRoles`], as it says.
    pub fn parse_line(line: &str) -> Result<Self, InvalidRoles> {
        Self::parse(line.split([' ', ',', '\t']).filter(|name| !name.is_empty()))
    }

    /// Their names.
    #[must_use]
    pub fn as_slice(&self) -> &[String] {
        &self.0
    }

    /// Their names.
    #[must_use]
    pub fn into_vec(self) -> Vec<String> {
        self.0
    }

    /// Whether one of them has this name.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.0.iter().any(|known| known == name)
    }
}

impl fmt::Display for Roles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(", "))
    }
}

const LONGEST: usize = 64;
const ALL: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_other_signs_or_lengths_are_refused() {
        for name in ["", "two words", "Ünsinn", "a/b", &"x".repeat(65)] {
            assert_eq!(Roles::parse([name]), Err(InvalidRoles::Name), "{name:?}");
        }
        assert!(Roles::parse(["a", "Z9._:-", &"x".repeat(64)]).is_ok());
    }

    #[test]
    fn a_line_is_read_between_spaces_and_commas() {
        let roles = |line| Roles::parse_line(line).map(Roles::into_vec);
        assert_eq!(roles(" user,admin  user ,, "), Ok(vec!["user".to_owned(), "admin".to_owned()]));
        assert_eq!(roles("  "), Ok(vec![]));
        assert_eq!(roles("user;admin"), Err(InvalidRoles::Name));
    }

    #[test]
    fn all_together_fit_into_a_token() {
        let names: Vec<_> = (0..17).map(|number| format!("{number:060}")).collect();
        assert!(Roles::parse(names.iter().map(String::as_str)).is_ok());
        let names: Vec<_> = (0..18).map(|number| format!("{number:060}")).collect();
        assert_eq!(Roles::parse(names.iter().map(String::as_str)), Err(InvalidRoles::TooLong));
    }
}
