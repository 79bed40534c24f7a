//! How a line is written: for a person, or as JSON for a program; in both with the name of the request on whose account it is
//! said.

use portcullis::auth::RequestId;
use portcullis::settings::LogFormat;
use tracing_subscriber::fmt::format::{Format, Json, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// Lines with the names of requests.
pub(super) struct Lines(Inner);

enum Inner {
    Text(Format),
    Json(Format<Json>),
}

impl Lines {
    pub(super) fn of(format: LogFormat, is_terminal: bool) -> Self {
        Self(match format {
            LogFormat::Text => Inner::Text(Format::default().with_ansi(is_terminal)),
            LogFormat::Json => Inner::Json(Format::default().json().flatten_event(true)),
        })
    }
}

impl<S, N> FormatEvent<S, N> for Lines
where
    S: tracing::Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &tracing::Event<'_>,
    ) -> std::fmt::Result {
        let mut line = String::new();
        let request = RequestId::current();
        match &self.0 {
            Inner::Text(format) => {
                format.format_event(context, Writer::new(&mut line), event)?;
                let line = line.strip_suffix('\n').unwrap_or(&line);
                match request {
                    Some(name) => writeln!(writer, "{line} request={}", name.as_str()),
                    None => writeln!(writer, "{line}"),
                }
            }
            Inner::Json(format) => {
                format.format_event(context, Writer::new(&mut line), event)?;
                let line = line.strip_suffix("}\n").unwrap_or(&line);
                // A name has nothing that JSON would want escaped.
                match request {
                    Some(name) => writeln!(writer, "{line},\"request\":\"{}\"}}", name.as_str()),
                    None => writeln!(writer, "{line}}}"),
                }
            }
        }
    }
}
