//! Where does a request come from?
//!
//! Only the peer of the connection is known for certain. What a header says of the caller is believed from proxies of
//! the operator's alone, and read from its right end: each proxy adds the address that it saw, so the first one from
//! the right that is no proxy of ours was seen by one of ours, and all that stands left of it the caller may have made up
//! (RFC 7239 §8.1).
//! What cannot be read is nobody's address: such a caller is counted by the name that is typed, and never by the address
//! of a proxy, behind which everybody would be.

use std::net::{IpAddr, SocketAddr};

use rocket::Request;

use crate::auth::config::proxies::TrustedProxies;
use crate::auth::sessions::authority::Authority;

/// The address of whoever sent this request, as far as it can be known.
pub(crate) fn address(request: &Request<'_>) -> Option<IpAddr> {
    request.local_cache(|| Judged(judge(request))).0
}

struct Judged(Option<IpAddr>);

fn judge(request: &Request<'_>) -> Option<IpAddr> {
    let peer = request.remote().map(|peer| peer.ip().to_canonical());
    let Some(authority) = Authority::of(request.rocket()) else { return peer };
    let (proxies, told) = (&authority.proxies, &authority.told);
    let is_proxy = peer.is_some_and(|peer| proxies.contains(peer));
    let named = request.rocket().config().ip_header.as_ref().map(|name| name.as_str());
    let chain = match named {
        // Whoever names a header says that every peer is a proxy, unless it is said which are.
        Some(name) if is_proxy || proxies.0.is_empty() => {
            let Some(chain) = chain(request, name) else { return peer };
            chain
        }
        None if is_proxy => {
            let Some(chain) = FORWARDING.into_iter().find_map(|name| chain(request, name)) else {
                told.unread("a trusted proxy sends neither X-Forwarded-For nor Forwarded");
                return None;
            };
            chain
        }
        _ => {
            if proxies.0.is_empty() && peer.is_some_and(is_near) && is_forwarded(request) {
                told.unconfigured();
            }
            return peer;
        }
    };
    let caller = seen_by_ours(&chain, proxies);
    if caller.is_none() {
        told.unread("the header of a trusted proxy about the caller's address cannot be read");
    }
    caller
}

/// The entries of all lines of this header, from left to right; `None` when there is no such line.
fn chain<'r>(request: &'r Request<'_>, header: &str) -> Option<Vec<&'r str>> {
    let mut lines = request.headers().get(header).peekable();
    lines.peek()?;
    let is_standard = header.eq_ignore_ascii_case(FORWARDED);
    let entries = lines.flat_map(|line| outside_quotes(line, ','));
    Some(if is_standard { entries.map(for_parameter).collect() } else { entries.map(str::trim).collect() })
}

/// The first address from the right that is no proxy of ours; the leftmost where all are.
fn seen_by_ours(chain: &[&str], proxies: &TrustedProxies) -> Option<IpAddr> {
    let mut caller = None;
    for entry in chain.iter().rev() {
        let address = read(entry)?;
        caller = Some(address);
        if !proxies.contains(address) {
            break;
        }
    }
    caller
}

/// One entry: an address, in brackets or not, with a port or not (RFC 7239 §6 and what proxies write).
fn read(entry: &str) -> Option<IpAddr> {
    let bare = entry.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(entry);
    let address = bare.parse().or_else(|_| entry.parse::<SocketAddr>().map(|address| address.ip())).ok()?;
    Some(IpAddr::to_canonical(&address))
}

/// The value of `for` in one element of `Forwarded`; empty, which is no address, without one.
fn for_parameter(element: &str) -> &str {
    let mut pairs = outside_quotes(element, ';').filter_map(|pair| pair.split_once('='));
    let value =
        pairs.find(|(name, _)| name.trim().eq_ignore_ascii_case("for")).map_or("", |(_, value)| value);
    let value = value.trim();
    value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(value)
}

/// The pieces between separators that stand outside quotation marks.
fn outside_quotes(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let mut is_quoted = false;
    text.split(move |sign| {
        is_quoted ^= sign == '"';
        sign == separator && !is_quoted
    })
}

fn is_forwarded(request: &Request<'_>) -> bool {
    FORWARDING.into_iter().chain(["X-Real-IP"]).any(|name| request.headers().contains(name))
}

/// Whether this address is of this machine or of a private network, where proxies stand.
fn is_near(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_loopback() || address.is_private() || address.is_link_local(),
        IpAddr::V6(address) => {
            address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local()
        }
    }
}

/// The standard's header.
const FORWARDED: &str = "Forwarded";
/// What is looked at, in this order: a proxy that writes the first passes on what callers write into the second.
const FORWARDING: [&str; 2] = ["X-Forwarded-For", FORWARDED];

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies() -> TrustedProxies {
        TrustedProxies::parse(&["10.0.0.0/8", "127.0.0.1", "fd00::/8"]).unwrap()
    }

    #[test]
    fn a_chain_is_read_from_the_right_up_to_the_first_that_is_no_proxy_of_ours() {
        for (chain, expected) in [
            (&["192.0.2.7"][..], Some("192.0.2.7")),
            (&["192.0.2.7", "10.0.0.1"], Some("192.0.2.7")),
            (&["6.6.6.6", "192.0.2.7", "10.0.0.1", "127.0.0.1"], Some("192.0.2.7")),
            (&["192.0.2.7", "198.51.100.1"], Some("198.51.100.1")),
            (&["nonsense", "192.0.2.7"], Some("192.0.2.7")),
            (&["192.0.2.7", "unknown"], None),
            (&["192.0.2.7", "unknown", "10.0.0.1"], None),
            (&["10.0.0.9", "10.0.0.1"], Some("10.0.0.9")),
            (&["192.0.2.7:4711"], Some("192.0.2.7")),
            (&["[2001:db8::1]:4711"], Some("2001:db8::1")),
            (&["[2001:db8::1]"], Some("2001:db8::1")),
            (&["2001:db8::1", "fd00::2"], Some("2001:db8::1")),
            (&["::ffff:192.0.2.7", "::ffff:10.0.0.1"], Some("192.0.2.7")),
            (&[""], None),
            (&["192.0.2.7", ""], None),
            (&["_hidden"], None),
            (&["192.0.2.7 192.0.2.8"], None),
            (&["192.0.2.7:99999"], None),
        ] {
            let expected = expected.map(|address| address.parse().unwrap());
            assert_eq!(seen_by_ours(chain, &proxies()), expected, "{chain:?}");
        }
    }

    #[test]
    fn the_standard_s_header_may_quote_and_name_other_things() {
        for (line, expected) in [
            ("for=192.0.2.60;proto=http;by=203.0.113.43", &["192.0.2.60"][..]),
            ("For=\"[2001:db8:cafe::17]:4711\"", &["[2001:db8:cafe::17]:4711"]),
            ("for=192.0.2.43, for=198.51.100.17", &["192.0.2.43", "198.51.100.17"]),
            ("host=\"a,b;for=6.6.6.6\"; for = 192.0.2.60", &["192.0.2.60"]),
            ("proto=https", &[""]),
            ("for=unknown, for=_secret", &["unknown", "_secret"]),
        ] {
            assert_eq!(outside_quotes(line, ',').map(for_parameter).collect::<Vec<_>>(), expected, "{line}");
        }
    }
}
