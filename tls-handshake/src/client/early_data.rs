//! The client's early data (0-RTT): its keys, and whether the server accepts it (RFC 9846 §2.3, §4.3.10).
//!
//! The chain is store → lookup → answer → accept. The application takes a session from its store
//! and starts the connection with it. [`ResumptionOffer`](super::offered_psk::ResumptionOffer)
//! offers the session, and [`EarlyData::start`] installs the key behind the ClientHello. The server
//! looks up the session ([`Need::Session`](crate::need::Need::Session)), and
//! [`NeedSession::found_single_use`](crate::need::NeedSession::found_single_use) answers it.
//! EncryptedExtensions accept or reject the data.

use tls_crypto::{Digest, Tls13Suite, Transcript};

use super::offered_psk::ResumptionOffer;
use crate::error::{Error, Illegal};
use crate::schedule::tls13::{EarlyKeys, Hello};
use crate::sink::Sink;

/// Data that is sent before the server has answered.
pub(super) enum EarlyData {
    /// None is.
    NotOffered,
    /// Some may be sent; the server has not said yet whether it takes it.
    Offered(Box<EarlyOffer>),
    /// The server does not take it.
    Refused,
    /// The server takes it.
    Accepted(Box<EarlyOffer>),
}

/// What early data goes by.
pub(super) struct EarlyOffer {
    pub(super) keys: EarlyKeys,
    suite: &'static Tls13Suite,
    alpn: Option<Vec<u8>>,
}

impl EarlyData {
    /// Installs the key for early data behind a ClientHello that offers some (RFC 9846 §4.3.10). `transcript` is the hello's, if there is
    /// one already.
    pub(super) fn start(
        resumption: &ResumptionOffer,
        limit: u32,
        hello: &[u8],
        transcript: Option<&Transcript>,
        client_random: &[u8; 32],
        out: &mut dyn Sink,
    ) -> Result<Self, Error> {
        let ResumptionOffer::Psks(psks) = resumption else { return Ok(Self::NotOffered) };
        let Some((psk, session)) = psks.first().and_then(|psk| Some((psk, psk.session.as_ref()?))) else {
            return Ok(Self::NotOffered);
        };
        let hash: Digest = match transcript.filter(|transcript| transcript.algorithm() == session.suite.hash) {
            Some(transcript) => transcript.hash(),
            None => session.suite.hash.hash(hello),
        };
        let hello = Hello { hash: &hash, client_random };
        let keys = EarlyKeys::derive(session.suite, psk.offered.early(), limit, &hello, out);
        // RFC 9846 Appendix E.4: right behind the ClientHello, if early data is offered.
        out.send_change_cipher_spec()?;
        out.install_write(keys.write_key())?;
        Ok(Self::Offered(Box::new(EarlyOffer { keys, suite: session.suite, alpn: session.alpn.clone() })))
    }

    /// Whether any is or was offered.
    pub(super) fn was_offered(&self) -> bool {
        !matches!(self, Self::NotOffered)
    }

    pub(super) fn keys(&self) -> Option<&EarlyKeys> {
        match self {
            Self::Offered(offer) | Self::Accepted(offer) => Some(&offer.keys),
            Self::NotOffered | Self::Refused => None,
        }
    }

    /// RFC 9846 §4.3.10: it can be accepted only with the first key, and refusing it takes no word.
    pub(super) fn on_server_hello(self, selected: Option<u16>) -> Self {
        match self {
            Self::Offered(_) if selected != Some(0) => Self::Refused,
            other => other,
        }
    }

    /// Whether the server takes it, as EncryptedExtensions say.
    ///
    /// # Errors
    /// [`Illegal::EarlyDataNotOffered`], [`Illegal::EarlyDataCipherSuite`], [`Illegal::EarlyDataAlpn`].
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
            Self::Offered(_) => Ok(Self::Refused),
            other => Ok(other),
        }
    }
}
