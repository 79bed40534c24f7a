//! Passkeys, honest and otherwise.

use std::sync::Arc;

use portcullis::auth::{Clock, ManualClock, UnixTime};
use portcullis::store::memory;
use portcullis::users::{Presented, ShownPasskey};
use rocket::http::{ContentType, Header};
use rocket::local::blocking::Client;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::authenticator::{
    ATTESTED, Authenticator, BACKED_UP, Draft, EXTENDED, Key, MAY_BE_BACKED_UP, PRESENT, VERIFIED, bytes,
    twisted,
};
use crate::support::{Answer, App, FOUR, Setup, Visitor, claims, decode, encode, figment, now_or_never};

const ORIGIN: &str = "http://localhost";

fn site() -> App {
    Setup::new().set("app.base_url", ORIGIN).launch()
}

fn own_options(visitor: &Visitor<'_>, path: &str) -> Value {
    let answer = visitor.post(path).csrf(&visitor.csrf()).send();
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()
}

fn options(app: &App) -> Value {
    let answer = app.program().post("/login/passkey/options").send();
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()
}

fn add(visitor: &Visitor<'_>, made: &Value) -> Answer {
    let body = json!({ "credential": made, "label": " my key " });
    visitor.post("/account/factors/passkey").csrf(&visitor.csrf()).json(&body).send()
}

/// Makes a passkey for whoever this is; the key, its id, and the recovery codes of a first.
fn enrol(visitor: &Visitor<'_>, key: Key) -> (Authenticator, String, Vec<String>) {
    let options = own_options(visitor, "/account/factors/passkey/options");
    let authenticator = Authenticator::for_options(key, ORIGIN, &options);
    let answer = add(visitor, &authenticator.makes(&options, |_| {}));
    assert_eq!(answer.status, 200, "{}", answer.body);
    let answer = answer.json();
    let codes = answer["recovery_codes"].as_array().cloned().unwrap_or_default();
    let codes = codes.iter().map(|code| code.as_str().unwrap().to_owned()).collect();
    (authenticator, answer["id"].as_str().unwrap().to_owned(), codes)
}

fn sign_in(visitor: &Visitor<'_>, shown: &Value) -> Answer {
    visitor.post("/login/passkey").json(&json!({ "credential": shown })).send()
}

type Edit = Box<dyn Fn(&mut Draft)>;

fn honest(_: &mut Draft) {}

#[test]
fn a_passkey_signs_in_alone_with_every_algorithm() {
    for key in Key::all() {
        let app = site();
        let (first, before) = (app.signed_in(), app.signed_in());
        let (mut key, id, codes) = enrol(&first, key);
        assert_eq!(codes.len(), 10);
        assert_eq!(before.get("/protected").send().status, 401, "a password alone had begun it");
        let listed = first.get("/account/factors").send().json();
        assert_eq!(listed["factors"][0]["id"], id);
        assert_eq!(
            (&listed["factors"][0]["kind"], &listed["factors"][0]["label"]),
            (&json!("passkey"), &json!("my key"))
        );
        assert_eq!(claims(&first.access_token())["amr"], json!(["pwd", "pop", "mfa"]));

        let program = app.program();
        let answer = sign_in(&program, &key.shows(&options(&app), honest));
        assert_eq!((answer.status, answer.json()), (200, json!({ "login": true })), "{}", answer.body);
        assert!(FOUR.iter().all(|name| answer.cookie_names().contains(*name)));
        let seen = claims(&program.access_token());
        assert_eq!(
            (&seen["sub"], &seen["acr"], &seen["amr"]),
            (&json!("testuser"), &json!("2"), &json!(["pop", "user", "mfa"]))
        );
        assert_eq!(program.get("/protected").send().status, 200);
        let listed = first.get("/account/factors").send().json();
        assert!(listed["factors"][0]["last_used"].is_number());
    }
}

#[test]
fn a_passkey_is_a_second_step_and_steps_up_and_another_recovers() {
    let app = site();
    let first = app.signed_in();
    let (mut key, id, codes) = enrol(&first, Key::es256());
    let halfway = |app: &App| {
        let program = app.program();
        let answer = program.sign_in("testuser", "testpass");
        let asked = json!({ "login": false, "next": "second_factor", "methods": ["passkey", "recovery"] });
        assert_eq!(answer.json(), asked);
        program.jar()
    };
    let second = |visitor: &Visitor<'_>, shown: &Value| {
        let body = json!({ "method": "passkey", "credential": shown });
        visitor.post("/login/factor").json(&body).send()
    };
    let program = app.visitor("application/json", halfway(&app));
    let asked = program.post("/login/factor/options").send().json();
    assert_eq!(asked["allowCredentials"][0]["id"], encode(&key.credential));
    assert_eq!(asked["userVerification"], "preferred");
    // A key that is only touched is enough beside a password, and says nobody's name.
    let answer = second(
        &program,
        &key.shows(&asked, |draft| {
            draft.flags = PRESENT;
            draft.handle = None;
        }),
    );
    assert_eq!(answer.json(), json!({ "login": true }), "{}", answer.body);
    assert_eq!(claims(&program.access_token())["amr"], json!(["pwd", "pop", "mfa"]));

    // What was asked for another sign-in counts for none but that.
    let (one, other) =
        (app.visitor("application/json", halfway(&app)), app.visitor("application/json", halfway(&app)));
    let asked = one.post("/login/factor/options").send().json();
    let shown = key.shows(&asked, honest);
    assert_eq!(second(&other, &shown).refusal(), (401, "bad_passkey".into()));
    assert_eq!(second(&one, &key.shows(&options(&app), honest)).refusal(), (401, "bad_passkey".into()));
    assert_eq!(second(&one, &json!({})).refusal(), (401, "bad_passkey".into()));
    let named = json!({ "method": "passkey", "code": "123456" });
    assert_eq!(one.post("/login/factor").json(&named).send().refusal(), (401, "bad_passkey".into()));
    assert_eq!(second(&one, &key.shows(&asked, honest)).status, 200);
    assert_eq!(app.program().post("/login/factor/options").send().refusal(), (401, "sign_in_expired".into()));

    // A session that is no longer fresh is made so by the key, and by nothing of the password's.
    app.pass(901);
    assert_eq!(first.refresh().status, 200);
    let again = |body: &Value| first.post("/reauthenticate").csrf(&first.csrf()).json(body).send();
    let remove = |id: &str| first.post(&format!("/account/factors/{id}/remove")).csrf(&first.csrf()).send();
    assert_eq!(remove(&id).refusal(), (401, "fresh_required".into()));
    assert_eq!(
        first.post("/account/factors/passkey/options").csrf(&first.csrf()).send().refusal(),
        (401, "fresh_required".into())
    );
    assert_eq!(again(&json!({ "password": "testpass" })).refusal(), (401, "second_factor_required".into()));
    let asked = own_options(&first, "/reauthenticate/options");
    let elsewhere = key.shows(&options(&app), honest);
    assert_eq!(again(&json!({ "credential": elsewhere })).refusal(), (422, "bad_passkey".into()));
    let shown = key.shows(&asked, honest);
    assert_eq!(again(&json!({ "method": "passkey", "credential": shown })).json(), json!({ "fresh": true }));
    assert_eq!(again(&json!({ "credential": shown })).refusal(), (422, "bad_passkey".into()), "once");

    // The key is lost: a recovery code, a new key, the old one is gone.
    let program = app.visitor("application/json", halfway(&app));
    let body = json!({ "method": "recovery", "code": codes[0] });
    assert_eq!(program.post("/login/factor").json(&body).send().status, 200);
    let (mut new, _, none) = enrol(&program, Key::es256());
    assert!(none.is_empty(), "recovery codes are told with the first factor only");
    assert_eq!(new.handle, key.handle, "authenticators know the person by one name");
    let removed = program.post(&format!("/account/factors/{id}/remove")).csrf(&program.csrf()).send();
    assert_eq!(removed.json(), json!({ "removed": true }));
    let answer = sign_in(&app.program(), &key.shows(&options(&app), honest));
    assert_eq!(answer.refusal(), (401, "unknown_passkey".into()), "its keeper need not offer it any more");
    assert_eq!(sign_in(&app.program(), &new.shows(&options(&app), honest)).status, 200);
}

/// Whatever is wrong with an answer, and signed as it is.
#[test]
fn every_answer_that_is_not_what_was_asked_for_is_refused_alike() {
    let app = site();
    let (first, other) = (app.signed_in(), app.program());
    assert_eq!(other.sign_in("admin", "adminpass").status, 200);
    let (mut key, ..) = enrol(&first, Key::es256());
    let (mut foreign, ..) = enrol(&other, Key::es256());
    let stranger = foreign.handle.clone();
    let edits: [(&str, Edit); 24] = [
        ("another challenge", Box::new(|draft| draft.client["challenge"] = json!(encode([7; 56])))),
        ("an empty challenge", Box::new(|draft| draft.client["challenge"] = json!(""))),
        ("no challenge", Box::new(|draft| drop(draft.client.as_object_mut().unwrap().remove("challenge")))),
        ("a challenge that is no text", Box::new(|draft| draft.client["challenge"] = json!(7))),
        ("the answer of a creation", Box::new(|draft| draft.client["type"] = json!("webauthn.create"))),
        ("of no kind", Box::new(|draft| drop(draft.client.as_object_mut().unwrap().remove("type")))),
        ("another site", Box::new(|draft| draft.client["origin"] = json!("http://evil.example"))),
        ("another port", Box::new(|draft| draft.client["origin"] = json!("http://localhost:8001"))),
        ("another scheme", Box::new(|draft| draft.client["origin"] = json!("https://localhost"))),
        ("a host below", Box::new(|draft| draft.client["origin"] = json!("http://x.localhost"))),
        ("no origin", Box::new(|draft| drop(draft.client.as_object_mut().unwrap().remove("origin")))),
        ("inside another site", Box::new(|draft| draft.client["crossOrigin"] = json!(true))),
        ("for another site", Box::new(|draft| draft.site = "evil.example".to_owned())),
        ("for a host below", Box::new(|draft| draft.site = "x.localhost".to_owned())),
        ("without anybody there", Box::new(|draft| draft.flags = VERIFIED)),
        ("without knowing who is there", Box::new(|draft| draft.flags = PRESENT)),
        ("backed up and not to be", Box::new(|draft| draft.flags |= BACKED_UP)),
        ("to be backed up all at once", Box::new(|draft| draft.flags |= MAY_BE_BACKED_UP)),
        ("attesting", Box::new(|draft| draft.flags |= ATTESTED)),
        ("extended by nothing", Box::new(|draft| draft.flags |= EXTENDED)),
        (
            "extended twice alike",
            Box::new(|draft| {
                draft.flags |= EXTENDED;
                draft.rest = vec![0xa2, 0x61, 0x61, 1, 0x61, 0x61, 2];
            }),
        ),
        ("with something after it", Box::new(|draft| draft.rest = vec![0])),
        ("under nobody's name", Box::new(|draft| draft.handle = None)),
        ("under somebody else's name", Box::new(move |draft| draft.handle = Some(stranger.clone()))),
    ];
    let mut refused = 0;
    let mut refuse = |what: &str, shown: &Value| {
        let visitor = app.program();
        let answer = sign_in(&visitor, shown);
        let expected = json!({ "msg": "The passkey was refused", "code": "bad_passkey" });
        assert_eq!((answer.status, answer.json()), (401, expected), "{what}");
        assert!(answer.cookie_names().is_empty(), "{what}");
        refused += 1;
        app.pass(1);
    };
    for (what, edit) in &edits {
        refuse(what, &key.shows(&options(&app), edit));
    }
    // What is changed after it was signed, or has another shape.
    let fresh = |key: &mut Authenticator| key.shows(&options(&app), honest);
    for part in ["clientDataJSON", "authenticatorData", "signature"] {
        let shown = fresh(&mut key);
        refuse("a bit changed", &twisted(&shown, part, |content| content[0] ^= 1));
        refuse("cut short", &twisted(&shown, part, |content| content.truncate(content.len() - 1)));
        refuse("one more", &twisted(&shown, part, |content| content.push(0)));
        refuse("nothing", &twisted(&shown, part, Vec::clear));
        let mut other = shown.clone();
        other["response"][part] = json!("not base64url!");
        refuse("no base64", &other);
        other["response"].as_object_mut().unwrap().remove(part);
        refuse("without it", &other);
    }
    for (part, value) in [
        ("type", json!("password")),
        ("type", Value::Null),
        ("id", json!("other")),
        ("id", Value::Null),
        ("response", json!([])),
        ("rawId", json!(7)),
    ] {
        let mut other = fresh(&mut key);
        other[part] = value;
        refuse(part, &other);
    }
    refuse("empty", &json!({}));
    // Keys and people of others.
    let mut swapped = fresh(&mut key);
    swapped["response"] = foreign.shows(&options(&app), honest)["response"].clone();
    refuse("the key of somebody else", &swapped);
    let mut swapped = fresh(&mut key);
    swapped["response"]["signature"] = fresh(&mut foreign)["response"]["signature"].clone();
    refuse("the signature of another", &swapped);
    let own = own_options(&first, "/account/factors/passkey/options");
    refuse("the challenge of a creation", &key.shows(&own, honest));
    let old = options(&app);
    let shown = key.shows(&old, honest);
    app.pass(300);
    refuse("too late", &shown);
    let shown = fresh(&mut key);
    assert_eq!(sign_in(&app.program(), &shown).status, 200);
    refuse("once more", &shown);
    // Of two who answer one question one is too late.
    let asked = options(&app);
    let (one, other) = (key.shows(&asked, honest), key.shows(&asked, honest));
    assert_eq!(sign_in(&app.program(), &one).status, 200);
    refuse("the same question", &other);
    assert_eq!(refused, 55);
    assert_eq!(sign_in(&app.program(), &fresh(&mut key)).status, 200, "and an honest one is taken");
    let other = app.program();
    assert_eq!(sign_in(&other, &fresh(&mut foreign)).status, 200);
    assert_eq!(claims(&other.access_token())["sub"], "admin");
}

/// Where everybody signs in by passkey nobody types a password, and nothing else would forget what was answered.
#[test]
fn a_challenge_that_was_answered_is_kept_until_its_end_and_no_longer() {
    let setup = Setup::new().set("app.base_url", ORIGIN);
    let factors = Arc::clone(&setup.stores.factors);
    let app = setup.launch();
    let (mut key, ..) = enrol(&app.signed_in(), Key::es256());
    let asked = options(&app);
    assert_eq!(sign_in(&app.program(), &key.shows(&asked, honest)).status, 200);
    let challenge = Sha256::digest(decode(asked["challenge"].as_str().unwrap())).into();
    let name = "testuser".parse().unwrap();
    let id = now_or_never(factors.passkeys(&name)).unwrap()[0].id;
    let is_forgotten = |counter| {
        let now = app.clock.now();
        let shown = Presented::Passkey(ShownPasskey { id, counter, challenge, until: now });
        now_or_never(factors.spend(&name, shown, now)).unwrap()
    };
    app.pass(299);
    assert_eq!(sign_in(&app.program(), &key.shows(&options(&app), honest)).status, 200);
    assert!(!is_forgotten(1000));
    app.pass(1);
    assert_eq!(sign_in(&app.program(), &key.shows(&options(&app), honest)).status, 200);
    assert!(is_forgotten(1000));
}

#[test]
fn a_counter_that_falls_is_refused_and_told_to_whoever_watches() {
    let app = site();
    let first = app.signed_in();
    let (mut key, ..) = enrol(&first, Key::es256());
    key.counter = 41;
    assert_eq!(sign_in(&app.program(), &key.shows(&options(&app), honest)).status, 200);
    for counter in [42, 41, 0] {
        key.counter = 90;
        let shown = key.shows(&options(&app), |draft| draft.counter = counter);
        assert_eq!(sign_in(&app.program(), &shown).refusal(), (401, "bad_passkey".into()), "{counter}");
        // The same without the key tells nobody anything.
        let forged = twisted(&shown, "signature", |content| content[9] ^= 1);
        assert_eq!(sign_in(&app.program(), &forged).refusal(), (401, "bad_passkey".into()));
    }
    let page = app.visitor("text/html", first.jar()).get("/dashboard").send().body;
    assert_eq!(page.matches("there may be a copy of it").count(), 3);
    assert_eq!(sign_in(&app.program(), &key.shows(&options(&app), honest)).status, 200);
}

#[test]
fn every_passkey_that_was_not_asked_for_is_refused_alike() {
    let app = site();
    let (first, other) = (app.signed_in(), app.program());
    assert_eq!(other.sign_in("admin", "adminpass").status, 200);
    let path = "/account/factors/passkey/options";
    let mut refused = 0;
    let mut refuse = |what: &str, made: &Value| {
        let answer = add(&first, made);
        assert_eq!(answer.refusal(), (422, "bad_passkey".into()), "{what}");
        refused += 1;
    };
    let key = |options: &Value| Authenticator::for_options(Key::es256(), ORIGIN, options);
    let edits: [(&str, Edit); 14] = [
        ("another challenge", Box::new(|draft| draft.client["challenge"] = json!(encode([7; 56])))),
        ("the answer of a sign-in", Box::new(|draft| draft.client["type"] = json!("webauthn.get"))),
        ("another site", Box::new(|draft| draft.client["origin"] = json!("http://evil.example"))),
        ("inside another site", Box::new(|draft| draft.client["crossOrigin"] = json!(true))),
        ("for another site", Box::new(|draft| draft.site = "evil.example".to_owned())),
        ("without anybody there", Box::new(|draft| draft.flags = ATTESTED)),
        ("attesting nothing", Box::new(|draft| draft.flags = PRESENT | VERIFIED)),
        ("backed up and not to be", Box::new(|draft| draft.flags |= BACKED_UP)),
        ("of an unknown format", Box::new(|draft| draft.format = "mine")),
        ("with something after it", Box::new(|draft| draft.after = vec![0])),
        ("with something after its key", Box::new(|draft| draft.rest.push(0))),
        ("cut short", Box::new(|draft| draft.rest.truncate(40))),
        ("of another name than it says", Box::new(|draft| draft.credential = vec![9; 32])),
        (
            "with a key whose curve is named twice",
            Box::new(|draft| {
                let start = draft.rest.len() - Key::es256().cose().len();
                draft.rest[start] = 0xa6;
                draft.rest.extend([0x20, 2]);
            }),
        ),
    ];
    for (what, edit) in &edits {
        let options = own_options(&first, path);
        refuse(what, &key(&options).makes(&options, edit));
    }
    for (what, cose) in [
        (
            "a point that is none",
            [&[0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21], &*bytes(&[1; 32]), &[0x22], &bytes(&[1; 32])].concat(),
        ),
        (
            "an algorithm that nobody offered",
            [&[0xa4, 1, 1, 3, 0x38, 0x2e, 0x20, 6, 0x21], &*bytes(&[1; 32])].concat(),
        ),
        ("no key", vec![0xa0]),
        ("not even a map", vec![0x01]),
    ] {
        let options = own_options(&first, path);
        let made = key(&options).makes(&options, |draft| {
            let start = draft.rest.len() - Key::es256().cose().len();
            draft.rest.truncate(start);
            draft.rest.extend(&cose);
        });
        // A key that cannot verify anything may be kept, and opens nothing; what is no key is refused.
        let answer = add(&first, &made);
        assert!([200, 422].contains(&answer.status), "{what}: {}", answer.body);
        if answer.status == 200 {
            assert_eq!(what, "a point that is none");
            let id = answer.json()["id"].as_str().unwrap().to_owned();
            let removed = first.post(&format!("/account/factors/{id}/remove")).csrf(&first.csrf()).send();
            assert_eq!(removed.status, 200);
        }
    }
    let options = own_options(&first, path);
    let made = key(&options).makes(&options, honest);
    for part in ["clientDataJSON", "attestationObject"] {
        refuse("cut short", &twisted(&made, part, |content| content.truncate(30)));
        refuse("nothing", &twisted(&made, part, Vec::clear));
        let mut other = made.clone();
        other["response"][part] = json!(7);
        refuse("no text", &other);
    }
    refuse("asked of somebody else", &key(&options).makes(&own_options(&other, path), honest));
    let late = own_options(&first, path);
    let made = key(&late).makes(&late, honest);
    app.pass(300);
    assert_eq!((first.refresh().status, other.refresh().status), (200, 200));
    refuse("too late", &made);
    let options = own_options(&first, path);
    let made = key(&options).makes(&options, honest);
    assert_eq!(add(&first, &made).status, 200);
    refuse("once more", &made);
    // Nor can somebody else have it.
    let mine = Authenticator::for_options(Key::es256(), ORIGIN, &own_options(&first, path));
    let options = own_options(&first, path);
    assert_eq!(options["excludeCredentials"].as_array().unwrap().len(), 1);
    assert_eq!(add(&first, &mine.makes(&options, honest)).status, 200);
    let theirs = own_options(&other, path);
    assert_eq!(add(&other, &mine.makes(&theirs, honest)).refusal(), (422, "bad_passkey".into()));
    assert_eq!(refused, 23);
}

#[test]
fn there_are_no_passkeys_where_browsers_know_none() {
    for origin in
        [None, Some("http://portal.example.org"), Some("https://192.0.2.7"), Some("https://[2001:db8::7]")]
    {
        let setup = Setup::new();
        let app = match origin {
            Some(origin) => setup.set("app.base_url", origin).launch(),
            None => setup.launch(),
        };
        let visitor = app.signed_in();
        let refused = (409, "passkeys_not_offered".into());
        assert_eq!(app.program().post("/login/passkey/options").send().refusal(), refused, "{origin:?}");
        let answer = visitor.post("/account/factors/passkey/options").csrf(&visitor.csrf()).send();
        assert_eq!(answer.refusal(), refused);
        assert_eq!(sign_in(&app.program(), &json!({})).refusal(), (401, "bad_passkey".into()));
        assert!(!app.browser().get("/login").send().body.contains("passkey"));
        let page = app.visitor("text/html", visitor.jar()).get("/account/factors").send().body;
        assert!(!page.contains("data-passkey"));
    }
}

/// The example has a page and addresses of its own.
#[test]
fn an_application_signs_in_with_a_passkey_on_a_page_of_its_own() {
    let clock = Arc::new(ManualClock::at(UnixTime::from_secs(crate::support::NOW)));
    let rocket = crate::house::examples::passkey_login::application(figment(), memory(), clock);
    let client = Client::tracked(rocket).unwrap();
    let send = |path: &str, body: &Value| {
        let proof = client.cookies().get("csrf_access_token").map(|cookie| cookie.value().to_owned());
        let request = client.post(path.to_owned()).header(ContentType::JSON).body(body.to_string());
        request.header(Header::new("X-CSRF-TOKEN", proof.unwrap_or_default())).dispatch()
    };
    let read = |path: &str| send(path, &json!({})).into_string().unwrap().parse::<Value>().unwrap();
    assert_eq!(send("/login", &json!({ "password": "wrong" })).status().code, 401);
    assert_eq!(send("/login", &json!({ "password": "correct horse battery" })).status().code, 200);
    assert_eq!(client.get("/me").dispatch().status().code, 401, "a password was all that was asked for");
    let asked = read("/passkeys/options");
    let mut key = Authenticator::for_options(Key::es256(), "http://localhost:8000", &asked);
    assert_eq!(send("/passkeys", &key.makes(&asked, honest)).status().code, 200);
    assert_eq!(send("/login", &json!({ "password": "correct horse battery" })).status().code, 401);
    let asked = read("/passkey/options");
    let wrong = key.shows(&asked, |draft| draft.client["origin"] = json!("http://localhost:8001"));
    assert_eq!(send("/passkey", &wrong).status().code, 401);
    assert_eq!(send("/passkey", &key.shows(&asked, honest)).status().code, 200);
    let me = client.get("/me").dispatch();
    assert_eq!((me.status().code, me.into_string().as_deref()), (200, Some("ada")));
    let source = include_str!("../../../examples/passkey_login.rs");
    let (_, page) = source.split_once("// The sign-in page").unwrap();
    let (page, _) = page.split_once("// That was the page.").unwrap();
    assert!(page.lines().count() <= 60, "{}", page.lines().count());
}

#[test]
fn somebody_has_ten_factors_at_most() {
    let app = site();
    let visitor = app.signed_in();
    for _ in 0..10 {
        enrol(&visitor, Key::es256());
    }
    let answer = visitor.post("/account/factors/passkey/options").csrf(&visitor.csrf()).send();
    assert_eq!(answer.refusal(), (409, "too_many_factors".into()));
}

#[test]
fn what_a_page_sends_leads_to_a_page() {
    let app = site();
    let first = app.signed_in_browser();
    let page = first.get("/account/factors").send();
    assert!(page.body.contains("data-passkey=\"/account/factors/passkey/options\""));
    let asked =
        own_options(&app.visitor("application/json", first.jar()), "/account/factors/passkey/options");
    let mut key = Authenticator::for_options(Key::es256(), ORIGIN, &asked);
    let made = key.makes(&asked, honest).to_string();
    let fields = |text: &str| [("csrf_token", page.hidden("csrf_token")), ("credential", text.to_owned())];
    let send = |fields: &[(&str, String)]| {
        let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        first.post("/account/factors/passkey").form(&fields).send()
    };
    assert_eq!(send(&fields("{}")).location(), "/account/factors?notice=passkey_refused");
    let shown = send(&fields(&made));
    assert_eq!(shown.status, 200);
    assert!(shown.body.contains("data-save"), "the recovery codes");
    let page = first.get("/account/factors").send().body;
    assert!(page.contains("allAcceptedCredentialIds"));

    let browser = app.browser();
    let page = browser.get("/login?next=/sessions").send();
    assert!(page.body.contains("username webauthn"));
    let submit = |shown: &str| {
        let page = browser.get("/login?next=/sessions").send();
        let fields = [
            ("csrf_token", page.hidden("csrf_token")),
            ("next", "/sessions".to_owned()),
            ("credential", shown.to_owned()),
            ("remember", "true".to_owned()),
        ];
        let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        browser.post("/login/passkey").form(&fields).send()
    };
    let refused = submit("no JSON");
    assert_eq!(refused.status, 401);
    assert!(refused.body.contains("was not accepted") && !refused.body.contains("data-unknown"));
    let mut unknown = Authenticator::for_options(Key::es256(), ORIGIN, &asked);
    let refused = submit(&unknown.shows(&options(&app), honest).to_string());
    assert_eq!(refused.status, 401);
    assert!(refused.body.contains("data-unknown=") && refused.body.contains(&encode(&unknown.credential)));
    let answer = submit(&key.shows(&options(&app), honest).to_string());
    assert_eq!((answer.status, answer.location()), (303, "/sessions"), "{}", answer.body);
    assert!(
        answer.cookie("refresh_token_cookie").attributes.iter().any(|it| it.starts_with("Max-Age=")),
        "it was to be remembered"
    );
}
