//! `padding` (RFC 7685).

use crate::{
    code_points::ExtensionType,
    error::{BufferFull, DecodeError, Fault},
    extension::Extension,
    reader::Reader,
    writer::Writer,
};

/// Zeros that extend a ClientHello to a length its sender chooses.
#[derive(Clone, Copy, Debug)]
pub struct Padding;

impl Padding {
    /// Writes the extension with `zeros` bytes of data; it is four bytes longer.
    ///
    /// # Errors
    /// [`BufferFull`] if there is no room.
    pub fn write(w: &mut Writer<'_>, zeros: u16) -> Result<(), BufferFull> {
        w.extension(Self::TYPE, |w| (0..zeros).try_for_each(|_| w.u8(0)))
    }
}

/// Returns the number of zeros; any other byte is illegal ("MUST be set to zero"). Decoding a
/// ClientHello does not check this.
impl Extension for Padding {
    const TYPE: ExtensionType = ExtensionType::PADDING;
    type View<'a> = usize;

    fn read<'a>(data: &mut Reader<'a>) -> Result<Self::View<'a>, DecodeError> {
        let zeros = data.at("padding").rest();
        if zeros.iter().all(|byte| *byte == 0) { Ok(zeros.len()) } else { Err(data.error(Fault::IllegalValue)) }
    }
}
