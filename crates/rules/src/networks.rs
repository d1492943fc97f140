//! Sets of IP networks, kept as sorted ranges: one binary search whatever their number.
//!
//! An IPv4 address written as IPv6 (`::ffff:10.0.0.1`) is the IPv4 address, in patterns and in requests, because a
//! listener on `[::]` reports IPv4 clients that way.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// A set of addresses.
#[derive(Debug, Clone, Default)]
pub(crate) struct Networks {
    v4: Ranges<u32>,
    v6: Ranges<u128>,
}

impl Networks {
    /// The union of these networks.
    pub fn new(networks: &[IpNet]) -> Self {
        let mut set = Self::default();
        for network in networks {
            match canonical(*network) {
                IpNet::V4(net) => set.v4.0.push((net.network().into(), net.broadcast().into())),
                IpNet::V6(net) => set.v6.0.push((net.network().into(), net.broadcast().into())),
            }
        }
        set.v4.tidy();
        set.v6.tidy();
        set
    }

    /// Whether the set holds this address.
    pub fn contains(&self, address: IpAddr) -> bool {
        match address.to_canonical() {
            IpAddr::V4(address) => self.v4.contains(address.into()),
            IpAddr::V6(address) => self.v6.contains(address.into()),
        }
    }
}

/// Reads `10.0.0.0/8` or an address alone. Bits beyond the prefix are ignored.
pub(crate) fn parse(text: &str) -> Option<IpNet> {
    text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

/// As [`parse`], and with a mask instead of a length: `10.0.0.0/255.0.0.0`.
pub(crate) fn parse_masked(text: &str) -> Option<IpNet> {
    parse(text).or_else(|| {
        let (address, mask) = text.split_once('/')?;
        IpNet::with_netmask(address.parse().ok()?, mask.parse().ok()?).ok()
    })
}

/// Networks and the question which is the narrowest that holds an address: one probe for each length that there is.
#[derive(Debug, Clone, Default)]
pub(crate) struct Routes {
    /// Longest first.
    v4: Vec<(u8, HashMap<u32, u32>)>,
    v6: Vec<(u8, HashMap<u128, u32>)>,
}

impl Routes {
    /// Of two that are the same the first counts.
    pub fn new(networks: &[IpNet]) -> Self {
        let mut routes = Self::default();
        for (network, place) in networks.iter().zip(0_u32..) {
            match canonical(*network) {
                IpNet::V4(net) => insert(&mut routes.v4, net.prefix_len(), net.network().to_bits(), place),
                IpNet::V6(net) => insert(&mut routes.v6, net.prefix_len(), net.network().to_bits(), place),
            }
        }
        routes.v4.sort_unstable_by_key(|(length, _)| std::cmp::Reverse(*length));
        routes.v6.sort_unstable_by_key(|(length, _)| std::cmp::Reverse(*length));
        routes
    }

    /// The place of the narrowest, and how long its prefix is.
    pub fn find(&self, address: IpAddr) -> Option<(usize, usize)> {
        match address.to_canonical() {
            IpAddr::V4(address) => self.v4.iter().find_map(|(length, known)| {
                let mask = u32::MAX.checked_shl(32 - u32::from(*length)).unwrap_or(0);
                known.get(&(address.to_bits() & mask)).map(|place| (*place as usize, usize::from(*length)))
            }),
            IpAddr::V6(address) => self.v6.iter().find_map(|(length, known)| {
                let mask = u128::MAX.checked_shl(128 - u32::from(*length)).unwrap_or(0);
                known.get(&(address.to_bits() & mask)).map(|place| (*place as usize, usize::from(*length)))
            }),
        }
    }
}

fn insert<B: Eq + std::hash::Hash>(routes: &mut Vec<(u8, HashMap<B, u32>)>, length: u8, bits: B, place: u32) {
    let at = routes.iter().position(|(known, _)| *known == length).unwrap_or_else(|| {
        routes.push((length, HashMap::new()));
        routes.len() - 1
    });
    if let Some((_, known)) = routes.get_mut(at) {
        known.entry(bits).or_insert(place);
    }
}

/// Whether the network is one address.
pub(crate) fn is_single(network: &IpNet) -> bool {
    network.prefix_len() == network.max_prefix_len()
}

/// The IPv4 network, when it is written as part of `::ffff:0:0/96`.
fn canonical(network: IpNet) -> IpNet {
    let v4 = |net: Ipv6Net| -> Option<Ipv4Net> {
        let address: Ipv4Addr = net.addr().to_ipv4_mapped()?;
        Ipv4Net::new(address, net.prefix_len().checked_sub(96)?).ok()
    };
    match network {
        IpNet::V6(net) => v4(net).map_or(network, IpNet::V4),
        IpNet::V4(_) => network,
    }
}

/// Closed ranges, ascending, apart from each other.
#[derive(Debug, Clone, Default)]
struct Ranges<T>(Vec<(T, T)>);

impl<T: Copy + Ord> Ranges<T> {
    fn tidy(&mut self) {
        self.0.sort_unstable();
        let mut apart: Vec<(T, T)> = Vec::with_capacity(self.0.len());
        for &(first, last) in &self.0 {
            match apart.last_mut() {
                Some(before) if first <= before.1 => before.1 = before.1.max(last),
                _ => apart.push((first, last)),
            }
        }
        self.0 = apart;
    }

    fn contains(&self, address: T) -> bool {
        let after = self.0.partition_point(|range| range.0 <= address);
        after.checked_sub(1).and_then(|at| self.0.get(at)).is_some_and(|range| address <= range.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn set(texts: &[&str]) -> Networks {
        let networks: Vec<IpNet> = texts.iter().map(|text| parse(text).unwrap()).collect();
        Networks::new(&networks)
    }

    #[test]
    fn addresses_are_found_in_networks() {
        let networks = set(&["10.0.0.0/8", "192.168.1.7/24", "127.0.0.1", "2001:db8::/32", "::1"]);
        for (address, expected) in [
            ("10.255.0.1", true),
            ("11.0.0.0", false),
            ("192.168.1.200", true),
            ("127.0.0.1", true),
            ("127.0.0.2", false),
            ("::ffff:10.1.1.1", true),
            ("2001:db8:1::", true),
            ("2001:db9::", false),
            ("::1", true),
            ("::2", false),
        ] {
            assert_eq!(networks.contains(address.parse().unwrap()), expected, "{address}");
        }
    }

    #[test]
    fn mapped_networks_are_ipv4_and_the_rest_is_not() {
        assert!(set(&["::ffff:10.0.0.0/104"]).contains("10.9.9.9".parse().unwrap()));
        assert!(!set(&["::ffff:10.0.0.0/104"]).contains("11.9.9.9".parse().unwrap()));
        assert!(!set(&["::/0"]).contains("10.0.0.1".parse().unwrap()));
        assert!(set(&["0.0.0.0/0"]).contains("::ffff:1.2.3.4".parse().unwrap()));
    }

    #[test]
    fn other_texts_are_refused() {
        for text in
            ["", "10.0.0.0/33", "10.0.0", "10.0.0.0/", "::/129", "localhost", "10.0.0.0-10.0.0.9", " ::1"]
        {
            assert!(parse(text).is_none(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn equals_asking_each_network(
            nets in proptest::collection::vec((any::<u16>(), 16_u8..=32), 0..20),
            addresses in proptest::collection::vec(any::<u16>(), 20),
        ) {
            let expand = |bits: u16| Ipv4Addr::from(u32::from(bits) << 8 | 7);
            let nets: Vec<IpNet> =
                nets.iter().map(|(bits, len)| Ipv4Net::new(expand(*bits), *len).unwrap().into()).collect();
            let (set, routes) = (Networks::new(&nets), Routes::new(&nets));
            for address in addresses {
                let address = IpAddr::V4(expand(address));
                prop_assert_eq!(set.contains(address), nets.iter().any(|net| net.contains(&address)));
                let narrowest = nets.iter().filter(|net| net.contains(&address)).map(IpNet::prefix_len).max();
                let found = routes.find(address).map(|(place, _)| nets[place].prefix_len());
                prop_assert_eq!(found, narrowest);
            }
        }
    }
}
