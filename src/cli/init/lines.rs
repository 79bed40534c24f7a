//! What is written and said: the file of settings, and the lines for service and proxy.

use std::path::Path;

use portcullis::users::Username;
use serde_json::Value;

use super::Plan;
use super::ask::Wanted;

/// The file of settings.
pub(super) fn settings(wanted: &Wanted, keys: &Path, factor_key: &Option<String>) -> String {
    let text = |value: &str| Value::from(value).to_string();
    let of = |value: &Option<String>| text(value.as_deref().unwrap_or_default());
    let mut lines = vec![
        "# Written by `portcullis init`; docs/settings.md has every setting.".to_owned(),
        "[default]".to_owned(),
        format!("address = {}", text(&wanted.address.to_string())),
        format!("port = {}", wanted.port),
        String::new(),
        "[default.app]".to_owned(),
        "# The address that people type.".to_owned(),
        format!("base_url = {}", of(&wanted.base_url)),
        "# The proxies in front, which say whose request they pass on.".to_owned(),
        "trusted_proxies = [\"127.0.0.1\", \"::1\"]".to_owned(),
        format!("store = {}", of(&wanted.store)),
    ];
    if let Some(key) = factor_key {
        lines.push("# Seals the secrets of authenticator apps: the same on every node.".to_owned());
        lines.push(format!("factor_key = {}", text(key)));
    }
    if wanted.mail.as_deref().is_some_and(|mail| mail != "none") {
        lines.push(format!("mail = {}", of(&wanted.mail)));
        lines.push(format!("mail_from = {}", of(&wanted.mail_from)));
    }
    lines.push(String::new());
    lines.push("[default.auth]".to_owned());
    lines.push(format!("secret_key_file = {}", text(&keys.display().to_string())));
    lines.join("\n") + "\n"
}

/// How systemd learns of it.
fn service(file: &Path) -> String {
    match file.to_str() {
        // What the unit says already.
        Some("/etc/portcullis/Rocket.toml") => {
            "its unit reads that file:\n    systemctl enable --now portcullis".to_owned()
        }
        _ => format!(
            "deploy/portcullis.service with:\n    Environment=ROCKET_PROFILE=release\n    Environment=ROCKET_CONFIG={}",
            file.display()
        ),
    }
}

/// What is said in the end.
pub(super) fn of(plan: &Plan, admin: &Username, made: bool) -> Vec<String> {
    let host = plan.base_url.split_once("://").map_or("", |(_, host)| host);
    let host = host.split(':').next().unwrap_or(host);
    let at = &plan.listens_at;
    let account = match made {
        true => {
            format!("{admin} is the first administrator, and takes a second factor into use when signing in.")
        }
        false => format!("There is an account {admin} already, which is left as it is."),
    };
    let text = format!(
        "Wrote {file} and {keys}; nobody else may read them.
{account}

Start it:
    ROCKET_PROFILE=release ROCKET_CONFIG={file} portcullis

As a service, {service}

Behind nginx, deploy/nginx.conf with:
    server_name {host};
    proxy_pass http://{at};

Then `portcullis doctor` says whether all of it fits together.",
        file = plan.file.display(),
        service = service(&plan.file),
        keys = plan.keys.display(),
    );
    text.lines().map(str::to_owned).collect()
}
