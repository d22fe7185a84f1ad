//! `token_binding` (RFC 8472 §2).

use crate::{
    code_points::{ExtensionType, TokenBindingKeyParameters},
    error::{BufferFull, DecodeError},
    extension::Extension,
    list::List,
    reader::{Decode, Reader},
    writer::{Encode, Writer},
};

/// The version and the key parameters that a client offers, or that a server selected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenBinding<'a> {
    /// The major version; 1 in RFC 8471.
    pub major: u8,
    /// The minor version.
    pub minor: u8,
    /// At least one, in order of preference; a server sends exactly one.
    pub key_parameters: List<'a, TokenBindingKeyParameters>,
}

impl Extension for TokenBinding<'_> {
    const TYPE: ExtensionType = ExtensionType::TOKEN_BINDING;
    type View<'a> = TokenBinding<'a>;

    fn read<'a>(data: &mut Reader<'a>) -> Result<Self::View<'a>, DecodeError> {
        TokenBinding::decode(data)
    }
}

impl<'a> Decode<'a> for TokenBinding<'a> {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self {
            major: r.at("token_binding.major").u8()?,
            minor: r.at("token_binding.minor").u8()?,
            key_parameters: List::decode_body(r.vec8(1..=255, "token_binding.key_parameters_list")?)?,
        })
    }
}

impl Encode for TokenBinding<'_> {
    fn encode(&self, w: &mut Writer<'_>) -> Result<(), BufferFull> {
        w.bytes(&[self.major, self.minor])?;
        w.vec8(|w| self.key_parameters.encode(w))
    }
}
