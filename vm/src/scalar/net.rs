//! IP addresses, blocks of them, and ports.
//!
//! Addresses are written as in RFC 4291 and dotted decimal without leading zeros (std's parser), blocks as in RFC
//! 4632. **IPv4-mapped IPv6 is IPv4** (RFC 4291 section 2.5.5.2): a socket that accepts both families reports
//! `::ffff:10.0.0.1` for 10.0.0.1, and a rule must not be passed by that spelling. So `::/0` holds no IPv4 address.

use std::fmt;
use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net};

use super::ScalarError;

/// An IPv4 or IPv6 address; IPv4-mapped IPv6 is the IPv4 address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ip(IpAddr);

impl Ip {
    /// Reads an address.
    ///
    /// # Errors
    /// When the text is none.
    pub fn parse(text: &str) -> Result<Self, ScalarError> {
        text.parse::<IpAddr>().map(Ip::from).map_err(|_| bad_address(text))
    }

    /// The address.
    #[must_use]
    pub fn addr(self) -> IpAddr {
        self.0
    }
}

impl From<IpAddr> for Ip {
    fn from(addr: IpAddr) -> Self {
        Ip(addr.to_canonical())
    }
}

impl fmt::Display for Ip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What is wrong with a text that is no address.
fn bad_address(text: &str) -> ScalarError {
    let error = ScalarError::whole(
        text,
        if text.is_empty() { "an address is missing" } else { "this is no IP address" },
    );
    if text.contains('/') {
        error.with_help("this looks like a block of addresses, a `cidr`")
    } else if text.contains('%') {
        error.with_help("leave out the zone")
    } else if text.split('.').any(|part| part.len() > 1 && part.starts_with('0')) {
        error.with_help("write the numbers without leading zeros: some programs read those as octal")
    } else {
        error.with_help("write `10.0.0.1` or `fd00::1`")
    }
}

/// A block of addresses. Its address has no bits beyond the prefix; an IPv4-mapped block is the IPv4 block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Cidr(IpNet);

impl Cidr {
    /// Reads a block as authors write it; a bare address is the block of that one address.
    ///
    /// # Errors
    /// When the text is no block, or its address has bits beyond the prefix (which network is meant is then open).
    pub fn parse(text: &str) -> Result<Self, ScalarError> {
        let written = net(text)?;
        if written.addr() == written.network() {
            return Ok(Cidr::from(written));
        }
        let message = format!("{} is an address inside a block, not the block's own", written.addr());
        let end = text.find('/').unwrap_or(text.len());
        Err(ScalarError::new(0..end, message).with_help(format!(
            "the block is `{}`; the one address is `{}`",
            written.trunc(),
            written.addr()
        )))
    }

    /// Reads a block as manifests have it: bits beyond the prefix are dropped, as Kubernetes and the kernel do.
    ///
    /// # Errors
    /// When the text is no block.
    pub fn parse_masked(text: &str) -> Result<Self, ScalarError> {
        net(text).map(Cidr::from)
    }

    /// The block.
    #[must_use]
    pub fn net(self) -> IpNet {
        self.0
    }

    /// Whether `ip` is in this block.
    #[must_use]
    pub fn contains_ip(self, ip: Ip) -> bool {
        self.0.contains(&ip.addr())
    }

    /// Whether every address of `other` is in this block; true for the block itself.
    #[must_use]
    pub fn contains_cidr(self, other: Cidr) -> bool {
        self.0.contains(&other.0)
    }
}

fn net(text: &str) -> Result<IpNet, ScalarError> {
    let Some((address, length)) = text.split_once('/') else {
        return text.parse::<IpAddr>().map(IpNet::from).map_err(|_| bad_address(text));
    };
    let addr: IpAddr = address.parse().map_err(|_| bad_address(address))?;
    let max = if addr.is_ipv4() { 32 } else { 128 };
    let at = address.len() + 1..text.len();
    let plain = !length.is_empty() && length.len() <= 3 && length.bytes().all(|b| b.is_ascii_digit());
    let length =
        if plain && (length == "0" || !length.starts_with('0')) { length.parse::<u8>().ok() } else { None };
    length
        .and_then(|length| IpNet::new(addr, length).ok())
        .ok_or_else(|| ScalarError::new(at, format!("the length of this prefix is a number from 0 to {max}")))
}

impl From<IpNet> for Cidr {
    fn from(net: IpNet) -> Self {
        let net = net.trunc();
        if let IpNet::V6(v6) = net
            && let (Some(v4), Some(length)) = (v6.addr().to_ipv4_mapped(), v6.prefix_len().checked_sub(96))
            && let Ok(v4) = Ipv4Net::new(v4, length)
        {
            return Cidr(IpNet::V4(v4));
        }
        Cidr(net)
    }
}

impl From<Ip> for Cidr {
    fn from(ip: Ip) -> Self {
        Cidr(IpNet::from(ip.addr()))
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A port of TCP, UDP or SCTP: 0 to 65535 (RFC 6335 section 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Port(u16);

impl Port {
    /// Reads a port number.
    ///
    /// # Errors
    /// When the text is no number from 0 to 65535.
    pub fn parse(text: &str) -> Result<Self, ScalarError> {
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let value = if digits { text.parse().ok() } else { None };
        value.map(Port).ok_or_else(|| ScalarError::whole(text, "a port is a number from 0 to 65535"))
    }

    /// The port of this number, if there is one.
    #[must_use]
    pub fn from_int(value: i64) -> Option<Self> {
        u16::try_from(value).ok().map(Port)
    }

    /// Its number.
    #[must_use]
    pub fn number(self) -> u16 {
        self.0
    }
}

impl From<u16> for Port {
    fn from(value: u16) -> Self {
        Port(value)
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ip(text: &str) -> Ip {
        Ip::parse(text).unwrap()
    }

    fn cidr(text: &str) -> Cidr {
        Cidr::parse(text).unwrap()
    }

    #[test]
    fn ipv4_mapped_ipv6_is_ipv4() {
        assert_eq!(ip("::ffff:10.0.0.1"), ip("10.0.0.1"));
        assert_eq!(cidr("::ffff:10.0.0.0/104"), cidr("10.0.0.0/8"));
        assert!(cidr("10.0.0.0/8").contains_ip(ip("::ffff:a00:1")));
        assert!(!cidr("::/0").contains_ip(ip("10.0.0.1")));
    }

    #[test]
    fn a_bare_address_is_a_block_of_one() {
        assert_eq!(cidr("10.0.0.1"), cidr("10.0.0.1/32"));
        assert_eq!(cidr("fd00::1"), cidr("fd00::1/128"));
        assert!(cidr("10.0.0.0/8").contains_cidr(cidr("10.0.0.1")));
        assert!(!cidr("10.0.0.1").contains_cidr(cidr("10.0.0.0/8")));
    }

    #[test]
    fn bits_beyond_the_prefix_are_an_error_in_literals_only() {
        let e = Cidr::parse("10.0.0.1/8").unwrap_err();
        assert_eq!(e.at, 0..8);
        assert!(e.help.unwrap().contains("`10.0.0.0/8`"));
        assert_eq!(Cidr::parse_masked("10.0.0.1/8").unwrap(), cidr("10.0.0.0/8"));
    }

    #[test]
    fn errors_point_at_the_wrong_part() {
        for (text, at) in
            [("10.0.0.0/33", 9..11), ("10.0.0/8", 0..6), ("fd00::/", 7..7), ("::/08", 3..5), ("", 0..0)]
        {
            assert_eq!(Cidr::parse(text).unwrap_err().at, at, "{text}");
        }
        for bad in ["010.0.0.1", "fe80::1%eth0", "10.0.0.0/8", "1", " ::1"] {
            assert!(Ip::parse(bad).unwrap_err().help.is_some(), "{bad}");
        }
        for bad in ["", "+1", "65536", "80 "] {
            assert!(Port::parse(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn printed_is_read_back(addr in any::<IpAddr>(), length in 0u8..=128, port in any::<u16>()) {
            let x = Ip::from(addr);
            prop_assert_eq!(ip(&x.to_string()), x);
            let block = Cidr::from(IpNet::new(addr, length.min(if addr.is_ipv4() { 32 } else { 128 })).unwrap());
            prop_assert_eq!(cidr(&block.to_string()), block);
            prop_assert_eq!(Port::parse(&port.to_string()).unwrap().number(), port);
        }

        #[test]
        fn a_block_holds_its_addresses(addr in any::<std::net::Ipv4Addr>(), length in 0u8..=32, inner in 0u8..=32) {
            let addr = IpAddr::V4(addr);
            let outer = Cidr::from(IpNet::new(addr, length).unwrap());
            let inner = Cidr::from(IpNet::new(addr, inner.max(length)).unwrap());
            prop_assert!(outer.contains_ip(addr.into()));
            prop_assert!(outer.contains_cidr(inner));
        }

        #[test]
        fn any_text_is_read_or_refused(text in ".*") {
            let _ = (Ip::parse(&text), Cidr::parse(&text), Port::parse(&text));
        }
    }
}
