//! A pin as users write it: `sha256/` and base64. `verify::Pins` compares it with the keys of a
//! chain.

use std::fmt;
use std::str::FromStr;

/// The SHA-256 of a SubjectPublicKeyInfo: the pin of RFC 7469.
///
/// ```
/// use strata_tls_handshake::Pin;
///
/// let text = "sha256/d6qzRu9zOECb90Uez27xWltNsj0e1Md7GkYYkVoZWmM=";
/// let pin: Pin = text.parse()?;
/// assert_eq!(pin.to_string(), text);
/// assert!("sha1/…".parse::<Pin>().is_err());
/// # Ok::<(), strata_tls_handshake::BadPin>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Pin(pub [u8; 32]);

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const PREFIX: &str = "sha256/";

impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(PREFIX)?;
        for group in self.0.chunks(3) {
            let bits = group.iter().fold(0_u32, |bits, byte| (bits << 8) | u32::from(*byte)) << (8 * (3 - group.len()));
            for at in 0..=group.len() {
                let digit = (bits >> (18 - 6 * at)) & 63;
                let digit = usize::try_from(digit).ok().and_then(|digit| BASE64.get(digit));
                write!(f, "{}", char::from(*digit.unwrap_or(&b'?')))?;
            }
        }
        f.write_str("=")
    }
}

impl FromStr for Pin {
    type Err = BadPin;

    fn from_str(text: &str) -> Result<Self, BadPin> {
        let digits = text.strip_prefix(PREFIX).and_then(|digits| digits.strip_suffix('=')).ok_or(BadPin)?;
        let mut pin = [0; 32];
        let mut places = pin.iter_mut();
        let (mut bits, mut held) = (0_u32, 0);
        for digit in digits.bytes() {
            let value = BASE64.iter().position(|known| *known == digit).ok_or(BadPin)?;
            bits = ((bits << 6) | u32::try_from(value).map_err(|_| BadPin)?) & 0xfff;
            held += 6;
            if held >= 8 {
                held -= 8;
                *places.next().ok_or(BadPin)? = u8::try_from((bits >> held) & 0xff).map_err(|_| BadPin)?;
            }
        }
        // 43 digits hold 32 bytes and two more bits, which must be zero.
        let whole = places.next().is_none() && digits.len() == 43 && bits & 3 == 0;
        if whole { Ok(Self(pin)) } else { Err(BadPin) }
    }
}

/// The error for a text that is not a pin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadPin;

impl fmt::Display for BadPin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "invalid pin: expected `sha256/` and 44 characters of base64, the SHA-256 of a SubjectPublicKeyInfo",
        )
    }
}

impl std::error::Error for BadPin {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pin_parses_its_own_text() {
        for start in 0..=255 {
            let pin = Pin(std::array::from_fn(|at| u8::try_from(at * 7 % 256).unwrap().wrapping_add(start)));
            assert_eq!(pin.to_string().len(), 51);
            assert_eq!(pin.to_string().parse(), Ok(pin));
        }
    }

    #[test]
    fn malformed_pin_is_rejected() {
        let valid = Pin([0xff; 32]).to_string();
        assert_eq!(valid, format!("sha256/{}8=", "/".repeat(42)));
        for text in [
            String::new(),
            valid.replace("sha256/", ""),
            valid.replace('=', ""),
            valid.replace("8=", "9="),
            valid.replacen('/', "//", 2),
            valid.replace("//8", "/_8"),
            format!("{valid}="),
        ] {
            assert_eq!(text.parse::<Pin>(), Err(BadPin), "{text}");
        }
    }
}
