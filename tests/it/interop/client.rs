//! The client in `clients/typescript`: its types hold, and it does with a server what it says.

use std::path::Path;

use serde_json::{Value, json};

use crate::binary::server::Installation;
use crate::interop::peer::installed;

#[test]
#[ignore = "needs Node packages"]
fn it_renews_once_sends_proofs_and_knows_what_more_has_to_be_proved() {
    let installation = Installation::new()
        .with("PORTCULLIS_AUTH__ACCESS_TTL", "2")
        .with("PORTCULLIS_AUTH__FRESH_TTL", "2")
        .with("PORTCULLIS_AUTH__TOKEN_LOCATIONS", "[\"cookies\", \"headers\"]")
        .with_file("client.mjs", include_str!("client.mjs"))
        .with_file("package.json", "{ \"type\": \"module\" }");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/typescript");
    let compiled = installation
        .command(installed("INTEROP_NODE").join("node_modules/.bin/tsc"))
        .arg("-p")
        .arg(&source)
        .arg("--outDir")
        .arg(installation.path("client"))
        .output()
        .unwrap();
    assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stdout));
    let server = installation.start();
    let output = installation.command("node").args(["client.mjs", &server.site()]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(told["done"], true);
    assert_eq!(told["wanted"][0], json!("fresh_required"));
    assert!(told["wanted"].as_array().unwrap().len() >= 2, "{told}");
}

#[test]
fn it_is_short_and_depends_on_nothing() {
    let client = include_str!("../../../clients/typescript/portcullis.ts");
    assert!(client.lines().count() <= 220);
    let types = include_str!("../../../clients/typescript/types.ts");
    let imports: Vec<_> = types.lines().filter(|line| line.contains(" from \"")).collect();
    assert!(imports.iter().all(|line| line.contains("\"./schema.js\"")), "{imports:?}");
    let imports: Vec<_> = client.lines().filter(|line| line.contains(" from \"")).collect();
    assert!(imports.iter().all(|line| line.contains("\"./types.js\"")), "{imports:?}");
    let package: Value =
        serde_json::from_str(include_str!("../../../clients/typescript/package.json")).unwrap();
    assert!(package["dependencies"].is_null() && package["peerDependencies"].is_null());
    assert_eq!(package["version"], env!("CARGO_PKG_VERSION"));
}
