//! What stands between people and the program: TLS, a proxy, and what they make of a request.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use portcullis::auth::{Clock, OsRandom, SystemClock};
use portcullis::routes::health::seen::{PROOF_HEADER, SeenRequest};
use portcullis::settings::Settings;
use portcullis::settings::factor_key::FactorKey;
use portcullis::users::SealKey;
use rocket::figment::Figment;
use ureq::http::{HeaderMap, StatusCode};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};

use super::Finding;

/// What of the settings does not fit together.
pub(super) fn fitting(settings: &Settings, figment: &Figment) -> Vec<Finding> {
    let Ok(config) = rocket::Config::try_from(figment) else { return Vec::new() };
    let mut findings = Vec::new();
    let (is_https, has_tls) = (settings.auth.is_https(), config.tls_enabled());
    let base = settings.base_url.as_ref().map(ToString::to_string);
    match base.as_deref() {
        None if !settings.is_debug => findings.push(Finding::warning(
            "base_url",
            "app.base_url is not set: no passkeys, no mail, and a proxy that changes Host locks people out",
            "set it to the address that people type, as in \"https://login.example.org\"",
        )),
        Some(url) if url.starts_with("http://") && is_https && !is_local(url) => {
            findings.push(Finding::problem(
                "base_url",
                "app.base_url begins with http://, where browsers send no cookie of a session back",
                "serve it by HTTPS, and write https://",
            ));
        }
        Some(url) if url.starts_with("https://") && !is_https => findings.push(Finding::problem(
            "cookies",
            "app.base_url is an https:// address, and cookies are sent without Secure",
            "remove auth.insecure_http, or set it to false",
        )),
        _ => {}
    }
    let is_behind = base.is_some_and(|url| url.starts_with("https://")) && !has_tls;
    if is_behind && settings.trusted_proxies.is_empty() {
        findings.push(Finding::warning(
            "proxy",
            "TLS ends at a proxy that app.trusted_proxies does not name: everybody has its address, and shares its failures",
            "name it, as in [\"127.0.0.1\"]",
        ));
    }
    if !settings.is_debug && !has_tls && !config.address.is_loopback() {
        findings.push(Finding::note(
            "address",
            format!("plain HTTP is served at {}, also to whoever goes past the proxy", config.address),
            "listen on 127.0.0.1, or let only the proxy reach the port",
        ));
    }
    if findings.is_empty() {
        findings.push(Finding::fine("proxy", "TLS, proxy and cookies fit together"));
    }
    findings
}

/// What becomes of a request to the address that people type.
pub(super) async fn asked(settings: &Settings, ca: Option<PathBuf>) -> Vec<Finding> {
    let Some(origin) = settings.base_url.as_ref() else { return Vec::new() };
    let url = format!("{origin}{}", settings.base_path);
    let key = match &settings.factor_key {
        // The server makes it; nobody else does.
        FactorKey::File(file) if !file.path().exists() => None,
        key => key.secret(&OsRandom).ok().flatten().map(|secret| SealKey::derive(&secret)),
    };
    let Some(key) = key else {
        let says = "nothing was asked of app.base_url, because there is no key to prove who asks";
        return vec![Finding::note("proxy", says, "start the server once, or set app.factor_key")];
    };
    let proof = key.prove(SystemClock::new().now());
    let asked = url.clone();
    let answer = rocket::tokio::task::spawn_blocking(move || ask(&asked, &proof, ca)).await;
    match answer.unwrap_or_else(|error| Err(error.to_string())) {
        Ok(answer) => judge(settings, &url, &answer),
        Err(problem) => {
            let remedy = "look at DNS, the certificate, the proxy, and whether the server runs";
            vec![Finding::problem("base_url", format!("{url} does not answer: {problem}"), remedy)]
        }
    }
}

struct Reached {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

fn ask(url: &str, proof: &str, ca: Option<PathBuf>) -> Result<Reached, String> {
    let roots = match ca {
        None => RootCerts::WebPki,
        Some(path) => {
            let text = std::fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
            let certificates = parse_pem(&text).filter_map(|item| match item {
                Ok(PemItem::Certificate(certificate)) => Some(certificate.to_owned()),
                _ => None,
            });
            let certificates: Vec<Certificate<'static>> = certificates.collect();
            RootCerts::new_with_certs(&certificates)
        }
    };
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = TlsConfig::builder().root_certs(roots).unversioned_rustls_crypto_provider(provider).build();
    let agent = ureq::Agent::config_builder()
        .tls_config(tls)
        .timeout_global(Some(PATIENCE))
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .proxy(None)
        .build()
        .new_agent();
    let answer = agent
        .get(format!("{url}/health/seen?{QUERY}"))
        .header(PROOF_HEADER, proof)
        .header("Cookie", COOKIE)
        .header("X-Request-Id", CHOSEN)
        .header("Accept", "application/json")
        .call();
    let mut answer = answer.map_err(|error| error.to_string())?;
    let body = answer.body_mut().with_config().limit(64 * 1024).read_to_string();
    let body = body.map_err(|error| error.to_string())?;
    Ok(Reached { status: answer.status(), headers: answer.headers().clone(), body })
}

fn judge(settings: &Settings, url: &str, answer: &Reached) -> Vec<Finding> {
    let about = "proxy";
    let seen: SeenRequest = serde_json::from_str(&answer.body).unwrap_or_default();
    if answer.status.is_redirection() {
        let to = answer.headers.get("Location").and_then(|to| to.to_str().ok()).unwrap_or("elsewhere");
        let says = format!("{url} leads to {to}");
        return vec![Finding::problem(
            "base_url",
            says,
            "write the address that it leads to into app.base_url",
        )];
    }
    let Some(host) = seen.host.as_deref().filter(|_| answer.status == StatusCode::OK) else {
        let says = format!("{url} answers {} and not as this program with this key does", answer.status);
        let remedy = "look where the proxy leads, and whether the server runs with the same settings and key";
        return vec![Finding::problem("base_url", says, remedy)];
    };
    let mut findings = Vec::new();
    let expected = url.split_once("://").map_or("", |(_, host)| host.split('/').next().unwrap_or(host));
    if host != expected {
        let says = format!("the proxy changes Host from {expected} to {host}");
        findings.push(Finding::warning(about, says, "pass it on (nginx: proxy_set_header Host $http_host)"));
    }
    findings.extend(addresses(settings, &seen));
    if seen.query.as_deref() != Some(QUERY) {
        findings.push(Finding::problem(about, "the proxy changes queries", "pass the address on as it is"));
    }
    if seen.cookie.as_deref() != Some(COOKIE) {
        findings.push(Finding::problem(about, "the proxy changes cookies", "pass them on as they are"));
    }
    let kept = ["Content-Security-Policy", "X-Content-Type-Options", "Cache-Control", "X-Request-Id"];
    let lost: Vec<_> = kept.into_iter().filter(|name| !answer.headers.contains_key(*name)).collect();
    if !lost.is_empty() {
        let says = format!("the proxy takes {} out of answers", lost.join(", "));
        findings.push(Finding::problem(about, says, "pass the headers of answers on"));
    }
    let kept = answer.headers.get("Cache-Control").and_then(|value| value.to_str().ok());
    if kept.is_some_and(|value| value != "no-store") {
        findings.push(Finding::problem(
            about,
            "the proxy lets answers be kept",
            "leave Cache-Control as it is",
        ));
    }
    if answer.headers.get("X-Request-Id").is_some_and(|name| name == CHOSEN) {
        let says = "the proxy lets callers choose X-Request-Id, by which the log knows their requests";
        let remedy = "let it write its own (nginx: proxy_set_header X-Request-Id $request_id)";
        findings.push(Finding::warning(about, says, remedy));
    }
    if findings.is_empty() {
        findings.push(Finding::fine(about, format!("a request to {url} arrives as it was sent")));
    }
    findings
}

/// Whose address a caller has.
fn addresses(settings: &Settings, seen: &SeenRequest) -> Option<Finding> {
    let about = "proxy";
    let peer = seen.peer?;
    let is_trusted = settings.trusted_proxies.contains(peer);
    match (&seen.forwarded_for, is_trusted) {
        (Some(_), false) => Some(Finding::warning(
            about,
            format!(
                "requests come through {peer}, which app.trusted_proxies does not name: everybody has its address"
            ),
            format!("app.trusted_proxies = [\"{peer}\"]"),
        )),
        (None, true) => Some(Finding::warning(
            about,
            format!("the trusted proxy {peer} does not say whose request it passes on"),
            "let it write X-Forwarded-For (nginx: proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for)",
        )),
        (Some(text), true) if seen.caller.is_none() => Some(Finding::warning(
            about,
            format!("what the proxy says of its caller cannot be read: {text}"),
            "let it write addresses",
        )),
        _ => None,
    }
}

fn is_local(url: &str) -> bool {
    let host = url.split_once("://").map_or("", |(_, host)| host);
    host == "localhost" || host.starts_with("localhost:")
}

const QUERY: &str = "a=1&b=%2F";
const COOKIE: &str = "portcullis_doctor=a%20b";
/// What a caller may say, and a proxy should not pass on.
const CHOSEN: &str = "chosen-by-a-caller";
const PATIENCE: Duration = Duration::from_secs(5);
