//! A headless chromium with an empty profile, and the chromedriver that steers it.

#![expect(clippy::disallowed_methods, reason = "a process is waited for by the machine's clock")]

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;
use tempfile::TempDir;
use thirtyfour::prelude::*;
use thirtyfour::{LoggingPrefsLogLevel, WebElement};

use crate::binary::server::Server;
use crate::browser::fonts;

/// Whether pages may run scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scripts {
    On,
    Off,
}

/// A browser window that looks at one server.
pub(super) struct Browser {
    pub(super) driver: WebDriver,
    pub(super) site: String,
    pub(super) scripts: Scripts,
    // The driver's process and the profile go last.
    _process: Chromedriver,
    _profile: TempDir,
}

struct Chromedriver {
    child: Child,
    address: SocketAddr,
}

impl Browser {
    pub(super) async fn open(server: &Server, scripts: Scripts) -> Self {
        Self::open_in("en", &server.site(), scripts).await
    }

    /// A browser whose user reads this language.
    pub(super) async fn open_in(language: &str, site: &str, scripts: Scripts) -> Self {
        Self::open_with(tempfile::tempdir().unwrap(), language, site, scripts).await
    }

    /// Closes the browser as a person does in the evening, and opens it again.
    pub(super) async fn reopen(self) -> Self {
        let Self { driver, site, scripts, _process: process, _profile: profile } = self;
        driver.quit().await.unwrap();
        drop(process);
        Self::open_with(profile, "en", &site, scripts).await
    }

    async fn open_with(profile: TempDir, language: &str, site: &str, scripts: Scripts) -> Self {
        let process = Chromedriver::start(profile.path());
        let mut wanted = DesiredCapabilities::chrome();
        let data = format!("--user-data-dir={}", profile.path().display());
        let tongue = format!("--lang={language}");
        for argument in FLAGS.iter().copied().chain([data.as_str(), &tongue]) {
            wanted.add_arg(argument).unwrap();
        }
        if site.starts_with("https:") {
            // The certificate is our own.
            wanted.add_arg("--ignore-certificate-errors").unwrap();
        }
        if is_root() {
            wanted.add_arg("--no-sandbox").unwrap();
        }
        let javascript = if scripts == Scripts::On { 1 } else { 2 };
        let preferences = json!({
            "profile.managed_default_content_settings.javascript": javascript,
            "intl.accept_languages": language,
            "credentials_enable_service": false,
            "profile.password_manager_leak_detection": false,
        });
        wanted.add_experimental_option("prefs", preferences).unwrap();
        wanted.set_browser_log_level(LoggingPrefsLogLevel::All).unwrap();
        let driver = WebDriver::new(format!("http://{}", process.address), wanted).await.unwrap();
        driver.set_implicit_wait_timeout(Duration::from_secs(5)).await.unwrap();
        Self { driver, site: site.to_owned(), scripts, _process: process, _profile: profile }
    }

    pub(super) async fn visit(&self, path: &str) {
        self.driver.goto(format!("{}{path}", self.site)).await.unwrap();
    }

    pub(super) async fn back(&self) {
        self.driver.back().await.unwrap();
    }

    /// Where the browser is, without the site.
    pub(super) async fn place(&self) -> String {
        let url = self.driver.current_url().await.unwrap().to_string();
        url.strip_prefix(&self.site).map_or(url.clone(), str::to_owned)
    }

    /// Waits until the browser is at this place.
    pub(super) async fn assert_at(&self, place: &str) {
        let deadline = Instant::now() + Duration::from_secs(10);
        while self.place().await != place && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(self.place().await, place);
    }

    pub(super) async fn element(&self, selector: &str) -> WebElement {
        self.driver.find(By::Css(selector)).await.unwrap()
    }

    /// What a person reads on the page.
    pub(super) async fn text(&self) -> String {
        self.element("body").await.text().await.unwrap()
    }

    pub(super) async fn source(&self) -> String {
        self.driver.source().await.unwrap()
    }

    /// Whether the element is there and can be seen.
    pub(super) async fn shows(&self, selector: &str) -> bool {
        self.element(selector).await.is_displayed().await.unwrap()
    }

    /// What stands in an input.
    pub(super) async fn value(&self, selector: &str) -> String {
        self.element(selector).await.prop("value").await.unwrap().unwrap_or_default()
    }

    pub(super) async fn click(&self, selector: &str) {
        self.element(selector).await.click().await.unwrap();
    }

    /// Fills in the form as a person does and sends it.
    pub(super) async fn sign_in(&self, name: &str, password: &str) {
        let field = self.element("#username").await;
        field.clear().await.unwrap();
        field.send_keys(name).await.unwrap();
        self.element("#password").await.send_keys(password).await.unwrap();
        self.leave_by("main form button.wide").await;
    }

    /// The names of the cookies that the browser holds.
    pub(super) async fn cookies(&self) -> Vec<String> {
        let cookies = self.driver.get_all_cookies().await.unwrap();
        let mut names: Vec<String> = cookies.into_iter().map(|cookie| cookie.name).collect();
        names.sort();
        names
    }

    /// Keeps a picture of the window where `PORTCULLIS_SCREENSHOTS` says.
    pub(super) async fn picture(&self, name: &str) {
        let png = self.driver.screenshot_as_png().await.unwrap();
        assert!(png.starts_with(b"\x89PNG"), "a picture was taken");
        let Some(folder) = std::env::var_os("PORTCULLIS_SCREENSHOTS") else { return };
        let name = match self.scripts {
            Scripts::On => format!("{name}.png"),
            Scripts::Off => format!("{name}-without-scripts.png"),
        };
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(Path::new(&folder).join(name), png).unwrap();
    }

    /// Closes the browser; it must have had nothing to complain of but what `expected` names.
    pub(super) async fn close(self, expected: &[&str]) {
        let log = self.driver.browser_log().await.unwrap();
        let complaints: Vec<String> = log
            .into_iter()
            .map(|entry| format!("{}: {}", entry.level, entry.message))
            .filter(|line| !line.starts_with("INFO: "))
            .filter(|line| !expected.iter().any(|known| line.contains(known)))
            .collect();
        self.driver.quit().await.unwrap();
        assert!(complaints.is_empty(), "the browser's console says: {complaints:#?}");
    }
}

impl Chromedriver {
    /// Starts it; what it and its browser leave behind is left in `folder`.
    fn start(folder: &Path) -> Self {
        // Whoever asks for port 0 is not told which one it got; a port that was free a moment ago will do.
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let fonts = folder.join("fonts.conf");
        std::fs::write(&fonts, fonts::only_ours(folder)).unwrap();
        // Nothing of whoever runs the tests: no language, no zone, no fonts, no configuration.
        let child = Command::new("chromedriver")
            .arg(format!("--port={port}"))
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("LC_ALL", "C.UTF-8")
            .env("TZ", "UTC")
            .env("FONTCONFIG_FILE", fonts)
            .envs(
                ["HOME", "TMPDIR", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR"]
                    .map(|name| (name, folder)),
            )
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let started = Self { child, address };
        let deadline = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(address).is_err() {
            assert!(Instant::now() < deadline, "chromedriver did not start");
            std::thread::sleep(Duration::from_millis(20));
        }
        started
    }
}

impl Drop for Chromedriver {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Chromium's sandbox does not start for root.
fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output().unwrap();
    output.stdout.trim_ascii() == b"0"
}

/// Quiet, and in the light colours of the pictures.
const FLAGS: [&str; 9] = [
    "--headless=new",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    // The page is 1280 by 800; the rest is the frame that even a headless window reserves.
    "--window-size=1280,943",
    "--hide-scrollbars",
];
