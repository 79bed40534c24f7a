//! People of an application under test who have a second factor.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::auth::{Clock, ManualClock, OsRandom};
use crate::store::Stores;
use crate::testing::Kit;
use crate::users::{Accounts, Attempt, Hasher, SealKey, SecondFactor, TotpSecret, Username};

/// Somebody's authenticator app, which goes by the kit's clock.
///
/// ```
/// use portcullis::testing::Kit;
/// use portcullis::users::{Attempt, Password, Roles, SecondAnswer, Step, Trusting};
///
/// let kit = Kit::new();
/// let accounts = kit.accounts();
/// let password = || Password::new("correct horse".to_owned()).unwrap();
/// rocket::execute(accounts.create("ada".parse().unwrap(), password(), Roles::default())).unwrap();
/// let app = kit.enrol_app(&accounts, "ada");
/// assert_eq!(app.recovery_codes().len(), 10);
///
/// let attempt = Attempt::default();
/// let step = rocket::execute(accounts.sign_in("ada", password(), false, Trusting::default(), attempt)).unwrap();
/// let Step::Next(pending) = step else { panic!("ada has an app") };
/// let code = app.code();
/// let done = rocket::execute(accounts.second_step(&pending.secret, SecondAnswer::Totp(&code), attempt)).unwrap();
/// assert_eq!(done.person.account.name.as_str(), "ada");
/// ```
pub struct AuthenticatorApp {
    secret: TotpSecret,
    clock: Arc<ManualClock>,
    recovery_codes: Vec<String>,
}

impl AuthenticatorApp {
    /// The code that it shows now. Each counts once; thirty seconds later there is another.
    #[must_use]
    pub fn code(&self) -> String {
        self.secret.code_at(self.clock.now())
    }

    /// The recovery codes that it brought; none when it was not the first factor.
    #[must_use]
    pub fn recovery_codes(&self) -> &[String] {
        &self.recovery_codes
    }
}

impl fmt::Debug for AuthenticatorApp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuthenticatorApp")
    }
}

impl Kit {
    /// Accounts beside the sessions, by the kit's clock, whose people may have apps and, with the feature `passkeys`, passkeys
    /// of the site [`ORIGIN`](crate::testing::ORIGIN).
    #[must_use]
    pub fn accounts(&self) -> Accounts {
        let Stores { accounts, attempts, factors, .. } = self.stores();
        let second = SecondFactor::new(factors, Arc::new(OsRandom), SERVICE)
            .sealed_by(Some(SealKey::derive(&[7; 32])))
            .trusting_for(Duration::from_secs(30 * 24 * 3600));
        #[cfg(feature = "passkeys")]
        let second = second.on_site(crate::users::PasskeySite::of(crate::testing::ORIGIN, SERVICE));
        Accounts::new(accounts, attempts, Arc::<Hasher>::default(), self.clock(), [7; 32])
            .with_second_factor(second)
    }

    /// Enrols an app for this person, who has an account.
    ///
    /// # Panics
    /// When there is no such account, or it has ten factors.
    #[must_use]
    pub fn enrol_app(&self, accounts: &Accounts, name: &str) -> AuthenticatorApp {
        let name: Username = name.parse().expect("this is no name");
        let enrolling = async {
            let enrolment = accounts.enrol_app(&name).await.expect("the store has no answer");
            let enrolment = enrolment.expect("there is no such account, or it may have no more factors");
            // The code before this moment's: the one of this moment is still good for the test.
            let code = enrolment.secret.code_at(self.clock.now() - PERIOD);
            let attempt = Attempt::default();
            let confirmed = accounts.confirm_app(&name, enrolment.id, &code, "app", attempt).await;
            (enrolment.secret, confirmed.expect("its code is wrong"))
        };
        let (secret, codes) = rocket::execute(enrolling);
        let recovery_codes = codes.unwrap_or_default().iter().map(|code| code.to_text()).collect();
        AuthenticatorApp { secret, clock: self.clock(), recovery_codes }
    }

    /// The app of this secret, as an application shows it to be typed in (RFC 4648 §6).
    ///
    /// # Panics
    /// When it is none of 160 bits.
    #[must_use]
    pub fn app_of(&self, secret: &str) -> AuthenticatorApp {
        let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        let (mut bytes, mut bits, mut held) = (Vec::new(), 0, 0);
        for sign in secret.bytes().filter(|sign| !b" =".contains(sign)) {
            let place = alphabet.iter().position(|known| sign.eq_ignore_ascii_case(known));
            (bits, held) = (bits << 5 | place.expect("this is no secret"), held + 5);
            if held >= 8 {
                held -= 8;
                bytes.push(u8::try_from(bits >> held & 0xff).unwrap_or_default());
            }
            bits &= 0xff;
        }
        let bytes = bytes.try_into().expect("a secret has 20 bytes");
        AuthenticatorApp {
            secret: TotpSecret::from_bytes(bytes),
            clock: self.clock(),
            recovery_codes: Vec::new(),
        }
    }
}

const SERVICE: &str = "An application";
const PERIOD: Duration = Duration::from_secs(30);
