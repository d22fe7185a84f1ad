//! `key_share` (RFC 9846 §4.3.8).

use crate::{
    code_points::{ExtensionType, NamedGroup},
    error::{BufferFull, DecodeError},
    extension::Extension,
    list::List,
    reader::{Decode, Reader},
    writer::{Encode, Writer},
};

/// A public key for a key exchange. Its validity in the group is not checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyShareEntry<'a> {
    /// The group of the key.
    pub group: NamedGroup,
    /// The encoded key, at least one byte.
    pub key_exchange: &'a [u8],
}

impl<'a> Decode<'a> for KeyShareEntry<'a> {
    #[inline]
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self {
            group: NamedGroup::decode(r.at("key_share.group"))?,
            key_exchange: r.vec16(1..=0xffff, "key_share.key_exchange")?.rest(),
        })
    }
}

impl Encode for KeyShareEntry<'_> {
    #[inline]
    fn encode(&self, w: &mut Writer<'_>) -> Result<(), BufferFull> {
        self.group.encode(w)?;
        w.vec16_bytes(self.key_exchange)
    }
}

/// The shares that a client offers. An empty list requests a HelloRetryRequest. The server must
/// check that groups are unique and listed in `supported_groups`.
#[derive(Clone, Copy, Debug)]
pub struct KeyShareClientHello;

impl KeyShareClientHello {
    /// Writes the extension.
    ///
    /// # Errors
    /// [`BufferFull`] if there is no room or the shares are longer than an extension can be.
    pub fn write(w: &mut Writer<'_>, shares: &[(NamedGroup, &[u8])]) -> Result<(), BufferFull> {
        w.extension(Self::TYPE, |w| {
            w.vec16(|w| {
                shares.iter().try_for_each(|&(group, key_exchange)| KeyShareEntry { group, key_exchange }.encode(w))
            })
        })
    }
}

impl Extension for KeyShareClientHello {
    const TYPE: ExtensionType = ExtensionType::KEY_SHARE;
    type View<'a> = List<'a, KeyShareEntry<'a>>;

    #[inline]
    fn read<'a>(data: &mut Reader<'a>) -> Result<Self::View<'a>, DecodeError> {
        List::decode_body(data.vec16(0..=0xffff, "key_share.client_shares")?)
    }
}

/// The server's share.
#[derive(Clone, Copy, Debug)]
pub struct KeyShareServerHello;

impl KeyShareServerHello {
    /// Writes the extension.
    ///
    /// # Errors
    /// [`BufferFull`] if there is no room or the share is longer than an extension can be.
    pub fn write(w: &mut Writer<'_>, group: NamedGroup, key_exchange: &[u8]) -> Result<(), BufferFull> {
        w.extension(Self::TYPE, |w| KeyShareEntry { group, key_exchange }.encode(w))
    }
}

impl Extension for KeyShareServerHello {
    const TYPE: ExtensionType = ExtensionType::KEY_SHARE;
    type View<'a> = KeyShareEntry<'a>;

    #[inline]
    fn read<'a>(data: &mut Reader<'a>) -> Result<Self::View<'a>, DecodeError> {
        KeyShareEntry::decode(data)
    }
}

/// The group for which the server requests a share.
#[derive(Clone, Copy, Debug)]
pub struct KeyShareHelloRetryRequest;

impl KeyShareHelloRetryRequest {
    /// Writes the extension.
    ///
    /// # Errors
    /// [`BufferFull`] if there is no room.
    pub fn write(w: &mut Writer<'_>, selected_group: NamedGroup) -> Result<(), BufferFull> {
        w.extension(Self::TYPE, |w| selected_group.encode(w))
    }
}

impl Extension for KeyShareHelloRetryRequest {
    const TYPE: ExtensionType = ExtensionType::KEY_SHARE;
    type View<'a> = NamedGroup;

    #[inline]
    fn read<'a>(data: &mut Reader<'a>) -> Result<Self::View<'a>, DecodeError> {
        NamedGroup::decode(data.at("key_share.selected_group"))
    }
}
