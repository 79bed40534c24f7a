//! `portcullis init`: from nothing to an installation that can be started.
//!
//! It asks what it is not told, judges all of it before anything is written, and writes a file of settings and a file of keys
//! that nobody else may read (mode 0600), the tables of the store, and the first administrator. Whoever runs it again after it
//! was interrupted goes on where it stopped; a file of settings that is there already is left alone.

mod ask;
mod lines;

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::net::IpAddr;
use std::path::{Path, PathBuf, absolute};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use portcullis::app;
use portcullis::auth::{Algorithm, Clock, KeyFile, OsRandom, Random, SystemClock, chain};
use portcullis::settings::{self, Settings};
use portcullis::store::{self, StoreUrl};
use portcullis::users::{Creation, Password, Roles, Username};
use rocket::figment::providers::{Format, Toml};
use rocket::figment::{Figment, Profile};

use self::ask::Wanted;
use super::{Problems, name_of, problem, read_password, say};

/// What it is told.
#[derive(Debug, Args)]
pub(crate) struct InitArguments {
    /// The address that people type, as in https://login.example.org.
    #[arg(long, value_name = "URL")]
    base_url: Option<String>,
    /// The address to listen at; the proxy is expected on this machine.
    #[arg(long, default_value = "127.0.0.1")]
    address: IpAddr,
    /// The port to listen at.
    #[arg(long, default_value_t = 8000)]
    port: u16,
    /// The store: sqlite:PATH or postgres://...; by default a file in the folder of --data.
    #[arg(long, value_name = "URL")]
    store: Option<String>,
    /// The name of the first administrator, whose password is asked for or read from standard input.
    #[arg(long, value_name = "NAME")]
    admin: Option<String>,
    /// Where messages go, as in smtps://USER:PASSWORD@HOST; "none" for no mail.
    #[arg(long, value_name = "URL")]
    mail: Option<String>,
    /// From whom they are.
    #[arg(long, value_name = "ADDRESS")]
    mail_from: Option<String>,
    /// The file of settings to write; by default the one that ROCKET_CONFIG names, or Rocket.toml here.
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// The folder of keys and database; by default that of the file of settings.
    #[arg(long, value_name = "FOLDER")]
    data: Option<PathBuf>,
}

/// What is to be there in the end.
struct Plan {
    file: PathBuf,
    keys: PathBuf,
    text: String,
    settings: Settings,
    base_url: String,
    listens_at: String,
}

pub(crate) async fn run(arguments: InitArguments) -> Result<(), Problems> {
    let plan = Plan::of(arguments.file, arguments.data, |data| {
        Wanted {
            base_url: arguments.base_url,
            address: arguments.address,
            port: arguments.port,
            store: arguments.store,
            mail: arguments.mail,
            mail_from: arguments.mail_from,
        }
        .complete(data)
    })?;
    let admin = name_of(&ask::admin(arguments.admin)?)?;
    let made = plan.carry_out(&admin).await?;
    for line in lines::of(&plan, &admin, made) {
        say(line)?;
    }
    Ok(())
}

/// What is wrong with the settings; where there are none at all, with how to begin.
pub(crate) fn hinted(mut problems: Problems) -> Problems {
    let file = std::env::var("ROCKET_CONFIG").unwrap_or_else(|_| "Rocket.toml".to_owned());
    // It is looked for in the folders above, too.
    let here = std::env::current_dir().unwrap_or_default();
    let is_said = std::env::vars_os().any(|(name, _)| name.to_string_lossy().starts_with("PORTCULLIS_"));
    let is_debug = *settings::figment().profile() == rocket::Config::DEBUG_PROFILE;
    if !is_said && !is_debug && !here.ancestors().any(|folder| folder.join(&file).exists()) {
        problems.push(format!(
            "Nothing is set up here yet: there is no {file}. `portcullis init` asks for what it needs, and writes it."
        ));
    }
    problems
}

impl Plan {
    fn of(
        file: Option<PathBuf>,
        data: Option<PathBuf>,
        wanted: impl FnOnce(&Path) -> Result<Wanted, Problems>,
    ) -> Result<Self, Problems> {
        let named = || std::env::var_os("ROCKET_CONFIG").map(PathBuf::from);
        let file = absolute(file.or_else(named).unwrap_or_else(|| "Rocket.toml".into())).map_err(problem)?;
        if file.exists() {
            let there = format!("{} is there already, and is left as it is.", file.display());
            return Err(vec![
                there,
                "`portcullis doctor` says whether anything is wrong with it.".to_owned(),
            ]);
        }
        let folder = file.parent().map_or_else(|| PathBuf::from("."), Path::to_path_buf);
        let data = absolute(data.unwrap_or(folder)).map_err(problem)?;
        let wanted = wanted(&data)?;
        let keys = data.join("portcullis.keys");
        let text = lines::settings(&wanted, &keys, &factor_key(&wanted)?);
        // As the server will read it, so that nothing is written that it would refuse.
        let figment = Figment::from(settings::defaults())
            .merge(Toml::string(&text).nested())
            .select(Profile::new("release"));
        let settings = settings::load(&figment)?;
        let listens_at = std::net::SocketAddr::new(wanted.address, wanted.port).to_string();
        Ok(Self { file, keys, text, settings, base_url: wanted.base_url.unwrap_or_default(), listens_at })
    }

    /// Whether an administrator was made; `false` where one of this name was there.
    async fn carry_out(&self, admin: &Username) -> Result<bool, Problems> {
        for folder in [self.file.parent(), self.keys.parent()].into_iter().flatten() {
            private_folder(folder)?;
        }
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let random: Arc<dyn Random> = Arc::new(OsRandom);
        let stores = store::open(&self.settings.store);
        let accounts = app::accounts(&self.settings, &stores, clock, &random, None)?;
        let password = accounts.policy().password(read_password()?, admin).map_err(problem)?;
        let keys = KeyFile::at(self.keys.clone());
        if !self.keys.exists() {
            keys.add(Algorithm::HS256, &OsRandom).map_err(|problem| vec![problem])?;
        }
        stores.sessions.ready().await.map_err(|error| vec![chain(&error)])?;
        let made = add(&accounts, admin, password).await?;
        stores.sessions.close().await;
        write_private(&self.file, &self.text)?;
        Ok(made)
    }
}

async fn add(
    accounts: &portcullis::users::Accounts,
    admin: &Username,
    password: Password,
) -> Result<bool, Problems> {
    let roles = Roles::parse(["admin"]).map_err(problem)?;
    match accounts.add(admin.clone(), password, roles).await.map_err(problem)? {
        Creation::Created(_) => Ok(true),
        Creation::Taken => Ok(false),
    }
}

/// A key for factors and links, where no file beside a database holds one.
fn factor_key(wanted: &Wanted) -> Result<Option<String>, Problems> {
    let is_shared = wanted.store.as_deref().is_some_and(|store| {
        store.parse::<StoreUrl>().is_ok_and(|store| !matches!(store, StoreUrl::SqliteFile(_)))
    });
    if !is_shared {
        return Ok(None);
    }
    let mut bytes = [0; 48];
    OsRandom.fill(&mut bytes).map_err(problem)?;
    Ok(Some(STANDARD.encode(bytes)))
}

/// Makes a folder for its owner alone where there is none.
fn private_folder(folder: &Path) -> Result<(), Problems> {
    use std::os::unix::fs::DirBuilderExt;

    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|error| vec![format!("{}: {error}", folder.display())])
}

/// Writes a file that nobody else may read and that is not there yet.
fn write_private(file: &Path, text: &str) -> Result<(), Problems> {
    use std::os::unix::fs::OpenOptionsExt;

    let failed = |error: std::io::Error| vec![format!("{}: {error}", file.display())];
    let mut open = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file).map_err(failed)?;
    let written = open.write_all(text.as_bytes()).and_then(|()| open.sync_all());
    written.map_err(|error| {
        // Half a file would be taken for a whole one.
        match std::fs::remove_file(file) {
            Err(left) if left.kind() != ErrorKind::NotFound => vec![
                format!("{}: {error}", file.display()),
                format!("{}: half of it could not be removed: {left}", file.display()),
            ],
            _ => vec![format!("{}: {error}", file.display())],
        }
    })
}
