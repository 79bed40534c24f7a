//! What a page is looked at with: the window's width, the colour scheme, paper, and what a person has told the system.

use serde_json::json;

use crate::browser::chromium::Browser;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scheme {
    Light,
    Dark,
}

impl Scheme {
    pub(super) const BOTH: [Self; 2] = [Self::Light, Self::Dark];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

impl Browser {
    /// Makes the page so wide, in CSS pixels; a window cannot be as narrow as a phone.
    pub(super) async fn set_width(&self, width: u32) {
        self.set_size(width, 800).await;
    }

    pub(super) async fn set_size(&self, width: u32, height: u32) {
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.cdp("Emulation.setDeviceMetricsOverride", metrics).await;
    }

    /// The change is at once: a colour that is half-way is nobody's.
    pub(super) async fn set_scheme(&self, scheme: Scheme) {
        let features = [("prefers-color-scheme", scheme.as_str()), ("prefers-reduced-motion", "reduce")];
        self.set_media("", &features).await;
    }

    /// Shows the page on this medium (nothing for the screen) to somebody with these preferences.
    pub(super) async fn set_media(&self, medium: &str, features: &[(&str, &str)]) {
        let features: Vec<_> =
            features.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect();
        self.cdp("Emulation.setEmulatedMedia", json!({ "media": medium, "features": features })).await;
    }
}
