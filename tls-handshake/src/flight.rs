//! Sending handshake messages: each is encoded into the send buffer and hashed from there.

use tls_codec::code_points::{HandshakeType, SignatureScheme};
use tls_crypto::Transcript;

use crate::error::Error;
use crate::sink::{EncodeMessage, Sink};

pub(crate) mod tls12;
pub(crate) mod tls13;

/// Sends a message and adds it to the transcript.
pub(crate) fn send(
    out: &mut dyn Sink,
    transcript: &mut Transcript,
    encode: &mut EncodeMessage<'_>,
) -> Result<(), Error> {
    transcript.add(out.send(encode)?);
    Ok(())
}

/// Sends Finished (RFC 9846 §4.5.3, RFC 5246 §7.4.9).
pub(crate) fn send_finished(out: &mut dyn Sink, transcript: &mut Transcript, verify_data: &[u8]) -> Result<(), Error> {
    send(out, transcript, &mut |w| w.message(HandshakeType::FINISHED, |w| w.bytes(verify_data)))
}

/// Sends CertificateVerify (RFC 9846 §4.5.2, RFC 5246 §7.4.8).
pub(crate) fn send_certificate_verify(
    out: &mut dyn Sink,
    transcript: &mut Transcript,
    scheme: SignatureScheme,
    signature: &[u8],
) -> Result<(), Error> {
    send(out, transcript, &mut |w| {
        w.message(HandshakeType::CERTIFICATE_VERIFY, |w| {
            w.u16(scheme.0)?;
            w.vec16_bytes(signature)
        })
    })
}
