//! The settings of the application: where they come from, and what they come to.
//!
//! From weak to strong: our defaults, `Rocket.toml`, `ROCKET_*`, `PORTCULLIS_AUTH__*` and `PORTCULLIS_APP__*`.
//! The table `[default.auth]` belongs to the library and is judged there.

pub mod base_path;
pub mod colors;
pub mod factor_key;
mod hints;
pub mod mail;
pub mod registration;
pub mod siblings;
mod table;
pub mod traces;

use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use rocket::figment::providers::{Env, Format, Serialized, Toml};
use rocket::figment::{Figment, Profile};
use serde_json::json;

use crate::auth::{AuthConfig, AuthSettings, KeyFile, Origin, TrustedProxies, plain};
use crate::settings::base_path::BasePath;
use crate::settings::colors::Colors;
use crate::settings::factor_key::FactorKey;
use crate::settings::hints::{misspelt, unsaid};
use crate::settings::mail::MailSettings;
use crate::settings::registration::RegistrationSettings;
use crate::settings::siblings::SiblingsSettings;
pub use crate::settings::table::{AppConfig, LogFormat, RegistrationConfig};
use crate::settings::traces::TracesSettings;
use crate::store::StoreUrl;

/// All settings of the application, judged.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The library's.
    pub auth: AuthSettings,
    /// Where everything is kept.
    pub store: StoreUrl,
    /// The list that sibling services read.
    pub siblings: Option<SiblingsSettings>,
    /// Whether an empty store gets the demo accounts.
    pub demo_users: bool,
    /// Whether this is the debug profile.
    pub is_debug: bool,
    /// Whether others than the developer may reach the application: another profile than debug, or another address than
    /// loopback.
    pub is_exposed: bool,
    /// The origin under which people know this application.
    pub base_url: Option<Origin>,
    /// Under which path of it the application stands.
    pub base_path: BasePath,
    /// Whom to believe about the address of a caller.
    pub trusted_proxies: TrustedProxies,
    /// The name that pages show.
    pub service_name: String,
    /// The picture that pages show instead of the mark.
    pub logo: Option<PathBuf>,
    /// Colours instead of the stylesheet's.
    pub colors: Colors,
    /// The same for dark.
    pub dark_colors: Colors,
    /// The folder with what stands for our templates, style, pictures and texts.
    pub theme: Option<PathBuf>,
    /// How many characters a new password must have.
    pub password_min_length: usize,
    /// How long a one-time code can be exchanged.
    pub code_ttl: Duration,
    /// Where the key of factors comes from.
    pub factor_key: FactorKey,
    /// For how long a browser may be trusted.
    pub trust_ttl: Duration,
    /// The roles that need a second factor.
    pub strong_roles: Vec<String>,
    /// How mail is sent, if it is.
    pub mail: Option<MailSettings>,
    /// Who may register.
    pub registration: RegistrationSettings,
    /// How long an account stays that was deleted.
    pub deletion_grace: Duration,
    /// The file of passwords that were stolen elsewhere.
    pub leaked_passwords: Option<PathBuf>,
    /// For how long the program serves on after it was told to end.
    pub drain: Duration,
    /// Where numbers are served.
    pub metrics_address: Option<SocketAddr>,
    /// Whether each answer is a line in the log.
    pub access_log: bool,
    /// Where spans of requests go.
    pub traces: Option<TracesSettings>,
    /// How many passwords are hashed at the same time.
    pub hash_threads: NonZeroUsize,
    /// How many sign-ins may wait for that.
    pub hash_queue: usize,
}

/// Reads all settings and judges them.
///
/// # Errors
/// One line for each mistake, naming the key.
pub fn load(figment: &Figment) -> Result<Settings, Vec<String>> {
    let mut problems = Vec::new();
    let is_debug = *figment.profile() == rocket::Config::DEBUG_PROFILE;
    let auth = AuthConfig::load(figment).map_err(|mut lines| problems.append(&mut lines)).ok();
    let app = extract(figment).map_err(|mut lines| problems.append(&mut lines)).unwrap_or_default();

    let store = store_of(&app).map_err(|problem| problems.push(problem)).ok();
    if let (Some(StoreUrl::Postgres(_)), Some(auth)) = (&store, &auth)
        && !auth.has_secret()
        && auth.secret_key_file().is_none()
    {
        problems.push(
            "auth.secret_key_file: needed with PostgreSQL, whose nodes share one key; `portcullis key new` makes one"
                .into(),
        );
    }
    let siblings = SiblingsSettings::read(app.redis.as_deref(), &app.redis_prefix, app.redis_asked)
        .map_err(|problem| problems.push(problem))
        .unwrap_or_default();
    // An address that cannot be read is told below.
    let is_local = figment.extract_inner("address").map_or(true, |address: IpAddr| address.is_loopback());
    if is_debug && !is_local {
        problems.extend(unsaid(figment, app.demo_users));
    }
    let demo_users = app.demo_users.unwrap_or(is_debug);
    if demo_users && !is_debug {
        problems.push(
            "app.demo_users: refused outside the debug profile; make accounts with `portcullis user add`"
                .into(),
        );
    }
    let base_url = app.base_url.as_ref().and_then(|text| {
        text.trim_end_matches('/')
            .parse::<Origin>()
            .map_err(|error| problems.push(format!("app.base_url: {error}")))
            .ok()
    });
    let port = figment.extract_inner("port").unwrap_or(8000);
    let base_path = app
        .base_path
        .parse::<BasePath>()
        .map_err(|error| problems.push(format!("app.base_path: {error}")))
        .unwrap_or_default();
    let origin = base_url.as_ref().map(|origin| format!("{origin}{base_path}"));
    let mail = MailSettings::read(app.mail.as_deref(), app.mail_from.as_deref(), origin, is_debug, port)
        .map_err(|problem| problems.push(problem))
        .unwrap_or_default();
    let registration = RegistrationSettings::read(&app.registration, mail.is_some())
        .map_err(|problem| problems.push(problem))
        .unwrap_or_default();
    if app.deletion_grace > 7_776_000 {
        problems.push("app.deletion_grace: must be at most 7776000 seconds, ninety days".into());
    }
    let traces = TracesSettings::read(&app).map_err(|problem| problems.push(problem)).unwrap_or_default();
    let trusted_proxies = TrustedProxies::parse(&app.trusted_proxies)
        .map_err(|error| problems.push(format!("app.trusted_proxies: {error}")))
        .unwrap_or_default();
    if app.service_name.is_empty() || app.service_name.chars().count() > 60 {
        problems.push("app.service_name: must have 1 to 60 characters".into());
    }
    if !(8..=64).contains(&app.password_min_length) {
        problems.push("app.password_min_length: must be 8 to 64".into());
    }
    if !(300..=86_400).contains(&app.code_ttl) {
        problems.push("app.code_ttl: must be 300 to 86400 seconds".into());
    }
    if app.trust_ttl > 2_592_000 {
        problems.push("app.trust_ttl: must be at most 2592000 seconds, thirty days".into());
    }
    if app.factor_key.as_ref().is_some_and(|key| key.len() < 32) {
        problems.push(
            "app.factor_key: must have at least 32 characters; `openssl rand -base64 48` makes one".into(),
        );
    }
    if app.drain > 300 {
        problems.push("app.drain: must be at most 300 seconds".into());
    }
    if app.hash_threads == Some(0) || app.hash_threads > Some(64) {
        problems.push("app.hash_threads: must be 1 to 64".into());
    }
    if app.hash_queue > 10_000 {
        problems.push("app.hash_queue: must be at most 10000".into());
    }
    if cfg!(not(feature = "tls")) && figment.contains("tls") {
        problems.push(
            "tls: this program was built without it and would serve plain HTTP; build with `--features tls`, or \
             put a proxy in front and remove the key"
                .into(),
        );
    }
    problems.extend(misspelt(figment));
    if let Err(error) = rocket::Config::try_from(figment) {
        problems.extend(error.into_iter().map(|one| plain("", &one)));
    }
    match (auth, store) {
        (Some(auth), Some(store)) if problems.is_empty() => Ok(Settings {
            factor_key: FactorKey::of(app.factor_key.as_deref(), &auth, &store),
            auth,
            store,
            siblings,
            demo_users,
            is_debug,
            is_exposed: !is_debug || !is_local,
            base_url,
            base_path,
            mail,
            registration,
            deletion_grace: Duration::from_secs(app.deletion_grace),
            leaked_passwords: app.leaked_passwords,
            drain: Duration::from_secs(app.drain),
            metrics_address: app.metrics_address,
            access_log: app.access_log,
            traces,
            trusted_proxies,
            service_name: app.service_name,
            logo: app.logo,
            colors: app.colors,
            dark_colors: app.dark_colors,
            theme: app.theme,
            password_min_length: app.password_min_length,
            code_ttl: Duration::from_secs(app.code_ttl),
            trust_ttl: Duration::from_secs(app.trust_ttl),
            // The demo accounts have none, and somebody who develops would be asked for one at every first sign-in.
            strong_roles: app
                .strong_roles
                .unwrap_or_else(|| if is_debug { vec![] } else { vec!["admin".into()] }),
            hash_threads: app.hash_threads.and_then(NonZeroUsize::new).unwrap_or_else(spare_cores),
            hash_queue: app.hash_queue,
        }),
        _ => Err(problems),
    }
}

/// The store, and where to listen for news of it.
fn store_of(app: &AppConfig) -> Result<StoreUrl, String> {
    let store = app.store.parse::<StoreUrl>().map_err(|error| error.to_string())?;
    match (store, &app.store_listen) {
        (store, None) => Ok(store),
        (StoreUrl::Postgres(url), Some(text)) => {
            url.listening_at(text).map(StoreUrl::Postgres).map_err(|error| error.to_string())
        }
        (_, Some(_)) => Err("app.store_listen: only a PostgreSQL database tells news; remove the key".into()),
    }
}

impl Settings {
    /// The file beside an embedded database where a development key is kept.
    #[must_use]
    pub fn development_key_file(&self) -> Option<PathBuf> {
        match &self.store {
            StoreUrl::SqliteFile(path) => Some(path.with_file_name("portcullis.key")),
            StoreUrl::SqliteMemory | StoreUrl::Postgres(_) => None,
        }
    }

    /// The file whose keys can be managed: the configured one, else the development key file.
    ///
    /// # Errors
    /// One line for the operator when the key is not kept in a file.
    pub fn key_file(&self) -> Result<KeyFile, String> {
        if self.auth.has_secret() {
            return Err("auth.secret_key: the key is the configuration's; use auth.secret_key_file to manage keys here"
                .to_owned());
        }
        let path = self.auth.secret_key_file().map(PathBuf::from).or_else(|| self.development_key_file());
        path.map(|path| KeyFile::at(path).taking(self.auth.rsa_keys())).ok_or_else(|| {
            let store = if self.store == StoreUrl::SqliteMemory { "sqlite::memory:" } else { "PostgreSQL" };
            format!("app.store: {store} keeps no keys; set auth.secret_key_file")
        })
    }
}

/// Where the settings come from: our defaults, Rocket.toml (or the file that `ROCKET_CONFIG` names), the environment.
#[must_use]
pub fn figment() -> Figment {
    let file = Env::var_or("ROCKET_CONFIG", "Rocket.toml");
    defaults()
        .merge(Toml::file(file).nested())
        .merge(Env::prefixed("ROCKET_").ignore(&["PROFILE", "CONFIG"]).global())
        .merge(Env::prefixed("PORTCULLIS_").split("__").global())
        // A secret of digits only would otherwise be read as a number.
        .merge(secret_from_environment())
        .select(Profile::from_env_or("ROCKET_PROFILE", rocket::Config::DEFAULT_PROFILE))
}

/// Rocket's own settings as this application wants them, without any file or environment.
///
/// `X-Real-IP` is not believed, the server does not name itself, Rocket's own log stays silent
/// (it prints cookies and bodies), a connection may lie idle for longer than a proxy's usual minute, and a shutdown waits for requests, but is over before a container is killed, which is
/// after ten seconds.
#[must_use]
pub fn defaults() -> Figment {
    Figment::from(rocket::Config::default()).merge(Serialized::globals(json!({
        "ip_header": false,
        "ident": false,
        "log_level": "off",
        "keep_alive": 75,
        "limits": { "form": "8KiB", "data-form": "8KiB", "json": "8KiB", "string": "8KiB", "bytes": "8KiB" },
        "shutdown": { "grace": 5, "mercy": 2 },
    })))
}

fn secret_from_environment() -> Figment {
    let Ok(secret) = std::env::var("PORTCULLIS_AUTH__SECRET_KEY") else { return Figment::new() };
    Figment::from(Serialized::globals(json!({ "auth": { "secret_key": secret } })))
}

/// How the log is to be written, as far as that can be read before the settings are judged.
#[must_use]
pub fn log_format(figment: &Figment) -> LogFormat {
    figment.extract_inner("app.log_format").unwrap_or_default()
}

/// Where spans go, as far as that can be read before the settings are judged.
#[must_use]
pub fn traces(figment: &Figment) -> Option<TracesSettings> {
    extract(figment).ok().and_then(|app| TracesSettings::read(&app).ok()).flatten()
}

fn extract(figment: &Figment) -> Result<AppConfig, Vec<String>> {
    match figment.find_value("app") {
        Err(_) => Ok(AppConfig::default()),
        Ok(_) => figment
            .extract_inner("app")
            .map_err(|error| error.into_iter().map(|one| plain("app", &one)).collect()),
    }
}

fn spare_cores() -> NonZeroUsize {
    let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    NonZeroUsize::new(cores.saturating_sub(1)).unwrap_or(NonZeroUsize::MIN)
}
