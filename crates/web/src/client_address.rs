//! Where a request comes from. A relying party is identified by its address, so nobody else may choose it.

use crate::problem::Failure;
use axum::{
    extract::{ConnectInfo, FromRequestParts},
    http::{Extensions, HeaderMap, HeaderName, header, request::Parts},
};
use engine::domain::Network;
use std::net::{IpAddr, SocketAddr};

/// Proxies that stand before the server.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies {
    /// Where their connections come from. Empty: there is none, and no header counts.
    pub networks: Vec<Network>,
    /// The header that they write.
    pub header: ForwardedHeader,
}

/// The header in which a proxy names its client.
///
/// Exactly one is read: a proxy passes on, unchecked, whatever a client wrote into the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ForwardedHeader {
    /// `X-Forwarded-For`.
    #[default]
    XForwardedFor,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

/// The client's address, as [`TrustedProxies`] found it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ClientAddress(pub(crate) IpAddr);

impl TrustedProxies {
    /// The nearest address that is not a proxy's: each trusted hop is asked for the one before it.
    pub(crate) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> ClientAddress {
        let mut client = peer.to_canonical();
        let mut hops = self.hops(headers).into_iter().rev();
        while self.trust(client) {
            match hops.next() {
                Some(Some(before)) => client = before.to_canonical(),
                // What a proxy could not or would not name stays unknown; the proxy itself is all we know.
                Some(None) | None => break,
            }
        }
        ClientAddress(client)
    }

    /// Whether the address is one of the proxies'.
    pub(crate) fn trust(&self, address: IpAddr) -> bool {
        self.networks
            .iter()
            .any(|network| network.contains(address))
    }

    /// All hops that the header names, the client's own claims first; `None` for what is no address.
    fn hops(&self, headers: &HeaderMap) -> Vec<Option<IpAddr>> {
        let (name, read): (HeaderName, fn(&str) -> Option<IpAddr>) = match self.header {
            ForwardedHeader::XForwardedFor => (HeaderName::from_static("x-forwarded-for"), node),
            ForwardedHeader::Forwarded => (header::FORWARDED, forwarded_for),
        };
        // Split at every comma, in quotes or not: an address has none, and a quote that the client left open must
        // not swallow what the proxy appended.
        headers
            .get_all(name)
            .iter()
            .flat_map(|line| match line.to_str() {
                Ok(line) => line.split(',').map(read).collect(),
                Err(_) => vec![None],
            })
            .collect()
    }
}

/// `for` of one element of `Forwarded` (RFC 7239 §4), which may stand there once only.
fn forwarded_for(element: &str) -> Option<IpAddr> {
    let mut nodes = element.split(';').filter_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        name.trim().eq_ignore_ascii_case("for").then_some(value)
    });
    match (nodes.next(), nodes.next()) {
        (Some(value), None) => node(value.trim().trim_matches('"')),
        _ => None,
    }
}

/// An address, perhaps with a port, an IPv6 one perhaps in brackets (RFC 7239 §6).
fn node(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'))
        .unwrap_or(text);
    bare.parse()
        .ok()
        .or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

/// The other end of the connection.
pub(crate) fn peer(extensions: &Extensions) -> Option<IpAddr> {
    extensions
        .get::<ConnectInfo<SocketAddr>>()
        .map(|ConnectInfo(address)| address.ip())
}

impl<S: Sync> FromRequestParts<S> for ClientAddress {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        parts
            .extensions
            .get::<Self>()
            .copied()
            .ok_or(Failure::Internal("the request has no peer address"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(header: ForwardedHeader, peer: &str, lines: &[(&'static str, &str)]) -> String {
        let proxies = TrustedProxies {
            networks: vec![
                "10.0.0.0/8".parse().unwrap(),
                "2001:db8:1::/48".parse().unwrap(),
            ],
            header,
        };
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, value.parse().unwrap());
        }
        proxies
            .client(peer.parse().unwrap(), &headers)
            .0
            .to_string()
    }

    fn x_forwarded_for(peer: &str, lines: &[&str]) -> String {
        let lines: Vec<_> = lines
            .iter()
            .map(|line| ("x-forwarded-for", *line))
            .collect();
        client(ForwardedHeader::XForwardedFor, peer, &lines)
    }

    fn forwarded(lines: &[&str]) -> String {
        let lines: Vec<_> = lines.iter().map(|line| ("forwarded", *line)).collect();
        client(ForwardedHeader::Forwarded, "10.0.0.1", &lines)
    }

    #[test]
    fn a_stranger_cannot_choose_its_address() {
        assert_eq!(
            x_forwarded_for("198.51.100.1", &["192.0.2.1"]),
            "198.51.100.1"
        );
    }

    #[test]
    fn the_rightmost_untrusted_address_is_the_client() {
        assert_eq!(
            x_forwarded_for("10.0.0.1", &["192.0.2.66, 192.0.2.1"]),
            "192.0.2.1"
        );
        assert_eq!(
            x_forwarded_for("10.0.0.1", &["192.0.2.66, 192.0.2.1, 10.2.3.4"]),
            "192.0.2.1"
        );
        assert_eq!(
            x_forwarded_for("10.0.0.1", &["192.0.2.66", "192.0.2.1", "10.2.3.4"]),
            "192.0.2.1"
        );
        assert_eq!(
            x_forwarded_for("::ffff:10.0.0.1", &["192.0.2.1"]),
            "192.0.2.1"
        );
    }

    #[test]
    fn what_is_no_address_ends_the_search() {
        assert_eq!(
            x_forwarded_for("10.0.0.1", &["192.0.2.1, unknown"]),
            "10.0.0.1"
        );
        assert_eq!(
            x_forwarded_for("10.0.0.1", &["unknown, 192.0.2.1"]),
            "192.0.2.1"
        );
        assert_eq!(x_forwarded_for("10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(x_forwarded_for("10.0.0.1", &["10.0.0.2"]), "10.0.0.2");
    }

    #[test]
    fn ports_and_brackets_are_understood() {
        assert_eq!(
            x_forwarded_for("10.0.0.1", &["192.0.2.1:4711"]),
            "192.0.2.1"
        );
        assert_eq!(
            x_forwarded_for("10.0.0.1", &["[2001:db8::1]:4711"]),
            "2001:db8::1"
        );
        assert_eq!(
            x_forwarded_for("2001:db8:1::1", &["2001:db8::1"]),
            "2001:db8::1"
        );
    }

    #[test]
    fn forwarded_is_read_where_it_is_configured_and_nowhere_else() {
        assert_eq!(
            forwarded(&["for=192.0.2.1;proto=https;by=10.0.0.1"]),
            "192.0.2.1"
        );
        assert_eq!(forwarded(&[r#"For="[2001:db8::1]:4711""#]), "2001:db8::1");
        assert_eq!(forwarded(&["for=192.0.2.66, for=192.0.2.1"]), "192.0.2.1");
        assert_eq!(
            client(
                ForwardedHeader::Forwarded,
                "10.0.0.1",
                &[("x-forwarded-for", "192.0.2.1")]
            ),
            "10.0.0.1"
        );
        assert_eq!(
            client(
                ForwardedHeader::XForwardedFor,
                "10.0.0.1",
                &[("forwarded", "for=192.0.2.1")]
            ),
            "10.0.0.1"
        );
    }

    #[test]
    fn an_open_quote_of_the_client_does_not_hide_the_proxy_s_word() {
        assert_eq!(
            forwarded(&[r#"for="192.0.2.66, for=192.0.2.1"#]),
            "192.0.2.1"
        );
        assert_eq!(
            forwarded(&["for=192.0.2.1;host=x;for=192.0.2.66"]),
            "10.0.0.1"
        );
    }
}
