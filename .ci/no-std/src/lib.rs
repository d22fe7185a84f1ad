//! A static library with its own panic handler and no allocator. If `tls-codec` or a dependency
//! linked std, the panic handler would be defined twice. If it linked alloc, the global allocator
//! would be missing. Both fail the build. On a bare target there is no std to link.

#![no_std]

use tls_codec::{
    ClientHello, ContentType, HandshakeType, Writer,
    client_hello_peeker::{
        DEFAULT_LIMIT, Peek, PeekError, peek_client_hello, peek_client_hello_in, peek_client_hello_lenient,
    },
    decode_all, dtls,
    extension::{AnyCertificateStatus, EncryptedClientHello, QuicTransportParameters},
    fingerprint::{Ja3, Ja4, Transport, ja3, ja4, write_ja4_raw},
    handshake::{
        key_exchange::ServerKeyExchange,
        tls12::{Certificate, CertificateRequest},
    },
    lenient::Prefix,
    reassembly::{Messages, Records},
    ssl2,
};

/// Reads the ClientHello at the start of a connection, in one record or many.
pub fn route<'a>(received: &'a [u8], storage: &'a mut [u8]) -> Result<Option<&'a [u8]>, PeekError> {
    let peek = match peek_client_hello(received, DEFAULT_LIMIT) {
        Err(PeekError::Split) => peek_client_hello_in(received, DEFAULT_LIMIT, storage)?,
        peek => peek?,
    };
    let Peek::ClientHello(hello) = peek else { return Ok(None) };
    Ok(hello.extensions.server_name.and_then(|names| names.host_name()))
}

/// Fingerprints what there is of a hello, and counts its extensions that have a name and no fault.
pub fn fingerprint(received: &[u8], text: &mut [u8]) -> Option<(Ja4, Ja3, usize)> {
    let hello = match peek_client_hello_lenient(received, DEFAULT_LIMIT).ok()? {
        Prefix::Whole(hello) | Prefix::Cut { received: hello, .. } => hello,
        Prefix::Incomplete { .. } => return None,
    };
    write_ja4_raw(hello, Transport::Tcp, &mut Writer::new(text)).ok()?;
    let named = hello.decoded().filter(|(typ, result)| result.is_ok() && typ.registered_name().is_some());
    Some((ja4(hello, Transport::Tcp), ja3(hello), named.count()))
}

/// Reads records and handshake messages, in storage of the caller.
pub fn read(stream: &[u8], records: &mut [u8], messages: &mut [u8]) -> Option<usize> {
    let (mut records, mut messages) = (Records::new(records, 1 << 14), Messages::new(messages));
    if records.push(stream) < stream.len() {
        return None;
    }
    let mut suite = None;
    let mut found = 0;
    while let Some((header, body)) = records.next_record().ok()? {
        if header.content_type != ContentType::HANDSHAKE {
            continue;
        }
        if messages.push(body) < body.len() {
            return None;
        }
        while let Some(message) = messages.next_message().ok()? {
            found += match message.typ {
                HandshakeType::CLIENT_HELLO => usize::from(ClientHello::lenient(message.body).is_ok()),
                HandshakeType::SERVER_HELLO => {
                    let hello = tls_codec::ServerHello::lenient(message.body).ok()?;
                    suite = hello.cipher_suite.and_then(|suite| suite.info()).map(|info| (info, hello.legacy_version));
                    1
                }
                HandshakeType::CERTIFICATE => usize::from(decode_all::<Certificate<'_>>(message.body).is_ok()),
                HandshakeType::CERTIFICATE_STATUS => {
                    usize::from(decode_all::<AnyCertificateStatus<'_>>(message.body).is_ok())
                }
                HandshakeType::CERTIFICATE_REQUEST => {
                    usize::from(decode_all::<CertificateRequest<'_>>(message.body).is_ok())
                }
                HandshakeType::SERVER_KEY_EXCHANGE => {
                    let (suite, version) = suite?;
                    usize::from(ServerKeyExchange::decode(message.body, suite, version).is_ok())
                }
                _ => 0,
            };
        }
    }
    Some(found)
}

/// Reads what Strata does not speak.
pub fn others(bytes: &[u8]) -> bool {
    let mut found = dtls::records(bytes, 0).all(|record| record.is_ok());
    if let Ok(hello) = ClientHello::lenient(bytes) {
        found |= matches!(hello.extensions.get::<EncryptedClientHello<'_>>(), Ok(Some(_)));
        found |= matches!(hello.extensions.get::<QuicTransportParameters>(), Ok(Some(_)));
    }
    found | decode_all::<ssl2::Ssl2ClientHello<'_>>(bytes).is_ok()
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
