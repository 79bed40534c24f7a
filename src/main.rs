//! The command line; `serve` is the default.

use std::io::{IsTerminal, Read};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Parser, Subcommand};
use portcullis::app::{self, World};
use portcullis::auth::{SystemClock, event};
use portcullis::settings;
use portcullis::store;
use portcullis::users::{Creation, Password, Username};
use rocket::fairing::AdHoc;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// Login and sessions for Rocket.
#[derive(Debug, Parser)]
#[command(version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the application (the default).
    Serve,
    /// Judge the settings and exit.
    CheckConfig,
    /// Manage accounts.
    #[command(subcommand)]
    User(UserCommand),
}

#[derive(Debug, Subcommand)]
enum UserCommand {
    /// Make an account; the password is asked for, or read from standard input.
    Add {
        /// The name to sign in with.
        name: String,
        /// A role; give it several times for several roles.
        #[arg(long = "role", value_name = "ROLE")]
        roles: Vec<String>,
    },
}

fn main() -> ExitCode {
    install_log();
    match run(Arguments::parse()) {
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
    // Rocket's runtime reads its part of the settings before any future runs, and panics at a mistake.
    settings::load(&settings::figment())?;
    match arguments.command.unwrap_or(Command::Serve) {
        Command::Serve => rocket::execute(serve()),
        Command::CheckConfig => {
            say("The settings are fine.");
            Ok(())
        }
        Command::User(UserCommand::Add { name, roles }) => rocket::execute(add_user(name, roles)),
    }
}

async fn serve() -> Result<(), Vec<String>> {
    let rocket = app::rocket(&settings::figment(), World::default())?;
    let rocket = rocket.attach(AdHoc::on_liftoff("Address", |rocket| {
        Box::pin(async move {
            let config = rocket.config();
            let scheme = if config.tls_enabled() { "https" } else { "http" };
            let address = std::net::SocketAddr::new(config.address, config.port);
            say(&format!("Portcullis is listening on {scheme}://{address}"));
        })
    }));
    match rocket.launch().await {
        Ok(_) => Ok(()),
        // The fairings have told what is wrong, one line each; Rocket's summary would add only their names.
        Err(error) => Err(match error.kind() {
            rocket::error::ErrorKind::FailedFairings(_) => vec!["The launch was stopped.".to_owned()],
            kind => vec![format!("The launch failed: {kind}")],
        }),
    }
}

async fn add_user(name: String, roles: Vec<String>) -> Result<(), Vec<String>> {
    let one_line = |error: &dyn std::fmt::Display| vec![error.to_string()];
    let name: Username = name.parse().map_err(|error| one_line(&error))?;
    let settings = settings::load(&settings::figment())?;
    let stores = store::open(&settings.store);
    let accounts = app::accounts(&settings, &stores, Arc::new(SystemClock::new()));
    let password = Password::new(read_password()?).map_err(|error| one_line(&error))?;
    match accounts.create(name.clone(), password, roles).await {
        Ok(Creation::Created(_)) => {
            say(&format!("Made the account {name}."));
            Ok(())
        }
        Ok(Creation::Taken) => Err(vec![format!("There is an account {name} already.")]),
        Err(error) => Err(one_line(&error)),
    }
}

/// Asks twice at a terminal; reads the first line of anything else.
fn read_password() -> Result<String, Vec<String>> {
    let failed = |error: std::io::Error| vec![format!("password: {error}")];
    if std::io::stdin().is_terminal() {
        let first = rpassword::prompt_password("Password: ").map_err(failed)?;
        let second = rpassword::prompt_password("Again: ").map_err(failed)?;
        if first != second {
            return Err(vec!["The two passwords differ.".to_owned()]);
        }
        return Ok(first);
    }
    let mut text = String::new();
    std::io::stdin().take(4096).read_to_string(&mut text).map_err(failed)?;
    let line = text.split('\n').next().unwrap_or_default();
    Ok(line.strip_suffix('\r').unwrap_or(line).to_owned())
}

/// Our own lines at the level of `RUST_LOG` (default `info`); of everybody else only warnings, and of Rocket nothing,
/// whatever `RUST_LOG` says: its request log prints cookies, query strings and bodies.
/// The code that Rocket's macros write into our modules logs under `…::_` and is Rocket's too.
fn install_log() {
    use tracing_subscriber::filter::{LevelFilter, filter_fn};
    use tracing_subscriber::prelude::*;

    let level =
        std::env::var("RUST_LOG").ok().and_then(|text| text.parse().ok()).unwrap_or(LevelFilter::INFO);
    let filter = filter_fn(move |metadata| {
        let target = metadata.target();
        if target == event::TARGET {
            return false;
        }
        let is_ours = target.split("::").next() == Some("portcullis");
        let is_rockets = target.starts_with("rocket") || target.split("::").last() == Some("_");
        !is_rockets && *metadata.level() <= if is_ours { level } else { level.min(LevelFilter::WARN) }
    });
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_filter(filter);
    let is_event = filter_fn(|metadata| metadata.target() == event::TARGET);
    let events = tracing_subscriber::fmt::layer().event_format(MessageOnly).with_writer(std::io::stdout);
    tracing_subscriber::registry().with(lines).with(events.with_filter(is_event)).init();
}

/// Security events are lines of JSON already.
struct MessageOnly;

impl<S, N> FormatEvent<S, N> for MessageOnly
where
    S: tracing::Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &tracing::Event<'_>,
    ) -> std::fmt::Result {
        let mut message = Message(String::new());
        event.record(&mut message);
        writeln!(writer, "{}", message.0)
    }
}

struct Message(String);

impl tracing::field::Visit for Message {
    fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
        if field.name() == "message" {
            self.0 = format!("{value:?}");
        }
    }
}

#[expect(clippy::print_stdout, reason = "the command line speaks to its user")]
fn say(line: &str) {
    println!("{line}");
}

#[expect(clippy::print_stderr, reason = "the command line speaks to its user")]
fn complain(line: &str) {
    eprintln!("{line}");
}
