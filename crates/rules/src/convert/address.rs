//! Addresses and their masks.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::argument::{Arg, Take, may, need};
use super::{Row, cast, row};
use crate::{Kind, Value};

pub(super) static ROWS: &[Row] = &[
    row(
        "ipmask",
        &[need("a mask", Take::Mask4), may("a mask for IPv6", Take::Mask6)],
        Kind::Ip,
        |value, given, _| {
            let masked = cast::ip(&value).and_then(|address| masked(address, given.get(0), given.get(1)));
            masked.map_or(Value::Absent, Value::Ip)
        },
    ),
    row("ip", &[], Kind::Ip, |value, _, _| cast::ip(&value).map_or(Value::Absent, Value::Ip)),
];

/// The bits of a mask: a number of bits, or an address.
pub(super) fn mask(text: &str, bits: u32) -> Option<u128> {
    if let Ok(length) = text.parse::<u32>() {
        let all = u128::MAX >> (128 - bits);
        return (length <= bits).then(|| all.checked_shl(bits - length).unwrap_or(0) & all);
    }
    match text.parse().ok()? {
        IpAddr::V4(address) if bits == 32 => Some(address.to_bits().into()),
        IpAddr::V6(address) if bits == 128 => Some(address.to_bits()),
        _ => None,
    }
}

/// IPv4 in IPv6 is IPv4; other IPv6 needs a mask of its own.
fn masked(address: IpAddr, four: &Arg, six: &Arg) -> Option<IpAddr> {
    match (address.to_canonical(), four, six) {
        (IpAddr::V4(address), Arg::Mask(mask), _) => {
            Some(Ipv4Addr::from_bits(address.to_bits() & *mask as u32).into())
        }
        (IpAddr::V6(address), _, Arg::Mask(mask)) => {
            Some(Ipv6Addr::from_bits(address.to_bits() & mask).into())
        }
        _ => None,
    }
}
