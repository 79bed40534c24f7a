//! The command line; `serve` is the default.

mod cli;
mod log;
mod supervisor;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::{CommandFactory, Parser, Subcommand};
use portcullis::app::{self, World};
use portcullis::routes::health::Draining;
use portcullis::settings;
use portcullis::store::Stores;
use rocket::fairing::AdHoc;
use rocket::figment::providers::Serialized;
#[cfg(unix)]
use rocket::tokio::signal::unix::{Signal, SignalKind, signal};
use serde_json::{Value, json};

use crate::cli::{complain, say};
use crate::supervisor::Supervisor;

/// A request makes and drops some sixty small things, which this allocator does in a third of the instructions of glibc's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Login and sessions for Rocket.
#[derive(Debug, Parser)]
#[command(version, about)]
struct Arguments {
    /// Speak to a program: an object of JSON on each line.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the application (the default).
    Serve,
    /// Judge the settings and exit.
    CheckConfig,
    /// Ask the server that runs with these settings whether it is ready.
    Health,
    /// Print what a shell needs to complete commands; how it is taken into use, the shell says.
    Completion {
        /// For which shell.
        shell: clap_complete::Shell,
    },
    /// Write manual pages, one for each command, into a folder.
    Manual {
        /// The folder, which is there.
        folder: PathBuf,
    },
    /// Make an installation: settings, keys, the store and the first administrator.
    Init(cli::init::InitArguments),
    /// Look for what is wrong with this installation, and say what to do about it.
    Doctor(cli::doctor::DoctorArguments),
    /// Copy the store into a new file, as it is at this moment; a server that runs on it goes on.
    Backup {
        /// The file of the copy, which must not be there yet.
        file: PathBuf,
    },
    /// Bring the tables of the store up to date, as each start does; or move a store that no server runs on.
    Migrate {
        /// The URL of the PostgreSQL database that everything is moved into; its password is best left to PGPASSWORD.
        #[arg(long, value_name = "URL")]
        to: Option<String>,
    },
    /// Manage accounts; a server that runs on the same store honours it within a second.
    #[command(subcommand)]
    User(cli::user::UserCommand),
    /// List and end sessions; a server that runs on the same store honours it within a second.
    #[command(subcommand)]
    Session(cli::session::SessionCommand),
    /// List, retry and drop messages that are waiting to be sent.
    #[command(subcommand)]
    Mail(cli::mail::MailCommand),
    /// The list of passwords that were stolen elsewhere.
    #[command(subcommand)]
    LeakedPasswords(cli::leaked::LeakedCommand),
    /// Make, list, rotate and retire signing keys; a server that runs with the same file honours it within seconds.
    #[command(subcommand)]
    Key(cli::key::KeyCommand),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if arguments.json {
        cli::speak_json();
    }
    let is_serving = matches!(arguments.command, None | Some(Command::Serve));
    let log = log::install(is_serving, &settings::figment());
    let result = run(arguments);
    log.finish();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(problems) => {
            for problem in problems {
                complain(&problem);
            }
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> Result<(), Vec<String>> {
    let command = arguments.command.unwrap_or(Command::Serve);
    // These are for whoever has no settings yet, or none that can be read.
    let goes_without = matches!(
        command,
        Command::Doctor(_) | Command::Init(_) | Command::Completion { .. } | Command::Manual { .. }
    );
    // Rocket's runtime reads its part of the settings before any future runs, and panics at a mistake.
    if !goes_without {
        settings::load(&settings::figment()).map_err(cli::init::hinted)?;
    }
    match command {
        Command::Serve => rocket::execute(serve()),
        Command::CheckConfig => {
            app::check(&settings::figment())?;
            for (old, new) in settings::load(&settings::figment())?.auth.renamed() {
                say(format!("{old} is called {new} now; the old name still works."))?;
            }
            for remark in app::remarks(&settings::figment())? {
                say(remark)?;
            }
            say("The settings are fine.")?;
            Ok(())
        }
        Command::Health => cli::health::run(),
        Command::Completion { shell } => cli::manual::completion(Arguments::command(), shell),
        Command::Manual { folder } => cli::manual::pages(Arguments::command(), &folder),
        Command::Doctor(arguments) => on_a_runtime_of_its_own(cli::doctor::run(arguments)),
        Command::Init(arguments) => on_a_runtime_of_its_own(cli::init::run(arguments)),
        Command::Backup { file } => rocket::execute(cli::backup::run(&file)),
        Command::Migrate { to } => rocket::execute(cli::migrate::run(to.as_deref())),
        Command::User(command) => rocket::execute(cli::user::run(command)),
        Command::Session(command) => rocket::execute(cli::session::run(command)),
        Command::Mail(command) => rocket::execute(cli::mail::run(command)),
        Command::LeakedPasswords(command) => cli::leaked::run(command),
        Command::Key(command) => cli::key::run(&command),
    }
}

/// Does work that must not depend on whether the settings can be read.
fn on_a_runtime_of_its_own(work: impl Future<Output = Result<(), Vec<String>>>) -> Result<(), Vec<String>> {
    let runtime = rocket::tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.map_err(|error| vec![error.to_string()])?.block_on(work)
}

/// What asks the program to end.
#[cfg(unix)]
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

/// How the program ends.
#[cfg(unix)]
struct Closing {
    shutdown: rocket::Shutdown,
    draining: Draining,
    drain: Duration,
    supervisor: Arc<Supervisor>,
}

#[cfg(unix)]
impl Signals {
    /// Listens for them from now on: before that, one would end the program where it stands.
    fn listen() -> std::io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }
}

/// At the first signal whoever asks is sent elsewhere, the program serves on for a while, and ends. Whoever asks a second time
/// does not wait for that, nor for requests that are still on their way. The first signal may come before Rocket listens for
/// one, and is passed on.
#[cfg(unix)]
async fn end_at_a_signal(ending: Closing, signals: Signals) {
    let Closing { shutdown, draining, drain, supervisor } = ending;
    let Signals { mut terminate, mut interrupt } = signals;
    for signals in 1.. {
        rocket::tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        if signals == 2 {
            std::process::exit(1);
        }
        draining.begin();
        supervisor.ending();
        let shutdown = shutdown.clone();
        rocket::tokio::spawn(async move {
            rocket::tokio::time::sleep(drain).await;
            shutdown.notify();
        });
    }
}

/// Rocket would end at once.
fn without_rockets_signals() -> Serialized<Value> {
    let none: [&str; 0] = [];
    Serialized::globals(json!({ "shutdown": { "ctrlc": false, "signals": none } }))
}

async fn serve() -> Result<(), Vec<String>> {
    let world = World::default();
    let clock = Arc::clone(&world.clock);
    let figment = settings::figment();
    let drain = settings::load(&figment)?.drain;
    let figment = if drain.is_zero() { figment } else { figment.merge(without_rockets_signals()) };
    let rocket = app::listening(app::rocket(&figment, world)?, clock);
    let supervisor = Arc::new(Supervisor::of_environment());
    let rocket = rocket.attach(AdHoc::on_liftoff("Address", move |rocket| {
        Box::pin(async move {
            let config = rocket.config();
            let scheme = if config.tls_enabled() { "https" } else { "http" };
            let address = std::net::SocketAddr::new(config.address, config.port);
            #[cfg(unix)]
            let signals = Signals::listen();
            // Whoever cannot read it is served all the same.
            let _ = say(format!("Portcullis is listening on {scheme}://{address}"));
            supervisor.serving();
            let watched = Arc::clone(&supervisor);
            rocket::tokio::spawn(async move { watched.turning().await });
            #[cfg(unix)]
            if let (Some(draining), Ok(signals)) = (rocket.state::<Draining>(), signals) {
                let (shutdown, draining) = (rocket.shutdown(), draining.clone());
                let ending = Closing { shutdown, draining, drain, supervisor };
                rocket::tokio::spawn(end_at_a_signal(ending, signals));
            }
        })
    }));
    match rocket.launch().await {
        Ok(ended) => {
            if let Some(stores) = ended.state::<Stores>() {
                stores.sessions.close().await;
            }
            Ok(())
        }
        // The fairings have told what is wrong, one line each; Rocket's summary would add only their names.
        Err(error) => Err(match error.kind() {
            rocket::error::ErrorKind::FailedFairings(_) => vec!["The launch was stopped.".to_owned()],
            kind => vec![format!("The launch failed: {kind}")],
        }),
    }
}
