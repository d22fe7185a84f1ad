//! The client's early data (0-RTT): its keys, and whether the server accepts it (RFC 9846 §2.3,
//! §4.3.10).
//!
//! The steps are store → lookup → answer → accept. The client's store returns a session, and
//! [`ResumptionOffer`] offers it. [`EarlyData::start`] installs the key after ClientHello. The
//! server looks the session up ([`Need::Session`](crate::need::Need::Session)) and answers with
//! [`NeedSession::found_single_use`](crate::need::NeedSession::found_single_use). It removes the
//! session from its store ([`Need::TakeSession`](crate::need::Need::TakeSession)) and accepts the
//! early data in EncryptedExtensions, which [`EarlyData::on_encrypted_extensions`] checks.

use tls_crypto::{Digest, Tls13Suite, Transcript};

use super::hello::Offer;
use super::offered_psk::ResumptionOffer;
use crate::error::{Error, Illegal};
use crate::negotiated::Exporter;
use crate::schedule::tls13::{EarlyExporter, EarlyKeys, Hello};
use crate::sink::Sink;

/// Data that the client sends before the server has answered.
pub(super) enum EarlyData {
    /// The client offers none.
    NotOffered,
    /// The client may send it; the server has not answered yet.
    Offered(Box<EarlyOffer>),
    /// The server rejected it.
    Rejected,
    /// The server accepted it.
    Accepted(Box<EarlyOffer>),
}

/// The exporter of early data, and the session parameters that the server must select again.
pub(super) struct EarlyOffer {
    exporter: EarlyExporter,
    suite: &'static Tls13Suite,
    alpn: Option<Vec<u8>>,
}

impl EarlyData {
    /// Installs the early data key after ClientHello (RFC 9846 §4.3.10). `transcript` is the one
    /// that the binders were computed over, if there is one.
    pub(super) fn start(
        offer: &Offer,
        limit: u32,
        hello: &[u8],
        transcript: Option<&Transcript>,
        out: &mut dyn Sink,
    ) -> Result<Self, Error> {
        let ResumptionOffer::Psks(psks) = &offer.resumption else { return Ok(Self::NotOffered) };
        let Some((psk, session)) = psks.first().and_then(|psk| Some((psk, psk.session.as_ref()?))) else {
            return Ok(Self::NotOffered);
        };
        let hash: Digest = match transcript.filter(|transcript| transcript.algorithm() == session.suite.hash) {
            Some(transcript) => transcript.hash(),
            None => offer.config.common.backend.hash(session.suite.hash, hello),
        };
        let hello = Hello { hash: &hash, client_random: &offer.random };
        let keys = EarlyKeys::derive(session.suite, psk.offered.early(), limit, &hello, out);
        // RFC 9846 Appendix E.4: a client that offers early data sends it directly after
        // ClientHello.
        out.send_change_cipher_spec()?;
        out.install_write(keys.write_key())?;
        Ok(Self::Offered(Box::new(EarlyOffer {
            exporter: keys.into_exporter(),
            suite: session.suite,
            alpn: session.alpn.clone(),
        })))
    }

    /// Returns whether early data was offered, accepted or not.
    pub(super) fn was_offered(&self) -> bool {
        !matches!(self, Self::NotOffered)
    }

    /// Returns whether the server has not rejected it: what was offered may still be sent.
    pub(super) fn is_open(&self) -> bool {
        matches!(self, Self::Offered(_) | Self::Accepted(_))
    }

    pub(super) fn exporter(&self) -> Option<&dyn Exporter> {
        match self {
            Self::Offered(offer) | Self::Accepted(offer) => Some(&offer.exporter),
            Self::NotOffered | Self::Rejected => None,
        }
    }

    /// Early data needs the first key (RFC 9846 §4.3.10). A server that selects another one rejects
    /// it without a message.
    pub(super) fn on_server_hello(self, selected: Option<u16>) -> Self {
        match self {
            Self::Offered(_) if selected != Some(0) => Self::Rejected,
            other => other,
        }
    }

    /// Applies the server's answer in EncryptedExtensions.
    ///
    /// # Errors
    /// [`Illegal::EarlyDataNotOffered`], [`Illegal::EarlyDataCipherSuite`],
    /// [`Illegal::EarlyDataAlpn`].
    pub(super) fn on_encrypted_extensions(
        self,
        accepted: bool,
        suite: &'static Tls13Suite,
        alpn: Option<&[u8]>,
    ) -> Result<Self, Error> {
        match self {
            Self::Offered(offer) if accepted => {
                if offer.suite != suite {
                    return Err(Illegal::EarlyDataCipherSuite.into());
                }
                if offer.alpn.as_deref() != alpn {
                    return Err(Illegal::EarlyDataAlpn.into());
                }
                Ok(Self::Accepted(offer))
            }
            _ if accepted => Err(Illegal::EarlyDataNotOffered.into()),
            Self::Offered(_) => Ok(Self::Rejected),
            other => Ok(other),
        }
    }
}
