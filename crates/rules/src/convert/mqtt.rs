//! The packets that open an MQTT connection, CONNECT and CONNACK, of the versions 3.1, 3.1.1 and 5.

use std::borrow::Cow;

use super::argument::{Parameter, Take, need};
use super::{Row, cast, row};
use crate::{Kind, Value};

const PACKETS: Take = Take::Word(&["connect", "1", "connack", "2"]);
const FIELDS: Take = Take::Word(&[
    "flags",
    "protocol_name",
    "protocol_version",
    "client_identifier",
    "will_topic",
    "will_payload",
    "username",
    "password",
    "keepalive",
    "reason_code",
    "1",
    "2",
    "3",
    "8",
    "9",
    "17",
    "18",
    "19",
    "21",
    "22",
    "23",
    "24",
    "25",
    "26",
    "28",
    "31",
    "33",
    "34",
    "36",
    "37",
    "39",
    "40",
    "41",
    "42",
]);
const FIELD: &[Parameter] = &[need("a packet", PACKETS), need("a field", FIELDS)];

pub(super) static ROWS: &[Row] = &[
    row("mqtt_is_valid", &[], Kind::Bool, |value, _, _| {
        let bytes = cast::bytes(value);
        let packet = bytes.as_deref().map(read);
        match packet {
            None | Some(Err(Wrong::Short)) => Value::Absent,
            Some(packet) => Value::Bool(packet.is_ok()),
        }
    }),
    row("mqtt_field_value", FIELD, Kind::Str, |value, given, _| {
        let Some(bytes) = cast::bytes(value) else { return Value::Absent };
        let wants_connect = matches!(given.text(0), b"connect" | b"1");
        let name = given.text(1);
        let found = match read(&bytes) {
            Ok(Packet::Connect(connect)) if wants_connect => connect.field(name),
            Ok(Packet::Connack(connack)) if !wants_connect => connack.field(name),
            _ => None,
        };
        found.map_or(Value::Absent, |text| Value::Str(Cow::Owned(text.into_owned())))
    }),
];

type Text<'b> = Option<Cow<'b, [u8]>>;

/// Why bytes are no packet.
enum Wrong {
    /// Its end is not there yet.
    Short,
    /// It never will be one.
    Bad,
}

#[derive(Debug)]
enum Packet<'b> {
    Connect(Connect<'b>),
    Connack(Connack<'b>),
}

#[derive(Debug)]
struct Connect<'b> {
    protocol: &'b [u8],
    version: u8,
    flags: u8,
    keepalive: u16,
    properties: Vec<(u8, Cow<'b, [u8]>)>,
    client: &'b [u8],
    will_properties: Vec<(u8, Cow<'b, [u8]>)>,
    will: Option<(&'b [u8], &'b [u8])>,
    user: Option<&'b [u8]>,
    password: Option<&'b [u8]>,
}

#[derive(Debug)]
struct Connack<'b> {
    version: u8,
    flags: u8,
    reason: u8,
    properties: Vec<(u8, Cow<'b, [u8]>)>,
}

/// Bytes that are taken one after the other; none when there are too few.
struct Reader<'b>(&'b [u8]);

impl<'b> Reader<'b> {
    fn take(&mut self, size: usize) -> Option<&'b [u8]> {
        let (taken, rest) = self.0.split_at_checked(size)?;
        self.0 = rest;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    fn number(&mut self, size: usize) -> Option<u64> {
        Some(self.take(size)?.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    /// Bytes behind their length.
    fn text(&mut self) -> Option<&'b [u8]> {
        let length = self.number(2)?;
        self.take(usize::try_from(length).ok()?)
    }

    /// Seven bits a byte, the lowest first, at most four bytes.
    fn length(&mut self) -> Option<usize> {
        let mut length = 0;
        for shift in [0, 7, 14, 21] {
            let byte = self.byte()?;
            length |= usize::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(length);
            }
        }
        None
    }

    fn properties(&mut self) -> Option<Vec<(u8, Cow<'b, [u8]>)>> {
        let length = self.length()?;
        let mut rest = Reader(self.take(length)?);
        let mut found = Vec::new();
        while !rest.0.is_empty() {
            let id = rest.byte()?;
            let value = match id {
                _ if width(id) > 0 => rest.number(width(id)).map(decimal)?,
                3 | 8 | 9 | 18 | 21 | 22 | 26 | 28 | 31 => Cow::Borrowed(rest.text()?),
                38 => {
                    rest.text()?;
                    rest.text()?;
                    continue;
                }
                _ => return None,
            };
            found.push((id, value));
        }
        Some(found)
    }
}

/// How many bytes a property's number takes; 0 when it is no number.
fn width(id: u8) -> usize {
    match id {
        1 | 23 | 25 | 36 | 37 | 40 | 41 | 42 => 1,
        19 | 33 | 34 => 2,
        2 | 17 | 24 | 39 => 4,
        _ => 0,
    }
}

fn decimal<'b>(number: u64) -> Cow<'b, [u8]> {
    Cow::Owned(number.to_string().into_bytes())
}

fn read(bytes: &[u8]) -> Result<Packet<'_>, Wrong> {
    let mut reader = Reader(bytes);
    let kind = reader.byte().ok_or(Wrong::Short)?;
    let length = reader.length().ok_or(Wrong::Short)?;
    let mut body = Reader(reader.take(length).ok_or(Wrong::Short)?);
    let packet = match kind {
        0x10 => connect(&mut body).map(Packet::Connect),
        0x20 => connack(&mut body).map(Packet::Connack),
        _ => None,
    };
    packet.filter(|_| body.0.is_empty()).ok_or(Wrong::Bad)
}

fn connect<'b>(body: &mut Reader<'b>) -> Option<Connect<'b>> {
    let protocol = body.text()?;
    let version = body.byte()?;
    let flags = body.byte()?;
    let known = matches!((protocol, version), (b"MQIsdp", 3) | (b"MQTT", 4 | 5));
    // The lowest bit is reserved; a will's options say nothing without a will, and its quality is 0 to 2.
    let sound = flags & 1 == 0 && (flags & 4 != 0 || flags & 0x38 == 0) && flags & 0x18 != 0x18;
    if !known || !sound {
        return None;
    }
    let keepalive = body.number(2)? as u16;
    let properties = if version == 5 { body.properties()? } else { Vec::new() };
    let client = body.text()?;
    let has_will = flags & 4 != 0;
    let will_properties = if has_will && version == 5 { body.properties()? } else { Vec::new() };
    let will = if has_will { Some((body.text()?, body.text()?)) } else { None };
    let user = if flags & 0x80 != 0 { Some(body.text()?) } else { None };
    let password = if flags & 0x40 != 0 { Some(body.text()?) } else { None };
    Some(Connect {
        protocol,
        version,
        flags,
        keepalive,
        properties,
        client,
        will_properties,
        will,
        user,
        password,
    })
}

fn connack<'b>(body: &mut Reader<'b>) -> Option<Connack<'b>> {
    let flags = body.byte()?;
    let reason = body.byte()?;
    if flags & 0xfe != 0 {
        return None;
    }
    let (version, properties) = if body.0.is_empty() { (4, Vec::new()) } else { (5, body.properties()?) };
    Some(Connack { version, flags, reason, properties })
}

/// A number that was left out is 0.
fn property<'b>(version: u8, properties: &[(u8, Cow<'b, [u8]>)], name: &[u8]) -> Text<'b> {
    // What is no number begins with none, and 0 is no property.
    let id = u8::try_from(cast::leading(name)).ok().filter(|id| version == 5 && *id > 0)?;
    let found = properties.iter().find(|(known, _)| *known == id).map(|(_, value)| value.clone());
    found.or_else(|| (width(id) > 0).then(|| decimal(0)))
}

impl<'b> Connect<'b> {
    fn field(&self, name: &[u8]) -> Text<'b> {
        match name {
            b"flags" => Some(decimal(self.flags.into())),
            b"protocol_name" => Some(Cow::Borrowed(self.protocol)),
            b"protocol_version" => Some(decimal(self.version.into())),
            b"client_identifier" => Some(Cow::Borrowed(self.client)),
            b"will_topic" => self.will.map(|(topic, _)| Cow::Borrowed(topic)),
            b"will_payload" => self.will.map(|(_, payload)| Cow::Borrowed(payload)),
            b"username" => self.user.map(Cow::Borrowed),
            b"password" => self.password.map(Cow::Borrowed),
            b"keepalive" => Some(decimal(self.keepalive.into())),
            // What a will says of itself stands with the will.
            b"24" | b"1" | b"2" | b"3" | b"8" | b"9" => property(self.version, &self.will_properties, name),
            _ => property(self.version, &self.properties, name),
        }
    }
}

impl<'b> Connack<'b> {
    fn field(&self, name: &[u8]) -> Text<'b> {
        match name {
            b"flags" => Some(decimal(self.flags.into())),
            b"protocol_version" => Some(decimal(self.version.into())),
            b"reason_code" => Some(decimal(self.reason.into())),
            _ => property(self.version, &self.properties, name),
        }
    }
}
