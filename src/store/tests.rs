//! The setting `app.store`.

use super::*;

#[test]
fn the_setting_names_a_file_or_memory() {
    let file = |path: &str| Ok(StoreUrl::SqliteFile(path.into()));
    assert_eq!("sqlite:data/portcullis.db".parse(), file("data/portcullis.db"));
    assert_eq!("sqlite://data/portcullis.db".parse(), file("data/portcullis.db"));
    assert_eq!("sqlite:/var/lib/portcullis.db".parse(), file("/var/lib/portcullis.db"));
    assert_eq!("sqlite:///var/lib/portcullis.db".parse(), file("/var/lib/portcullis.db"));
    assert_eq!("sqlite::memory:".parse(), Ok(StoreUrl::SqliteMemory));
}

#[test]
fn everything_else_is_refused_with_one_clear_line() {
    let refusal = |text: &str| text.parse::<StoreUrl>().unwrap_err().to_string();
    assert_eq!(
        refusal("redis://localhost"),
        "app.store: unknown store scheme \"redis\"; known are sqlite:PATH, sqlite::memory: and postgres://..."
    );
    for text in [
        "",
        "portcullis.db",
        "sqlite:",
        "sqlite:a.db?mode=ro",
        "sqlite:file:a.db",
        "sqlite::shared:",
        "postgres://user:secret@host:port/db",
        "postgres://host/db?pasword=secret",
        "postgres://user:secret@host/db?sslmode=perhaps",
    ] {
        let line = refusal(text);
        assert!(
            line.starts_with("app.store: ") && !line.contains('\n') && !line.contains("secret"),
            "{line}"
        );
    }
}
