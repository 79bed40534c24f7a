//! People whose passwords are kept in a table of the application's own, and whose factors are kept here.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use portcullis::auth::{OsRandom, Proved, UnixTime, Voucher};
use portcullis::store::{StoreUrl, Stores, memory, open};
use portcullis::testing::{Kit, Sample};
use portcullis::users::{
    AccountStoreError, Accounts, Attempt, Hasher, Lack, Password, Pending, Roles, SealKey, SecondAnswer,
    SecondFactor, SecondStepError, SignInError, Step, Trusting, Username, Warrant,
};
use portcullis::{Refusal, RoleToken, Sessions, SignInAttempt, StrongToken};
use rocket::{State, get, post, routes};

/// When the kit begins.
const NOW: UnixTime = UnixTime::from_secs(1_700_000_000);
const NOWHERE: Trusting<'static> = Trusting(None);

fn ada() -> Username {
    "ada".parse().unwrap()
}

/// The first step, with what the table tells.
async fn first(accounts: &Accounts, told: Option<&[&str]>) -> Result<Step, SignInError> {
    trusting(accounts, told, NOWHERE).await
}

async fn trusting(
    accounts: &Accounts,
    told: Option<&[&str]>,
    trusting: Trusting<'_>,
) -> Result<Step, SignInError> {
    let told = told.map(|roles| Roles::parse(roles.iter().copied()).unwrap());
    accounts.sign_in_with("ada", async { Ok(told) }, false, trusting, Attempt::default()).await
}

/// The second step that a right password leads to.
async fn next(accounts: &Accounts, roles: &[&str]) -> Option<Pending> {
    match first(accounts, Some(roles)).await.unwrap() {
        Step::Next(pending) => Some(pending),
        Step::Done(_) | Step::Trusted(_) => None,
    }
}

async fn secret(accounts: &Accounts) -> String {
    next(accounts, &[]).await.unwrap().secret
}

async fn second(accounts: &Accounts, secret: &str, code: &str) -> Result<(), SecondStepError> {
    accounts.second_step(secret, SecondAnswer::Totp(code), Attempt::default()).await.map(drop)
}

#[test]
fn whoever_has_an_app_is_asked_for_it_although_the_password_is_kept_elsewhere() {
    let kit = Kit::new();
    let accounts = kit.accounts();
    rocket::execute(async {
        assert!(matches!(first(&accounts, None).await, Err(SignInError::BadCredentials)));
        assert_eq!(accounts.find(&ada()).await.unwrap(), None, "who was not let in is not kept");
        assert!(next(&accounts, &["staff"]).await.is_none(), "nothing else is asked for");
        assert_eq!(accounts.find(&ada()).await.unwrap().unwrap().roles, ["staff"]);
    });
    let app = kit.enrol_app(&accounts, "ada");
    rocket::execute(async {
        let secret = secret(&accounts).await;
        assert!(second(&accounts, &secret, "000000").await.is_err());
        let code = app.code();
        second(&accounts, &secret, &code).await.unwrap();
        let again = self::secret(&accounts).await;
        assert!(second(&accounts, &again, &code).await.is_err(), "a code counts once");
        // No password opens what stands beside the table, also not the text that stands for one.
        for typed in ["kept elsewhere", "correct horse"] {
            let password = Password::new(typed.to_owned()).unwrap();
            let opened = accounts.sign_in("ada", password, false, NOWHERE, Attempt::default()).await;
            assert!(matches!(opened, Err(SignInError::BadCredentials)), "{typed}");
        }
    });
}

#[test]
fn wrong_passwords_are_counted_and_whoever_has_to_wait_is_not_compared() {
    let accounts = Kit::new().accounts();
    let asked = AtomicU32::new(0);
    let attempt = || async {
        let comparison = async {
            asked.fetch_add(1, Ordering::Relaxed);
            Ok(None)
        };
        accounts.sign_in_with("ada", comparison, false, NOWHERE, Attempt::default()).await
    };
    rocket::execute(async {
        for _ in 0..5 {
            assert!(matches!(attempt().await, Err(SignInError::BadCredentials)));
        }
        assert!(matches!(attempt().await, Err(SignInError::Throttled { .. })));
        assert_eq!(asked.load(Ordering::Relaxed), 5);
        // A table that has no answer is nobody's wrong password.
        let away = async { Err(AccountStoreError("connection refused".into())) };
        let answer = accounts.sign_in_with("bob", away, false, NOWHERE, Attempt::default()).await;
        assert!(matches!(answer, Err(SignInError::Unavailable(_))));
        assert_eq!(accounts.failures(&"bob".parse().unwrap()).await.unwrap().in_a_row, 0);
    });
}

#[test]
fn a_name_of_another_shape_is_refused_like_an_unknown_one() {
    let accounts = Kit::new().accounts();
    rocket::execute(async {
        for name in ["", "two words", "ädä", "a\0b", &"a".repeat(500)] {
            let known = async { Ok(Some(Roles::default())) };
            let answer = accounts.sign_in_with(name, known, false, NOWHERE, Attempt::default()).await;
            assert!(matches!(answer, Err(SignInError::BadCredentials)), "{name:?}");
        }
        assert!(accounts.is_empty().await.unwrap());
    });
}

#[test]
fn what_changes_in_the_table_ends_what_was_begun_before() {
    let kit = Kit::new();
    let accounts = kit.accounts();
    rocket::execute(first(&accounts, Some(&[]))).unwrap();
    let app = kit.enrol_app(&accounts, "ada");
    rocket::execute(async {
        let begun = secret(&accounts).await;
        let account = accounts.find(&ada()).await.unwrap().unwrap();
        let (trusted, _) = accounts.trust_browser(&account, "a browser").await.unwrap().unwrap();
        let here = Trusting(Some(&trusted));
        assert!(matches!(trusting(&accounts, Some(&[]), here).await, Ok(Step::Trusted(_))));
        accounts.password_changed_elsewhere(&ada(), None).await.unwrap();
        assert!(matches!(second(&accounts, &begun, &app.code()).await, Err(SecondStepError::Over)));
        assert!(matches!(trusting(&accounts, Some(&[]), here).await, Ok(Step::Next(_))));
        let begun = secret(&accounts).await;
        assert!(matches!(first(&accounts, Some(&["staff"])).await, Ok(Step::Next(_))));
        assert!(matches!(second(&accounts, &begun, &app.code()).await, Err(SecondStepError::Over)));
        let nobody = accounts.password_changed_elsewhere(&"bob".parse().unwrap(), None).await;
        assert!(nobody.unwrap().is_empty());
        // An administrator shuts somebody out here, whatever the table says.
        accounts.disable(&ada(), Warrant::OPERATOR).await.unwrap();
        assert!(matches!(first(&accounts, Some(&[])).await, Err(SignInError::BadCredentials)));
    });
}

/// An application whose people are its own, with two sessions of `ada`.
#[test]
fn other_roles_end_sessions_whose_tokens_name_the_old_ones() {
    let kit = Kit::new();
    let accounts = kit.accounts();
    let (staff, none): (&[&str], &[&str]) = (&["staff"], &[]);
    rocket::execute(first(&accounts, Some(staff))).unwrap();
    let site = kit.launch(rocket::custom(kit.figment()).attach(kit.portcullis()));
    let _visitor = site.signed_in("ada", staff);
    let open = || {
        let sessions = kit.stores().sessions;
        rocket::execute(async move { sessions.live("ada", NOW).await.unwrap().len() })
    };
    assert_eq!(open(), 1);
    rocket::execute(first(&accounts, Some(staff))).unwrap();
    assert_eq!(open(), 1, "the same roles end nothing");
    rocket::execute(first(&accounts, Some(none))).unwrap();
    assert_eq!(open(), 0);
}

#[test]
fn a_role_that_needs_a_factor_leads_to_taking_one_into_use() {
    let kit = Kit::new();
    let Stores { accounts, attempts, factors, .. } = kit.stores();
    let second = SecondFactor::new(factors, Arc::new(OsRandom), "An application")
        .sealed_by(Some(SealKey::derive(&[7; 32])))
        .needed_for(vec!["admin".to_owned()]);
    let hasher = Arc::<Hasher>::default();
    let accounts = Accounts::new(accounts, attempts, hasher, kit.clock(), [7; 32]).with_second_factor(second);
    rocket::execute(async {
        let pending = next(&accounts, &["admin"]).await.unwrap();
        assert_eq!(pending.lacks, Lack::Enrolment);
        assert!(matches!(first(&accounts, Some(&[])).await, Ok(Step::Done(_))));
    });
}

/// On every store that needs no server: of many first sign-ins at once each is let in, and there is one account.
#[test]
fn many_first_sign_ins_at_once_make_one_account() {
    for stores in [memory(), open(&StoreUrl::SqliteMemory)] {
        let kit = Kit::new();
        let accounts = Accounts::new(stores.accounts, stores.attempts, Arc::default(), kit.clock(), [7; 32])
            .with_second_factor(SecondFactor::new(stores.factors, Arc::new(OsRandom), "x"));
        rocket::execute(async {
            let tasks: Vec<_> = (0..4)
                .map(|_| {
                    let accounts = accounts.clone();
                    rocket::tokio::spawn(async move { first(&accounts, Some(&["staff"])).await.is_ok() })
                })
                .collect();
            for task in tasks {
                assert!(task.await.unwrap());
            }
            assert_eq!(accounts.list("", None, 10).await.unwrap().len(), 1);
        });
    }
}

#[post("/code?<secret>&<code>")]
async fn code(
    _attempt: SignInAttempt,
    accounts: &State<Accounts>,
    sessions: Sessions<'_>,
    secret: &str,
    code: &str,
) -> Result<(), Refusal> {
    let step = accounts.second_step(secret, SecondAnswer::Totp(code), Attempt::default()).await;
    let step = step.map_err(|_| Refusal::bad_credentials())?;
    let (account, voucher) = (&step.person.account, Some(Voucher::from_bytes(step.voucher)));
    let proved = Proved::PasswordAndCode;
    sessions.sign_in_having(proved, voucher, account.name.as_str(), &account.roles, false).await?;
    Ok(())
}

#[get("/strong")]
fn strong(token: StrongToken<'_>) -> String {
    token.subject().to_owned()
}

struct Staff;
impl portcullis::Role for Staff {
    const NAME: &'static str = "staff";
}

#[get("/staff")]
fn staff(_token: RoleToken<'_, Staff>) {}

#[test]
fn the_session_that_begins_is_of_the_second_level_and_has_the_tables_roles() {
    let kit = Kit::new();
    let accounts = kit.accounts();
    rocket::execute(first(&accounts, Some(&["staff"]))).unwrap();
    let app = kit.enrol_app(&accounts, "ada");
    let rocket = rocket::custom(kit.figment()).attach(kit.portcullis()).manage(accounts.clone());
    let site = kit.launch(rocket.mount("/", routes![code, strong, staff]));
    let pending = rocket::execute(next(&accounts, &["staff"])).unwrap();
    let visitor = site.anonymous();
    let give = |code: &str| visitor.post_form(&format!("/code?secret={}&code={code}", pending.secret), &[]);
    assert_eq!(give("000000").status, 401);
    assert_eq!(give(&app.code()).status, 200);
    assert_eq!(visitor.get("/strong").body, "ada");
    assert_eq!(visitor.get("/staff").status, 200);
    // What the kit signs in has given a password alone, unless it is told otherwise.
    assert_eq!(site.signed_in("ada", &["staff"]).get("/strong").status, 401);
    let sample = site.token(Sample::Strong, "ada", &[]);
    assert_eq!(site.anonymous().carrying(&sample).get("/strong").body, "ada");
    site.pass(Duration::from_secs(30));
    let shown = kit.app_of("GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ").code();
    assert_eq!(shown.len(), 6);
    assert_ne!(shown, app.code());
}
