//! Colours as the settings give them, and how well one can be read on another.
//!
//! Which colours a page has by itself stands in its stylesheet, and nowhere here.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::de::{Deserialize, Deserializer, Error};

/// A colour, opaque.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Color([u8; 3]);

/// What is no colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a colour, \"#rgb\" or \"#rrggbb\"")]
pub struct NoColor;

/// What a page has a colour for: the custom properties at the top of its stylesheet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ColorName(&'static str);

/// Some colours of a page.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Colors(BTreeMap<ColorName, Color>);

impl Color {
    /// The contrast of two colours, from 1 to 21 (WCAG 2.2, "contrast ratio").
    #[must_use]
    pub fn contrast(self, other: Self) -> f64 {
        let (one, other) = (self.luminance(), other.luminance());
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    fn luminance(self) -> f64 {
        let linear = |channel: u8| {
            let value = f64::from(channel) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        let [red, green, blue] = self.0.map(linear);
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }
}

impl FromStr for Color {
    type Err = NoColor;

    fn from_str(text: &str) -> Result<Self, NoColor> {
        let digits = text.strip_prefix('#').ok_or(NoColor)?;
        if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(NoColor);
        }
        let value = u32::from_str_radix(digits, 16).map_err(|_| NoColor)?;
        let [_, red, green, blue] = value.to_be_bytes();
        match digits.len() {
            6 => Ok(Self([red, green, blue])),
            // Each digit counts twice: #f80 is #ff8800.
            3 => Ok(Self([green & 15, blue >> 4, blue & 15].map(|digit| digit * 17))),
            _ => Err(NoColor),
        }
    }
}

impl fmt::Display for Color {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [red, green, blue] = self.0;
        write!(f, "#{red:02x}{green:02x}{blue:02x}")
    }
}

impl ColorName {
    /// Every name.
    pub fn all() -> impl Iterator<Item = Self> {
        NAMES.into_iter().map(Self)
    }

    /// The name as the settings write it, if it is one.
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        NAMES.into_iter().find(|known| *known == text).map(Self)
    }

    /// The custom property in the stylesheet.
    #[must_use]
    pub fn property(self) -> String {
        format!("--{}", self.0.replace('_', "-"))
    }
}

impl fmt::Display for ColorName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl Colors {
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The colour of this name.
    #[must_use]
    pub fn get(&self, name: ColorName) -> Option<Color> {
        self.0.get(&name).copied()
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (ColorName, Color)> {
        self.0.iter().map(|(name, color)| (*name, *color))
    }

    /// These colours, and where `others` has one of the same name, that one.
    #[must_use]
    pub fn overlaid(&self, others: &Self) -> Self {
        Self(self.iter().chain(others.iter()).collect())
    }
}

impl FromIterator<(ColorName, Color)> for Colors {
    fn from_iter<I: IntoIterator<Item = (ColorName, Color)>>(colors: I) -> Self {
        Self(colors.into_iter().collect())
    }
}

impl<'de> Deserialize<'de> for Color {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Colors {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let colors = BTreeMap::<String, Color>::deserialize(deserializer)?;
        let named = |(name, color): (String, Color)| {
            let known = ColorName::of(&name).ok_or_else(|| D::Error::unknown_field(&name, &NAMES))?;
            Ok((known, color))
        };
        colors.into_iter().map(named).collect()
    }
}

const NAMES: [&str; 14] = [
    "ground",
    "surface",
    "ink",
    "ink_soft",
    "line",
    "edge",
    "accent",
    "accent_strong",
    "on_accent",
    "note",
    "warning",
    "warning_edge",
    "danger",
    "danger_ground",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_colour_has_three_or_six_digits() {
        let shown = |text: &str| text.parse::<Color>().map(|color| color.to_string());
        assert_eq!(shown("#f80"), Ok("#ff8800".to_owned()));
        assert_eq!(shown("#0F5f63"), Ok("#0f5f63".to_owned()));
        for text in ["", "#", "f80", "#ff", "#ffff", "#12345", "#12345678", "red", "#+12", "#ggg", "#ää"] {
            assert_eq!(shown(text), Err(NoColor), "{text}");
        }
    }

    #[test]
    fn contrast_is_the_one_of_the_guidelines() {
        let contrast =
            |one: &str, other: &str| (one.parse::<Color>().unwrap()).contrast(other.parse().unwrap());
        assert!((contrast("#000", "#fff") - 21.0).abs() < 1e-9);
        assert!((contrast("#fff", "#000") - 21.0).abs() < 1e-9);
        assert!((contrast("#123456", "#123456") - 1.0).abs() < 1e-9);
        // The grey that is known to be just enough on white, and the one that is just not.
        assert!(contrast("#767676", "#fff") >= 4.5 && contrast("#777777", "#fff") < 4.5);
    }
}
