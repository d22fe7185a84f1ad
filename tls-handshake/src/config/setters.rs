//! The setters that both roles have, with their documentation.

/// Implements the shared setters for one configuration type.
macro_rules! setters {
    ($config:ty) => {
        impl $config {
            /// Sets the backend, which computes everything that connections need: random values,
            /// hashes, keys, and signatures of both sides. The settings may name only groups and
            /// signature schemes that it has; [`validate`](Self::validate) checks this, so the
            /// order of setters does not matter.
            ///
            /// Tickets and sessions of one backend resume with another. Default: ring.
            pub fn set_backend(&mut self, backend: Backend) {
                self.common_mut().set_backend(backend);
            }

            /// Returns the backend.
            #[must_use]
            pub fn backend(&self) -> Backend {
                self.common.backend
            }

            /// Sets the protocol versions. Their order does not matter: the newest version that
            /// both sides support is negotiated. Default: TLS 1.3 and TLS 1.2.
            ///
            /// # Errors
            /// [`ConfigError::UnsupportedVersion`] for any other version;
            /// [`ConfigError::EmptyOrRepeated`].
            pub fn set_versions(&mut self, versions: &[ProtocolVersion]) -> Result<(), ConfigError> {
                self.common_mut().set_versions(versions)
            }

            /// Sets the cipher suites of all versions, in order of preference. A version without a
            /// suite is disabled. Default: [all](crate::ALL_CIPHERSUITES).
            ///
            /// # Errors
            /// [`ConfigError::UnsupportedCipherSuite`], [`ConfigError::EmptyOrRepeated`].
            pub fn set_cipher_suites(&mut self, suites: &[CipherSuite]) -> Result<(), ConfigError> {
                self.common_mut().set_cipher_suites(suites)
            }

            /// Returns whether this version can be negotiated: it is enabled and has a cipher
            /// suite.
            #[must_use]
            pub fn has_version(&self, version: ProtocolVersion) -> bool {
                self.common.suites.iter().any(|suite| suite.version() == version)
            }

            /// Sets the key exchange groups, in order of preference. A client sends a key share for
            /// the first, and for the curve in it if it is hybrid and the curve is enabled too.
            ///
            /// Hybrid and ML-KEM groups need the feature `post-quantum`, and exist only in TLS 1.3:
            /// TLS 1.2 uses the others. secp521r1 needs AWS-LC. Default: X25519MLKEM768 (with that
            /// feature), X25519, P-256, P-384.
            ///
            /// # Errors
            /// [`ConfigError::UnsupportedGroup`], [`ConfigError::EmptyOrRepeated`].
            pub fn set_groups(&mut self, groups: &[NamedGroup]) -> Result<(), ConfigError> {
                self.common_mut().set_groups(groups)
            }

            /// Sets the signature schemes that the peer may sign the handshake with, in order of
            /// preference. They do not limit the signatures of certificates. TLS 1.3 does not sign
            /// with PKCS#1 v1.5, so its handshakes fail if there is no other scheme. Default: all
            /// schemes of the backend.
            ///
            /// # Errors
            /// [`ConfigError::UnsupportedSignatureScheme`], [`ConfigError::EmptyOrRepeated`].
            pub fn set_signature_schemes(&mut self, schemes: &[SignatureScheme]) -> Result<(), ConfigError> {
                self.common_mut().set_signature_schemes(schemes)
            }

            /// Sets the application protocols (ALPN, RFC 7301), in order of preference. Without
            /// protocols, ALPN is not used. Default: none.
            ///
            /// # Errors
            /// [`ConfigError::BadProtocolName`], [`ConfigError::TooManyProtocols`].
            pub fn set_alpn_protocols(
                &mut self,
                protocols: impl IntoIterator<Item: AsRef<[u8]>>,
            ) -> Result<(), ConfigError> {
                let protocols = protocols.into_iter().map(|name| name.as_ref().to_vec()).collect();
                self.common_mut().set_alpn_protocols(protocols)
            }

            /// Requires that an application protocol is negotiated (RFC 7301). Peers that do not
            /// support ALPN are rejected with no_application_protocol. This prevents cross-protocol
            /// attacks (ALPACA).
            ///
            /// Without it, a server accepts clients that offer no protocol, and a client accepts
            /// servers that choose none. Default: off.
            pub fn set_require_alpn(&mut self, require: bool) {
                self.common_mut().computed.forget();
                self.common_mut().require_alpn = require;
            }

            /// Sets the maximum size of sent records on the wire, in bytes, including all overhead.
            /// Default: `None`, the maximum of the RFC.
            ///
            /// # Errors
            /// [`ConfigError::BadFragmentSize`] below 64 bytes or above the maximum.
            pub fn set_max_fragment_size(&mut self, bytes: Option<usize>) -> Result<(), ConfigError> {
                self.common_mut().set_max_fragment_size(bytes)
            }

            /// Sets the maximum size of received records, in bytes of plaintext including the
            /// content type and the padding of TLS 1.3. The range is 64 to 16,385, which is no
            /// limit. Peers that support record_size_limit (RFC 8449) send no longer records; if
            /// they do, they are rejected with record_overflow.
            ///
            /// A client offers the extension only if this is set. A server always answers it.
            /// Default: `None`.
            ///
            /// # Errors
            /// [`ConfigError::BadFragmentSize`] outside of the range.
            pub fn set_record_size_limit(&mut self, bytes: Option<u16>) -> Result<(), ConfigError> {
                self.common_mut().set_record_size_limit(bytes)
            }

            /// Sends short records of application data at first and after a pause, so that the peer
            /// can use the first data sooner. Short records also obey the [maximum
            /// size](Self::set_max_fragment_size). Early data is not affected. Default: `None`, no
            /// short records.
            ///
            /// # Errors
            /// [`ConfigError::BadFragmentSize`] for records below 64 bytes or above the maximum.
            pub fn set_record_ramp_up(&mut self, ramp_up: Option<RecordRampUp>) -> Result<(), ConfigError> {
                self.common_mut().set_record_ramp_up(ramp_up)
            }

            /// Pads encrypted TLS 1.3 records with zeros to hide their length. Padding takes bytes
            /// on the wire and no other memory; it has no effect in TLS 1.2. Default: no padding.
            pub fn set_record_padding(&mut self, padding: RecordPadding) {
                self.common_mut().padding = padding;
            }

            /// Requires extended master secret (RFC 7627) in TLS 1.2. Without this, it is used with
            /// every peer that supports it. Default: off.
            pub fn set_require_ems(&mut self, require: bool) {
                self.common_mut().require_ems = require;
            }

            /// Adds application data to the resumption scope, for example a hash of what decides
            /// whom the application trusts. A session established under one context is never
            /// resumed under another (RFC 9846 Appendix C.4). Default: empty.
            pub fn set_session_context(&mut self, context: &[u8]) {
                self.common_mut().computed.forget();
                self.common_mut().session_context = context.to_vec();
            }

            /// Returns the limits on the resources that a peer can make this side use.
            #[must_use]
            pub fn limits(&self) -> &Limits {
                &self.common.limits
            }

            /// Sets limits on the resources that a peer can make this side use.
            pub fn set_limits(&mut self, limits: Limits) {
                self.common_mut().limits = limits;
            }

            /// Sets the number of records per key, if lower than the limit of the AEAD (RFC 9846
            /// §5.5). In TLS 1.3 a KeyUpdate follows. TLS 1.2 cannot update keys, so sending ends
            /// with [`Error::KeyExhausted`](crate::Error::KeyExhausted) (RFC 9325 §4.4).
            ///
            /// Finished and close_notify count in TLS 1.2, so fewer than 3 records leave none for
            /// data. Records that cannot wait for another key may exceed the limit: tickets,
            /// alerts, and data before the client's Finished. The minimum is 2, one with data and
            /// the KeyUpdate; smaller values count as 2. Default: the limit of the AEAD.
            pub fn set_records_per_key(&mut self, records: u64) {
                self.common_mut().records_per_key = Some(records.max(2));
            }

            pub(crate) fn common_mut(&mut self) -> &mut Common {
                Arc::make_mut(&mut self.common)
            }
        }
    };
}
pub(super) use setters;
