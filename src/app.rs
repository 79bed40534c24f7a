//! The composition root: the only file that knows everything.
//!
//! It decides nothing; it puts settings, store, wings and pages together and hands over a Rocket.

mod ready;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rocket::fairing::AdHoc;
use rocket::figment::Figment;
use rocket::shield::Shield;
use rocket::{Build, Rocket};
use rocket_dyn_templates::Template;
use tera::Tera;

use crate::auth::{Clock, Cors, OsRandom, Portcullis, Random, SystemClock};
use crate::connections::Connections;
use crate::leaked::LeakedList;
use crate::leaving::Leaving;
use crate::mail::{Letters, MailRoute, Mailer, Transport};
use crate::metrics::{Metrics, MetricsPort, Sources};
use crate::routes::answer::headers::SecurityHeaders;
use crate::routes::edge::host::OneHost;
use crate::routes::edge::observed::{ExchangeListener, Observed, RequestNames};
use crate::routes::edge::spelling::OneSpelling;
use crate::routes::edge::under::Under;
use crate::routes::health::Draining;
use crate::routes::health::seen::DoctorKey;
use crate::routes::openapi::OpenApi;
use crate::routes::people::administrator::Randomness;
use crate::routes::signing::login::Demo;
use crate::routes::view::frame::ServiceName;
use crate::routes::view::words::Catalogues;
use crate::routes::{self, answer::errors, pages};
use crate::settings::factor_key::FactorKey;
use crate::settings::mail::MailSettings;
use crate::settings::registration::RegistrationSettings;
use crate::settings::{self, Settings};
use crate::store::{self, Stores};
use crate::theme::Theme;
use crate::users::{
    Accounts, Cost, EmailAddress, Hasher, PasskeySite, PasswordPolicy, PostOffice, Registration, SealKey,
    SecondFactor,
};

/// What the application takes from the world around it; a test brings its own.
#[derive(Clone)]
pub struct World {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Unguessable numbers.
    pub random: Arc<dyn Random>,
    /// Accounts and sessions; `None` opens what `app.store` names.
    pub stores: Option<Stores>,
}

impl Default for World {
    fn default() -> Self {
        Self { clock: Arc::new(SystemClock::new()), random: Arc::new(OsRandom), stores: None }
    }
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("World")
    }
}

/// The application, ready to launch.
///
/// # Errors
/// One line for each setting that makes no sense.
pub fn rocket(figment: &Figment, world: World) -> Result<Rocket<Build>, Vec<String>> {
    let settings = settings::load(figment)?;
    let Theme { assets, catalogues, templates } = Theme::load(&settings, &pages::templates())?;
    let stores = world.stores.clone().unwrap_or_else(|| {
        // Somebody who develops starts with nothing; an operator who mistyped a path must hear of it.
        let open = if settings.is_debug { store::open } else { store::open_existing };
        open(&settings.store)
    });
    let secret = settings.factor_key.secret(&*world.random).map_err(|problem| vec![problem])?;
    let seal = secret.map(|secret| SealKey::derive(&secret));
    if seal.is_none() {
        tracing::warn!("nobody can add an authenticator app: set app.factor_key, the same on every node");
    }
    // A role must not need what nobody could take into use.
    let strong_roles = if seal.is_some() { settings.strong_roles.clone() } else { Vec::new() };
    let doctor = DoctorKey { key: seal.clone(), clock: Arc::clone(&world.clock) };
    let accounts = accounts(&settings, &stores, Arc::clone(&world.clock), &world.random, seal)?;
    let leaving = Leaving::new(
        accounts.clone(),
        Arc::clone(&stores.events),
        Arc::clone(&world.clock),
        Arc::clone(&world.random),
    );
    let mailer =
        mail(&settings, &catalogues)?.zip(accounts.post_office()).map(|((letters, transport), office)| {
            let (clock, random) = (Arc::clone(&world.clock), Arc::clone(&world.random));
            Mailer::new(office.clone(), letters, transport, clock, random)
        });

    let random = Arc::clone(&world.random);
    let clock = Arc::clone(&world.clock);
    let mut portcullis = Portcullis::new(Arc::clone(&stores.sessions))
        .events(Arc::clone(&stores.events))
        .clock(world.clock)
        .random(world.random)
        .strong_roles(strong_roles)
        .trusted_proxies(settings.trusted_proxies.clone());
    if let Some(origin) = settings.base_url.clone() {
        portcullis = portcullis.public_origin(origin);
    }
    #[cfg(feature = "redis")]
    if let Some(siblings) = &settings.siblings {
        let list = store::blocklist(&siblings.url, &siblings.prefix);
        portcullis = match siblings.is_asked {
            true => portcullis.asking_blocklist(list),
            false => portcullis.blocklist(list),
        };
    }
    if let Some(path) = settings.development_key_file() {
        portcullis = portcullis.development_key_file(path);
    }
    let folder = template_folder(&*random).map_err(|error| vec![format!("temporary folder: {error}")])?;
    let figment = figment.clone().merge(("template_dir", (*folder).as_ref()));
    let headers = SecurityHeaders { is_https: settings.auth.is_https() };
    let draining = Draining::default();
    let metrics = settings.metrics_address.map(|address| {
        let sources = Sources {
            node: portcullis.status(),
            accounts: accounts.clone(),
            mail: mailer.as_ref().map(|_| Arc::clone(&stores.mail)),
            draining: draining.clone(),
            store: settings.store.clone(),
            clock: Arc::clone(&clock),
        };
        (address, Arc::new(Metrics::of(sources)))
    });
    let mut start = [0; 8];
    random.fill(&mut start).map_err(|error| vec![error.to_string()])?;
    let observed = Observed {
        clock,
        is_logged: settings.access_log,
        audience: metrics.as_ref().map(|(_, metrics)| Arc::clone(metrics) as Arc<dyn ExchangeListener>),
    };
    let rocket = rocket::custom(figment);
    // Everything else looks at addresses as they are inside.
    let rocket = match settings.base_path.is_root() {
        true => rocket,
        false => rocket.attach(Under(settings.base_path.clone())),
    };
    let rocket = rocket
        .manage(headers)
        .manage(portcullis.status())
        .manage(draining)
        .manage(RequestNames::new(start, settings.trusted_proxies.clone()))
        .manage(doctor)
        .manage(stores.clone())
        .manage(accounts)
        .manage(catalogues)
        .manage(assets)
        .manage(pages::sitemap().under(settings.base_path.clone()))
        .manage(OpenApi::of(&settings.auth, &settings.base_path))
        .manage(ServiceName(settings.service_name.clone()))
        .manage(Demo(settings.demo_users))
        .manage(Randomness(random))
        // Rocket's own three headers, which ours stand for.
        .attach(Shield::new())
        .attach(OneSpelling)
        .attach(headers)
        .attach(portcullis)
        .attach(ready::ready_accounts(&settings))
        .attach(sending(mailer, &settings))
        .attach(leaving.fairing())
        .attach(Template::try_custom(move |engines| Ok(templates.add_to(&mut engines.tera)?)))
        .manage(TemplateFolder(folder))
        .mount("/", routes::routes())
        .register("/", errors::catchers());
    let rocket = if observed.is_wanted() { rocket.attach(observed) } else { rocket };
    let rocket = match metrics {
        Some((address, metrics)) => rocket.manage(Numbers(address, metrics)),
        None => rocket,
    };
    // Whoever trusts no other origin does not wait for it either.
    Ok(if !settings.auth.trusted_origins.is_empty() { rocket.attach(Cors) } else { rocket })
}

/// The same application where it listens to the world: connections have an end, and requests name one host.
#[must_use]
pub fn listening(rocket: Rocket<Build>, clock: Arc<dyn Clock>) -> Rocket<Build> {
    let port =
        rocket.state::<Numbers>().map(|Numbers(at, metrics)| MetricsPort::new(*at, Arc::clone(metrics)));
    let rocket = rocket.attach(Connections::new(clock)).attach(OneHost);
    match port {
        Some(port) => rocket.attach(port),
        None => rocket,
    }
}

/// What is counted, and where it is served.
struct Numbers(SocketAddr, Arc<Metrics>);

/// Judges all settings, and what they name for the pages to show.
///
/// # Errors
/// One line for each mistake, as [`rocket()`] tells them.
pub fn check(figment: &Figment) -> Result<(), Vec<String>> {
    let settings = settings::load(figment)?;
    let Theme { catalogues, .. } = Theme::load(&settings, &pages::templates())?;
    mail(&settings, &catalogues)?;
    if let Some(path) = &settings.leaked_passwords {
        LeakedList::open(path).map_err(|problem| vec![format!("app.leaked_passwords: {problem}")])?;
    }
    let keys = settings.key_file().map_or(Ok(()), |file| file.check());
    [store::check(&settings.store), keys]
        .into_iter()
        .collect::<Result<(), _>>()
        .map_err(|problem| vec![problem])
}

/// What is not offered with these settings, one line for each thing.
///
/// # Errors
/// As [`check`].
pub fn remarks(figment: &Figment) -> Result<Vec<String>, Vec<String>> {
    let settings = settings::load(figment)?;
    let without_site = passkey_site(&settings).is_none().then(|| {
        "Passkeys are not offered: app.base_url must be an https:// address with a name, or http://localhost."
            .to_owned()
    });
    let without_mail = settings.mail.is_none().then(|| {
        "No mail is sent: app.mail is not set, so nobody gets a new password by themselves.".to_owned()
    });
    let without_key = (settings.mail.is_some() && matches!(settings.factor_key, FactorKey::Missing))
        .then(|| "No mail is sent: its links need app.factor_key, the same on every node.".to_owned());
    Ok(without_site.into_iter().chain(without_mail).chain(without_key).collect())
}

fn passkey_site(settings: &Settings) -> Option<PasskeySite> {
    PasskeySite::of(&settings.base_url.as_ref()?.to_string(), &settings.service_name)
}

/// The accounts that these settings name, for the application and for the command line. Without a key for the secrets of
/// factors nobody adds an app, and whoever has one is asked all the same.
///
/// # Errors
/// One line when there is no randomness.
pub fn accounts(
    settings: &Settings,
    stores: &Stores,
    clock: Arc<dyn Clock>,
    random: &Arc<dyn Random>,
    seal: Option<SealKey>,
) -> Result<Accounts, Vec<String>> {
    let mut bytes = [0; 32];
    random.fill(&mut bytes).map_err(|error| vec![error.to_string()])?;
    let hasher = Hasher::with_limits(Cost::default(), settings.hash_threads, settings.hash_queue);
    let accounts = {
        let (store, attempts) = (Arc::clone(&stores.accounts), Arc::clone(&stores.attempts));
        Accounts::new(store, attempts, Arc::new(hasher), clock, bytes)
    };
    let office = settings.mail.as_ref().and(seal.clone());
    let registration = match &settings.registration {
        RegistrationSettings::Closed => Registration::Closed,
        RegistrationSettings::Invited => Registration::Invited,
        RegistrationSettings::Hosts(hosts) => Registration::Domains(hosts.clone()),
        RegistrationSettings::Open => Registration::Open,
    };
    let office = office.map(|key| PostOffice::new(Arc::clone(&stores.mail), key, Arc::clone(random)));
    let office = office.map(|office| office.registering(registration));
    let accounts = match office {
        Some(office) => accounts.with_post_office(office),
        None => accounts,
    };
    let second = SecondFactor::new(Arc::clone(&stores.factors), Arc::clone(random), &settings.service_name)
        .sealed_by(seal)
        .on_site(passkey_site(settings))
        .needed_for(settings.strong_roles.clone())
        .trusting_for(settings.trust_ttl);
    let accounts = accounts.with_second_factor(second);
    let accounts = accounts.with_profiles(Arc::clone(&stores.profiles), settings.deletion_grace);
    let accounts = match &settings.leaked_passwords {
        Some(path) => {
            let list =
                LeakedList::open(path).map_err(|problem| vec![format!("app.leaked_passwords: {problem}")])?;
            accounts.with_leaked_passwords(Arc::new(list))
        }
        None => accounts,
    };
    let policy = PasswordPolicy::new(settings.password_min_length, &settings.service_name);
    let remember = settings.auth.remember_ends_for();
    Ok(accounts.with_policy(policy).with_code_ttl(settings.code_ttl).remembering_ends_for(remember))
}

/// The words of messages and their way, if any are sent.
fn mail(settings: &Settings, catalogues: &Catalogues) -> Result<Option<(Letters, Transport)>, Vec<String>> {
    let Some(MailSettings { route, from, links_at, host }) = &settings.mail else { return Ok(None) };
    let texts = catalogues.iter().map(|(language, texts)| (language.to_owned(), texts.clone()));
    let letters = Letters::new(texts, &settings.service_name, links_at)?;
    let from: EmailAddress = from.parse().map_err(|error| vec![format!("app.mail_from: {error}")])?;
    let transport = Transport::open(route, &from, &settings.service_name, host);
    Ok(Some((letters, transport.map_err(|problem| vec![problem])?)))
}

/// Sends mail for as long as the application serves; what is not sent by then is sent by whoever serves next.
fn sending(mailer: Option<Mailer>, settings: &Settings) -> AdHoc {
    let folder = settings.mail.as_ref().and_then(|mail| match &mail.route {
        MailRoute::Folder(folder) => Some(folder.clone()),
        MailRoute::Smtp(_) => None,
    });
    AdHoc::on_liftoff("Mail", |rocket| {
        let shutdown = rocket.shutdown();
        Box::pin(async move {
            let Some(mailer) = mailer else { return };
            if let Some(folder) = folder {
                tracing::info!("messages are laid into the folder {}", folder.display());
            }
            rocket::tokio::spawn(async move {
                rocket::tokio::select! {
                    () = mailer.run() => {}
                    () = shutdown => {}
                }
            });
        })
    })
}

/// Adds the templates that are part of the program.
///
/// # Errors
/// Tera's, when one of them is broken, which a test would have found.
pub fn add_templates(tera: &mut Tera) -> Result<(), tera::Error> {
    // Tera escapes by the end of the name: every template here must be called `.html`.
    tera.add_raw_templates(pages::templates())
}

/// Rocket's template fairing wants a folder to read, and all our templates are part of the program: one without any keeps it
/// from reading somebody else's; debug builds go on watching it while they serve.
///
/// On Linux there is one that every process has, so that nothing has to be made, and nothing stays behind.
fn template_folder(random: &dyn Random) -> std::io::Result<Box<dyn AsRef<Path> + Send + Sync>> {
    let of_the_process = Path::new("/proc/self/ns");
    if of_the_process.is_dir() {
        return Ok(Box::new(of_the_process));
    }
    EmptyFolder::make(random).map(|folder| Box::new(folder) as Box<_>)
}

/// Kept for as long as templates may be looked for.
struct TemplateFolder(
    #[expect(dead_code, reason = "it is there to be dropped")] Box<dyn AsRef<Path> + Send + Sync>,
);

/// A folder of our own, for as long as the program runs.
struct EmptyFolder(PathBuf);

impl EmptyFolder {
    fn make(random: &dyn Random) -> std::io::Result<Self> {
        let mut bytes = [0; 16];
        random.fill(&mut bytes).map_err(std::io::Error::other)?;
        let name = format!("{:032x}", u128::from_be_bytes(bytes));
        let path = std::env::temp_dir().join(format!("portcullis-{name}"));
        let mut builder = std::fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&path)?;
        Ok(Self(path))
    }
}

impl AsRef<Path> for EmptyFolder {
    fn as_ref(&self) -> &Path {
        &self.0
    }
}

impl Drop for EmptyFolder {
    fn drop(&mut self) {
        // It is empty; if somebody removed it already, all the better.
        let _ = std::fs::remove_dir(&self.0);
    }
}
