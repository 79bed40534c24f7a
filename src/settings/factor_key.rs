//! Where the key comes from under which the secrets of factors are sealed.

use std::fmt;

use crate::auth::{AuthSettings, KeyFile, Random};
use crate::store::StoreUrl;

/// Where the key of factors comes from.
#[derive(Clone)]
pub enum FactorKey {
    /// From this text of the settings.
    Text(String),
    /// From a file beside an embedded database, which is made when it is missing.
    File(KeyFile),
    /// From nowhere, for a database that is gone with the program.
    Drawn,
    /// There is none: several nodes would need the same, and nobody has given them one.
    Missing,
}

impl FactorKey {
    pub(super) fn of(own: Option<&str>, auth: &AuthSettings, store: &StoreUrl) -> Self {
        match (own.or_else(|| auth.secret_text()), store) {
            (Some(text), _) => Self::Text(text.to_owned()),
            (None, StoreUrl::SqliteFile(path)) => {
                Self::File(KeyFile::at(path.with_file_name("portcullis.factors.key")))
            }
            (None, StoreUrl::SqliteMemory) => Self::Drawn,
            (None, StoreUrl::Postgres(_)) => Self::Missing,
        }
    }

    /// The secret itself; `None` when there is none.
    ///
    /// # Errors
    /// One line for the operator when its file can be neither read nor made, or there is no randomness.
    pub fn secret(&self, random: &dyn Random) -> Result<Option<Vec<u8>>, String> {
        match self {
            Self::Text(text) => Ok(Some(text.clone().into_bytes())),
            Self::File(file) => file.secret(random).map(Some),
            Self::Drawn => {
                let mut bytes = vec![0; 32];
                random.fill(&mut bytes).map_err(|error| error.to_string())?;
                Ok(Some(bytes))
            }
            Self::Missing => Ok(None),
        }
    }
}

impl fmt::Debug for FactorKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text(_) => "FactorKey::Text(..)",
            Self::File(_) => "FactorKey::File(..)",
            Self::Drawn => "FactorKey::Drawn",
            Self::Missing => "FactorKey::Missing",
        })
    }
}
