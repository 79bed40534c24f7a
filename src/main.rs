//! The command line; `serve` is the default.

mod cli;

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use portcullis::app::{self, World};
use portcullis::auth::event;
use portcullis::settings;
use rocket::fairing::AdHoc;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use crate::cli::{complain, say};

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
    /// Manage accounts; a server that runs on the same store honours it within a second.
    #[command(subcommand)]
    User(cli::user::UserCommand),
    /// List and end sessions; a server that runs on the same store honours it within a second.
    #[command(subcommand)]
    Session(cli::session::SessionCommand),
    /// Make, list, rotate and retire signing keys; a server that runs with the same file honours it within seconds.
    #[command(subcommand)]
    Key(cli::key::KeyCommand),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    install_log(matches!(arguments.command, None | Some(Command::Serve)));
    match run(arguments) {
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
            app::check(&settings::figment())?;
            say("The settings are fine.");
            Ok(())
        }
        Command::User(command) => rocket::execute(cli::user::run(command)),
        Command::Session(command) => rocket::execute(cli::session::run(command)),
        Command::Key(command) => cli::key::run(&command),
    }
}

async fn serve() -> Result<(), Vec<String>> {
    let rocket = app::rocket(&settings::figment(), World::default())?;
    let rocket = rocket.attach(AdHoc::on_liftoff("Address", |rocket| {
        Box::pin(async move {
            let config = rocket.config();
            let scheme = if config.tls_enabled() { "https" } else { "http" };
            let address = std::net::SocketAddr::new(config.address, config.port);
            say(format!("Portcullis is listening on {scheme}://{address}"));
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

/// Our own lines at the level of `RUST_LOG` (default `info`); of everybody else only warnings, and of Rocket nothing,
/// whatever `RUST_LOG` says: its request log prints cookies, query strings and bodies.
/// The code that Rocket's macros write into our modules logs under `…::_` and is Rocket's too.
///
/// Security events go to standard output while serving, and otherwise, where that speaks to the operator, beside it.
fn install_log(is_serving: bool) {
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
    let is_terminal = std::io::stderr().is_terminal();
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(is_terminal);
    let lines = lines.with_filter(filter);
    let is_event = filter_fn(|metadata| metadata.target() == event::TARGET);
    let writer: fn() -> Box<dyn Write> =
        if is_serving { || Box::new(std::io::stdout()) } else { || Box::new(std::io::stderr()) };
    let events = tracing_subscriber::fmt::layer().event_format(MessageOnly).with_writer(writer);
    // A person at a terminal has just been told in words.
    let is_wanted = is_serving || !is_terminal;
    let events = is_wanted.then(|| events.with_filter(is_event));
    tracing_subscriber::registry().with(lines).with(events).init();
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
