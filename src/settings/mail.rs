//! Where messages go, as setting `app.mail` says it.

use crate::mail::MailRoute;

/// How mail is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailSettings {
    /// Where messages go.
    pub route: MailRoute,
    /// From whom they are.
    pub from: String,
    /// The origin that links begin with.
    pub links_at: String,
    /// What stands behind the `@` of a `Message-ID`.
    pub host: String,
}

/// # Errors
/// One line for the operator.
fn route_of(text: &str, is_debug: bool) -> Result<MailRoute, String> {
    if let Some(path) = text.strip_prefix("file:") {
        return match path {
            "" => Err("app.mail: \"file:\" is not followed by the path of a folder".to_owned()),
            path => Ok(MailRoute::Folder(path.into())),
        };
    }
    // The text is not repeated: it may hold a password.
    let (scheme, rest) = text.split_once("://").ok_or_else(unknown)?;
    let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    let host = host.split([':', '/', '?']).next().unwrap_or_default();
    let is_local = host == "localhost" || host.starts_with("127.") || host == "[::1]";
    match scheme {
        "smtps" => Ok(MailRoute::Smtp(text.to_owned())),
        "smtp" if rest.contains("tls=required") || is_local || is_debug => {
            Ok(MailRoute::Smtp(text.to_owned()))
        }
        "smtp" => {
            Err("app.mail: this would send links unencrypted; write smtps://, or add ?tls=required"
                .to_owned())
        }
        _ => Err(unknown()),
    }
}

fn unknown() -> String {
    "app.mail: known are smtps://HOST, smtp://HOST?tls=required, file:PATH, and none".to_owned()
}

impl MailSettings {
    /// What the settings say; `None` for no mail at all. Somebody who develops gets a folder.
    ///
    /// # Errors
    /// One line for the operator.
    pub(super) fn read(
        route: Option<&str>,
        from: Option<&str>,
        base_url: Option<String>,
        is_debug: bool,
        port: u16,
    ) -> Result<Option<Self>, String> {
        let route = match (route, is_debug) {
            (Some("none"), _) | (None, false) => return Ok(None),
            (None, true) => MailRoute::Folder(IN_DEVELOPMENT.into()),
            (Some(text), _) => route_of(text, is_debug)?,
        };
        let from = match (from, is_debug) {
            (Some(from), _) => from.to_owned(),
            (None, true) => "portcullis@localhost".to_owned(),
            (None, false) => {
                return Err("app.mail_from: needed with app.mail, as in \"login@example.org\"".to_owned());
            }
        };
        let links_at = match (base_url, is_debug) {
            (Some(origin), _) => origin,
            (None, true) => format!("http://localhost:{port}"),
            (None, false) => {
                return Err("app.base_url: needed with app.mail, whose links begin with it".to_owned());
            }
        };
        let host = links_at.split_once("://").map_or("", |(_, host)| host);
        let host = host.split([':', '/']).next().unwrap_or_default().to_owned();
        Ok(Some(Self { route, from, links_at, host }))
    }
}

const IN_DEVELOPMENT: &str = "data/mail";
