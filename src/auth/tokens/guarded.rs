//! Who else may read or change a file that everything depends on?
//!
//! One judgement for the folder and the file of the database, its log, and the key file: whoever may write to one of them
//! can sign in as anybody. It judges what is found, whoever made it and whenever.

use std::path::Path;

/// What a file is to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Guarded {
    /// Where database or key lie: nobody else may put another file in their place.
    Folder,
    /// Database or its log: nobody else may write, and others may not read the hashes.
    #[cfg(feature = "sqlite")]
    Database,
    /// Keys: nobody else may even read.
    Keys,
}

/// Judges a file that is there; one that is not has nothing to judge.
///
/// # Errors
/// One sentence that says what to do.
#[cfg(unix)]
pub(crate) fn judge(path: &Path, what: Guarded) -> Result<(), String> {
    use std::os::unix::fs::MetadataExt;

    let Ok(found) = std::fs::metadata(path) else { return Ok(()) };
    let (mode, owner) = (found.mode() & 0o7777, found.uid());
    let own = nix::unistd::geteuid().as_raw();
    if owner != own && owner != 0 {
        return Err(format!(
            "belongs to another user (number {owner}); run this as that user, or chown it to {own}"
        ));
    }
    let is_own_group = found.gid() == nix::unistd::getegid().as_raw();
    let (forbidden, may, cure) = match what {
        // In a folder like /tmp nobody can replace what is not theirs.
        Guarded::Folder if mode & 0o1000 != 0 => return Ok(()),
        // A group that is this user's alone, as many systems make it, is nobody else.
        Guarded::Folder if is_own_group => (0o002, "write to it", "o-w"),
        Guarded::Folder => (0o022, "write to it", "go-w"),
        #[cfg(feature = "sqlite")]
        Guarded::Database => (0o026, "read or write it", "600"),
        Guarded::Keys => (0o077, "read it", "600"),
    };
    if mode & forbidden == 0 {
        return Ok(());
    }
    Err(format!("others may {may} (mode {:o}); run chmod {cure}", mode & 0o777))
}

#[cfg(not(unix))]
pub(crate) fn judge(_: &Path, _: Guarded) -> Result<(), String> {
    Ok(())
}

/// The folder that holds this file; none is the working directory.
pub(crate) fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn what_others_may_change_is_refused_and_told() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        let judged = |path: &Path, what, mode| {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
            judge(path, what).is_ok()
        };
        for (mode, database, keys) in [
            (0o600, true, true),
            (0o400, true, true),
            (0o640, true, false),
            (0o644, false, false),
            (0o660, false, false),
        ] {
            assert_eq!(judged(&file, Guarded::Database, mode), database, "{mode:o}");
            assert_eq!(judged(&file, Guarded::Keys, mode), keys, "{mode:o}");
        }
        for (mode, expected) in [(0o700, true), (0o755, true), (0o777, false), (0o702, false), (0o1777, true)]
        {
            assert_eq!(judged(folder.path(), Guarded::Folder, mode), expected, "{mode:o}");
        }
        judged(&file, Guarded::Keys, 0o644);
        let line = judge(&file, Guarded::Keys).unwrap_err();
        assert!(line.contains("others may read it (mode 644); run chmod 600"), "{line}");
        assert_eq!(judge(&folder.path().join("nothing"), Guarded::Keys), Ok(()));
    }
}
