//! The words of messages, in the reader's language.
//!
//! They stand with the texts of the pages, in `templates/text/<language>.json` under `mail`, so that a theme says them as it
//! likes. Every letter is written once at launch, in every language, with the longest that may stand in it: a text that is
//! missing or names something that is not there stops the launch.
//! A link stands on a line of its own, and there is nothing in a message that tells anybody when it is read.

use serde_json::Value;
use time::OffsetDateTime;
use time::macros::format_description;

use crate::auth::UnixTime;
use crate::users::Letter;

/// All letters in all languages.
#[derive(Debug, Clone)]
pub struct Letters {
    /// The texts of each language, the default first.
    texts: Vec<(String, Value)>,
    service: String,
    /// The origin that links begin with.
    links_at: String,
}

/// A message in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LetterText {
    /// One line.
    pub subject: String,
    /// Text, and nothing else.
    pub body: String,
}

impl Letters {
    /// The letters that are part of this crate, in English and German.
    ///
    /// # Errors
    /// As [`new`](Self::new); a test holds that there are none.
    pub fn embedded(service: &str, links_at: &str) -> Result<Self, Vec<String>> {
        let texts = [
            ("en", include_str!("../../templates/text/en.json")),
            ("de", include_str!("../../templates/text/de.json")),
        ];
        let read =
            |(language, text): (&str, &str)| Some((language.to_owned(), serde_json::from_str(text).ok()?));
        Self::new(texts.into_iter().filter_map(read), service, links_at)
    }

    /// The letters of this service, whose links begin with this origin: of each language, the default first, a tag (RFC 5646)
    /// and texts of the shape that `templates/text/en.json` has under `mail`.
    ///
    /// # Errors
    /// One line for each text that is missing or names something that is not there.
    pub fn new(
        texts: impl IntoIterator<Item = (String, Value)>,
        service: &str,
        links_at: &str,
    ) -> Result<Self, Vec<String>> {
        let texts = texts.into_iter().collect();
        let letters = Self { texts, service: service.to_owned(), links_at: links_at.to_owned() };
        let languages: Vec<_> = letters.texts.iter().map(|(language, _)| language.to_owned()).collect();
        let mut problems = Vec::new();
        for language in languages {
            for letter in Letter::all() {
                let sample = (SAMPLE, UnixTime::from_secs(0));
                // Some letters go to people who have no account yet.
                for account in [SAMPLE, ""] {
                    if let Err(problem) = letters.written(letter, &language, account, Some(sample)) {
                        problems.push(format!("text/{language}.json: {problem}"));
                        break;
                    }
                }
            }
        }
        if problems.is_empty() { Ok(letters) } else { Err(problems) }
    }

    /// A letter to whoever has this account, with this link and its end.
    ///
    /// # Errors
    /// One line that names the text.
    pub fn written(
        &self,
        letter: Letter,
        language: &str,
        account: &str,
        link: Option<(&str, UnixTime)>,
    ) -> Result<LetterText, String> {
        let of_language = self.texts.iter().find(|(known, _)| known == language);
        let Some((_, texts)) = of_language.or_else(|| self.texts.first()) else {
            return Err("there are no texts".to_owned());
        };
        let until = link.map(|(_, until)| moment(until)).unwrap_or_default();
        let text = |name: &str| -> Result<String, String> {
            let place = format!("/mail/{name}");
            let text = texts.pointer(&place).and_then(Value::as_str);
            let text = text.ok_or_else(|| format!("mail.{} is missing", name.replace('/', ".")))?;
            let known =
                [("{service}", self.service.as_str()), ("{account}", account), ("{until}", until.as_str())];
            let rest = known.iter().fold(text.to_owned(), |rest, (place, _)| rest.replace(place, ""));
            if rest.contains(['{', '}']) {
                return Err(format!("mail.{} names something that is not there", name.replace('/', ".")));
            }
            Ok(known.iter().fold(text.to_owned(), |text, (place, value)| text.replace(place, value)))
        };
        let word = letter.as_str();
        let greeting = if account.is_empty() { "greeting_new" } else { "greeting" };
        let mut parts = vec![text(greeting)?, text(&format!("letters/{word}/text"))?];
        if let Some((link, _)) = link {
            parts.push(format!("{}/link/{link}", self.links_at));
            parts.push(text(&format!("letters/{word}/link"))?);
        }
        parts.push(text("closing")?);
        let subject = text(&format!("letters/{word}/subject"))?;
        // One line, whatever a theme has made of it.
        let subject = subject.split(char::is_control).collect::<Vec<_>>().join(" ");
        Ok(LetterText { subject, body: parts.join("\n\n") + "\n" })
    }
}

fn moment(at: UnixTime) -> String {
    let at = OffsetDateTime::from_unix_timestamp(at.as_secs()).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    at.format(format_description!("[year]-[month]-[day] [hour]:[minute] UTC")).unwrap_or_default()
}

const SAMPLE: &str = "sample";
