//! `pre_shared_key` (RFC 9846 §4.3.11).

use core::fmt;

use crate::{
    code_points::ExtensionType,
    error::{BufferFull, DecodeError, Fault},
    extension::Extension,
    list::List,
    reader::{Decode, Reader},
    writer::{Encode, Writer},
};

/// The PSKs that a client offers: identities, and one binder for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OfferedPsks<'a> {
    /// At least one.
    pub identities: List<'a, PskIdentity<'a>>,
    /// One for each identity, in the same order.
    pub binders: List<'a, PskBinder<'a>>,
}

impl<'a> OfferedPsks<'a> {
    /// Returns an iterator over each identity with its binder.
    pub fn iter(&self) -> impl Iterator<Item = (PskIdentity<'a>, PskBinder<'a>)> + use<'a> {
        self.identities.iter().zip(self.binders.iter())
    }

    /// Returns the encoded length in bytes of the binders and their lengths at the end of the
    /// ClientHello. RFC 9846 §4.3.11.2 removes these bytes before hashing.
    #[must_use]
    pub fn binders_wire_len(&self) -> usize {
        self.binders.bytes().len().saturating_add(2)
    }
}

impl OfferedPsks<'_> {
    /// Writes the extension, which must be the last. Callers usually write zeros of the right
    /// length as binders and fill them in later.
    ///
    /// # Errors
    /// [`BufferFull`] if there is no room or a part is too long for its length field.
    pub fn write<T: AsRef<[u8]>>(
        w: &mut Writer<'_>,
        identities: &[PskIdentity<'_>],
        binders: &[T],
    ) -> Result<(), BufferFull> {
        w.extension(Self::TYPE, |w| {
            w.vec16_each(identities)?;
            w.vec16(|w| binders.iter().try_for_each(|binder| PskBinder(binder.as_ref()).encode(w)))
        })
    }
}

impl Extension for OfferedPsks<'_> {
    const TYPE: ExtensionType = ExtensionType::PRE_SHARED_KEY;
    type View<'a> = OfferedPsks<'a>;

    #[inline]
    fn read<'a>(data: &mut Reader<'a>) -> Result<Self::View<'a>, DecodeError> {
        OfferedPsks::decode(data)
    }
}

impl<'a> Decode<'a> for OfferedPsks<'a> {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let psks = Self {
            identities: List::decode_body(r.vec16(7..=0xffff, "pre_shared_key.identities")?)?,
            binders: List::decode_body(r.vec16(33..=0xffff, "pre_shared_key.binders")?)?,
        };
        if psks.identities.len() != psks.binders.len() {
            return Err(r.at("pre_shared_key.binders").error(Fault::IllegalValue));
        }
        Ok(psks)
    }
}

impl Encode for OfferedPsks<'_> {
    fn encode(&self, w: &mut Writer<'_>) -> Result<(), BufferFull> {
        w.vec16(|w| self.identities.encode(w))?;
        w.vec16(|w| self.binders.encode(w))
    }
}

/// An identity of a PSK.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PskIdentity<'a> {
    /// A ticket, or the name of an external PSK; at least one byte.
    pub identity: &'a [u8],
    /// Milliseconds since the ticket was received, plus `ticket_age_add`, modulo 2<sup>32</sup>; 0
    /// for external PSKs.
    pub obfuscated_ticket_age: u32,
}

impl<'a> Decode<'a> for PskIdentity<'a> {
    #[inline]
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self {
            identity: r.vec16(1..=0xffff, "pre_shared_key.identity")?.rest(),
            obfuscated_ticket_age: r.at("pre_shared_key.obfuscated_ticket_age").u32()?,
        })
    }
}

impl Encode for PskIdentity<'_> {
    fn encode(&self, w: &mut Writer<'_>) -> Result<(), BufferFull> {
        w.vec16_bytes(self.identity)?;
        w.u32(self.obfuscated_ticket_age)
    }
}

/// Proves that the client has a PSK: a MAC of 32 to 255 bytes. It must be compared in constant
/// time, so there is no `PartialEq`.
#[derive(Clone, Copy)]
pub struct PskBinder<'a>(pub &'a [u8]);

impl fmt::Debug for PskBinder<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PskBinder").field("bytes", &self.0.len()).finish()
    }
}

impl<'a> Decode<'a> for PskBinder<'a> {
    #[inline]
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self(r.vec8(32..=255, "pre_shared_key.binder")?.rest()))
    }
}

impl Encode for PskBinder<'_> {
    fn encode(&self, w: &mut Writer<'_>) -> Result<(), BufferFull> {
        w.vec8_bytes(self.0)
    }
}

/// The index of the PSK that the server selected, from 0.
#[derive(Clone, Copy, Debug)]
pub struct SelectedPsk;

impl SelectedPsk {
    /// Writes the extension of a ServerHello.
    ///
    /// # Errors
    /// [`BufferFull`] if there is no room.
    pub fn write(w: &mut Writer<'_>, selected_identity: u16) -> Result<(), BufferFull> {
        w.extension(Self::TYPE, |w| w.u16(selected_identity))
    }
}

impl Extension for SelectedPsk {
    const TYPE: ExtensionType = ExtensionType::PRE_SHARED_KEY;
    type View<'a> = u16;

    #[inline]
    fn read<'a>(data: &mut Reader<'a>) -> Result<Self::View<'a>, DecodeError> {
        data.at("pre_shared_key.selected_identity").u16()
    }
}
