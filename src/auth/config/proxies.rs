//! The operator's own proxies, and what the operator was told of them.

use std::net::IpAddr;
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, Ordering};

use ipnet::IpNet;

/// The addresses of the operator's own proxies; by default there are none.
///
/// ```
/// use portcullis::auth::TrustedProxies;
///
/// let proxies = TrustedProxies::parse(&["10.0.0.0/8", "::1"]).unwrap();
/// assert!(proxies.contains("10.1.2.3".parse().unwrap()));
/// assert!(!proxies.contains("192.0.2.7".parse().unwrap()));
/// assert!(TrustedProxies::parse(&["0.0.0.0/0"]).is_err());
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustedProxies(pub(crate) Vec<IpNet>);

/// A text that names no range of addresses that could be proxies.
///
/// ```
/// use portcullis::auth::TrustedProxies;
///
/// let error = TrustedProxies::parse(&["10.0.0.0/33"]).unwrap_err();
/// assert_eq!(error.to_string(), "\"10.0.0.0/33\" is no address and no range of addresses, such as \"10.0.0.0/8\"");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UnfitProxies {
    /// Neither an address nor a range.
    #[error("\"{0}\" is no address and no range of addresses, such as \"10.0.0.0/8\"")]
    Unreadable(String),
    /// Every caller would be believed.
    #[error("\"{0}\" takes every caller for a proxy, so that everybody could choose an address")]
    Everybody(String),
}

impl TrustedProxies {
    /// Takes addresses, such as `192.0.2.1`, and ranges of them, such as `10.0.0.0/8` or `fd00::/8`.
    ///
    /// # Errors
    /// [`UnfitProxies`] for the first that is neither, or that is everybody's.
    pub fn parse<T: AsRef<str>>(ranges: &[T]) -> Result<Self, UnfitProxies> {
        let range = |text: &T| {
            let text = text.as_ref();
            let address = IpAddr::from_str(text).map(|address| IpNet::from(address.to_canonical()));
            let Ok(range) = address.or_else(|_| text.parse::<IpNet>()) else {
                return Err(UnfitProxies::Unreadable(text.to_owned()));
            };
            if range.prefix_len() == 0 {
                return Err(UnfitProxies::Everybody(text.to_owned()));
            }
            Ok(range)
        };
        ranges.iter().map(range).collect::<Result<_, _>>().map(Self)
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether this address is one of the operator's proxies; an IPv4 address in IPv6 form is the IPv4 address.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|range| range.contains(&address))
    }
}

/// What the operator was told already; each is said once for each launch.
#[derive(Debug, Default)]
pub(crate) struct Told {
    unread: AtomicBool,
    unconfigured: AtomicBool,
    other_host: AtomicBool,
}

impl Told {
    /// A page of the public origin sent a request whose `Host` is another.
    pub(crate) fn other_host(&self) {
        if !self.other_host.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                "a proxy changes Host: a page of app.base_url sent a request that arrived with another one; pass Host on \
                 unchanged (nginx: proxy_set_header Host $http_host)"
            );
        }
    }

    pub(crate) fn unread(&self, what: &str) {
        if !self.unread.swap(true, Ordering::Relaxed) {
            tracing::warn!("{what}; its callers are counted by the name they type alone");
        }
    }

    pub(crate) fn unconfigured(&self) {
        if !self.unconfigured.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                "requests come through a proxy that app.trusted_proxies does not name: all callers have its address, and \
                 share its failed sign-ins"
            );
        }
    }
}
