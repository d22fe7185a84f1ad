//! HelloRetryRequest, and the second ClientHello. It must repeat the first one except for what the
//! server requested (RFC 9846 §4.2.4).

use tls_codec::code_points::{ExtensionType, HandshakeType, ProtocolVersion};
use tls_codec::extension;
use tls_codec::handshake::{ClientHello, HELLO_RETRY_REQUEST_RANDOM};
use tls_codec::owned::ClientHelloView;
use tls_codec::owned::Owned;
use tls_crypto::Group;
use tls_crypto::Tls13Suite;

use super::hello::check_legacy_version;
use super::tls13;
use super::tls13::negotiate::{HandshakeContext, Selection, missing, proceed};
use crate::error::{Error, Illegal};
use crate::flight;
use crate::framed::Framed;
use crate::need::Need;
use crate::negotiate::group_id;
use crate::negotiated::HandshakeKind;
use crate::sink::Sink;
use crate::sni;
use crate::states::opaque_debug;

/// START after HelloRetryRequest.
pub struct WaitSecondClientHello {
    context: Box<HandshakeContext>,
    first: Owned<ClientHelloView>,
    suite: &'static Tls13Suite,
    group: Group,
}

opaque_debug!(WaitSecondClientHello);

impl WaitSecondClientHello {
    /// Sends HelloRetryRequest for a share of the selected group.
    pub(super) fn ask(
        mut context: Box<HandshakeContext>,
        selection: Selection<'_>,
        m: &Framed<'_, ClientHello<'_>>,
        out: &mut dyn Sink,
    ) -> Result<Self, Error> {
        let transcript = &mut context.transcript;
        transcript.add(m.raw);
        transcript.replace_with_message_hash();
        flight::send(out, transcript, &mut |w| {
            w.message(HandshakeType::SERVER_HELLO, |w| {
                w.u16(ProtocolVersion::TLS12.0)?;
                w.bytes(&HELLO_RETRY_REQUEST_RANDOM)?;
                w.vec8_bytes(m.msg.legacy_session_id)?;
                w.u16(selection.suite.id)?;
                w.u8(0)?;
                w.vec16(|w| {
                    extension::SelectedVersion::write(w, ProtocolVersion::TLS13)?;
                    extension::KeyShareHelloRetryRequest::write(w, group_id(selection.group))
                })
            })
        })?;
        if !m.msg.legacy_session_id.is_empty() {
            out.send_change_cipher_spec()?;
        }
        if m.msg.extensions.early_data {
            out.skip_early_data(context.config.early_data_to_skip());
        }
        let first = Owned::of_decoded(m.raw.get(4..).unwrap_or_default());
        Ok(Self { context, first, suite: selection.suite, group: selection.group })
    }

    /// Checks the second ClientHello and continues (RFC 9846 §4.2.2).
    ///
    /// # Errors
    /// [`Illegal::SecondHelloDiffers`], [`Illegal::SecondHelloKeyShare`], and every error of a
    /// first ClientHello.
    pub fn on_client_hello(self, m: Framed<'_, ClientHello<'_>>) -> Result<(tls13::State, Need), Error> {
        let at = m.at_boundary()?;
        check_same(&self.first.get()?, &m.msg)?;
        drop(self.first);
        let shares = m.msg.extensions.key_share.ok_or_else(|| missing(ExtensionType::KEY_SHARE))?;
        let share = match (shares.first(), shares.len()) {
            (Some(entry), 1) if entry.group == group_id(self.group) => entry.key_exchange,
            _ => return Err(Illegal::SecondHelloKeyShare.into()),
        };
        // An identical ClientHello selects the same again. The transcript hash depends on it, so it
        // is checked.
        let selection = Selection::from(&self.context.config, &self.context.transport, &m.msg)?;
        if selection.suite != self.suite || selection.group != self.group {
            return Err(Illegal::SecondHelloDiffers("cipher_suites").into());
        }
        let kind = HandshakeKind::FullWithHelloRetryRequest;
        proceed(self.context, &selection, share, kind, sni::host_name(&m.msg), &m, at)
    }
}

/// Checks that the second ClientHello repeats what the server used of the first. RFC 9846 §4.2.2
/// lists what may change, and §4.3 allows any order of extensions. Unused extensions are not
/// compared: a client may change one of them (RFC 9849 §6.1.5).
fn check_same(first: &ClientHello<'_>, second: &ClientHello<'_>) -> Result<(), Error> {
    let differs = |field| Err(Illegal::SecondHelloDiffers(field).into());
    check_legacy_version(second)?;
    if first.random != second.random {
        return differs("random");
    }
    if first.legacy_session_id != second.legacy_session_id {
        return differs("legacy_session_id");
    }
    if first.cipher_suites.bytes() != second.cipher_suites.bytes() {
        return differs("cipher_suites");
    }
    if first.legacy_compression_methods != second.legacy_compression_methods {
        return differs("legacy_compression_methods");
    }
    if second.extensions.early_data {
        return differs("early_data");
    }
    // The client may drop keys and change binders, but not add keys.
    if second.extensions.pre_shared_key.is_some() && first.extensions.pre_shared_key.is_none() {
        return differs("pre_shared_key");
    }
    if repeated(first) == repeated(second) { Ok(()) } else { differs("extensions") }
}

/// The extensions that the TLS 1.3 handshake uses, which the second ClientHello must repeat. The
/// server sends no cookie, so the client must not either.
const REPEATED: [ExtensionType; 15] = [
    ExtensionType::SERVER_NAME,
    ExtensionType::MAX_FRAGMENT_LENGTH,
    ExtensionType::STATUS_REQUEST,
    ExtensionType::SUPPORTED_GROUPS,
    ExtensionType::SIGNATURE_ALGORITHMS,
    ExtensionType::APPLICATION_LAYER_PROTOCOL_NEGOTIATION,
    ExtensionType::SIGNED_CERTIFICATE_TIMESTAMP,
    ExtensionType::RECORD_SIZE_LIMIT,
    ExtensionType::SUPPORTED_VERSIONS,
    ExtensionType::COOKIE,
    ExtensionType::PSK_KEY_EXCHANGE_MODES,
    ExtensionType::CERTIFICATE_AUTHORITIES,
    ExtensionType::POST_HANDSHAKE_AUTH,
    ExtensionType::SIGNATURE_ALGORITHMS_CERT,
    ExtensionType::QUIC_TRANSPORT_PARAMETERS,
];

/// Finds the extensions of [`REPEATED`] in one pass. Returns their data in that order.
fn repeated<'a>(hello: &ClientHello<'a>) -> [Option<&'a [u8]>; REPEATED.len()] {
    let mut found = [None; REPEATED.len()];
    for (extension, data) in hello.extensions.raw.iter() {
        let at = REPEATED.iter().position(|typ| *typ == extension);
        if let Some(place) = at.and_then(|at| found.get_mut(at)) {
            *place = Some(data);
        }
    }
    found
}
