use base64ct::{Base64, Encoding};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

/// Bytes that are base64 with padding (RFC 4648 §4) in JSON.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bytes(pub Vec<u8>);

/// Exactly `N` bytes that are base64 with padding in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FixedBytes<const N: usize>(pub [u8; N]);

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl AsRef<[u8]> for Bytes {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl<const N: usize> From<[u8; N]> for FixedBytes<N> {
    fn from(bytes: [u8; N]) -> Self {
        Self(bytes)
    }
}

impl<const N: usize> AsRef<[u8; N]> for FixedBytes<N> {
    fn as_ref(&self) -> &[u8; N] {
        &self.0
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&Base64::encode_string(&self.0))
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Base64::decode_vec(&text)
            .map(Self)
            .map_err(|_| D::Error::custom("not base64 with padding"))
    }
}

impl<const N: usize> Serialize for FixedBytes<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&Base64::encode_string(&self.0))
    }
}

impl<'de, const N: usize> Deserialize<'de> for FixedBytes<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Bytes(bytes) = Bytes::deserialize(deserializer)?;
        let length = bytes.len();
        bytes
            .try_into()
            .map(Self)
            .map_err(|_| D::Error::custom(format_args!("{length} bytes where {N} are needed")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_base64_with_padding() {
        assert_eq!(
            serde_json::to_string(&Bytes(vec![0xff, 0xfe])).unwrap(),
            r#""//4=""#
        );
        assert_eq!(
            serde_json::from_str::<Bytes>(r#""//4=""#).unwrap(),
            Bytes(vec![0xff, 0xfe])
        );
        for wrong in [r#""//4""#, r#""__4=""#, r#""a b=""#, "5", "null"] {
            assert!(serde_json::from_str::<Bytes>(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn fixed_bytes_have_exactly_their_length() {
        assert_eq!(
            serde_json::from_str::<FixedBytes<2>>(r#""//4=""#).unwrap(),
            FixedBytes([0xff, 0xfe])
        );
        let error = serde_json::from_str::<FixedBytes<3>>(r#""//4=""#)
            .unwrap_err()
            .to_string();
        assert!(error.contains("2 bytes where 3 are needed"), "{error}");
    }
}
