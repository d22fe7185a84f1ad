//! The configurations of both roles, and the settings that both have.
//!
//! A configuration holds the engine's configuration, the objects that connections call
//! (`*Runtime`), and the resumption scope.

/// The settings of both roles, expanded inside `impl ClientConfig` and `impl ServerConfig` so that
/// each page documents them.
macro_rules! shared_settings {
    () => {
        /// Sets the library that computes everything that connections need: random values, hashes,
        /// keys, and the signatures of both sides, also those of certificates if the verifier is
        /// one of this library's. Default: [`Backend::ring`](crate::Backend::ring).
        ///
        /// Backends differ in what they support: see [`manual::backends`](crate::manual::backends).
        /// [`validate`](Self::validate) rejects a group or signature scheme that the backend lacks,
        /// whatever the order of the settings. Peers, sessions and tickets do not depend on it:
        /// what one backend sealed, another opens.
        ///
        /// ```
        /// # fn configure(config: &mut strata_tls::ServerConfig) {
        /// # #[cfg(feature = "aws-lc-rs")]
        /// config.set_backend(strata_tls::Backend::aws_lc());
        /// # }
        /// ```
        pub fn set_backend(&mut self, backend: $crate::Backend) {
            self.engine_mut().set_backend(backend);
            self.apply_backend();
        }

        /// Returns the library that computes.
        #[must_use]
        pub fn backend(&self) -> $crate::Backend {
            self.engine.original().backend()
        }

        /// Sets the application protocols (ALPN, RFC 7301), in order of preference. A client offers
        /// them. A server selects the first of its list that the client offers, and rejects a
        /// client that offers only others. Default: none, which disables ALPN.
        ///
        /// Names are texts or bytes, without a length before them:
        /// `set_alpn_protocols(["h2", "http/1.1"])`.
        ///
        /// # Errors
        /// [`ConfigError`](crate::ConfigError) for a name of 0 or more than 255 bytes, or too many
        /// names.
        pub fn set_alpn_protocols(
            &mut self,
            protocols: impl IntoIterator<Item: AsRef<[u8]>>,
        ) -> Result<(), $crate::ConfigError> {
            self.engine_mut().set_alpn_protocols(protocols)
        }

        /// Requires that the handshake negotiates an application protocol. Without one, also
        /// because the peer does not support ALPN, the handshake fails with
        /// no_application_protocol. This prevents cross-protocol attacks (ALPACA).
        ///
        /// [`validate`](Self::validate) rejects it without [protocols](Self::set_alpn_protocols).
        /// Default: off.
        pub fn set_require_alpn(&mut self, require: bool) {
            self.engine_mut().set_require_alpn(require);
        }

        /// Sets the protocol versions. The newest version that both sides support is used,
        /// regardless of the order here. Older versions are not supported, because they are not
        /// secure. Default: TLS 1.3 and TLS 1.2.
        ///
        /// # Errors
        /// [`ConfigError`](crate::ConfigError) for an unsupported version, an empty list or a
        /// repetition.
        pub fn set_versions(&mut self, versions: &[$crate::ProtocolVersion]) -> Result<(), $crate::ConfigError> {
            self.engine_mut().set_versions(versions)
        }

        /// Returns whether `version` can be negotiated: it is enabled, and so is one of its cipher
        /// suites.
        #[must_use]
        pub fn has_version(&self, version: $crate::ProtocolVersion) -> bool {
            self.engine.original().has_version(version)
        }

        /// Sets the cipher suites of all versions, in order of preference. Default:
        /// [`ALL_CIPHERSUITES`](crate::ALL_CIPHERSUITES).
        ///
        /// # Errors
        /// [`ConfigError`](crate::ConfigError) for an unsupported cipher suite, an empty list or a
        /// repetition.
        pub fn set_cipher_suites(&mut self, suites: &[$crate::CipherSuite]) -> Result<(), $crate::ConfigError> {
            self.engine_mut().set_cipher_suites(suites)
        }

        /// Sets the key exchange groups, in order of preference. A client sends a key share for the
        /// first, and for the curve in it if it is hybrid and the curve is enabled too.
        ///
        /// X25519MLKEM768, SecP256r1MLKEM768, SecP384r1MLKEM1024, MLKEM768 and MLKEM1024 need the
        /// feature `post-quantum`, and exist only in TLS 1.3: TLS 1.2 uses the others. secp521r1
        /// needs the backend AWS-LC. Default: X25519MLKEM768 (with that feature), X25519, P-256,
        /// P-384.
        ///
        /// # Errors
        /// [`ConfigError`](crate::ConfigError) for an unsupported group, an empty list or a
        /// repetition.
        pub fn set_groups(&mut self, groups: &[$crate::NamedGroup]) -> Result<(), $crate::ConfigError> {
            self.engine_mut().set_groups(groups)
        }

        /// Sets the schemes that the peer may use for its handshake signature, in order of
        /// preference. They do not limit the signatures in its certificate chain. TLS 1.3 does not
        /// allow PKCS#1 v1.5 in the handshake: if the list contains nothing else, TLS 1.3
        /// handshakes fail. Default: all schemes of the backend.
        ///
        /// # Errors
        /// [`ConfigError`](crate::ConfigError) for an unsupported scheme, an empty list or a
        /// repetition.
        pub fn set_signature_schemes(
            &mut self,
            schemes: &[$crate::SignatureScheme],
        ) -> Result<(), $crate::ConfigError> {
            self.engine_mut().set_signature_schemes(schemes)
        }

        /// Requires extended master secret (RFC 7627) in TLS 1.2. It is always used with peers that
        /// support it. Default: off.
        pub fn set_require_ems(&mut self, require: bool) {
            self.engine_mut().set_require_ems(require);
        }

        /// Sets the size limit of a record to send, in bytes on the wire including all overhead,
        /// for example to match a path MTU. Default: `None`, the largest that TLS allows.
        ///
        /// # Errors
        /// [`ConfigError::BadFragmentSize`](crate::ConfigError::BadFragmentSize).
        pub fn set_max_fragment_size(&mut self, bytes: Option<usize>) -> Result<(), $crate::ConfigError> {
            self.engine_mut().set_max_fragment_size(bytes)
        }

        /// Sets the size limit of a record to receive, in bytes of plaintext including the content
        /// type and padding of TLS 1.3: from 64 to 16,385, which is no limit. Peers that support
        /// record_size_limit (RFC 8449) keep to it. A longer record is rejected with
        /// record_overflow.
        ///
        /// A client offers the extension if this is set. A server always answers it, and
        /// [max_fragment_length](crate::ClientConfig::set_max_fragment_length) too. Both keep to
        /// the peer's limit without any setting.
        /// [`Session::record_limits`](crate::Session::record_limits) returns the negotiated limits.
        /// Default: `None`.
        ///
        /// # Errors
        /// [`ConfigError::BadFragmentSize`](crate::ConfigError::BadFragmentSize).
        pub fn set_record_size_limit(&mut self, bytes: Option<u16>) -> Result<(), $crate::ConfigError> {
            self.engine_mut().set_record_size_limit(bytes)
        }

        /// Sends short records first, and again after an idle period, so that the peer can use the
        /// start of a response early. This includes data written before the handshake completes,
        /// but not early data (0-RTT).
        ///
        /// Each `write` reads the monotonic clock once to detect an idle period. Time during which
        /// earlier bytes are still pending does not count as idle. Default: `None`, which makes all
        /// records as long as [allowed](Self::set_max_fragment_size) and suits bulk data.
        ///
        /// # Errors
        /// [`ConfigError::BadFragmentSize`](crate::ConfigError::BadFragmentSize) for records that
        /// are too short, or longer than TLS allows.
        pub fn set_dynamic_record_sizing(
            &mut self,
            sizing: Option<$crate::DynamicRecordSizing>,
        ) -> Result<(), $crate::ConfigError> {
            self.engine_mut().set_record_ramp_up(sizing.as_ref().map($crate::DynamicRecordSizing::ramp_up))?;
            self.runtime_mut().idle_reset = sizing.map(|sizing| sizing.idle_reset);
            Ok(())
        }

        /// Pads encrypted TLS 1.3 records with zeros to hide their length: data, early data,
        /// alerts, and the handshake from EncryptedExtensions on. TLS 1.2 cannot pad.
        ///
        /// Padding uses bandwidth, and counts against the server's early data limit. It counts
        /// against the [send limit](crate::Session::set_buffer_limit) only once a record is made,
        /// so the last record may exceed that limit by less than a block. Default: no padding.
        ///
        /// ```
        /// use strata_tls::{ClientConfig, RecordPadding};
        ///
        /// ClientConfig::new().set_record_padding(RecordPadding::ToMultipleOf(512));
        /// ```
        pub fn set_record_padding(&mut self, padding: $crate::RecordPadding) {
            self.engine_mut().set_record_padding(padding);
        }

        /// Re-verifies the peer's stored chain before a session is resumed: path, validity, CRLs,
        /// pins, custom checks, and the name of a server. Stapled data is not stored, so it is not
        /// checked again. On failure the session is not resumed, and the handshake is a full one.
        ///
        /// Two things end a session in any case:
        /// * the verification result expires with the first certificate of the chain, the trust
        ///   anchor or a CRL ([`ProvenPath::valid_until`](crate::ProvenPath::valid_until));
        /// * a configuration with other trust anchors, CRLs or pins has another
        ///   [scope](Self::session_scope), and does not resume it.
        ///
        /// Re-verification covers results that change within one configuration, such as those of
        /// custom checks. Default: what
        /// [`ServerVerifier::needs_reverification`](crate::ServerVerifier::needs_reverification) or
        /// [`ClientCertVerifier::needs_reverification`](crate::ClientCertVerifier::needs_reverification)
        /// returns, which is on with CRLs, pins or custom checks.
        pub fn set_reverify_on_resumption(&mut self, reverify: bool) {
            self.runtime_mut().reverify = Some(reverify);
        }

        /// Sets how long sessions are resumed after the full handshake, in seconds. The time starts
        /// when the peer's chain was verified, or with the first ticket for a client without a
        /// certificate. Resumptions do not extend it. A client also keeps to the lifetime that the
        /// server sends with a ticket.
        ///
        /// 0 disables resumption. The maximum is 7 days (RFC 9846 §4.7.1). Default: 7 days.
        pub fn set_session_lifetime(&mut self, seconds: u32) {
            self.engine_mut().set_session_lifetime(seconds);
        }

        /// Adds application data to the [resumption scope](Self::session_scope). Sessions
        /// established under a different context are not resumed. Multi-tenant programs should set
        /// one context per tenant. Default: empty.
        pub fn set_session_context(&mut self, context: &[u8]) {
            self.context.application = context.to_vec();
            self.update_context();
        }

        /// Sets the clock for the validity of certificates and sessions. A
        /// [`Ticketer`](crate::Ticketer) has its own clock. Default:
        /// [`SystemClock`](crate::SystemClock).
        pub fn set_time_provider(&mut self, clock: std::sync::Arc<dyn $crate::TimeProvider>) {
            self.runtime_mut().clock = clock;
        }

        /// Sets where the secrets of connections are logged for debugging, for example
        /// [`KeyLogFile`](crate::KeyLogFile). Default: [`NoKeyLog`](crate::NoKeyLog).
        pub fn set_key_log(&mut self, key_log: std::sync::Arc<dyn $crate::KeyLog>) {
            self.engine_mut().set_key_log(key_log);
        }

        /// Sets which requests of the handshake the application answers, at once or later:
        /// [`Session::take_need`](crate::Session::take_need) returns them. All others are answered
        /// at once by the objects of this configuration. A request that the role never makes has no
        /// effect here.
        ///
        /// Defer what is slow or asynchronous: a database of identities, a signing service, a pool
        /// of threads for RSA signatures, a platform verifier, a remote session store.
        /// [`answer`](Self::answer) gives the answer that this configuration would have given, on
        /// any thread.
        ///
        /// * `IDENTITY` and `SESSION`: a server resumes a session only under the identity that a
        ///   full handshake would present. [`answer`](Self::answer) takes it from the resolver.
        /// * `SESSION`: a session storage is not called on the connection's thread. When a
        ///   connection fails, remove its
        ///   [`failed_sessions`](crate::ServerSession::failed_sessions).
        /// * `VERIFICATION`: this configuration's sessions are separate from those of
        ///   configurations that do not defer it, because another party verifies the peers.
        /// * `NEW_SESSION`: in TLS 1.3 data passes while the tickets are being made.
        ///
        /// Signatures of [remote keys](crate::Identity::with_remote_key) are always the
        /// application's. Default: [`Needs::NONE`](crate::Needs::NONE).
        pub fn set_deferred_needs(&mut self, needs: $crate::Needs) {
            let before = std::mem::replace(&mut self.runtime_mut().deferred, needs);
            self.update_deferred(before);
        }

        /// Answers a request from the objects of this configuration, as a connection does that does
        /// not [defer](Self::set_deferred_needs) it. May block, as these objects may; call it on a
        /// thread that may wait. A key outside this process fails to sign.
        #[must_use]
        pub fn answer(&self, need: $crate::Need) -> $crate::Answer {
            Role::answer(self.runtime.original(), need)
        }

        /// Returns the limits on what a peer can make this side store.
        #[must_use]
        pub fn limits(&self) -> &$crate::Limits {
            self.engine.original().limits()
        }

        /// Sets limits on what a peer can make this side store. Default:
        /// [`Limits::default`](crate::Limits::default).
        pub fn set_limits(&mut self, limits: $crate::Limits) {
            self.engine_mut().set_limits(limits);
        }
    };
}

/// The private half of [`shared_settings`], after the public methods.
macro_rules! shared_setting_helpers {
    ($engine:ty, $runtime:ty) => {
        pub(crate) fn engine_mut(&mut self) -> &mut $engine {
            #[cfg(feature = "quic")]
            self.quic.take();
            self.engine.get_mut()
        }

        /// Returns the engine's configuration for QUIC.
        #[cfg(feature = "quic")]
        pub(crate) fn for_quic(&self) -> Result<&tls_handshake::quic::Config<$engine>, $crate::Contradiction> {
            match self.quic.get() {
                Some(config) => Ok(config),
                None => {
                    self.validate()?;
                    let config = tls_handshake::quic::Config::<$engine>::new(self.engine.original())?;
                    Ok(self.quic.get_or_init(|| config))
                }
            }
        }

        fn runtime_mut(&mut self) -> &mut $runtime {
            self.runtime.get_mut()
        }

        fn update_context(&mut self) {
            let context = self.context.encode();
            self.engine_mut().set_session_context(&context);
        }
    };
}

pub(crate) mod client;
pub(crate) mod client_runtime;
pub(crate) mod clock;
pub(crate) mod dynamic_record_sizing;
pub(crate) mod key_log;
pub(crate) mod server;
pub(crate) mod server_runtime;
pub(crate) mod session_scope;
