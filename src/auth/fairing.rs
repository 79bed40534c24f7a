//! The fairing: reads and judges the settings, loads the key, fills the view, keeps it current, writes the cookies.
//!
//! Attach it once; the guards do the rest.

use std::future::Future;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use rocket::fairing::{Fairing, Info, Kind, Result as Ignition};
use rocket::http::{Header, Status};
use rocket::response::Responder;
use rocket::{Build, Data, Orbit, Request, Response, Rocket};
use serde::Serialize;

use crate::auth::config::proxies::{Told, TrustedProxies};
use crate::auth::config::{AuthConfig, AuthSettings};
use crate::auth::guards::refusal::Refusal;
use crate::auth::guards::user::LookUp;
use crate::auth::request::csrf;
use crate::auth::request::live::act_on_seen;
use crate::auth::request::location::take_out_of_query;
use crate::auth::request::verdict::notes;
use crate::auth::sessions::authority::Authority;
use crate::auth::sessions::confirmed::Confirmed;
use crate::auth::sessions::event::EventStore;
use crate::auth::sessions::follow::{keep_current, keep_told};
use crate::auth::sessions::hooks::{HookError, Hooks};
use crate::auth::sessions::record::{Cursor, Session, SessionStore};
use crate::auth::sessions::view::View;
use crate::auth::sessions::waiting::blocklist::{Blocklist, Siblings};
use crate::auth::sessions::waiting::journal::Journal;
use crate::auth::sessions::waiting::unkept::Unkept;
use crate::auth::status::NodeStatus;
use crate::auth::tokens::claims::Claims;
use crate::auth::tokens::codec::Codec;
use crate::auth::tokens::key_file::{KeyFile, ephemeral};
use crate::auth::tokens::keys::RingKey;
use crate::auth::tokens::ring::Ring;
use crate::auth::wire::cookies::{Jar, flush};
use crate::auth::wire::names::Wire;
use crate::auth::wire::origin::Origin;
use crate::auth::wire::place::Location;
use crate::ground::clock::{Clock, SystemClock};
use crate::ground::random::{OsRandom, Random};

/// The fairing that makes the guards work.
///
/// ```
/// use portcullis::{AccessToken, Portcullis, store, testing::Kit};
/// use rocket::{get, routes};
///
/// #[get("/hello")]
/// fn hello(token: AccessToken<'_>) -> String {
///     format!("Hello {}", token.subject())
/// }
///
/// // A program begins with `rocket::build()`, which reads Rocket.toml and the environment.
/// let kit = Kit::new();
/// let portcullis = Portcullis::new(store::memory().sessions);
/// let site = kit.launch(rocket::custom(kit.figment()).attach(portcullis).mount("/", routes![hello]));
/// assert_eq!(site.anonymous().get("/hello").status, 401);
/// ```
pub struct Portcullis {
    store: Arc<dyn SessionStore>,
    events: Option<Arc<dyn EventStore>>,
    status: NodeStatus,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    development_key_file: Option<PathBuf>,
    proxies: TrustedProxies,
    public_origin: Option<Origin>,
    strong_roles: Vec<String>,
    blocklist: Option<(Arc<dyn Blocklist>, bool)>,
    /// Given away at ignition, which happens once.
    hooks: Mutex<Hooks>,
    managed: Mutex<Vec<Box<Manage>>>,
}

/// Puts a value into a Rocket's managed state.
type Manage = dyn FnOnce(Rocket<Build>) -> Rocket<Build> + Send;

impl Portcullis {
    /// A fairing that keeps its sessions in this store, with the machine's clock and randomness.
    /// The settings come from Rocket's configuration, table `auth`.
    #[must_use]
    pub fn new(store: Arc<dyn SessionStore>) -> Self {
        Self {
            store,
            events: None,
            status: NodeStatus::default(),
            clock: Arc::new(SystemClock::new()),
            random: Arc::new(OsRandom),
            development_key_file: None,
            proxies: TrustedProxies::default(),
            public_origin: None,
            strong_roles: Vec::new(),
            blocklist: None,
            hooks: Mutex::default(),
            managed: Mutex::default(),
        }
    }

    /// Keeps security events there, so that people see their own and administrators everybody's.
    /// Without it events stand in the log alone.
    #[must_use]
    pub fn events(self, store: Arc<dyn EventStore>) -> Self {
        Self { events: Some(store), ..self }
    }

    /// How this node is doing, for whoever is asked beside its Rocket: a health check, another port, a metric.
    #[must_use]
    pub fn status(&self) -> NodeStatus {
        self.status.clone()
    }

    /// Lives by another clock, for tests.
    #[must_use]
    pub fn clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self }
    }

    /// Draws from another source of randomness, for tests.
    #[must_use]
    pub fn random(self, random: Arc<dyn Random>) -> Self {
        Self { random, ..self }
    }

    /// In the debug profile, keeps a signing secret of its own in this file (made on first start, mode 0600)
    /// when none is configured. Without it such a secret lasts until the program ends.
    #[must_use]
    pub fn development_key_file(self, path: PathBuf) -> Self {
        Self { development_key_file: Some(path), ..self }
    }

    /// Believes these proxies, and no other peer, about the address of a caller: the chain of `X-Forwarded-For`, or of
    /// `Forwarded` where there is none, is read from the right up to the first address that is none of them.
    /// Rocket's `ip_header`, when it is set, names another header; its default, `X-Real-IP`, must be set to `false`.
    #[must_use]
    pub fn trusted_proxies(self, proxies: TrustedProxies) -> Self {
        Self { proxies, ..self }
    }

    /// The origin under which people know this application: its pages are ours also when a proxy changes `Host`.
    #[must_use]
    pub fn public_origin(self, origin: Origin) -> Self {
        Self { public_origin: Some(origin), ..self }
    }

    /// [`RoleToken`](crate::RoleToken) for one of these roles asks for a session of the second level as well.
    #[must_use]
    pub fn strong_roles(self, roles: Vec<String>) -> Self {
        Self { strong_roles: roles, ..self }
    }

    /// Writes every ended session and every revoked token to this list as well, for sibling services that read it.
    #[must_use]
    pub fn blocklist(self, list: Arc<dyn Blocklist>) -> Self {
        Self { blocklist: Some((list, false)), ..self }
    }

    /// The same, and asks the list about every token: what a sibling has put there is refused, and while the list is out
    /// of reach nobody is let in, with 503.
    #[must_use]
    pub fn asking_blocklist(self, list: Arc<dyn Blocklist>) -> Self {
        Self { blocklist: Some((list, true)), ..self }
    }

    /// Adds claims of the application's own to access tokens: asked for at sign-in and again at every refresh.
    /// What it returns must serialize to an object with none of our claims' names, or nothing is signed.
    #[must_use]
    pub fn claims<F, Fut, C>(self, hook: F) -> Self
    where
        F: Fn(Session) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<C, HookError>> + Send + 'static,
        C: Serialize,
    {
        self.hooks.lock().unwrap_or_else(PoisonError::into_inner).set_claims(hook);
        self
    }

    /// Asks a last question about every access token that is otherwise good; `false` refuses it with 403.
    #[must_use]
    pub fn verify(self, hook: impl Fn(&Claims<'_>) -> bool + Send + Sync + 'static) -> Self {
        self.hooks.lock().unwrap_or_else(PoisonError::into_inner).set_verify(hook);
        self
    }

    /// Looks people up for [`CurrentUser<U>`](crate::auth::CurrentUser): a name goes in, the application's own type
    /// comes out, or `None` for somebody unknown.
    #[must_use]
    pub fn user<U, F, Fut>(self, look_up: F) -> Self
    where
        U: Send + Sync + 'static,
        F: Fn(String) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Option<U>, HookError>> + Send + 'static,
    {
        let look_up = LookUp::new(look_up);
        let manage: Box<Manage> = Box::new(move |rocket| rocket.manage(look_up));
        self.managed.lock().unwrap_or_else(PoisonError::into_inner).push(manage);
        self
    }

    async fn prepare(&self, rocket: &Rocket<Build>) -> Result<Authority, Vec<String>> {
        let settings = AuthConfig::load(rocket.figment())?;
        for (old, new) in settings.renamed() {
            tracing::warn!("{old} is called {new} now; the old name still works");
        }
        let (ring, key_file) = self.ring(&settings).map_err(|problem| vec![problem])?;
        // One small allocation for each Rocket that is launched: what it holds is needed as long as there are requests,
        // and errors that name a cookie stay plain values.
        let wire: &'static Wire = Box::leak(Box::new(settings.wire.clone()));
        let jar = Jar::new(settings.is_https(), wire);
        let codec = Codec {
            ring: RwLock::new(Arc::new(ring)),
            issuer: settings.issuer.clone(),
            audience: settings.audience.clone(),
            leeway: settings.leeway,
            longest_access: settings.access_ttl,
            longest_foreign: settings.foreign_ttl,
            longest_refresh: settings.session.absolute.max(settings.remembered.absolute),
        };
        let mut first_event = [0; 16];
        self.random.fill(&mut first_event).map_err(|error| vec![error.to_string()])?;
        let authority = Authority {
            settings,
            codec,
            jar,
            store: Arc::clone(&self.store),
            events: self.events.clone(),
            is_reachable: AtomicBool::new(true),
            view: View::new(),
            siblings: self.blocklist.clone().map(|(list, is_asked)| Siblings::new(list, is_asked)),
            confirmed: Confirmed::new(),
            journal: Journal::new(first_event),
            key_file,
            keys_are_read: AtomicBool::new(true),
            unkept: Unkept::default(),
            proxies: self.proxies.clone(),
            told: Told::default(),
            public_origin: self.public_origin.clone(),
            strong_roles: self.strong_roles.clone(),
            hooks: std::mem::take(&mut *self.hooks.lock().unwrap_or_else(PoisonError::into_inner)),
            clock: Arc::clone(&self.clock),
            random: Arc::clone(&self.random),
            cursor: tokio::sync::Mutex::new(Cursor::default()),
            telling: tokio::sync::Mutex::new(()),
        };
        self.store.ready().await.map_err(|error| vec![chain(&error)])?;
        authority.sync().await.map_err(|error| vec![chain(&error)])?;
        Ok(authority)
    }

    /// The keys, and the file to watch for others.
    fn ring(&self, settings: &AuthSettings) -> Result<(Ring, Option<KeyFile>), String> {
        if let Some(secret) = &settings.secret {
            let key = RingKey::from_secret(settings.algorithm, secret);
            return key.map(|key| (Ring::of(key), None)).map_err(|error| format!("auth.secret_key: {error}"));
        }
        let path = settings.secret_file.as_ref().or(self.development_key_file.as_ref());
        let Some(file) = path.map(|path| KeyFile::at(path.clone()).taking(settings.rsa)) else {
            return ephemeral(&*self.random).map(|ring| (ring, None));
        };
        if settings.secret_file.is_none() {
            file.make_if_missing(&*self.random)?;
        }
        file.load().map(|ring| (ring, Some(file)))
    }
}

#[rocket::async_trait]
impl Fairing for Portcullis {
    fn info(&self) -> Info {
        let kind =
            Kind::Ignite | Kind::Liftoff | Kind::Request | Kind::Response | Kind::Shutdown | Kind::Singleton;
        Info { name: "Portcullis", kind }
    }

    async fn on_ignite(&self, rocket: Rocket<Build>) -> Ignition {
        match self.prepare(&rocket).await {
            Ok(authority) => {
                let managed =
                    std::mem::take(&mut *self.managed.lock().unwrap_or_else(PoisonError::into_inner));
                let rocket = managed.into_iter().fold(rocket, |rocket, manage| manage(rocket));
                let authority = Arc::new(authority);
                self.status.begin(&authority);
                Ok(rocket.manage(authority))
            }
            Err(problems) => {
                for problem in problems {
                    tracing::error!("{problem}");
                }
                Err(rocket)
            }
        }
    }

    async fn on_liftoff(&self, rocket: &Rocket<Orbit>) {
        let Some(authority) = Authority::of(rocket) else { return };
        tokio::spawn(keep_current(Arc::clone(authority), rocket.shutdown()));
        if authority.siblings.is_some() {
            tokio::spawn(keep_told(Arc::clone(authority), rocket.shutdown()));
        }
    }

    async fn on_request(&self, request: &mut Request<'_>, data: &mut Data<'_>) {
        // What looks into a form is in boxes, since the future of every request would have room for it otherwise.
        let is_form = request.content_type().is_some_and(|kind| kind.is_form() || kind.is_form_data());
        if is_form {
            Box::pin(csrf::undo_method_override(request, data)).await;
        }
        if let Some(authority) = Authority::of(request.rocket()) {
            let wire = authority.jar.wire();
            take_out_of_query(request, wire);
            if is_form {
                Box::pin(csrf::peek(request, data, &wire.csrf_field)).await;
            }
        }
    }

    async fn on_shutdown(&self, rocket: &Rocket<Orbit>) {
        let Some(authority) = Authority::of(rocket) else { return };
        if let Err(error) = authority.tell_unkept().await {
            tracing::error!(error = &error as &dyn std::error::Error, "a sign-out could not be kept");
        }
        if let Err(error) = authority.tell_confirmed().await.and(authority.tell_events().await) {
            tracing::warn!(error = &error as &dyn std::error::Error, "the last events could not be kept");
        }
    }

    async fn on_response<'r>(&self, request: &'r Request<'_>, response: &mut Response<'r>) {
        let notes = notes(request);
        if let Some(token) = notes.came_back.get()
            && let Err(error) = Box::pin(act_on_seen(request, token)).await
            && let Ok(refused) = Refusal::from(error).respond_to(request)
        {
            response.merge(refused);
        }
        flush(&notes.outbox, response);
        if response.status() != Status::Unauthorized
            || response.content_type().is_some_and(|kind| kind.is_html())
        {
            return;
        }
        let takes_bearers = |it: &&Arc<Authority>| it.settings.locations.contains(Location::Headers);
        let authority = Authority::of(request.rocket()).filter(takes_bearers);
        if let Some(scheme) = authority.and_then(|it| it.jar.wire().challenge()) {
            // RFC 9110 §11.6.1 and RFC 6750 §3; a browser's page would gain nothing from it.
            response.set_header(Header::new("WWW-Authenticate", scheme));
        }
    }
}

/// An error and its causes in one line, for the operator at launch.
#[must_use]
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        line.push_str(": ");
        line.push_str(&error.to_string());
        cause = error.source();
    }
    line
}
