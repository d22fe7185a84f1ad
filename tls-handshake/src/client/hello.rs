//! ClientHello, which offers both versions, and ServerHello, which selects version, suite and keys
//! (RFC 9846 §4.2.2, §4.2.3). Checks the downgrade sentinel. The client's
//! flights are in a folder per version.

use std::sync::Arc;

use pki_types::ServerName;
use tls_codec::code_points::{
    EcPointFormat, ExtensionType, HandshakeType, NamedGroup, ProtocolVersion, PskKeyExchangeMode,
};
use tls_codec::error::BufferFull;
use tls_codec::extension::{self, ProtocolName};
use tls_codec::handshake::ServerHello;
use tls_codec::writer::Writer;
#[cfg(test)]
use tls_crypto::EphemeralKey;
use tls_crypto::tls13::EarlySecret;
use tls_crypto::{SecureRandom, Tls13Suite, Transcript};

use super::early_data::EarlyData;
use super::key_shares::KeyShares;
use super::offered_psk::{ResumptionOffer, Selected, takes_tickets};
use super::tls12;
use super::tls13::{self, HandshakeContext, WaitEncryptedExtensions};
use crate::config::{ClientConfig, HelloTemplate};
use crate::error::{Error, Illegal};
use crate::framed::Framed;
use crate::negotiate::{certificate_schemes, group_of};
use crate::negotiated::Exporter;
use crate::negotiated::HandshakeKind;
use crate::record_size_limit::max_size_limit;
use crate::schedule::Side;
use crate::schedule::tls13::{HandshakeKeys, Hello};
use crate::sink::Sink;
use crate::states::Versioned;
use crate::transport::Transport;

/// The client's offer, kept until ServerHello.
pub(super) struct Offer {
    pub(super) config: Arc<ClientConfig>,
    pub(super) name: ServerName<'static>,
    pub(super) random: [u8; 32],
    /// The ID of a TLS 1.2 session, or random bytes if TLS 1.3 or a ticket is offered.
    pub(super) session_id: Vec<u8>,
    /// The private half of the client's key shares, if TLS 1.3 is offered. A TLS 1.2 server may
    /// select one of their groups too. On the heap, because a large absent value would carry old
    /// stack contents there.
    pub(super) shares: Option<Box<KeyShares>>,
    pub(super) resumption: ResumptionOffer,
    /// True if the first ClientHello offered pre-shared keys.
    offers_keys: bool,
    pub(super) early: EarlyData,
    pub(super) transport: Transport,
}

impl std::fmt::Debug for Offer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Offer").field("name", &self.name).finish_non_exhaustive()
    }
}

/// WAIT_SH: ClientHello was sent.
#[derive(Debug)]
pub struct WaitServerHello {
    pub(super) offer: Box<Offer>,
    /// ClientHello, kept until the transcript hash is known.
    pub(super) hello: Vec<u8>,
    /// The transcript of ClientHello, under the hash of the last pre-shared key that it offers.
    transcript: Option<Box<Transcript>>,
}

impl WaitServerHello {
    /// START: sends a ClientHello for `name`.
    pub(crate) fn start(
        config: Arc<ClientConfig>,
        name: ServerName<'static>,
        resumption: ResumptionOffer,
        transport: Transport,
        last_group: Option<NamedGroup>,
        random: &dyn SecureRandom,
        out: &mut dyn Sink,
    ) -> Result<Self, Error> {
        let tls13 = config.common.enables(ProtocolVersion::TLS13);
        // RFC 9001 §8.4: QUIC has no middlebox compatibility mode.
        let needs_random_id =
            tls13 && !transport.is_quic() || resumption.tls12().is_some_and(|session| !session.ticket.is_empty());
        // Both values in one draw, which is one system call. It is slower for more than 32 bytes.
        let mut fresh = [[0; 32]; 2];
        let wanted = fresh.get_mut(if needs_random_id { ..2 } else { ..1 }).unwrap_or_default();
        random.fill(wanted.as_flattened_mut()).map_err(|_| Error::Crypto("drawing random bytes"))?;
        let [random, session_id] = fresh;
        // A client that offers only TLS 1.2 generates its key after the server selected the group.
        // A resumed session needs none.
        let shares = match tls13 {
            true => KeyShares::generate(config.common.backend, &config.common.groups, last_group.and_then(group_of))?
                .map(Box::new),
            false => None,
        };
        let session_id = match resumption.tls12() {
            Some(session) if session.ticket.is_empty() => session.session_id.clone(),
            // For middleboxes of 32 bytes (RFC 9846 Appendix E.4). With a ticket of TLS 1.2, a
            // server that accepts it echoes the ID (RFC 5077 §3.4); no other can guess 16 bytes.
            _ if needs_random_id => session_id.get(..if tls13 { 32 } else { 16 }).unwrap_or_default().to_vec(),
            _ => Vec::new(),
        };
        let limit = resumption.early_data_limit(&config);
        let early = EarlyData::NotOffered;
        let mut offer = Box::new(Offer {
            random,
            session_id,
            config,
            name,
            shares,
            offers_keys: resumption.offers_psks(),
            resumption,
            early,
            transport,
        });
        let (mut hello, mut transcript) = offer.encoded(limit.is_some(), None, None)?;
        let sent = out.send(&mut |w| w.bytes(&hello))?;
        if sent != hello {
            // The sink may have changed the message: the transcript must cover the bytes on the
            // wire.
            (hello, transcript) = (sent.to_vec(), None);
        }
        if let Some(limit) = limit {
            offer.early = EarlyData::start(&offer, limit, &hello, transcript.as_deref(), out)?;
        }
        Ok(Self { offer, hello, transcript })
    }

    /// Creates a client whose ClientHello was sent by other means. Only for replays of published
    /// traces.
    #[cfg(test)]
    pub(crate) fn replayed(
        config: Arc<ClientConfig>,
        name: ServerName<'static>,
        random: [u8; 32],
        session_id: Vec<u8>,
        key: EphemeralKey,
        hello: Vec<u8>,
    ) -> Self {
        let (resumption, early) = (ResumptionOffer::Nothing, EarlyData::NotOffered);
        let shares = Some(Box::new(KeyShares::of(key)));
        let (offers_keys, transport) = (false, Transport::Records);
        let offer =
            Box::new(Offer { config, name, random, session_id, shares, resumption, offers_keys, early, transport });
        Self { offer, hello, transcript: None }
    }

    pub(super) fn offers_tls13(&self) -> bool {
        self.offer.config.common.enables(ProtocolVersion::TLS13)
    }

    /// Returns the early exporter while early data may be sent.
    pub(super) fn early_exporter(&self) -> Option<&dyn Exporter> {
        self.offer.early.exporter()
    }

    pub(super) fn offers_tls12(&self) -> bool {
        self.offer.config.common.enables(ProtocolVersion::TLS12)
    }

    /// Selects the version (RFC 9846 §4.2.3, RFC 5246 §7.4.1.3).
    ///
    /// # Errors
    /// [`Error`] for anything that was not offered, is missing or contradicts the offer.
    pub fn on_server_hello(self, m: Framed<'_, ServerHello<'_>>, out: &mut dyn Sink) -> Result<VersionedState, Error> {
        let offered = |version| self.offer.config.common.enables(version);
        match m.msg.extensions.selected_version {
            Some(ProtocolVersion::TLS13) if offered(ProtocolVersion::TLS13) => {
                let suite = self.offer.check_server_hello(&m.msg)?;
                let transcript = match self.transcript {
                    Some(transcript) if transcript.algorithm() == suite.hash => *transcript,
                    _ => {
                        let mut transcript = Transcript::new(self.offer.config.common.backend, suite.hash);
                        transcript.add(&self.hello);
                        transcript
                    }
                };
                if !self.offer.early.was_offered() {
                    // RFC 9846 Appendix E.4: before the client's second flight.
                    out.queue_change_cipher_spec()?;
                }
                let state = self.offer.into_handshake(m, suite, transcript, HandshakeKind::Full, out)?;
                Ok(Versioned::Tls13(state))
            }
            // RFC 9846 Appendix D.3: the server that issued the ticket supported TLS 1.3.
            _ if self.offer.early.was_offered() => Err(Error::EarlyDataAndOlderVersion),
            Some(older) if offered(older) => Err(Illegal::OlderVersionSelected(older).into()),
            Some(other) => Err(Illegal::VersionNotOffered(other).into()),
            None if m.msg.legacy_version == ProtocolVersion::TLS12 && offered(ProtocolVersion::TLS12) => {
                // The sentinel says that the server supports TLS 1.3, so an attacker has changed
                // our ClientHello (RFC 9846 §4.2.3).
                if offered(ProtocolVersion::TLS13) && m.msg.downgrade_sentinel().is_some() {
                    return Err(Illegal::Downgraded(ProtocolVersion::TLS12).into());
                }
                Ok(Versioned::Tls12(tls12::State::start(*self.offer, &self.hello, &m, out)?))
            }
            None => Err(self.offer.no_common_version(m.msg.legacy_version)),
        }
    }
}

/// RFC 9846 §4.3.9.
fn write_psk_modes(w: &mut Writer<'_>) -> Result<(), BufferFull> {
    extension::PskKeyExchangeModes::write(w, &[PskKeyExchangeMode::PSK_DHE_KE])
}

impl HelloTemplate {
    fn get(config: &ClientConfig) -> Result<&Self, BufferFull> {
        let computed = &config.common.computed.hello;
        match computed.get() {
            Some(encoded) => Ok(encoded),
            None => {
                let encoded = Self::encode(config)?;
                Ok(computed.get_or_init(|| encoded))
            }
        }
    }

    fn encode(config: &ClientConfig) -> Result<Self, BufferFull> {
        let (mut suites, mut extensions) = (Vec::new(), Vec::new());
        let common = &config.common;
        let w = &mut Writer::append(&mut suites);
        w.vec16(|w| common.suites.iter().try_for_each(|suite| w.u16(suite.suite().0)))?;
        w.vec8(|w| w.u8(0))?;
        let w = &mut Writer::append(&mut extensions);
        if config.request_ocsp {
            extension::StatusRequest::write(w)?;
        }
        extension::SupportedGroups::write(w, &common.offered_groups())?;
        if !common.alpn.is_empty() {
            extension::Alpn::write(w, &common.alpn)?;
        }
        if config.request_scts {
            extension::SignedCertificateTimestamp::write(w)?;
        }
        if let Some(limit) = common.record_size_limit {
            // RFC 8449 §4: at most the maximum of the newest version.
            let max = common.enabled_versions().into_iter().map(max_size_limit).max();
            extension::RecordSizeLimit::write(w, limit.min(max.unwrap_or(limit)))?;
        }
        if let Some(length) = config.max_fragment_length {
            length.write(w)?;
        }
        if common.enables(ProtocolVersion::TLS12) {
            // One list for both versions. The TLS 1.3 list must then include the schemes used in
            // certificates.
            let is_tls12 = !common.enables(ProtocolVersion::TLS13);
            let schemes = if is_tls12 { common.tls12_schemes() } else { &common.schemes };
            extension::SignatureAlgorithms::write(w, schemes)?;
            extension::EcPointFormats::write(w, &[EcPointFormat::UNCOMPRESSED])?;
            extension::ExtendedMasterSecret::write(w)?;
            extension::RenegotiationInfo::write(w, &[])?;
        } else if common.schemes == certificate_schemes(common.backend) {
            // One list is 18 bytes shorter than two. RFC 9846 §4.3.3 allows in it the schemes that
            // only certificates use; no server may sign the handshake with them.
            extension::SignatureAlgorithms::write(w, &common.schemes)?;
        } else {
            extension::SignatureAlgorithms::write(w, common.tls13_schemes())?;
            extension::SignatureAlgorithmsCert::write(w, certificate_schemes(common.backend))?;
        }
        if common.enables(ProtocolVersion::TLS13) {
            extension::SupportedVersions::write(w, &common.enabled_versions())?;
        }
        // Without this extension a server issues no tickets (RFC 9846 §4.3.9).
        if takes_tickets(config, ProtocolVersion::TLS13) {
            write_psk_modes(w)?;
        }
        Ok(Self { suites, extensions })
    }
}

/// The states that ServerHello selects between.
pub type VersionedState = Versioned<tls13::State, tls12::State>;

impl Offer {
    /// Encodes ClientHello (RFC 9846 §4.2.2) with the binders of the offered keys. `cookie` is the
    /// one from HelloRetryRequest. `before` is the transcript before this message. Also returns the
    /// transcript after it, if the binders needed one.
    pub(super) fn encoded(
        &self,
        early_data: bool,
        cookie: Option<&[u8]>,
        before: Option<&Transcript>,
    ) -> Result<(Vec<u8>, Option<Box<Transcript>>), Error> {
        let template = HelloTemplate::get(&self.config)?;
        let mut hello = Vec::with_capacity(self.encoded_len(template));
        self.encode(&mut Writer::append(&mut hello), template, early_data, cookie)?;
        let transcript = self.resumption.bind(self.config.common.backend, &mut hello, before);
        Ok((hello, transcript))
    }

    /// An upper limit in all but rare cases, so that the message is allocated once.
    fn encoded_len(&self, template: &HelloTemplate) -> usize {
        let shares = self.shares.as_ref().map_or(0, |shares| shares.encoded_len());
        224_usize
            .saturating_add(template.extensions.len())
            .saturating_add(shares)
            .saturating_add(self.resumption.identities_len())
    }

    fn encode(
        &self,
        w: &mut Writer<'_>,
        template: &HelloTemplate,
        early_data: bool,
        cookie: Option<&[u8]>,
    ) -> Result<(), BufferFull> {
        w.message(HandshakeType::CLIENT_HELLO, |w| {
            w.u16(ProtocolVersion::TLS12.0)?;
            w.bytes(&self.random)?;
            w.vec8_bytes(&self.session_id)?;
            w.bytes(&template.suites)?;
            w.vec16(|w| {
                if let Some(host) = self.host_name() {
                    extension::ServerNameList::write(w, host)?;
                }
                w.bytes(&template.extensions)?;
                if takes_tickets(&self.config, ProtocolVersion::TLS12) {
                    extension::SessionTicket::write(w, self.resumption.tls12().map_or(&[], |session| &session.ticket))?;
                }
                if self.config.common.enables(ProtocolVersion::TLS13) {
                    self.encode_tls13(w, early_data, cookie)?;
                }
                self.resumption.write_psks(w)
            })
        })
    }

    fn encode_tls13(&self, w: &mut Writer<'_>, early_data: bool, cookie: Option<&[u8]>) -> Result<(), BufferFull> {
        // psk_key_exchange_modes must come with pre_shared_key. A second ClientHello repeats it,
        // even if no key is left to offer.
        if self.offers_keys && !takes_tickets(&self.config, ProtocolVersion::TLS13) {
            write_psk_modes(w)?;
        }
        self.transport.write_parameters(w)?;
        if early_data {
            extension::EarlyData::write(w)?;
        }
        if let Some(cookie) = cookie {
            extension::Cookie::write(w, cookie)?;
        }
        match &self.shares {
            Some(shares) => shares.write(w, &self.config.common.groups),
            None => extension::KeyShareClientHello::write(w, &[]),
        }
    }

    /// The name for SNI: a DNS name without a trailing dot (RFC 6066 §3).
    fn host_name(&self) -> Option<&str> {
        match &self.name {
            ServerName::DnsName(name) if self.config.send_server_name => {
                let name = name.as_ref();
                Some(name.strip_suffix('.').unwrap_or(name))
            }
            _ => None,
        }
    }

    /// Returns whether ClientHello requested a response to this extension (RFC 9846 §4.3).
    pub(super) fn offered(config: &ClientConfig, name: &ServerName<'_>, extension: ExtensionType) -> bool {
        match extension {
            ExtensionType::SERVER_NAME => config.send_server_name && matches!(name, ServerName::DnsName(_)),
            ExtensionType::APPLICATION_LAYER_PROTOCOL_NEGOTIATION => !config.common.alpn.is_empty(),
            ExtensionType::STATUS_REQUEST => config.request_ocsp,
            ExtensionType::SIGNED_CERTIFICATE_TIMESTAMP => config.request_scts,
            ExtensionType::SUPPORTED_GROUPS => true,
            ExtensionType::RECORD_SIZE_LIMIT if config.common.record_size_limit.is_some() => true,
            ExtensionType::MAX_FRAGMENT_LENGTH if config.max_fragment_length.is_some() => true,
            ExtensionType::SUPPORTED_VERSIONS | ExtensionType::KEY_SHARE => {
                config.common.enables(ProtocolVersion::TLS13)
            }
            ExtensionType::SESSION_TICKET => takes_tickets(config, ProtocolVersion::TLS12),
            ExtensionType::EXTENDED_MASTER_SECRET
            | ExtensionType::EC_POINT_FORMATS
            | ExtensionType::RENEGOTIATION_INFO => config.common.enables(ProtocolVersion::TLS12),
            #[cfg(test)]
            other => config.also_offered.contains(&other),
            #[cfg(not(test))]
            _ => false,
        }
    }

    /// Rejects a ServerHello extension that responds to nothing.
    pub(super) fn check_solicited(&self, m: &ServerHello<'_>) -> Result<(), Error> {
        let unsolicited = |extension: &ExtensionType| match *extension {
            ExtensionType::PRE_SHARED_KEY => !self.resumption.offers_psks(),
            extension => !Self::offered(&self.config, &self.name, extension),
        };
        match m.extensions.raw.iter().map(|(extension, _)| extension).find(unsolicited) {
            Some(extension) => Err(Error::UnsolicitedExtension { message: HandshakeType::SERVER_HELLO, extension }),
            None => Ok(()),
        }
    }

    /// Checks a TLS 1.3 ServerHello and returns its suite.
    pub(super) fn check_server_hello(&self, m: &ServerHello<'_>) -> Result<&'static Tls13Suite, Error> {
        m.check_tls13()?;
        self.check_solicited(m)?;
        self.check_hello_fields(m.legacy_version, m.legacy_session_id_echo, m.legacy_compression_method)?;
        self.check_suite(m.cipher_suite)
    }

    /// Checks that the selected application protocol was offered (RFC 7301 §3.2).
    pub(super) fn check_alpn(
        config: &ClientConfig,
        chosen: Option<ProtocolName<'_>>,
    ) -> Result<Option<Vec<u8>>, Error> {
        match chosen {
            Some(ProtocolName(chosen)) => {
                let offered = config.common.alpn.iter().any(|name| name.as_slice() == chosen);
                if offered || config.allow_unoffered_alpn {
                    Ok(Some(chosen.to_vec()))
                } else {
                    Err(Illegal::AlpnNotOffered.into())
                }
            }
            None if config.common.require_alpn => Err(Error::AlpnRequired),
            None => Ok(None),
        }
    }

    pub(super) fn no_common_version(&self, chosen: ProtocolVersion) -> Error {
        Error::NoCommonVersion { offered: vec![chosen].into(), enabled: self.config.common.enabled_versions() }
    }

    /// Checks the fields that ServerHello and HelloRetryRequest share.
    pub(super) fn check_hello_fields(
        &self,
        legacy_version: ProtocolVersion,
        session_id: &[u8],
        compression: u8,
    ) -> Result<(), Error> {
        if legacy_version != ProtocolVersion::TLS12 {
            return Err(Error::LegacyVersion(legacy_version));
        }
        if session_id != self.session_id {
            return Err(Illegal::SessionIdNotEchoed.into());
        }
        if compression != 0 {
            return Err(Illegal::CompressionNotOffered(compression).into());
        }
        Ok(())
    }

    pub(super) fn check_suite(
        &self,
        chosen: tls_codec::code_points::CipherSuite,
    ) -> Result<&'static Tls13Suite, Error> {
        let offered = self.config.common.suites.iter().find(|suite| suite.suite() == chosen);
        offered.and_then(|suite| suite.tls13()).ok_or_else(|| Illegal::CipherSuiteNotOffered(chosen).into())
    }

    /// Derives the handshake keys and installs them. The write key waits while early data may be
    /// sent.
    pub(super) fn into_handshake(
        self,
        m: Framed<'_, ServerHello<'_>>,
        suite: &'static Tls13Suite,
        mut transcript: Transcript,
        kind: HandshakeKind,
        out: &mut dyn Sink,
    ) -> Result<tls13::State, Error> {
        let at = m.at_boundary()?;
        let Some(share) = m.msg.extensions.key_share else {
            return Err(Error::MissingExtension {
                message: HandshakeType::SERVER_HELLO,
                extension: ExtensionType::KEY_SHARE,
            });
        };
        let group = share.group;
        let key = self.shares.and_then(|shares| shares.into_key(group)).ok_or(Illegal::GroupNotOffered(group))?;
        let secret = key.agree(share.key_exchange).map_err(|_| Illegal::KeyShare(group))?;
        transcript.add(m.raw);
        let selected = m.msg.extensions.pre_shared_key;
        let early = self.early.on_server_hello(selected);
        let (schedule, peer, kind, full) = match selected {
            Some(index) => {
                let Selected { early, peer, kind, full } = self.resumption.select(index, suite, kind)?;
                (early, Some(peer), kind, full)
            }
            None => (EarlySecret::new(self.config.common.backend, suite.hash), None, kind, None),
        };
        let hello = Hello { hash: &transcript.hash(), client_random: &self.random };
        let keys = HandshakeKeys::derive(Side::Client, suite, schedule, secret, &hello, out);
        out.install_read(keys.read_key(), at);
        // QUIC sends 0-RTT and Handshake packets side by side (RFC 9001 §4.1.4).
        if !early.is_open() || self.transport.is_quic() {
            out.install_write(keys.write_key())?;
        }
        let context = HandshakeContext {
            config: self.config,
            name: self.name,
            client_random: self.random,
            transcript,
            keys,
            suite,
            group,
            kind,
            early,
            alpn: None,
            request: None,
            full,
            transport: self.transport,
        };
        Ok(tls13::State::WaitEncryptedExtensions(WaitEncryptedExtensions::new(Box::new(context), peer)))
    }
}
