//! The states of a person's page.

use serde_json::Value;

use super::{DISABLED, ENABLED, FACTOR_NOT_REQUIRED, FACTOR_REQUIRED, FACTORS_RESET, LEAVES, PersonPage};
use crate::routes::account::dashboard::ShownEvent;
use crate::routes::account::sessions::Shown;
use crate::routes::people::list;
use crate::routes::view::frame::Moment;
use crate::routes::view::states;

/// The page in every state, with `text` wherever a text of somebody else's may stand.
pub(crate) fn samples(text: &str) -> Vec<Value> {
    let page = |person, notice, error| PersonPage {
        person,
        roles: text.to_owned(),
        sessions: Vec::new(),
        events: Vec::new(),
        code_until: None,
        code_open: false,
        failures: 0,
        factors: 0,
        factor_required: false,
        next_attempt: None,
        display_name: String::new(),
        address: None,
        leaves_at: None,
        is_self: false,
        notice,
        error,
    };
    let present = || list::ShownPerson::sample(text);
    states::values(&[
        PersonPage {
            sessions: vec![Shown::current_sample(), Shown::sample(text)],
            events: vec![ShownEvent::sample(text)],
            code_until: Some(Moment::sample(text)),
            code_open: true,
            factors: 2,
            ..page(present(), Some(ENABLED), None)
        },
        PersonPage { code_until: Some(Moment::sample(text)), ..page(present(), None, None) },
        PersonPage { failures: 103, next_attempt: Some(Moment::sample(text)), ..page(present(), None, None) },
        PersonPage { is_self: true, ..page(present(), Some(text), None) },
        page(list::ShownPerson::absent_sample(), Some(DISABLED), None),
        PersonPage {
            display_name: text.to_owned(),
            address: Some(text.to_owned()),
            leaves_at: Some(Moment::sample(text)),
            ..page(list::ShownPerson::absent_sample(), Some(LEAVES), None)
        },
        page(present(), None, Some("bad_roles")),
        page(present(), None, Some("own_account")),
        page(present(), None, Some("last_administrator")),
        PersonPage { factors: 1, ..page(present(), None, Some("own_factor_required")) },
        PersonPage { factor_required: true, ..page(present(), Some(FACTOR_REQUIRED), None) },
        page(present(), Some(FACTORS_RESET), None),
        page(present(), Some(FACTOR_NOT_REQUIRED), None),
        page(present(), None, Some(text)),
    ])
}
