//! `portcullis mail …`: messages that are waiting to be sent.

use clap::Subcommand;
use portcullis::users::{MessageId, QueuedMessage};

use super::{Problems, Workbench, moment, print_table, problem, say};

/// What to do with messages.
#[derive(Debug, Subcommand)]
pub(crate) enum MailCommand {
    /// List what is waiting, and what could not be sent.
    List,
    /// Try a message again now; the server does it.
    Retry {
        /// Its name, as `mail list` tells it.
        #[arg(required_unless_present = "all")]
        id: Option<String>,
        /// Every message that is waiting.
        #[arg(long, conflicts_with = "id")]
        all: bool,
    },
    /// Forget a message; nobody gets it.
    Drop {
        /// Its name, as `mail list` tells it.
        id: String,
    },
}

pub(crate) async fn run(command: MailCommand) -> Result<(), Problems> {
    let desk = Workbench::open().await?;
    match command {
        MailCommand::List => list(&desk).await,
        MailCommand::Retry { id: Some(id), .. } => {
            let id = id_of(&id)?;
            let is_there = desk.stores.mail.retry_message(id, desk.clock.now()).await.map_err(problem)?;
            if is_there { say(format!("The message {id} is due now.")) } else { Err(no_message(id)) }
        }
        MailCommand::Retry { id: None, .. } => {
            let waiting = desk.stores.mail.queued(u32::MAX).await.map_err(problem)?;
            for queued in &waiting {
                desk.stores.mail.retry_message(queued.message.id, desk.clock.now()).await.map_err(problem)?;
            }
            say(format!("{} due now.", messages(waiting.len())))
        }
        MailCommand::Drop { id } => {
            let id = id_of(&id)?;
            let was_there = desk.stores.mail.forget_message(id).await.map_err(problem)?;
            if was_there { say(format!("Forgot the message {id}.")) } else { Err(no_message(id)) }
        }
    }
}

async fn list(desk: &Workbench) -> Result<(), Problems> {
    let waiting = desk.stores.mail.queued(u32::MAX).await.map_err(problem)?;
    let rows = waiting.iter().map(|queued| {
        let QueuedMessage { message, attempts, not_before, is_dead, last_error } = queued;
        let next = if *is_dead { "never".to_owned() } else { moment(*not_before) };
        [
            message.id.to_string(),
            message.letter.as_str().to_owned(),
            message.to.as_str().to_owned(),
            moment(message.made_at),
            attempts.to_string(),
            next,
            last_error.clone().unwrap_or_default(),
        ]
    });
    let head = ["ID", "LETTER", "TO", "WRITTEN", "ATTEMPTS", "NEXT", "LAST ERROR"];
    print_table(head, &rows.collect::<Vec<_>>())
}

fn id_of(text: &str) -> Result<MessageId, Problems> {
    MessageId::from_text(text)
        .ok_or_else(|| vec!["A message's name has 32 digits and letters a-f.".to_owned()])
}

fn no_message(id: MessageId) -> Problems {
    vec![format!("There is no message {id}; it may have been sent.")]
}

/// "1 message is", "2 messages are".
fn messages(number: usize) -> String {
    if number == 1 { "1 message is".to_owned() } else { format!("{number} messages are") }
}
