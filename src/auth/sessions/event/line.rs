//! An event as it stands in the log.

use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::words::Level;
use super::{Event, TARGET, What};
use crate::ground::request::RequestId;

impl Event {
    /// The event as one line of JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        self.line(None)
    }

    fn line(&self, request: Option<&RequestId>) -> String {
        let moment =
            OffsetDateTime::from_unix_timestamp(self.at.as_secs()).unwrap_or(OffsetDateTime::UNIX_EPOCH);
        let level = match self.what.level() {
            Level::Info => "INFO",
            Level::Warn => "WARN",
            Level::Critical => "CRITICAL",
        };
        let mut line = json!({
            "datetime": moment.format(&Rfc3339).unwrap_or_default(),
            "appid": "portcullis",
            "event": self.what.owasp(),
            "what": self.what.as_str(),
            "level": level,
            "user": self.user,
            // Enough to tell sessions apart; the whole id is nobody's business in a log.
            "session": self.session.map(|id| id.to_string().chars().take(12).collect::<String>()),
            "source_ip": self.address,
        });
        if let (What::SessionEnded(reason), Some(fields)) = (self.what, line.as_object_mut()) {
            fields.insert("reason".to_owned(), reason.as_str().into());
        }
        if let (Some(by), Some(fields)) = (&self.by, line.as_object_mut()) {
            fields.insert("by".to_owned(), by.as_str().into());
        }
        if let (Some(roles), Some(fields)) = (&self.roles, line.as_object_mut()) {
            fields.insert("roles".to_owned(), roles.as_slice().into());
        }
        if let (Some(request), Some(fields)) = (request, line.as_object_mut()) {
            fields.insert("request".to_owned(), request.as_str().into());
        }
        line.to_string()
    }

    /// Writes the line to the log, target [`TARGET`], with the name of the request that is being answered.
    pub fn log(&self) {
        let line = self.line(RequestId::current().as_ref());
        match self.what.level() {
            Level::Info => tracing::info!(target: TARGET, "{line}"),
            Level::Warn => tracing::warn!(target: TARGET, "{line}"),
            Level::Critical => tracing::error!(target: TARGET, "{line}"),
        }
    }
}
