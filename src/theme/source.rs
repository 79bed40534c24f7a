//! A template's source, as far as it must be read before Tera renders it: its tags, without comments and raw text.

/// A tag: `{{ … }}` or `{% … %}`.
#[derive(Debug)]
pub(super) struct TemplateTag<'a> {
    /// What stands between the braces, without the signs that trim.
    pub(super) inside: &'a str,
    pub(super) is_statement: bool,
    /// The line it begins on, from 1.
    pub(super) line: usize,
}

impl<'a> TemplateTag<'a> {
    /// What follows the keyword, when the tag is a statement that begins with it.
    pub(super) fn after(&self, keyword: &str) -> Option<&'a str> {
        let rest = self.inside.strip_prefix(keyword).filter(|_| self.is_statement)?;
        (!rest.starts_with(is_in_word)).then(|| rest.trim())
    }

    /// Whether it prints the words of others as they are: `safe` after anything but a text of `t`.
    pub(super) fn trusts(&self) -> bool {
        let filters = self.inside.split('|').skip(1);
        let is_safe = |filter: &str| {
            let rest = filter.trim_start().strip_prefix("safe");
            rest.is_some_and(|rest| !rest.starts_with(is_in_word))
        };
        let of_t = self.inside.strip_prefix("t.").and_then(|rest| rest.split_once('|'));
        let is_text = of_t.is_some_and(|(path, filter)| {
            path.trim_end().chars().all(|letter| is_in_word(letter) || ".[]".contains(letter))
                && filter.trim() == "safe"
        });
        filters.clone().any(is_safe) && (self.is_statement || !is_text)
    }
}

/// All tags of a template.
pub(super) fn tags(text: &str) -> Vec<TemplateTag<'_>> {
    let mut found = Vec::new();
    let mut rest = text;
    let mut line = 1;
    let mut is_raw = false;
    while let Some((before, after)) = rest.split_once('{') {
        line += before.matches('\n').count();
        let closing = match after.chars().next() {
            Some('{') if !is_raw => "}}",
            Some('%') => "%}",
            Some('#') if !is_raw => "#}",
            _ => {
                rest = after;
                continue;
            }
        };
        let after = after.get(1..).unwrap_or_default();
        let end = if closing == "#}" { after.find(closing) } else { end(after, closing) };
        let Some(end) = end else { break };
        let (inside, next) = after.split_at(end);
        let tag = TemplateTag { inside: trimmed(inside), is_statement: closing == "%}", line };
        match tag.after("raw").map(|_| true).or_else(|| tag.after("endraw").map(|_| false)) {
            Some(begins) => is_raw = begins,
            None if is_raw => {
                // Raw text may hold half a tag.
                rest = after;
                continue;
            }
            None if closing == "#}" => {}
            None => found.push(tag),
        }
        line += inside.matches('\n').count();
        rest = next.get(2..).unwrap_or_default();
    }
    found
}

/// Where a tag ends; its texts may hold the sign that closes it.
fn end(text: &str, closing: &str) -> Option<usize> {
    let mut quote = None;
    for (at, letter) in text.char_indices() {
        match quote {
            Some(open) if letter == open => quote = None,
            Some(_) => {}
            None if ['"', '\'', '`'].contains(&letter) => quote = Some(letter),
            None if text.get(at..).is_some_and(|rest| rest.starts_with(closing)) => return Some(at),
            None => {}
        }
    }
    None
}

fn trimmed(inside: &str) -> &str {
    let inside = inside.strip_prefix('-').unwrap_or(inside);
    inside.strip_suffix('-').unwrap_or(inside).trim()
}

/// Whether a name goes on with this.
pub(super) fn is_in_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_found_outside_of_comments_raw_text_and_texts() {
        let text =
            "{# {{ a }}\n #}{{- b -}} {\n{% raw %}{{ c }}{% d %}\n{{ {% endraw %}{%- if e == \"%}\" -%}{{ f";
        let found: Vec<_> = tags(text).iter().map(|tag| (tag.inside, tag.is_statement, tag.line)).collect();
        assert_eq!(found, [("b", false, 2), ("if e == \"%}\"", true, 4)]);
    }

    #[test]
    fn only_texts_of_ours_are_trusted() {
        for (text, is_trusting) in [
            ("{{ t.login.help | safe }}", false),
            ("{{ t.errors[error]|safe }}", false),
            ("{{ search }}", false),
            ("{{ search | safely }}", false),
            ("{{ search | safe }}", true),
            ("{{ search | truncate(length=5) | safe }}", true),
            ("{{ t.people.found | replace(from=\"x\", to=search) | safe }}", true),
            ("{{ t.login.help ~ search | safe }}", true),
            ("{{ text | safe }}", true),
            ("{% set x = search | safe %}", true),
        ] {
            assert_eq!(tags(text).iter().any(TemplateTag::trusts), is_trusting, "{text}");
        }
    }
}
