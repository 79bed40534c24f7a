//! The colours of a stylesheet: which it declares, what the settings make of them, and whether they can be read.
//!
//! It reads the two palettes at the top of a stylesheet, `:root` and `:root` for dark, and knows nothing else of CSS.

use std::ops::Range;

use crate::settings::colors::{Color, ColorName, Colors};

/// A stylesheet with its two palettes.
#[derive(Debug)]
pub(super) struct Stylesheet<'a> {
    css: &'a str,
    light: Colors,
    dark: Colors,
    /// Where the palettes end: what stands there yields to the rules for print and for more contrast that follow.
    end: usize,
}

/// A pair of colours that must be told apart: the upper, the lower, and what for.
type ColorPair = (&'static str, &'static str, Need);

/// What a pair of colours is used for.
#[derive(Clone, Copy)]
enum Need {
    Text,
    Edge,
}

impl<'a> Stylesheet<'a> {
    pub(super) fn read(css: &'a str) -> Self {
        let plain = without_comments(css);
        let blocks = blocks(&plain);
        let is_dark = |prelude: &str| {
            let words: String = prelude.chars().filter(|letter| !letter.is_whitespace()).collect();
            words.starts_with("@media") && words.contains("(prefers-color-scheme:dark)")
        };
        let part = |range: &Range<usize>| plain.get(range.clone()).unwrap_or_default();
        let light = blocks.iter().find(|(prelude, _)| part(prelude).trim() == ":root");
        let dark = blocks.iter().find(|(prelude, _)| is_dark(part(prelude)));
        let end = dark.or(light).map_or(css.len(), |(_, body)| body.end.saturating_add(1).min(css.len()));
        let light = light.map(|(_, body)| declared(part(body))).unwrap_or_default();
        let own = dark.map(|(_, body)| part(body).split_once('{').map_or("", |(_, rest)| rest));
        let dark = light.overlaid(&own.map(declared).unwrap_or_default());
        Self { css, light, dark, end }
    }

    /// The stylesheet with these colours for light and for dark.
    pub(super) fn with(&self, light: &Colors, dark: &Colors) -> String {
        let mut all = self.css.get(..self.end).unwrap_or_default().to_owned();
        for (scheme, colors) in [("light", light), ("dark", dark)] {
            if colors.is_empty() {
                continue;
            }
            let lines: String =
                colors.iter().map(|(name, color)| format!("{}: {color}; ", name.property())).collect();
            all +=
                &format!("\n\n@media screen and (prefers-color-scheme: {scheme}) {{ :root {{ {lines}}} }}");
        }
        all + self.css.get(self.end..).unwrap_or_default()
    }

    /// A line for each pair of colours that cannot be told apart because of these.
    pub(super) fn problems(&self, light: &Colors, dark: &Colors) -> Vec<String> {
        let schemes = [("colors", &self.light, light), ("dark_colors", &self.dark, dark)];
        schemes.into_iter().flat_map(|(table, own, set)| unreadable(table, own, set)).collect()
    }
}

/// Judges the pairs of a palette in which a colour was set; the others are the stylesheet's business.
fn unreadable(table: &str, own: &Colors, set: &Colors) -> Vec<String> {
    let palette = own.overlaid(set);
    let judge = |(upper, lower, need): &ColorPair| {
        let (upper, lower) = (ColorName::of(upper)?, ColorName::of(lower)?);
        let culprit = [upper, lower].into_iter().find(|name| set.get(*name).is_some())?;
        let (color, ground) = (palette.get(upper)?, palette.get(lower)?);
        let contrast = color.contrast(ground);
        let (least, criterion) = need.least();
        let shown = (contrast * 10.0).floor() / 10.0;
        (contrast < least).then(|| {
            let upper = if culprit == upper { String::new() } else { format!("{upper} ") };
            let who = match need {
                Need::Text => "text",
                Need::Edge => "the edge of a control",
            };
            format!(
                "app.{table}.{culprit}: {upper}{color} on {lower} {ground} has a contrast of {shown}:1, \
                 {who} needs {least}:1 ({criterion})"
            )
        })
    };
    PAIRS.iter().filter_map(judge).collect()
}

impl Need {
    const fn least(self) -> (f64, &'static str) {
        match self {
            Self::Text => (4.5, "WCAG 1.4.3"),
            Self::Edge => (3.0, "WCAG 1.4.11"),
        }
    }
}

/// The colours among the declarations of a block, up to its end.
fn declared(block: &str) -> Colors {
    let declarations = block.split('}').next().unwrap_or_default().split(';');
    let named = |declaration: &str| {
        let (property, value) = declaration.split_once(':')?;
        let name = ColorName::all().find(|name| name.property() == property.trim())?;
        Some((name, value.trim().parse::<Color>().ok()?))
    };
    declarations.filter_map(named).collect()
}

/// The blocks at the top level: where what stands before each is, and what stands inside.
fn blocks(css: &str) -> Vec<(Range<usize>, Range<usize>)> {
    let mut found = Vec::new();
    let (mut depth, mut start, mut open) = (0_usize, 0, 0);
    for (at, letter) in css.char_indices() {
        match letter {
            '{' => {
                if depth == 0 {
                    open = at;
                }
                depth = depth.saturating_add(1);
            }
            '}' => {
                if depth == 1 {
                    found.push((start..open, open.saturating_add(1)..at));
                    start = at.saturating_add(1);
                }
                depth = depth.saturating_sub(1);
            }
            ';' if depth == 0 => start = at.saturating_add(1),
            _ => {}
        }
    }
    found
}

/// The stylesheet with spaces for its comments, so that every place keeps its number.
fn without_comments(css: &str) -> String {
    let mut plain = String::with_capacity(css.len());
    let mut rest = css;
    while let Some((before, comment)) = rest.split_once("/*") {
        let (inside, after) = comment.split_once("*/").unwrap_or((comment, ""));
        plain += before;
        plain += &" ".repeat(inside.len().saturating_add(4));
        rest = after;
    }
    plain + rest
}

/// What stands on what: every text on every ground that it has somewhere, and the edges of fields and quiet buttons.
const PAIRS: [ColorPair; 16] = [
    ("ink", "ground", Need::Text),
    ("ink", "surface", Need::Text),
    ("ink", "note", Need::Text),
    ("ink", "warning", Need::Text),
    ("ink", "danger_ground", Need::Text),
    ("ink_soft", "ground", Need::Text),
    ("ink_soft", "surface", Need::Text),
    ("accent", "ground", Need::Text),
    ("accent", "surface", Need::Text),
    ("accent_strong", "ground", Need::Text),
    ("accent_strong", "surface", Need::Text),
    ("on_accent", "accent", Need::Text),
    ("on_accent", "accent_strong", Need::Text),
    ("danger", "surface", Need::Text),
    ("edge", "ground", Need::Edge),
    ("edge", "surface", Need::Edge),
];

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &str = include_str!("../../static/portcullis.css");

    fn colors(list: &[(&str, &str)]) -> Colors {
        let named = |(name, color): &(&str, &str)| (ColorName::of(name).unwrap(), color.parse().unwrap());
        list.iter().map(named).collect()
    }

    #[test]
    fn our_stylesheet_declares_every_colour_twice_and_all_of_them_can_be_read() {
        let sheet = Stylesheet::read(OURS);
        for palette in [&sheet.light, &sheet.dark] {
            assert_eq!(palette.iter().count(), ColorName::all().count());
        }
        for name in ColorName::all() {
            assert_ne!(sheet.light.get(name), sheet.dark.get(name), "{name}");
        }
        assert_eq!(unreadable("colors", &Colors::default(), &sheet.light), Vec::<String>::new());
        assert_eq!(unreadable("colors", &Colors::default(), &sheet.dark), Vec::<String>::new());
        assert!(
            PAIRS.iter().all(|(upper, lower, _)| {
                ColorName::of(upper).is_some() && ColorName::of(lower).is_some()
            })
        );
    }

    #[test]
    fn colours_stand_between_the_palettes_and_what_yields_to_print_and_contrast() {
        let (light, dark) = (colors(&[("accent", "#123")]), colors(&[("ink_soft", "#abcdef")]));
        let css = Stylesheet::read(OURS).with(&light, &dark);
        let at = |text: &str| css.find(text).unwrap_or_else(|| unreachable!("{text} in {css}"));
        let set = at("@media screen and (prefers-color-scheme: light) { :root { --accent: #112233; } }");
        assert!(at("--danger-ground: #3a1d1c") < set);
        assert!(
            set < at("@media screen and (prefers-color-scheme: dark) { :root { --ink-soft: #abcdef; } }")
        );
        assert!(set < at("(prefers-contrast: more)") && set < at("@media print") && set < at("box-sizing"));
        assert_eq!(css.matches('{').count(), css.matches('}').count());
        assert_eq!(Stylesheet::read(OURS).with(&Colors::default(), &Colors::default()), OURS);
    }

    #[test]
    fn a_stylesheet_of_somebody_elses_gets_them_at_the_end() {
        let light = colors(&[("accent", "#123")]);
        for css in ["", "@import \"x.css\"; body { color: red }", "/* :root { */ p { }", ":root", "}}{"] {
            let with = Stylesheet::read(css).with(&light, &Colors::default());
            assert!(with.starts_with(css) && with.contains("--accent: #112233"), "{css}: {with}");
        }
        let own = "/* ä { */ :root { --accent: #fff; /* no */ --ink: var(--x) } p { color: red }";
        let sheet = Stylesheet::read(own);
        assert_eq!(sheet.light, colors(&[("accent", "#fff")]));
        assert_eq!(sheet.light, sheet.dark);
        assert!(sheet.with(&light, &Colors::default()).ends_with("} } p { color: red }"));
    }

    #[test]
    fn only_pairs_with_a_colour_that_was_set_are_judged() {
        let none = Colors::default();
        let sheet = Stylesheet::read(":root { --ground: #fff; --surface: #fff; --ink: #eee; --edge: #eee }");
        assert_eq!(sheet.problems(&none, &none), Vec::<String>::new());
        let lines = sheet.problems(&colors(&[("accent", "#ffcc00")]), &none);
        let expected = |ground| {
            format!(
                "app.colors.accent: #ffcc00 on {ground} #ffffff has a contrast of 1.5:1, text needs 4.5:1 (WCAG 1.4.3)"
            )
        };
        assert_eq!(lines, [expected("ground"), expected("surface")]);
        let lines = sheet.problems(&none, &colors(&[("surface", "#ddd")]));
        assert_eq!(lines.len(), 2, "{lines:?}");
        let told = lines.join("\n");
        assert!(told.starts_with("app.dark_colors.surface: ink #eeeeee on surface #dddddd has"), "{told}");
        assert!(told.ends_with("the edge of a control needs 3:1 (WCAG 1.4.11)"), "{told}");
    }
}
