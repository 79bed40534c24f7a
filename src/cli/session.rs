//! `portcullis session …`: who is signed in.

use clap::Subcommand;
use portcullis::auth::{EndReason, Ending, Session, SessionId, Which};
use portcullis::users::Username;

use super::{Problems, Workbench, moment, name_of, no_account, print_table, problem, say, sessions};

/// What to do with sessions.
#[derive(Debug, Subcommand)]
pub(crate) enum SessionCommand {
    /// List live sessions.
    List {
        /// Only those of this person.
        #[arg(long, value_name = "NAME")]
        user: Option<String>,
    },
    /// End one session.
    End {
        /// Its id, as `session list` shows it.
        id: String,
    },
    /// End all sessions: of one person, or of everybody.
    EndAll {
        /// Only those of this person.
        #[arg(long, value_name = "NAME")]
        user: Option<String>,
    },
}

pub(crate) async fn run(command: SessionCommand) -> Result<(), Problems> {
    match command {
        SessionCommand::List { user } => list(user.as_deref()).await,
        SessionCommand::End { id } => end(&id).await,
        SessionCommand::EndAll { user } => end_all(user.as_deref()).await,
    }
}

async fn list(user: Option<&str>) -> Result<(), Problems> {
    let user = user.map(name_of).transpose()?;
    let desk = Workbench::open().await?;
    let mut rows = Vec::new();
    if let Some(name) = user {
        known(&desk, &name).await?;
        rows.extend(live(&desk, &name).await?.iter().map(row));
    } else {
        let mut after = None::<Username>;
        loop {
            let page = desk.accounts.list("", after.as_ref(), PAGE).await.map_err(problem)?;
            let Some(last) = page.last() else { break };
            after = Some(last.name.clone());
            for account in &page {
                rows.extend(live(&desk, &account.name).await?.iter().map(row));
            }
        }
    }
    print_table(["ID", "USER", "BEGAN", "LAST USED", "ADDRESS", "BROWSER"], &rows)?;
    Ok(())
}

async fn end(id: &str) -> Result<(), Problems> {
    let id: SessionId = id.parse().map_err(|_| vec!["A session's id has 32 digits 0-9 a-f.".to_owned()])?;
    let desk = Workbench::open().await?;
    if !finish(&desk, Which::One(id)).await?.is_empty() {
        if let Some(session) = desk.stores.sessions.find(id).await.map_err(problem)? {
            desk.note(None, &session.user, &[id], EndReason::Operator).await;
        }
        say(format!("Ended the session {id}."))?;
        return Ok(());
    }
    Err(vec![match desk.stores.sessions.find(id).await.map_err(problem)? {
        Some(_) => format!("The session {id} had ended before."),
        None => format!("There is no session {id}."),
    }])
}

async fn end_all(user: Option<&str>) -> Result<(), Problems> {
    let user = user.map(name_of).transpose()?;
    let desk = Workbench::open().await?;
    let ended = match &user {
        Some(name) => {
            known(&desk, name).await?;
            let ended = finish(&desk, Which::AllOf(name.as_str(), None)).await?;
            desk.note(None, name.as_str(), &ended, EndReason::Operator).await;
            ended
        }
        None => {
            // It also refuses tokens whose session the store does not know, such as after an older copy was restored.
            desk.stores.sessions.raise_not_before(desk.clock.now()).await.map_err(problem)?;
            let ended = finish(&desk, Which::Everybody).await?;
            for id in &ended {
                if let Some(session) = desk.stores.sessions.find(*id).await.map_err(problem)? {
                    desk.note(None, &session.user, &[*id], EndReason::Operator).await;
                }
            }
            ended
        }
    };
    say(format!("{} ended.", sessions(ended.len())))?;
    Ok(())
}

async fn finish(desk: &Workbench, which: Which<'_>) -> Result<Vec<SessionId>, Problems> {
    let at = desk.clock.now();
    let remember_until = at + desk.settings.auth.remember_ends_for();
    let ending = Ending { which, reason: EndReason::Operator, at, remember_until };
    desk.stores.sessions.end(&ending).await.map_err(problem)
}

async fn live(desk: &Workbench, name: &Username) -> Result<Vec<Session>, Problems> {
    desk.stores.sessions.live(name.as_str(), desk.clock.now()).await.map_err(problem)
}

async fn known(desk: &Workbench, name: &Username) -> Result<(), Problems> {
    let found = desk.accounts.find(name).await.map_err(problem)?;
    found.map(drop).ok_or_else(|| no_account(name))
}

fn row(session: &Session) -> [String; 6] {
    // What a browser calls itself was sent by somebody; a terminal must not obey it.
    let browser = session.user_agent.chars().filter(|sign| !sign.is_control()).take(60).collect();
    [
        session.id.to_string(),
        session.user.clone(),
        moment(session.created_at),
        moment(session.last_seen),
        session.address.map_or_else(|| "-".to_owned(), |address| address.to_string()),
        browser,
    ]
}

const PAGE: usize = 500;
