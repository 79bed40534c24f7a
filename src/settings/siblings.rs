//! The list of revoked tokens in Redis, as the settings name it.

#[cfg(feature = "redis")]
use crate::store::RedisUrl;

/// Where the list is, and whether requests ask it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SiblingsSettings {
    /// The Redis.
    #[cfg(feature = "redis")]
    pub url: RedisUrl,
    /// What every key there begins with.
    pub prefix: String,
    /// Whether every token is looked for there.
    pub is_asked: bool,
}

impl SiblingsSettings {
    /// The list that these settings name, if they name one.
    pub(super) fn read(url: Option<&str>, prefix: &str, is_asked: bool) -> Result<Option<Self>, String> {
        match url {
            Some(url) => Self::at(url, prefix, is_asked).map(Some),
            None if is_asked => {
                Err("app.redis_asked: there is nobody to ask; name a Redis in app.redis".to_owned())
            }
            None => Ok(None),
        }
    }

    #[cfg(feature = "redis")]
    fn at(url: &str, prefix: &str, is_asked: bool) -> Result<Self, String> {
        let url = url.parse::<RedisUrl>().map_err(|problem| format!("app.redis: {problem}"))?;
        Ok(Self { url, prefix: prefix.to_owned(), is_asked })
    }

    #[cfg(not(feature = "redis"))]
    fn at(_: &str, _: &str, _: bool) -> Result<Self, String> {
        Err("app.redis: this program was built without it; build it with `--features redis`".to_owned())
    }
}
