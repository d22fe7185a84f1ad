//! `padding` (RFC 7685).

use crate::{
    code_points::ExtensionType,
    error::{BufferFull, DecodeError, Fault},
    extension::Extension,
    reader::Reader,
    writer::Writer,
};

/// Zeros that make a ClientHello as long as its sender wants it.
#[derive(Clone, Copy, Debug)]
pub struct Padding;

impl Padding {
    /// Writes the whole extension with `zeros` bytes of data, four bytes more in all.
    ///
    /// # Errors
    /// [`BufferFull`] if there is no room.
    pub fn write(w: &mut Writer<'_>, zeros: u16) -> Result<(), BufferFull> {
        w.extension(Self::TYPE, |w| (0..zeros).try_for_each(|_| w.u8(0)))
    }
}

/// Gives the number of zeros; any other byte is illegal ("MUST be set to zero"). ClientHello does not look.
impl Extension for Padding {
    const TYPE: ExtensionType = ExtensionType::PADDING;
    type View<'a> = usize;

    fn read<'a>(data: &mut Reader<'a>) -> Result<Self::View<'a>, DecodeError> {
        let zeros = data.at("padding").rest();
        if zeros.iter().all(|byte| *byte == 0) { Ok(zeros.len()) } else { Err(data.error(Fault::IllegalValue)) }
    }
}
