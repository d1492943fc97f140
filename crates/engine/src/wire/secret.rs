//! What the snapshot holds and nothing may show.

use serde::Deserialize;

/// A text that neither a message nor a debugging aid shows.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Secret")
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        // What is there instead of a text could be the secret, and serde would quote it.
        String::deserialize(from).map(Self).map_err(|_| serde::de::Error::custom("expected a text"))
    }
}

#[cfg(test)]
mod tests {
    use super::Secret;

    #[test]
    fn it_shows_itself_nowhere() {
        assert_eq!(format!("{:?}", Secret("0123".into())), "Secret");
        assert_eq!(serde_json::from_str::<Secret>("\"0123\"").unwrap(), Secret("0123".into()));
        let error = serde_json::from_str::<Secret>("123456").unwrap_err().to_string();
        assert!(!error.contains("1234"), "{error}");
    }
}
