//! How a message leaves: by SMTP, or into a folder.
//!
//! The only file that knows the crate which speaks SMTP. Its own time-out covers the connection alone, so each message has one
//! here, for all of it; and each has a connection of its own, because one that is kept grows stale.

use std::path::PathBuf;
use std::time::Duration;

use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MessageBuilder};
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Tokio1Executor};

use crate::auth::UnixTime;
use crate::mail::letters::LetterText;
use crate::users::{EmailAddress, MessageId};

/// Where messages go.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum MailRoute {
    /// To a mail server: `smtps://USER:PASSWORD@HOST`, or `smtp://HOST?tls=required`.
    Smtp(String),
    /// Into a folder, one file a message.
    Folder(PathBuf),
}

impl std::fmt::Debug for MailRoute {
    /// The URL is left out: it may hold a password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Smtp(_) => f.write_str("MailRoute::Smtp(..)"),
            Self::Folder(path) => f.debug_tuple("MailRoute::Folder").field(path).finish(),
        }
    }
}

/// The way there.
#[derive(Clone)]
pub struct Transport {
    way: Way,
    from: Mailbox,
    /// What stands behind the `@` of a `Message-ID`.
    host: String,
}

#[derive(Clone)]
enum Way {
    Smtp(Box<AsyncSmtpTransport<Tokio1Executor>>),
    Folder(PathBuf),
}

/// Why a message was not sent. It holds no address: servers repeat them in what they say.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct SendError {
    /// In a word.
    pub what: String,
    /// Whether it would be the same tomorrow.
    pub for_good: bool,
}

impl Transport {
    /// The way that the settings name, for messages from this address under this name.
    ///
    /// # Errors
    /// One line for the operator when the URL cannot be used.
    pub fn open(route: &MailRoute, from: &EmailAddress, name: &str, host: &str) -> Result<Self, String> {
        let way = match route {
            MailRoute::Folder(path) => Way::Folder(path.clone()),
            MailRoute::Smtp(url) => {
                let builder = AsyncSmtpTransport::<Tokio1Executor>::from_url(url)
                    .map_err(|_| "app.mail: this is no URL of a mail server".to_owned())?;
                Way::Smtp(Box::new(builder.timeout(Some(LONGEST)).build()))
            }
        };
        let address = address(from).map_err(|error| format!("app.mail_from: {error}"))?;
        Ok(Self { way, from: Mailbox::new(Some(name.to_owned()), address), host: host.to_owned() })
    }

    /// Sends a message; whoever is told that it was has handed it over for good.
    ///
    /// # Errors
    /// [`SendError`], as it says.
    pub async fn send(
        &self,
        id: MessageId,
        to: &EmailAddress,
        written: &LetterText,
        now: UnixTime,
    ) -> Result<(), SendError> {
        let message = self.message(id, to, written, now)?;
        match &self.way {
            Way::Smtp(server) => match tokio::time::timeout(LONGEST, server.send(message)).await {
                Ok(Ok(_)) => Ok(()),
                Ok(Err(error)) => Err(told(&error)),
                Err(_) => Err(SendError::passing("the server did not answer in time")),
            },
            Way::Folder(folder) => {
                let (folder, text) = (folder.clone(), message.formatted());
                let laid = tokio::task::spawn_blocking(move || lay(&folder, id, &text)).await;
                let laid = laid.unwrap_or_else(|error| Err(std::io::Error::other(error)));
                laid.map_err(|error| {
                    SendError::passing(&format!("the folder cannot be written: {}", error.kind()))
                })
            }
        }
    }

    fn message(
        &self,
        id: MessageId,
        to: &EmailAddress,
        written: &LetterText,
        now: UnixTime,
    ) -> Result<lettre::Message, SendError> {
        let since = Duration::from_secs(u64::try_from(now.as_secs()).unwrap_or_default());
        let builder: MessageBuilder = lettre::Message::builder()
            .message_id(Some(format!("<{id}@{}>", self.host)))
            .date(std::time::UNIX_EPOCH + since)
            .from(self.from.clone())
            .to(Mailbox::new(None, address(to)?))
            .subject(written.subject.clone())
            .header(ContentType::TEXT_PLAIN);
        let mut message = builder.body(written.body.clone()).map_err(|_| SendError::unsendable())?;
        // Nobody's holiday notice answers it (RFC 3834 §5).
        let header = HeaderValue::new(AUTO_SUBMITTED, "auto-generated".to_owned());
        message.headers_mut().insert_raw(header);
        Ok(message)
    }
}

impl std::fmt::Debug for Transport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Transport(..)")
    }
}

impl SendError {
    fn passing(what: &str) -> Self {
        Self { what: what.to_owned(), for_good: false }
    }

    fn unsendable() -> Self {
        Self { what: "no message can be made of it".to_owned(), for_good: true }
    }
}

fn told(error: &lettre::transport::smtp::Error) -> SendError {
    let what = match error.status() {
        Some(code) => format!("the server answered {code}"),
        None if error.is_timeout() => "the server did not answer in time".to_owned(),
        None if error.is_tls() => "the server's certificate is not accepted, or it speaks no TLS".to_owned(),
        None if error.is_client() => "the server does not offer what is asked of it".to_owned(),
        None => "the server cannot be reached".to_owned(),
    };
    SendError { what, for_good: error.is_permanent() }
}

fn address(address: &EmailAddress) -> Result<Address, SendError> {
    address.as_str().parse().map_err(|_| SendError::unsendable())
}

/// Lays a message into the folder, whole or not at all.
fn lay(folder: &std::path::Path, id: MessageId, text: &[u8]) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)?;
    let part = folder.join(format!("{id}.part"));
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    std::io::Write::write_all(&mut options.open(&part)?, text)?;
    std::fs::rename(part, folder.join(format!("{id}.eml")))
}

/// For one message, from the first word of the greeting to the last answer.
const LONGEST: Duration = Duration::from_secs(20);
const AUTO_SUBMITTED: HeaderName = HeaderName::new_from_ascii_str("Auto-Submitted");
