//! A message to an address, by the way that the settings name.

use portcullis::auth::{Clock, OsRandom, SystemClock};
use portcullis::mail::{LetterText, Transport};
use portcullis::settings::Settings;
use portcullis::users::{EmailAddress, MessageId};

use super::Finding;

pub(super) async fn sent(settings: &Settings, to: &str) -> Finding {
    match send(settings, to).await {
        Ok(()) => Finding::note("mail", format!("a message to {to} was taken"), "look whether it arrives"),
        Err(problem) => Finding::problem("mail", problem, "look at app.mail and app.mail_from"),
    }
}

async fn send(settings: &Settings, to: &str) -> Result<(), String> {
    let mail = settings.mail.as_ref().ok_or("app.mail is not set, so nobody sends any")?;
    let to: EmailAddress = to.parse().map_err(|_| format!("{to} is no mail address"))?;
    let from: EmailAddress = mail.from.parse().map_err(|_| "app.mail_from is no mail address".to_owned())?;
    let transport = Transport::open(&mail.route, &from, &settings.service_name, &mail.host)?;
    let id = MessageId::draw(&OsRandom).map_err(|error| error.to_string())?;
    let letter = LetterText {
        subject: format!("{}: a message to try the way", settings.service_name),
        body: format!("Somebody who operates {} asked for this.\n", mail.links_at),
    };
    transport.send(id, &to, &letter, SystemClock::new().now()).await.map_err(|error| error.what)
}
