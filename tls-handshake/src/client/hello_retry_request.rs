//! HelloRetryRequest, and the second ClientHello that answers it (RFC 9846 §4.2.4).

use tls_codec::code_points::{ExtensionType, HandshakeType, ProtocolVersion};
use tls_codec::handshake::{HelloRetryRequest, ServerHello};
#[cfg(test)]
use tls_crypto::EphemeralKey;
use tls_crypto::Tls13Suite;
use tls_crypto::Transcript;

use super::early_data::EarlyData;
use super::hello::{Offer, WaitServerHello};
use super::key_shares::KeyShares;
use super::tls13;
use crate::error::{Error, Illegal};
use crate::flight;
use crate::framed::Framed;
use crate::negotiate::group_of;
use crate::negotiated::HandshakeKind;
use crate::sink::Sink;

/// WAIT_SH after HelloRetryRequest: the second ClientHello was sent. A second retry is an error.
pub struct WaitServerHelloAfterRetry {
    offer: Box<Offer>,
    suite: &'static Tls13Suite,
    /// On the heap, to keep the state enum small.
    transcript: Box<Transcript>,
}

impl std::fmt::Debug for WaitServerHelloAfterRetry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WaitServerHelloAfterRetry").field("offer", &self.offer).finish_non_exhaustive()
    }
}

impl WaitServerHello {
    /// Sends ClientHello again with the requested key share and cookie (RFC 9846 §4.2.4).
    ///
    /// # Errors
    /// [`Error`] if the server requests no change, a group that was not offered, or a share that it
    /// already has.
    pub fn on_hello_retry_request(
        mut self,
        m: Framed<'_, HelloRetryRequest<'_>>,
        out: &mut dyn Sink,
    ) -> Result<WaitServerHelloAfterRetry, Error> {
        m.at_boundary()?;
        let (offer, retry) = (&mut self.offer, &m.msg);
        match retry.extensions.selected_version {
            Some(ProtocolVersion::TLS13) if offer.config.common.enables(ProtocolVersion::TLS13) => {}
            Some(other) => return Err(Illegal::VersionNotOffered(other).into()),
            None => return Err(offer.no_common_version(retry.legacy_version)),
        }
        let unsolicited = |extension: &ExtensionType| {
            !matches!(*extension, ExtensionType::SUPPORTED_VERSIONS | ExtensionType::KEY_SHARE | ExtensionType::COOKIE)
        };
        if let Some(extension) = retry.extensions.raw.iter().map(|(extension, _)| extension).find(unsolicited) {
            return Err(Error::UnsolicitedExtension { message: HandshakeType::SERVER_HELLO, extension });
        }
        offer.check_hello_fields(
            retry.legacy_version,
            retry.legacy_session_id_echo,
            retry.legacy_compression_method,
        )?;
        let suite = offer.check_suite(retry.cipher_suite)?;
        if retry.extensions.key_share.is_none() && retry.extensions.cookie.is_none() {
            return Err(Illegal::RetryChangesNothing.into());
        }
        if let Some(wanted) = retry.extensions.key_share {
            if offer.shares.as_ref().is_some_and(|shares| shares.contains(wanted)) {
                return Err(Illegal::RetryForSharedGroup(wanted).into());
            }
            let group = group_of(wanted)
                .filter(|group| offer.config.common.groups.contains(group))
                .ok_or(Illegal::GroupNotOffered(wanted))?;
            offer.shares = Some(Box::new(KeyShares::retry(offer.config.common.backend, group)?));
        }
        let mut transcript = Transcript::new(offer.config.common.backend, suite.hash);
        transcript.add(&self.hello);
        transcript.replace_with_message_hash();
        transcript.add(m.raw);
        if offer.early.was_offered() {
            // RFC 9846 §4.3.10: the retry rejects early data, and the second ClientHello is
            // unencrypted like the first.
            offer.early = EarlyData::Rejected;
            out.remove_write();
        } else {
            out.send_change_cipher_spec()?;
        }
        offer.resumption.keep_hash(suite.hash);
        let (hello, _) = offer.encoded(false, retry.extensions.cookie, Some(&transcript))?;
        flight::send(out, &mut transcript, &mut |w| w.bytes(&hello))?;
        let offer = self.offer;
        Ok(WaitServerHelloAfterRetry { offer, suite, transcript: Box::new(transcript) })
    }
}

impl WaitServerHelloAfterRetry {
    /// Creates a client whose second ClientHello was sent by other means. Only for replays of
    /// published traces. `first` is the state before the retry.
    #[cfg(test)]
    pub(crate) fn replayed(first: WaitServerHello, key: EphemeralKey, retry: &[u8], second: &[u8]) -> Self {
        let suite = tls_crypto::ALL_TLS13.iter().copied().find(|suite| suite.id == 0x1301).expect("it exists");
        let mut transcript = Transcript::new(first.offer.config.common.backend, suite.hash);
        transcript.add(&first.hello);
        transcript.replace_with_message_hash();
        transcript.add(retry);
        transcript.add(second);
        let mut offer = first.offer;
        offer.shares = Some(Box::new(KeyShares::of(key)));
        Self { offer, suite, transcript: Box::new(transcript) }
    }

    /// Checks ServerHello (RFC 9846 §4.2.3). Its suite must be that of HelloRetryRequest.
    ///
    /// # Errors
    /// As [`WaitServerHello::on_server_hello`].
    pub fn on_server_hello(self, m: Framed<'_, ServerHello<'_>>, out: &mut dyn Sink) -> Result<tls13::State, Error> {
        if m.msg.extensions.selected_version != Some(ProtocolVersion::TLS13) {
            return Err(Illegal::VersionChangedAfterRetry.into());
        }
        if self.offer.check_server_hello(&m.msg)? != self.suite {
            return Err(Illegal::CipherSuiteChangedAfterRetry.into());
        }
        self.offer.into_handshake(m, self.suite, *self.transcript, HandshakeKind::FullWithHelloRetryRequest, out)
    }
}
