//! Where the spans of requests go, as settings `app.traces` and `app.traced_share` say it.

use crate::settings::table::AppConfig;

/// Where spans go, and how many.
#[derive(Debug, Clone, PartialEq)]
pub struct TracesSettings {
    /// The collector's address for them, `http://HOST:4318/v1/traces`.
    pub endpoint: String,
    /// Of how many requests: 1 is all of them.
    pub share: f64,
}

impl TracesSettings {
    /// # Errors
    /// One line for the operator.
    pub(super) fn read(app: &AppConfig) -> Result<Option<Self>, String> {
        let Some(collector) = &app.traces else { return Ok(None) };
        if cfg!(not(feature = "otel")) {
            return Err(
                "app.traces: this program was built without traces; build with `--features otel`, or remove \
                        the key"
                    .to_owned(),
            );
        }
        let base = collector.trim_end_matches('/');
        let host = base.strip_prefix("http://").or_else(|| base.strip_prefix("https://"));
        if host.is_none_or(|host| host.is_empty() || host.contains(['@', '?', '#', ' '])) {
            return Err(
                "app.traces: must be the address of a collector, as in \"http://127.0.0.1:4318\"".to_owned()
            );
        }
        if !(0.0..=1.0).contains(&app.traced_share) {
            return Err("app.traced_share: must be 0 to 1".to_owned());
        }
        Ok(Some(Self { endpoint: format!("{base}/v1/traces"), share: app.traced_share }))
    }
}
