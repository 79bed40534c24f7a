//! What must be ready before anybody is served: the hasher, and the demo accounts where they are wanted.

use rocket::fairing::AdHoc;

use crate::auth::chain;
use crate::settings::Settings;
use crate::users::{Accounts, Password, Roles, Username};

/// Makes the hasher ready, and the demo accounts in an empty store; refuses those that were made in another profile.
pub(super) fn ready_accounts(settings: &Settings) -> AdHoc {
    let (wants_demo_users, is_exposed) = (settings.demo_users, settings.is_exposed);
    AdHoc::try_on_ignite("Accounts", move |rocket| async move {
        let Some(accounts) = rocket.state::<Accounts>() else { return Err(rocket) };
        if let Err(error) = accounts.prepare().await {
            tracing::error!("password hashing: {}", chain(&error));
            return Err(rocket);
        }
        if is_exposed && !wants_demo_users {
            match open_demo_users(accounts).await {
                Ok(open) if open.is_empty() => {}
                Ok(open) => {
                    tracing::error!(
                        "everybody knows the password of the demo account {}; `portcullis user disable NAME`, or give \
                         it another with `portcullis user password NAME`, or name another store in app.store",
                        open.join(" and of ")
                    );
                    return Err(rocket);
                }
                Err(error) => {
                    tracing::error!("accounts: {}", chain(&*error));
                    return Err(rocket);
                }
            }
        }
        match make_demo_users(accounts, wants_demo_users).await {
            Ok(()) => Ok(rocket),
            Err(error) => {
                tracing::error!("accounts: {}", chain(&*error));
                Err(rocket)
            }
        }
    })
}

/// The demo accounts that still have their demo password.
async fn open_demo_users(
    accounts: &Accounts,
) -> Result<Vec<&'static str>, Box<dyn std::error::Error + Send + Sync>> {
    let mut open = Vec::new();
    for (name, password, _) in DEMO_USERS {
        if accounts.opens(&name.parse()?, &Password::new(password.to_owned())?).await? {
            open.push(name);
        }
    }
    Ok(open)
}

async fn make_demo_users(
    accounts: &Accounts,
    wanted: bool,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    if !accounts.is_empty().await? {
        return Ok(());
    }
    if !wanted {
        tracing::warn!(
            "there is no account yet; make the first one with `portcullis user add NAME --role admin`"
        );
        return Ok(());
    }
    for (name, password, roles) in DEMO_USERS {
        let name: Username = name.parse()?;
        let roles = Roles::parse(roles.iter().copied())?;
        accounts.create(name, Password::new(password.to_owned())?, roles).await?;
    }
    Ok(())
}

const DEMO_USERS: [(&str, &str, &[&str]); 2] =
    [("testuser", "testpass", &["user"]), ("admin", "adminpass", &["admin", "user"])];
