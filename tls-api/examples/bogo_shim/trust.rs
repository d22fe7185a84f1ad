//! A verifier that accepts every peer, or rejects every peer, as the flags request. It records what
//! the peer presented.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use strata_tls::{
    AlertDescription, CertificateDer, CertificateError, ChainVerifier, ClientAuth, ClientCertVerifier, OcspError,
    OcspPolicy, ProvenPath, Purpose, Refusal, RootCertStore, ServerCertVerifier, ServerName, ServerVerifier, Stapled,
    UnixTime, VerifyName, VerifyPath,
};

/// The evidence that a peer presented with its chain.
#[derive(Clone, Debug, Default)]
pub(crate) struct PeerEvidence {
    pub(crate) ocsp_response: Option<Vec<u8>>,
    pub(crate) scts: Vec<Vec<u8>>,
}

#[derive(Debug)]
pub(crate) struct ShimVerifier {
    pub(crate) rejects: bool,
    /// Whether it rejects the servers of stored sessions.
    pub(crate) rejects_sessions: bool,
    /// Whether it has rejected the server of a stored session.
    pub(crate) rejected: AtomicBool,
    /// The CAs that a server lists.
    pub(crate) hint_subjects: Vec<Vec<u8>>,
    /// Whether it rejects the OCSP response, or its absence.
    pub(crate) rejects_ocsp: bool,
    /// Whether the runner expects the alerts of BoringSSL's custom verification callback.
    pub(crate) custom_verify: bool,
    pub(crate) client_auth: ClientAuth,
    pub(crate) evidence: Arc<Mutex<Option<PeerEvidence>>>,
    /// Makes the checks that apply to every peer.
    pub(crate) inner: ServerVerifier,
}

/// Returns a verifier without path and name checks. Other checks still apply.
pub(crate) fn without_path_checks() -> ServerVerifier {
    let mut chain = ChainVerifier::new(RootCertStore::new());
    chain.dangerous_set_path(Arc::new(AcceptAny));
    let mut verifier = ServerVerifier::new(chain);
    verifier.dangerous_set_name(Arc::new(AcceptAny));
    verifier.set_ocsp_policy(OcspPolicy::Ignore);
    verifier
}

#[derive(Debug)]
struct AcceptAny;

impl VerifyPath for AcceptAny {
    fn verify_path(&self, _: &[CertificateDer<'_>], _: Purpose, _: UnixTime) -> Result<(), CertificateError> {
        Ok(())
    }
}

impl VerifyName for AcceptAny {
    fn verify_name(&self, _: &ProvenPath<'_>, _: &ServerName<'_>) -> Result<(), CertificateError> {
        Ok(())
    }
}

impl ShimVerifier {
    fn result(&self) -> Result<(), Refusal> {
        if !self.rejects && !self.rejected.load(Ordering::Relaxed) {
            return Ok(());
        }
        let refusal = Refusal::from(CertificateError::Application("rejected by flag".into()));
        // BoringSSL's older verification callback sends only this alert.
        Err(if self.custom_verify { refusal } else { refusal.with_alert(AlertDescription::HANDSHAKE_FAILURE) })
    }
}

impl ServerCertVerifier for ShimVerifier {
    fn verify_server_cert(
        &self,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        stapled: &Stapled<'_>,
        now: UnixTime,
    ) -> Result<(), Refusal> {
        let evidence = PeerEvidence {
            ocsp_response: stapled.ocsp_response.map(<[u8]>::to_vec),
            scts: stapled.scts.iter().map(|sct| sct.0.to_vec()).collect(),
        };
        self.inner.verify(chain, name, stapled, now)?;
        if self.rejects_ocsp {
            return Err(CertificateError::Ocsp(OcspError::Missing).into());
        }
        *self.evidence.lock().unwrap_or_else(PoisonError::into_inner) = Some(evidence);
        self.result()
    }

    fn reverify_server_cert(
        &self,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<(), Refusal> {
        self.inner.reverify(chain, name, now)?;
        // The handshake that follows must reject the same server.
        self.rejected.store(self.rejects_sessions, Ordering::Relaxed);
        if self.rejects_sessions {
            Err(CertificateError::Application("rejected by flag".into()).into())
        } else {
            Ok(())
        }
    }

    fn session_scope(&self) -> Option<[u8; 32]> {
        Some([0; 32])
    }
}

impl ClientCertVerifier for ShimVerifier {
    fn client_auth(&self) -> ClientAuth {
        self.client_auth
    }

    fn root_hint_subjects(&self) -> Vec<Vec<u8>> {
        self.hint_subjects.clone()
    }

    fn session_scope(&self) -> Option<[u8; 32]> {
        Some([0; 32])
    }

    fn verify_client_cert(&self, chain: &[CertificateDer<'_>], now: UnixTime) -> Result<(), Refusal> {
        self.inner.chain().verify_client(chain, now)?;
        *self.evidence.lock().unwrap_or_else(PoisonError::into_inner) = Some(PeerEvidence::default());
        self.result()
    }
}
