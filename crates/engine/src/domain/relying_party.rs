use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use wire::RelyingPartyUuid;

/// An e-service that may ask for authentications and signatures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelyingParty {
    /// `relyingPartyUUID` of the RP API.
    pub uuid: RelyingPartyUuid,
    /// Names it may use; compared ignoring case, shown as sent.
    pub names: Vec<String>,
    /// Networks it may call from, CIDR; empty means from anywhere.
    pub networks: Vec<Network>,
    /// What it may ask for beyond the ordinary.
    pub rights: RelyingPartyRights,
    /// A disabled RP is treated like an unknown one.
    pub enabled: bool,
    /// For compare-and-swap in the store.
    pub version: i64,
}

/// Rights that are given by agreement.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RelyingPartyRights {
    /// May ask for accounts below Qualified (certificateLevel ADVANCED).
    pub advanced_level: bool,
    /// May ask for the phone's IP address (`shareMdClientIpAddress`).
    pub share_device_ip: bool,
    /// Capabilities it may name.
    pub capabilities: Vec<String>,
    /// Name of the party it acts for, shown and signed beside its own.
    pub brokered_name: String,
    /// Requests per minute to one account; `None` takes the deployment's default.
    pub prompts_per_minute: Option<u32>,
}

/// An IP network in CIDR notation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

/// The text is no IP network, like `192.0.2.0/24` or `2001:db8::1`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not an IP address or network; write it like 192.0.2.0/24 or 2001:db8::/32")]
pub struct NotANetwork(pub String);

impl RelyingParty {
    /// Whether it may call from this address.
    #[must_use]
    pub fn may_call_from(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.networks.is_empty()
            || self
                .networks
                .iter()
                .any(|network| network.contains(address))
    }

    /// Whether `name` is one of its names, ignoring case.
    #[must_use]
    pub fn goes_by(&self, name: &str) -> bool {
        let name = name.to_lowercase();
        self.names.iter().any(|own| own.to_lowercase() == name)
    }
}

impl Network {
    /// Whether the address lies in this network. IPv4 and IPv6 never match each other.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        fn agree(a: u128, b: u128, width: u32, prefix: u8) -> bool {
            let host_bits = width - u32::from(prefix);
            a.checked_shr(host_bits).unwrap_or(0) == b.checked_shr(host_bits).unwrap_or(0)
        }
        match (self.address, address) {
            (IpAddr::V4(own), IpAddr::V4(other)) => agree(
                u32::from(own).into(),
                u32::from(other).into(),
                32,
                self.prefix,
            ),
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                agree(own.into(), other.into(), 128, self.prefix)
            }
            _ => false,
        }
    }
}

impl std::str::FromStr for Network {
    type Err = NotANetwork;

    fn from_str(text: &str) -> Result<Self, NotANetwork> {
        let refuse = || NotANetwork(text.to_owned());
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| refuse())?;
        let width = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            Some(prefix) => prefix
                .parse()
                .ok()
                .filter(|p| *p <= width)
                .ok_or_else(refuse)?,
            None => width,
        };
        Ok(Self { address, prefix })
    }
}

impl TryFrom<String> for Network {
    type Error = NotANetwork;

    fn try_from(text: String) -> Result<Self, NotANetwork> {
        text.parse()
    }
}

impl From<Network> for String {
    fn from(network: Network) -> Self {
        network.to_string()
    }
}

impl std::fmt::Display for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(text: &str) -> Network {
        text.parse().expect("network")
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("address")
    }

    #[test]
    fn a_network_contains_its_addresses_and_no_others() {
        assert!(network("192.0.2.0/24").contains(ip("192.0.2.255")));
        assert!(!network("192.0.2.0/24").contains(ip("192.0.3.0")));
        assert!(network("192.0.2.7").contains(ip("192.0.2.7")));
        assert!(!network("192.0.2.7").contains(ip("192.0.2.8")));
        assert!(network("0.0.0.0/0").contains(ip("203.0.113.9")));
        assert!(network("2001:db8::/32").contains(ip("2001:db8:1::1")));
        assert!(!network("::/0").contains(ip("203.0.113.9")));
    }

    #[test]
    fn text_that_is_no_network_is_refused() {
        for text in [
            "",
            "192.0.2.0/33",
            "192.0.2",
            "::1/129",
            "192.0.2.0/",
            "host",
        ] {
            assert!(text.parse::<Network>().is_err(), "{text}");
        }
    }
}
