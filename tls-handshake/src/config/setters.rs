//! The setters that both roles have, documented once.

/// The settings that both roles have, documented once.
macro_rules! setters {
    ($config:ty) => {
        impl $config {
            /// The protocol versions: TLS 1.3 and TLS 1.2 unless changed. The order does not matter: the newest that both
            /// sides have is used, always.
            ///
            /// # Errors
            /// [`ConfigError::UnsupportedVersion`] for any other; [`ConfigError`] for an empty list or a repetition.
            pub fn set_versions(&mut self, versions: &[ProtocolVersion]) -> Result<(), ConfigError> {
                self.common_mut().set_versions(versions)
            }

            /// The cipher suites of all versions, in order of preference. A version without a suite is not used.
            ///
            /// # Errors
            /// [`ConfigError`] for one that is not supported, an empty list or a repetition.
            pub fn set_cipher_suites(&mut self, suites: &[CipherSuite]) -> Result<(), ConfigError> {
                self.common_mut().set_cipher_suites(suites)
            }

            /// Whether this version is enabled, and with a cipher suite of its own: whether it can be negotiated.
            #[must_use]
            pub fn has_version(&self, version: ProtocolVersion) -> bool {
                self.common.suites.iter().any(|suite| suite.version() == version)
            }

            /// The key exchange groups, in order of preference. A client sends a key share for the first.
            ///
            /// # Errors
            /// [`ConfigError`] for one that is not supported, an empty list or a repetition.
            pub fn set_groups(&mut self, groups: &[NamedGroup]) -> Result<(), ConfigError> {
                self.common_mut().set_groups(groups)
            }

            /// The signature schemes that the peer may sign the handshake with, in order of preference: all that are supported
            /// unless changed. What signs its certificates is not limited by them. TLS 1.3 does not sign with PKCS#1 v1.5: where
            /// there is nothing else, its handshakes fail.
            ///
            /// # Errors
            /// [`ConfigError`] for one that is not supported, an empty list or a repetition.
            pub fn set_signature_schemes(&mut self, schemes: &[SignatureScheme]) -> Result<(), ConfigError> {
                self.common_mut().set_signature_schemes(schemes)
            }

            /// The application protocols (RFC 7301), in order of preference; none means that ALPN is not used.
            ///
            /// # Errors
            /// [`ConfigError::BadProtocolName`], [`ConfigError::TooManyProtocols`].
            pub fn set_alpn_protocols(&mut self, protocols: &[&[u8]]) -> Result<(), ConfigError> {
                self.common_mut().set_alpn_protocols(protocols)
            }

            /// Requires that an application protocol is negotiated (RFC 7301): a peer that does not know the extension is refused
            /// with no_application_protocol. It keeps a connection from being taken for one of another protocol (ALPACA).
            ///
            /// Default: off. A server then accepts clients that offer no protocol, and a client servers that choose none.
            pub fn set_require_alpn(&mut self, require: bool) {
                self.common_mut().computed.forget();
                self.common_mut().require_alpn = require;
            }

            /// The most bytes that a record of ours has on the wire, all overhead counted; `None` for the RFC's maximum.
            ///
            /// # Errors
            /// [`ConfigError::BadFragmentSize`] below 64 bytes, or above the maximum.
            pub fn set_max_fragment_size(&mut self, bytes: Option<usize>) -> Result<(), ConfigError> {
                self.common_mut().set_max_fragment_size(bytes)
            }

            /// Sets the largest record to receive, in bytes of plaintext, counting the content type and the
            /// padding of TLS 1.3: from 64 to 16,385, which is no limit. Peers that support record_size_limit
            /// (RFC 8449) send no longer ones, and one that does is refused with record_overflow.
            ///
            /// A client offers the extension if this is set. A server answers those that offer it in any case.
            /// Default: `None`.
            ///
            /// # Errors
            /// [`ConfigError::BadFragmentSize`].
            pub fn set_record_size_limit(&mut self, bytes: Option<u16>) -> Result<(), ConfigError> {
                self.common_mut().set_record_size_limit(bytes)
            }

            /// Short records of application data at first, and again after a pause, for a peer that wants to use the first of it
            /// soon; `None`, unless this says otherwise: all may have the
            /// [maximum size](Self::set_max_fragment_size), which a short record does not exceed either. Early data does without.
            ///
            /// # Errors
            /// [`ConfigError::BadFragmentSize`] for records below 64 bytes, or above the maximum.
            pub fn set_record_ramp_up(&mut self, ramp_up: Option<RecordRampUp>) -> Result<(), ConfigError> {
                self.common_mut().set_record_ramp_up(ramp_up)
            }

            /// Whether records are padded, so that their lengths tell less: not unless this says so. It takes no more memory than
            /// what goes over the wire, and no effect in TLS 1.2.
            pub fn set_record_padding(&mut self, padding: RecordPadding) {
                self.common_mut().padding = padding;
            }

            /// Whether TLS 1.2 is refused to peers that do not bind the master secret to the handshake (RFC 7627). It is used
            /// with all others in any case.
            pub fn set_require_ems(&mut self, require: bool) {
                self.common_mut().require_ems = require;
            }

            /// What else sessions are bound to: whatever decides whom the application trusts, as it knows best. A session that was
            /// established under one context is never resumed under another (RFC 9846 Appendix C.4).
            pub fn set_session_context(&mut self, context: &[u8]) {
                self.common_mut().computed.forget();
                self.common_mut().session_context = context.to_vec();
            }

            /// Bounds on what a peer can make us hold.
            pub fn set_limits(&mut self, limits: Limits) {
                self.common_mut().limits = limits;
            }

            /// Sets after how many records of a key no more data is sent under it, unless the limit of the AEAD comes earlier
            /// (RFC 9846 §5.5). In TLS 1.3 a KeyUpdate comes then. TLS 1.2 cannot change keys: sending ends with
            /// [`Error::KeyExhausted`](crate::Error::KeyExhausted) (RFC 9325 §4.4), Finished and close_notify counted, so that
            /// fewer than 3 leave nothing for data. What cannot wait for another key may pass this limit: tickets, alerts, and data
            /// before the client's Finished. Fewer than 2 count as 2: one with data, and the KeyUpdate. Default: the limit of the
            /// AEAD.
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
