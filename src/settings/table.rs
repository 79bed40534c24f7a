//! The table `[default.app]`, as it is written.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Deserialize;

use crate::settings::colors::Colors;

/// The table `[default.app]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AppConfig {
    /// Where accounts and sessions are kept: `sqlite:PATH`, `sqlite::memory:` or `postgres://…`. Default `sqlite:data/portcullis.db`.
    pub store: String,
    /// Where to listen for news of other nodes, so that they count within milliseconds: `direct` when no pooler stands in
    /// the way to `store`, or the URL of a connection past it. Default unset: they are asked for four times a second.
    pub store_listen: Option<String>,
    /// A Redis or Valkey, `redis://HOST:6379`, where sibling services find every ended session and revoked token, and by
    /// which nodes tell each other of them. Default unset.
    pub redis: Option<String>,
    /// What every key there begins with. Default nothing, so that a key is a `jti` or a `sid` and no more.
    pub redis_prefix: String,
    /// Ask Redis about every token, so that what a sibling revoked is refused here; while it is away, so is everybody.
    /// Default false.
    pub redis_asked: bool,
    /// Make `testuser`/`testpass` and `admin`/`adminpass` in an empty store.
    /// Default true in the debug profile, where an address that is not loopback asks for it to be written out; refused
    /// in every other one.
    pub demo_users: Option<bool>,
    /// The origin under which people know this application, as in `https://login.example.org`: its pages are ours also
    /// when a proxy changes `Host`. Default unset.
    pub base_url: Option<String>,
    /// The path of that origin under which the application stands, as in `/auth`, where it is not alone there. Default unset:
    /// the root.
    pub base_path: String,
    /// The operator's own proxies: addresses and ranges, as in `["10.0.0.0/8"]`. From them alone `X-Forwarded-For`, or
    /// `Forwarded` where there is none, is believed about the caller's address. Default none.
    pub trusted_proxies: Vec<String>,
    /// The name that pages show. Default `Portcullis`.
    pub service_name: String,
    /// A picture that pages show instead of the mark: a file that ends in `.svg`, `.png` or `.webp`. Default unset.
    pub logo: Option<PathBuf>,
    /// Colours instead of the stylesheet's, as in `{ accent = "#0f5f63" }`. Default none.
    pub colors: Colors,
    /// The same for people whose system is dark. Default none.
    pub dark_colors: Colors,
    /// A folder with templates, style, pictures and texts that stand for ours. Default unset.
    pub theme: Option<PathBuf>,
    /// How many characters a new password must have. Default 15; at least 8, which is for people who sign in with
    /// more than a password.
    pub password_min_length: usize,
    /// How long a one-time code can be exchanged for a password, in seconds. Default 3600; 300 to 86400, which is the
    /// longest that NIST SP 800-63B-4 allows.
    pub code_ttl: u64,
    /// The key under which the secrets of authenticator apps are sealed, at least 32 characters of randomness. Unset by
    /// default: then it is derived from `auth.secret_key`, or kept in a file beside an embedded database.
    pub factor_key: Option<String>,
    /// For how long somebody may trust a browser, so that a password is enough there, in seconds. Default 2592000, which is the
    /// longest; 0 for not at all.
    pub trust_ttl: u64,
    /// Whoever has one of these roles needs a second factor: without one, signing in leads to taking one into use. Default
    /// `["admin"]`, and in the debug profile none.
    pub strong_roles: Option<Vec<String>>,
    /// Where messages go: `smtps://USER:PASSWORD@HOST`, `smtp://HOST?tls=required`, `file:PATH` for one file a message, or `none`.
    /// Default `none`, and in the debug profile `file:data/mail`.
    pub mail: Option<String>,
    /// From whom they are, as in `login@example.org`. Default unset, and in the debug profile `portcullis@localhost`.
    pub mail_from: Option<String>,
    /// Who may become somebody here by themselves: `closed` for nobody, `invited` for whoever an administrator sends a link to,
    /// a list of hosts as in `["example.org"]` for whoever reads mail there too, or `open`. Default `closed`.
    pub registration: RegistrationConfig,
    /// How long an account stays that somebody has deleted, in seconds, so that it can be taken back. Default 604800; at most
    /// 7776000.
    pub deletion_grace: u64,
    /// A file of passwords that were stolen elsewhere: the list of their SHA-1 hashes, sorted, or what
    /// `portcullis leaked-passwords build` has made of it. Default unset.
    pub leaked_passwords: Option<PathBuf>,
    /// For how many seconds the program serves on after it was told to end, while `/health/ready` sends whoever asks elsewhere.
    /// Default 0; at most 300.
    pub drain: u64,
    /// Where numbers for whoever watches over the program are served, as in `127.0.0.1:9464`: to everybody who reaches it. Default
    /// unset, which serves none.
    pub metrics_address: Option<SocketAddr>,
    /// Whether each answer is a line in the log: its method, the template of its route, its status and its time. Default false.
    pub access_log: bool,
    /// How the lines of the log are written: `text` for a person, `json` for a program. Default `text`.
    pub log_format: LogFormat,
    /// Where spans of requests go: an OTLP collector, as in `http://127.0.0.1:4318`. Default unset.
    pub traces: Option<String>,
    /// Of how many requests there are spans. Default 1, of all.
    pub traced_share: f64,
    /// How many passwords are hashed at the same time. Default: one less than there are cores, at least one.
    pub hash_threads: Option<usize>,
    /// How many sign-ins may wait for their turn to be hashed before the next is answered 503. Default 32.
    pub hash_queue: usize,
}

/// How the lines of the log are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For a person.
    #[default]
    Text,
    /// For a program.
    Json,
}

/// Who may register, as it is written.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum RegistrationConfig {
    /// `closed`, `invited` or `open`.
    Word(String),
    /// Hosts of mail addresses.
    Hosts(Vec<String>),
}

impl Default for AppConfig {
    fn default() -> Self {
        Self {
            store: "sqlite:data/portcullis.db".into(),
            store_listen: None,
            redis: None,
            redis_prefix: String::new(),
            redis_asked: false,
            demo_users: None,
            base_url: None,
            base_path: String::new(),
            trusted_proxies: Vec::new(),
            service_name: "Portcullis".into(),
            logo: None,
            colors: Colors::default(),
            dark_colors: Colors::default(),
            theme: None,
            password_min_length: 15,
            code_ttl: 3600,
            factor_key: None,
            trust_ttl: 2_592_000,
            strong_roles: None,
            mail: None,
            mail_from: None,
            registration: RegistrationConfig::Word("closed".into()),
            deletion_grace: 604_800,
            leaked_passwords: None,
            drain: 0,
            metrics_address: None,
            access_log: false,
            log_format: LogFormat::Text,
            traces: None,
            traced_share: 1.0,
            hash_threads: None,
            hash_queue: 32,
        }
    }
}
