//! `/account`: everything that somebody's account is, on one page, and what they say of themselves.

use rocket::http::Status;
use rocket::{State, get, post};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::auth::{CsrfToken, Sessions, SignedIn};
use crate::routes::account::subject::{own_name, unreadable};
use crate::routes::answer::body::{self, Body, Fields};
use crate::routes::answer::errors::Refused;
use crate::routes::answer::negotiate::Form;
use crate::routes::answer::rejection::Rejection;
use crate::routes::answer::reply::Reply;
use crate::routes::signing::reauthenticate::PASSWORD_CONFIRMED;
use crate::routes::view::frame::{Frame, Moment};
use crate::routes::view::paths::{self, saying};
use crate::routes::view::states;
use crate::routes::view::words::{Catalogues, LANGUAGE_COOKIE};
use crate::users::{Account, Accounts, DisplayName, Profile};

/// What somebody says of themselves; what is not there stays as it was, and what is empty is taken away.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewProfile {
    display_name: Option<String>,
    language: Option<String>,
}

/// A language that somebody may choose.
#[derive(Debug, Serialize)]
struct ShownLanguage<'a> {
    tag: &'a str,
    name: &'a str,
    chosen: bool,
}

#[derive(Debug, Default, Serialize)]
struct AccountPage<'a> {
    display_name: &'a str,
    /// Whether messages are sent here, and to which address of this person.
    mail: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    made: Option<Moment>,
    factors: usize,
    sessions: usize,
    languages: Vec<ShownLanguage<'a>>,
    /// Whether the account is one of ours, and can be deleted.
    is_ours: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    notice: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
}

/// Somebody's account.
#[derive(Serialize, ToSchema)]
#[schema(as = Account)]
pub(crate) struct ToldAccount<'a> {
    username: &'a str,
    #[schema(required)]
    display_name: Option<&'a str>,
    #[schema(required)]
    email: Option<&'a str>,
    /// In which language they are spoken to (RFC 5646); that of their browser where there is none.
    #[schema(required)]
    language: Option<&'a str>,
    roles: Vec<&'a str>,
    #[schema(required)]
    made: Option<Moment>,
    /// How many apps and passkeys they have.
    factors: usize,
}

/// What is known of somebody.
struct OwnAccount {
    account: Option<Account>,
    profile: Profile,
    address: Option<String>,
    factors: usize,
}

/// `GET /account`.
#[expect(clippy::too_many_arguments, reason = "a handler's signature names everything it touches")]
#[get("/account?<notice>")]
pub(crate) async fn account(
    visitor: SignedIn<'_>,
    notice: Option<&str>,
    csrf: CsrfToken<'_>,
    sessions: Sessions<'_>,
    accounts: &State<Accounts>,
    catalogues: &State<Catalogues>,
    frame: Frame<'_>,
    form: Form,
) -> Result<Reply, Refused> {
    let known = OwnAccount::of(&visitor, accounts).await?;
    if form == Form::Data {
        return Ok(Reply::written(&known.as_data(&visitor)));
    }
    let notice = notice.filter(|notice| [SAVED, PASSWORD_CONFIRMED].contains(notice));
    let live = sessions.live(visitor.subject()).await.map_err(Refused)?.len();
    let page = AccountPage { notice, sessions: live, ..AccountPage::of(&known, accounts, catalogues) };
    Ok(Reply::Page(Status::Ok, frame.person(&visitor).csrf(csrf.as_str()).render("account.html", page)))
}

/// `POST /account`, as a form or as JSON `{"display_name", "language"}`.
#[expect(clippy::too_many_arguments, reason = "a handler's signature names everything it touches")]
#[post("/account", data = "<body>")]
pub(crate) async fn save(
    visitor: SignedIn<'_>,
    csrf: CsrfToken<'_>,
    sessions: Sessions<'_>,
    accounts: &State<Accounts>,
    catalogues: &State<Catalogues>,
    frame: Frame<'_>,
    form: Form,
    body: Body<NewProfile>,
) -> Result<Reply, Refused> {
    let known = OwnAccount::of(&visitor, accounts).await?;
    let rejection = match changed(&known.profile, body.0, catalogues) {
        Ok(profile) => {
            let name = own_name(visitor.subject())?;
            if !accounts.keep_profile(&name, &profile).await.map_err(|error| unreadable(&error))? {
                return Ok(Reply::Missing);
            }
            sessions.keep(LANGUAGE_COOKIE, profile.language.as_deref());
            return Ok(match form {
                Form::Page => Reply::SeeOther(saying(paths::ACCOUNT, SAVED)),
                Form::Data => Reply::written(&OwnAccount { profile, ..known }.as_data(&visitor)),
            });
        }
        Err(rejection) => rejection,
    };
    let live = sessions.live(visitor.subject()).await.map_err(Refused)?.len();
    Ok(rejection.answer(form, |rejection| {
        let error = Some(rejection.key());
        let page = AccountPage { error, sessions: live, ..AccountPage::of(&known, accounts, catalogues) };
        frame.person(&visitor).csrf(csrf.as_str()).render("account.html", page)
    }))
}

/// The page in every state, with `text` wherever a text of somebody else's may stand.
pub(crate) fn samples(text: &str) -> Vec<Value> {
    let languages = || {
        let language = |tag, name, chosen| ShownLanguage { tag, name, chosen };
        vec![language("en", "English", false), language("de", "Deutsch", true)]
    };
    let page = || AccountPage {
        display_name: text,
        mail: true,
        address: None,
        made: Some(Moment::sample(text)),
        factors: 0,
        sessions: 1,
        languages: languages(),
        is_ours: true,
        notice: None,
        error: None,
    };
    states::values(&[
        page(),
        AccountPage { address: Some(text), factors: 2, sessions: 3, notice: Some(SAVED), ..page() },
        AccountPage { error: Some("bad_display_name"), ..page() },
        AccountPage { error: Some(text), notice: Some(text), ..page() },
        AccountPage { sessions: 1, ..AccountPage::default() },
    ])
}

fn changed(before: &Profile, new: NewProfile, catalogues: &Catalogues) -> Result<Profile, Rejection> {
    let display_name = match new.display_name {
        None => before.display_name.clone(),
        Some(typed) if typed.trim().is_empty() => None,
        Some(typed) => {
            let parsed = typed.parse::<DisplayName>();
            Some(parsed.map_err(|error| Rejection::unfit("bad_display_name", &error))?)
        }
    };
    let language = match new.language {
        None => before.language.clone(),
        Some(tag) if tag.is_empty() => None,
        Some(tag) => match catalogues.of(&tag) {
            Some(words) => Some(words.language.to_owned()),
            None => {
                let message = "Nothing is written in this language here";
                return Err(Rejection::new(Status::UnprocessableEntity, "unknown_language", message));
            }
        },
    };
    Ok(Profile { display_name, language })
}

impl OwnAccount {
    async fn of(visitor: &SignedIn<'_>, accounts: &Accounts) -> Result<Self, Refused> {
        let Ok(name) = own_name(visitor.subject()) else {
            // A person of another directory has none of it here.
            return Ok(Self { account: None, profile: Profile::default(), address: None, factors: 0 });
        };
        let account = accounts.find(&name).await.map_err(|error| unreadable(&error))?;
        let profile = accounts.profile_of(&name).await.map_err(|error| unreadable(&error))?;
        let address = accounts.address_of(&name).await.map_err(|error| unreadable(&error))?;
        let (factors, _) = accounts.factors(&name).await.map_err(|error| unreadable(&error))?;
        let address = address.map(|known| known.address.as_str().to_owned());
        Ok(Self { account, profile, address, factors: factors.len() })
    }

    /// The same for programs.
    fn as_data<'a>(&'a self, visitor: &'a SignedIn<'_>) -> ToldAccount<'a> {
        ToldAccount {
            username: visitor.subject(),
            display_name: self.profile.display_name.as_ref().map(DisplayName::as_str),
            email: self.address.as_deref(),
            language: self.profile.language.as_deref(),
            roles: visitor.roles().collect(),
            made: self.account.as_ref().map(|account| Moment::from(account.created_at)),
            factors: self.factors,
        }
    }
}

impl<'a> AccountPage<'a> {
    fn of(known: &'a OwnAccount, accounts: &Accounts, catalogues: &'a Catalogues) -> Self {
        let language = known.profile.language.as_deref();
        let shown = |(tag, catalogue): (&'a str, &'a Value)| {
            let name = catalogue.pointer("/common/language_name").and_then(Value::as_str).unwrap_or(tag);
            ShownLanguage { tag, name, chosen: language == Some(tag) }
        };
        Self {
            display_name: known.profile.display_name.as_ref().map_or("", DisplayName::as_str),
            mail: accounts.post_office().is_some(),
            address: known.address.as_deref(),
            made: known.account.as_ref().map(|account| account.created_at.into()),
            factors: known.factors,
            sessions: 0,
            languages: catalogues.iter().map(shown).collect(),
            is_ours: known.account.is_some() && accounts.deletion_grace().is_some(),
            notice: None,
            error: None,
        }
    }
}

impl body::FromFields for NewProfile {
    fn from_fields(fields: &mut Fields) -> Result<Self, body::Unreadable> {
        Ok(Self {
            display_name: Some(fields.required("display_name")?),
            language: Some(fields.optional("language").unwrap_or_default()),
        })
    }
}

const SAVED: &str = "profile_saved";
