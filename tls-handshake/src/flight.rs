//! Sending a message of the handshake: written once into the send buffer, and hashed from those bytes.

use tls_codec::code_points::HandshakeType;
use tls_codec::error::BufferFull;
use tls_codec::writer::Writer;
use tls_crypto::Digest;
use tls_crypto::Transcript;

use crate::error::Error;
use crate::sink::{EncodeMessage, Sink};

/// Sends a message, and adds it to the transcript.
pub(crate) fn send(
    out: &mut dyn Sink,
    transcript: &mut Transcript,
    encode: &mut EncodeMessage<'_>,
) -> Result<(), Error> {
    transcript.add(out.send(encode)?);
    Ok(())
}

/// Sends Finished (RFC 9846 §4.5.3).
pub(crate) fn send_finished(
    out: &mut dyn Sink,
    transcript: &mut Transcript,
    verify_data: &Digest,
) -> Result<(), Error> {
    send(out, transcript, &mut |w| w.message(HandshakeType::FINISHED, |w| w.bytes(verify_data.as_ref())))
}

/// A Certificate message without a certificate, which answers a request that we have none for (RFC 9846 §4.5.1).
pub(crate) fn no_certificate(w: &mut Writer<'_>, context: &[u8]) -> Result<(), BufferFull> {
    w.message(HandshakeType::CERTIFICATE, |w| {
        w.vec8(|w| w.bytes(context))?;
        w.vec24(|_| Ok(()))
    })
}
