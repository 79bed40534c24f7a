//! `portcullis user …`: accounts.

use std::time::Duration;

use clap::Subcommand;
use portcullis::auth::{Clock, EndReason, OsRandom, Random, SessionId, SystemClock, What};
use portcullis::users::{
    Account, CODE_BYTES, Creation, FactorKind, OneTimeCode, Password, Roles, Username, Warrant,
};

use super::{
    Problems, Workbench, moment, name_of, no_account, print_table, problem, read_password, say, say_once,
    sessions,
};

/// What to do with accounts.
#[derive(Debug, Subcommand)]
pub(crate) enum UserCommand {
    /// Make an account; the password is asked for, or read from standard input.
    Add {
        /// The name to sign in with.
        name: String,
        /// A role; give it several times for several roles.
        #[arg(long = "role", value_name = "ROLE")]
        roles: Vec<String>,
    },
    /// List the accounts.
    List,
    /// Set a new password, asked for or read from standard input; ends the person's sessions.
    Password {
        /// Whose.
        name: String,
    },
    /// Issue a one-time code, to be exchanged for a new password at /account/code, and print it.
    Code {
        /// Whose.
        name: String,
    },
    /// Give an account exactly these roles; ends the person's sessions.
    Roles {
        /// Whose.
        name: String,
        /// The roles.
        #[arg(value_name = "ROLE", required_unless_present_any = ["more", "none"])]
        roles: Vec<String>,
        /// A role, as `user add` takes it.
        #[arg(long = "role", value_name = "ROLE")]
        more: Vec<String>,
        /// Take all roles away.
        #[arg(long, conflicts_with_all = ["roles", "more"])]
        none: bool,
    },
    /// Keep a person out; ends the person's sessions.
    Disable {
        /// Whom.
        name: String,
    },
    /// Forget failed sign-ins, so that the next one need not wait.
    Forget {
        /// Whose.
        name: String,
    },
    /// List what an account asks for besides the password.
    Factors {
        /// Whose.
        name: String,
    },
    /// Take every authenticator app and recovery code away, so that the password alone signs in; ends the person's sessions.
    ResetFactors {
        /// Whose.
        name: String,
    },
    /// Send somebody a link by which they become somebody here.
    Invite {
        /// Their mail address.
        address: String,
        /// The name to sign in with; they choose one where none is given.
        #[arg(long)]
        name: Option<String>,
        /// A role; give it several times for several roles.
        #[arg(long = "role", value_name = "ROLE")]
        roles: Vec<String>,
    },
    /// Delete an account: its person is kept out at once, and it is gone for good after app.deletion_grace; enabling it takes
    /// that back.
    Delete {
        /// Whose.
        name: String,
        /// For good at once.
        #[arg(long)]
        now: bool,
    },
    /// Let a disabled person sign in again.
    Enable {
        /// Whom.
        name: String,
    },
}

pub(crate) async fn run(command: UserCommand) -> Result<(), Problems> {
    match command {
        UserCommand::Add { name, roles } => add(&name, roles).await,
        UserCommand::List => list().await,
        UserCommand::Password { name } => password(&name).await,
        UserCommand::Code { name } => code(&name).await,
        UserCommand::Roles { name, mut roles, more, none: _ } => {
            roles.extend(more);
            set_roles(&name, roles).await
        }
        UserCommand::Disable { name } => disable(&name).await,
        UserCommand::Forget { name } => forget(&name).await,
        UserCommand::Factors { name } => factors(&name).await,
        UserCommand::ResetFactors { name } => reset_factors(&name).await,
        UserCommand::Invite { address, name, roles } => invite(&address, name.as_deref(), &roles).await,
        UserCommand::Delete { name, now } => delete(&name, now).await,
        UserCommand::Enable { name } => enable(&name).await,
    }
}

async fn add(name: &str, roles: Vec<String>) -> Result<(), Problems> {
    let (name, roles) = (name_of(name)?, checked(&roles)?);
    let desk = Workbench::open_or_make().await?;
    if desk.accounts.find(&name).await.map_err(problem)?.is_some() {
        return Err(taken(&name));
    }
    let password = new_password(&desk, &name)?;
    match desk.accounts.add(name.clone(), password, roles).await.map_err(problem)? {
        Creation::Created(Account { roles, .. }) => {
            let what = Some(What::AccountCreated);
            desk.note_roles(what, name.as_str(), Some(&roles), &[], EndReason::Operator).await;
            say(format!("Made the account {name}."))?;
        }
        Creation::Taken => return Err(taken(&name)),
    }
    Ok(())
}

async fn list() -> Result<(), Problems> {
    let desk = Workbench::open().await?;
    let (mut rows, mut after) = (Vec::new(), None::<Username>);
    loop {
        let page = desk.accounts.list("", after.as_ref(), PAGE).await.map_err(problem)?;
        let Some(last) = page.last() else { break };
        after = Some(last.name.clone());
        for account in &page {
            let made = moment(account.created_at);
            rows.push([
                account.name.to_string(),
                state(&desk, account).await?,
                made,
                account.roles.join(", "),
            ]);
        }
    }
    print_table(["NAME", "STATE", "MADE", "ROLES"], &rows)?;
    Ok(())
}

async fn state(desk: &Workbench, account: &Account) -> Result<String, Problems> {
    if account.disabled {
        return Ok("disabled".to_owned());
    }
    let (failures, now) =
        (desk.accounts.failures(&account.name).await.map_err(problem)?, SystemClock::new().now());
    Ok(failures.wait(now).map_or_else(
        || "enabled".to_owned(),
        |wait| format!("enabled, {} failed sign-ins, waits until {}", failures.in_a_row, moment(now + wait)),
    ))
}

async fn forget(name: &str) -> Result<(), Problems> {
    let name = name_of(name)?;
    let desk = Workbench::open().await?;
    if desk.accounts.find(&name).await.map_err(problem)?.is_none() {
        return Err(no_account(&name));
    }
    desk.accounts.forget_failures(&name).await.map_err(problem)?;
    desk.note(Some(What::FailuresForgotten), name.as_str(), &[], EndReason::Operator).await;
    say(format!("Forgot the failed sign-ins of {name}."))?;
    Ok(())
}

async fn factors(name: &str) -> Result<(), Problems> {
    let name = name_of(name)?;
    let desk = Workbench::open().await?;
    if desk.accounts.find(&name).await.map_err(problem)?.is_none() {
        return Err(no_account(&name));
    }
    let (factors, left) = desk.accounts.factors(&name).await.map_err(problem)?;
    let rows = factors.into_iter().map(|factor| {
        let label = if factor.label.is_empty() { "(no name)".to_owned() } else { factor.label };
        let kind = match factor.kind {
            FactorKind::App => "app",
            FactorKind::Passkey => "passkey",
        };
        let used = factor.used_at.map_or_else(|| "never".to_owned(), moment);
        [kind.to_owned(), label, moment(factor.made_at), used]
    });
    print_table(["KIND", "NAME", "ADDED", "LAST USED"], &rows.collect::<Vec<_>>())?;
    say(format!("{left} recovery codes left."))?;
    Ok(())
}

async fn reset_factors(name: &str) -> Result<(), Problems> {
    let name = name_of(name)?;
    let desk = Workbench::open().await?;
    let ended = desk.accounts.reset_factors(&name, Warrant::OPERATOR).await.map_err(problem)?;
    let ended = ended.ok_or_else(|| no_account(&name))?;
    desk.note(Some(What::FactorsReset), name.as_str(), &ids(&ended), EndReason::Operator).await;
    say(format!("The password alone signs {name} in now; {} ended.", sessions(ended.len())))?;
    Ok(())
}

async fn password(name: &str) -> Result<(), Problems> {
    let name = name_of(name)?;
    let desk = Workbench::open().await?;
    if desk.accounts.find(&name).await.map_err(problem)?.is_none() {
        return Err(no_account(&name));
    }
    let password = new_password(&desk, &name)?;
    let ended = desk.accounts.set_password(&name, password).await.map_err(problem)?;
    let ended = ended.ok_or_else(|| no_account(&name))?;
    desk.note(Some(What::PasswordSet), name.as_str(), &ids(&ended), EndReason::PasswordChanged).await;
    say(format!("Set the password of {name}; {} ended.", sessions(ended.len())))?;
    Ok(())
}

async fn code(name: &str) -> Result<(), Problems> {
    let name = name_of(name)?;
    let desk = Workbench::open().await?;
    let mut bytes = [0; CODE_BYTES];
    OsRandom.fill(&mut bytes).map_err(problem)?;
    let code = OneTimeCode::from_bytes(bytes);
    let Some(until) = desk.accounts.issue_code(&name, &code, Warrant::OPERATOR).await.map_err(problem)?
    else {
        return Err(match desk.accounts.find(&name).await.map_err(problem)? {
            Some(_) => vec![format!("The account {name} is disabled.")],
            None => no_account(&name),
        });
    };
    desk.note(Some(What::CodeIssued), name.as_str(), &[], EndReason::Operator).await;
    if let Err(mut lost) = say_once("code", code.to_text()) {
        // Nobody has seen it, so nobody shall use it.
        desk.accounts.withdraw_code(&name).await.map_err(problem)?;
        desk.note(Some(What::CodeWithdrawn), name.as_str(), &[], EndReason::Operator).await;
        lost.push("The code was withdrawn.".to_owned());
        return Err(lost);
    }
    say(format!("It can be exchanged for a password at /account/code until {}.", moment(until)))?;
    Ok(())
}

async fn set_roles(name: &str, roles: Vec<String>) -> Result<(), Problems> {
    let (name, roles) = (name_of(name)?, checked(&roles)?);
    let desk = Workbench::open().await?;
    let ended = desk.accounts.set_roles(&name, &roles, Warrant::OPERATOR).await.map_err(problem)?;
    let ended = ended.ok_or_else(|| no_account(&name))?;
    let what = Some(What::RolesChanged);
    desk.note_roles(what, name.as_str(), Some(roles.as_slice()), &ids(&ended), EndReason::RolesChanged).await;
    let now = if roles.as_slice().is_empty() { "no roles".to_owned() } else { roles.to_string() };
    say(format!("{name} now has {now}; {} ended.", sessions(ended.len())))?;
    Ok(())
}

async fn disable(name: &str) -> Result<(), Problems> {
    let name = name_of(name)?;
    let desk = Workbench::open().await?;
    let ended = desk.accounts.disable(&name, Warrant::OPERATOR).await.map_err(problem)?;
    let ended = ended.ok_or_else(|| no_account(&name))?;
    desk.note(Some(What::AccountDisabled), name.as_str(), &ids(&ended), EndReason::AccountDisabled).await;
    say(format!("Disabled {name}; {} ended.", sessions(ended.len())))?;
    Ok(())
}

async fn enable(name: &str) -> Result<(), Problems> {
    let name = name_of(name)?;
    let desk = Workbench::open().await?;
    if !desk.accounts.enable(&name, Warrant::OPERATOR).await.map_err(problem)? {
        return Err(no_account(&name));
    }
    desk.note(Some(What::AccountEnabled), name.as_str(), &[], EndReason::Operator).await;
    say(format!("Enabled {name}."))?;
    Ok(())
}

async fn invite(address: &str, name: Option<&str>, roles: &[String]) -> Result<(), Problems> {
    let roles = checked(roles)?;
    let desk = Workbench::open_with_mail().await?;
    if !desk.accounts.takes_invitations() {
        let problem = "Nobody is invited by mail: set app.registration to \"invited\", and app.mail.";
        return Err(vec![problem.to_owned()]);
    }
    let granted = roles.as_slice().to_vec();
    let sent = desk.accounts.invite_by_mail(address, name, roles, "en", Warrant::OPERATOR).await;
    let sent = sent.map_err(problem)?;
    let what = Some(What::Invited);
    desk.note_roles(what, name.unwrap_or_default(), Some(&granted), &[], EndReason::Operator).await;
    say(format!("The invitation to {} is on its way; the server sends it.", sent.as_str()))
}

async fn delete(name: &str, now: bool) -> Result<(), Problems> {
    let name = name_of(name)?;
    let desk = Workbench::open_with_mail().await?;
    let departure = match now {
        true => desk.accounts.leave_within(&name, Duration::ZERO, Warrant::OPERATOR).await,
        false => desk.accounts.leave(&name, Warrant::OPERATOR).await,
    };
    let departure = departure.map_err(problem)?.ok_or_else(|| no_account(&name))?;
    let ended = ids(&departure.ended);
    desk.note(Some(What::DeletionAsked), name.as_str(), &ended, EndReason::AccountDisabled).await;
    let ended = sessions(ended.len());
    if !now {
        let until = moment(departure.leaves_at);
        return say(format!("{name} is kept out, and gone for good after {until}; {ended} ended."));
    }
    while let Some(pseudonym) = desk.accounts.delete_one(&OsRandom).await.map_err(problem)? {
        desk.note(Some(What::AccountDeleted), &pseudonym, &[], EndReason::Operator).await;
    }
    say(format!("Deleted {name} for good; {ended} ended."))
}

fn new_password(desk: &Workbench, name: &Username) -> Result<Password, Problems> {
    desk.accounts.policy().password(read_password()?, name).map_err(problem)
}

/// The roles of these names; each goes into every token.
fn checked(names: &[String]) -> Result<Roles, Problems> {
    Roles::parse(names.iter().map(String::as_str)).map_err(problem)
}

fn ids(ended: &[[u8; 16]]) -> Vec<SessionId> {
    ended.iter().copied().map(SessionId::from_bytes).collect()
}

fn taken(name: &Username) -> Problems {
    vec![format!("There is an account {name} already.")]
}

const PAGE: usize = 500;
