//! The language of the tables: a call, who may make it, what it takes, and what may be answered.

use std::collections::BTreeMap;

use utoipa::ToSchema;
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{HttpMethod, OperationBuilder, ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{Header, Ref, RefOr, Required, Response, ResponseBuilder};

use super::Spoken;
use crate::routes::answer::body::FromFields;
use crate::routes::answer::told::JsonAnswer;

pub(super) const ACCESS_COOKIE: &str = "accessCookie";
pub(super) const REFRESH_COOKIE: &str = "refreshCookie";
pub(super) const CSRF: &str = "csrf";
pub(super) const HEADER: &str = "header";
pub(super) const QUERY: &str = "query";
pub(super) const REFUSED: &str = "Refused";

/// Who may make a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Caller {
    /// Everybody, whatever they bring.
    Anybody,
    /// Everybody, but no other site in somebody's browser; they are about to sign in, or hold a link or a code.
    SigningIn,
    /// Whoever has an access token.
    Person,
    /// The same, with the password or a factor entered a moment ago.
    Fresh,
    /// The same, with the role for it.
    Administrator,
    /// Whoever has a refresh token.
    Refresher,
}

impl Caller {
    /// What is asked for besides a token.
    const fn asks(self) -> Option<&'static str> {
        match self {
            Self::Fresh => {
                Some("Asks for a password or a factor that was given a moment ago (`fresh_required`)")
            }
            Self::Administrator => {
                Some("For administrators, who gave a password or a factor a moment ago (`fresh_required`)")
            }
            Self::SigningIn => Some("Refused to other sites in somebody's browser (`cross_site`)"),
            Self::Anybody | Self::Person | Self::Refresher => None,
        }
    }
}

/// A call.
#[derive(Clone)]
pub(super) struct Call {
    is_post: bool,
    path: &'static str,
    says: &'static str,
    caller: Caller,
    query: Vec<(&'static str, Type, &'static str)>,
    takes: Option<String>,
    answers: Vec<(u16, &'static str, Option<RefOr<Schema>>)>,
    refuses: Vec<u16>,
    schemas: Vec<(String, RefOr<Schema>)>,
}

/// A call by GET of the route with this template.
pub(super) fn get(caller: Caller, path: &'static str, says: &'static str) -> Call {
    Call {
        is_post: false,
        path,
        says,
        caller,
        query: Vec::new(),
        takes: None,
        answers: Vec::new(),
        refuses: Vec::new(),
        schemas: Vec::new(),
    }
}

/// A call by POST.
pub(super) fn post(caller: Caller, path: &'static str, says: &'static str) -> Call {
    Call { is_post: true, ..get(caller, path, says) }
}

impl Call {
    /// A parameter in the query that is a text.
    pub(super) fn query(mut self, name: &'static str, says: &'static str) -> Self {
        self.query.push((name, Type::String, says));
        self
    }

    /// A parameter in the query that is a number.
    pub(super) fn number(mut self, name: &'static str, says: &'static str) -> Self {
        self.query.push((name, Type::Integer, says));
        self
    }

    /// A body in JSON, which is this.
    pub(super) fn takes<T: FromFields + ToSchema>(mut self) -> Self {
        self.takes = Some(self.know::<T>());
        self.refuses(&[413, 415, 422])
    }

    /// An answer in JSON, which is this.
    pub(super) fn answers<T: JsonAnswer>(self) -> Self {
        self.answers_with::<T>(200)
    }

    /// The same, where the work is done later (202).
    pub(super) fn accepts<T: JsonAnswer>(self) -> Self {
        self.answers_with::<T>(202)
    }

    /// The same with this status.
    pub(super) fn answers_with<T: JsonAnswer>(mut self, status: u16) -> Self {
        let name = self.know::<T>();
        self.answers.push((status, "application/json", Some(Ref::from_schema_name(name).into())));
        self
    }

    /// An answer of this kind, about which there is no more to say.
    pub(super) fn gives(mut self, kind: &'static str) -> Self {
        self.answers.push((200, kind, None));
        self
    }

    /// A page for people; somewhere else where there is nothing to see.
    pub(super) fn page(self) -> Self {
        self.gives("text/html").leads_on()
    }

    /// "See other".
    pub(super) fn leads_on(mut self) -> Self {
        self.answers.push((303, "", None));
        self
    }

    /// It may be refused with these, besides what every call of such a caller is.
    pub(super) fn refuses(mut self, statuses: &[u16]) -> Self {
        self.refuses.extend(statuses);
        self
    }

    fn know<T: ToSchema>(&mut self) -> String {
        let name = T::name().into_owned();
        T::schemas(&mut self.schemas);
        self.schemas.push((name.clone(), T::schema()));
        name
    }

    /// The path as the document has it, what is done there, and the schemas that are named.
    pub(super) fn into_item(self, spoken: &Spoken) -> (String, PathItem, Vec<(String, RefOr<Schema>)>) {
        let method = if self.is_post { HttpMethod::Post } else { HttpMethod::Get };
        let path = self.path.replace('<', "{").replace('>', "}");
        let mut operation = OperationBuilder::new()
            .operation_id(Some(self.id()))
            .tag(self.path.split('/').nth(1).unwrap_or_default())
            .summary(Some(self.says))
            .description(self.caller.asks());
        for name in self.path.split('<').skip(1).filter_map(|rest| rest.split('>').next()) {
            operation = operation.parameter(parameter(name, ParameterIn::Path, Type::String, None));
        }
        for (name, kind, says) in &self.query {
            operation = operation.parameter(parameter(name, ParameterIn::Query, kind.clone(), Some(says)));
        }
        if let Some(name) = &self.takes {
            let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(name))).build();
            let body = RequestBodyBuilder::new().content("application/json", content);
            operation = operation.request_body(Some(body.required(Some(Required::True)).build()));
        }
        let mut responses: BTreeMap<u16, RefOr<Response>> = BTreeMap::new();
        for status in self.refusals() {
            responses.insert(status, Ref::from_response_name(refusal_name(status)).into());
        }
        for (status, kind, schema) in &self.answers {
            let response = ResponseBuilder::new().description(reason(*status));
            let content = ContentBuilder::new().schema(schema.clone()).build();
            let response = if kind.is_empty() { response } else { response.content(*kind, content) };
            responses.insert(*status, response.build().into());
        }
        for (status, response) in responses {
            operation = operation.response(status.to_string(), response);
        }
        for requirement in self.requirements(spoken) {
            operation = operation.security(requirement);
        }
        (path, PathItem::new(method, operation), self.schemas)
    }

    /// The name of the call for whoever makes a client: `postLoginFactorOptions`.
    fn id(&self) -> String {
        let words =
            self.path.split(|sign: char| !sign.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
        let mut id = if self.is_post { "post" } else { "get" }.to_owned();
        for word in words {
            let (first, rest) = word.split_at(1);
            id.push_str(&first.to_ascii_uppercase());
            id.push_str(rest);
        }
        id
    }

    fn refusals(&self) -> Vec<u16> {
        let of_caller: &[u16] = match self.caller {
            Caller::Anybody => &[400, 503],
            _ => &[400, 401, 403, 429, 503],
        };
        let of_path: &[u16] = if self.path.contains('<') { &[404] } else { &[] };
        [of_caller, of_path, &self.refuses].concat()
    }

    /// Each of these is enough.
    fn requirements(&self, spoken: &Spoken) -> Vec<SecurityRequirement> {
        let none: [&str; 0] = [];
        let cookie = match self.caller {
            Caller::Anybody | Caller::SigningIn => return Vec::new(),
            Caller::Person | Caller::Fresh | Caller::Administrator => ACCESS_COOKIE,
            Caller::Refresher => REFRESH_COOKIE,
        };
        let mut ways = Vec::new();
        if spoken.cookies {
            let way = SecurityRequirement::new(cookie, none);
            ways.push(if self.is_post { way.add(CSRF, none) } else { way });
        }
        if spoken.header {
            ways.push(SecurityRequirement::new(HEADER, none));
        }
        if spoken.query {
            ways.push(SecurityRequirement::new(QUERY, none));
        }
        ways
    }
}

fn parameter(name: &str, place: ParameterIn, kind: Type, says: Option<&str>) -> ParameterBuilder {
    let required = if place == ParameterIn::Path { Required::True } else { Required::False };
    let schema = ObjectBuilder::new().schema_type(kind);
    ParameterBuilder::new()
        .name(name)
        .parameter_in(place)
        .required(required)
        .description(says)
        .schema(Some(schema))
}

fn wait() -> Header {
    let seconds = ObjectBuilder::new().schema_type(Type::Integer);
    HeaderBuilder::new().schema(Some(seconds)).description(Some("Seconds")).build()
}

/// Every refusal that a call may name, by name.
pub(super) fn refusals() -> impl Iterator<Item = (String, Response)> {
    let of = |status| {
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(REFUSED))).build();
        let response =
            ResponseBuilder::new().description(reason(status)).content("application/json", content);
        let waits = [429, 503].contains(&status);
        let response = if waits { response.header("Retry-After", wait()) } else { response };
        (refusal_name(status), response.build())
    };
    REFUSALS.into_iter().map(of)
}

fn refusal_name(status: u16) -> String {
    format!("Refused{status}")
}

const REFUSALS: [u16; 11] = [400, 401, 403, 404, 409, 410, 413, 415, 422, 429, 503];

const fn reason(status: u16) -> &'static str {
    match status {
        200 => "Done",
        202 => "It is on its way",
        303 => "Somewhere else",
        400 => "It cannot be read",
        401 => "It is not known who asks, or what proves it was wrong",
        403 => "Whoever asks may not do this",
        404 => "There is no such thing",
        409 => "What is there stands against it",
        410 => "Not any more",
        413 => "Too large",
        415 => "Neither JSON nor a form",
        422 => "It can be read, and does not fit",
        429 => "Too many attempts",
        503 => "Nobody can say right now",
        _ => "Refused",
    }
}
