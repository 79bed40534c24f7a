//! Who may register, as setting `app.registration` says it.

use crate::settings::table::RegistrationConfig;

/// Who may become somebody here without an administrator making the account.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum RegistrationSettings {
    /// Nobody.
    #[default]
    Closed,
    /// Whoever an administrator sends a link to.
    Invited,
    /// The same, and whoever reads mail at one of these hosts.
    Hosts(Vec<String>),
    /// Whoever reads mail.
    Open,
}

impl RegistrationSettings {
    /// # Errors
    /// One line for the operator.
    pub(super) fn read(config: &RegistrationConfig, sends_mail: bool) -> Result<Self, String> {
        let read = match config {
            RegistrationConfig::Word(word) => match word.as_str() {
                "closed" => return Ok(Self::Closed),
                "invited" => Self::Invited,
                "open" => Self::Open,
                _ => return Err(unknown()),
            },
            RegistrationConfig::Hosts(hosts) => {
                let is_host = |host: &String| host.contains('.') && !host.contains(['@', '/', ' ', '*']);
                if hosts.is_empty() || !hosts.iter().all(is_host) {
                    return Err(unknown());
                }
                Self::Hosts(hosts.iter().map(|host| host.to_ascii_lowercase()).collect())
            }
        };
        if sends_mail {
            Ok(read)
        } else {
            Err("app.registration: needs app.mail, by which people get their links".into())
        }
    }
}

fn unknown() -> String {
    "app.registration: known are \"closed\", \"invited\", \"open\", and hosts as in [\"example.org\"]"
        .to_owned()
}
