//! Verifiers that accept whoever comes, as the runner expects it, or refuse everybody; and remember what they were shown.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use strata_tls::{
    AlertDescription, CertificateDer, CertificateError, ChainVerifier, ClientAuth, ClientCertVerifier, OcspError,
    OcspPolicy, ProvenPath, Purpose, Refusal, RootCertStore, ServerCertVerifier, ServerName, ServerVerifier, Stapled,
    UnixTime, VerifyName, VerifyPath,
};

/// What a peer showed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) ocsp_response: Option<Vec<u8>>,
    pub(crate) scts: Vec<Vec<u8>>,
}

#[derive(Debug)]
pub(crate) struct Anybody {
    pub(crate) refuses: bool,
    /// Whether it refuses the servers of sessions.
    pub(crate) refuses_again: bool,
    /// Whether it did.
    pub(crate) refused: AtomicBool,
    /// Whom it names as authorities to clients.
    pub(crate) authorities: Vec<Vec<u8>>,
    /// Whether it is the OCSP response, or its lack, that it refuses.
    pub(crate) ocsp_refuses: bool,
    /// Whether the runner thinks of BoringSSL's newer way to ask for a verdict.
    pub(crate) custom: bool,
    pub(crate) client_auth: ClientAuth,
    pub(crate) seen: Arc<Mutex<Option<Seen>>>,
    /// What is checked whoever the peer is.
    pub(crate) inner: ServerVerifier,
}

/// A verifier that lets every path and every name pass, and leaves the other checks as they are.
pub(crate) fn of_any_path() -> ServerVerifier {
    let mut chain = ChainVerifier::new(RootCertStore::new());
    chain.dangerous_set_path(Arc::new(Any));
    let mut verifier = ServerVerifier::new(chain);
    verifier.dangerous_set_name(Arc::new(Any));
    verifier.set_ocsp_policy(OcspPolicy::Ignore);
    verifier
}

#[derive(Debug)]
struct Any;

impl VerifyPath for Any {
    fn verify_path(&self, _: &[CertificateDer<'_>], _: Purpose, _: UnixTime) -> Result<(), CertificateError> {
        Ok(())
    }
}

impl VerifyName for Any {
    fn verify_name(&self, _: &ProvenPath<'_>, _: &ServerName<'_>) -> Result<(), CertificateError> {
        Ok(())
    }
}

impl Anybody {
    fn verdict(&self) -> Result<(), Refusal> {
        if !self.refuses && !self.refused.load(Ordering::Relaxed) {
            return Ok(());
        }
        let refusal = Refusal::from(CertificateError::Application("told to refuse".into()));
        // BoringSSL's older way to ask for a verdict knows this alert alone.
        Err(if self.custom { refusal } else { refusal.with_alert(AlertDescription::HANDSHAKE_FAILURE) })
    }
}

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        stapled: &Stapled<'_>,
        now: UnixTime,
    ) -> Result<(), Refusal> {
        let seen = Seen {
            ocsp_response: stapled.ocsp_response.map(<[u8]>::to_vec),
            scts: stapled.scts.iter().map(|sct| sct.0.to_vec()).collect(),
        };
        self.inner.verify(chain, name, stapled, now)?;
        if self.ocsp_refuses {
            return Err(CertificateError::Ocsp(OcspError::Missing).into());
        }
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(seen);
        self.verdict()
    }

    fn reverify_server_cert(
        &self,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<(), Refusal> {
        self.inner.reverify(chain, name, now)?;
        // The handshake that follows is asked about the same server.
        self.refused.store(self.refuses_again, Ordering::Relaxed);
        if self.refuses_again { Err(CertificateError::Application("told to refuse".into()).into()) } else { Ok(()) }
    }

    fn session_scope(&self) -> Option<[u8; 32]> {
        Some([0; 32])
    }
}

impl ClientCertVerifier for Anybody {
    fn client_auth(&self) -> ClientAuth {
        self.client_auth
    }

    fn root_hint_subjects(&self) -> Vec<Vec<u8>> {
        self.authorities.clone()
    }

    fn session_scope(&self) -> Option<[u8; 32]> {
        Some([0; 32])
    }

    fn verify_client_cert(&self, chain: &[CertificateDer<'_>], now: UnixTime) -> Result<(), Refusal> {
        self.inner.chain().verify_client(chain, now)?;
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(Seen::default());
        self.verdict()
    }
}
