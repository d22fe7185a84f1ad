//! Client certificates: a server that authenticates its clients.
//!
//! A server requests a certificate if it has a
//! [`ClientCertVerifier`](crate::ClientCertVerifier). Three exist:
//!
//! | verifier | client without a certificate | client with an invalid certificate |
//! |---|---|---|
//! | [`NoClientAuth`](crate::NoClientAuth) (default) | accepted | is not asked for one |
//! | [`AllowAnyAuthenticatedClient`](crate::AllowAnyAuthenticatedClient) | rejected | rejected |
//! | [`AllowAnyAnonymousOrAuthenticatedClient`](crate::AllowAnyAnonymousOrAuthenticatedClient) | accepted | rejected |
//!
//! A client presents a certificate if it has an [`Identity`](crate::Identity)
//! ([`set_client_identity`](crate::ClientConfig::set_client_identity)) or a
//! [resolver](crate::ResolvesClientCert).
//!
//! ```
//! use std::sync::Arc;
//! use strata_tls::{AllowAnyAuthenticatedClient, ClientConfig, ClientSession, ServerConfig, ServerSession, Session};
//!
//! # let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
//! # let (cert, key) = (made.cert.pem().into_bytes(), made.signing_key.serialize_pem().into_bytes());
//! # let mut params = rcgen::CertificateParams::default();
//! # params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
//! # let ca_key = rcgen::KeyPair::generate()?;
//! # let clients_ca = params.self_signed(&ca_key)?.pem().into_bytes();
//! # let issuer = rcgen::Issuer::new(params, ca_key);
//! # let client_key = rcgen::KeyPair::generate()?;
//! # let client_cert = rcgen::CertificateParams::default().signed_by(&client_key, &issuer)?.pem().into_bytes();
//! # let client_key = client_key.serialize_pem().into_bytes();
//! let mut server_config = ServerConfig::from_pem(&cert, &key)?;
//! let client_cas = strata_tls::root_store_from_pem(&clients_ca)?;
//! server_config.set_client_cert_verifier(Arc::new(AllowAnyAuthenticatedClient::new(client_cas)))?;
//!
//! let mut client_config = ClientConfig::with_roots(strata_tls::root_store_from_pem(&cert)?);
//! client_config.set_client_identity(strata_tls::Identity::from_pem(&client_cert, &client_key)?);
//!
//! let mut server = ServerSession::new(&Arc::new(server_config));
//! let mut client = ClientSession::new(&Arc::new(client_config), "localhost")?;
//! while client.wants_write() || server.wants_write() {
//!     let (mut to_server, mut to_client) = (Vec::new(), Vec::new());
//!     client.write_tls(&mut to_server)?;
//!     server.read_tls(&mut &to_server[..])?;
//!     server.process_new_packets()?;
//!     server.write_tls(&mut to_client)?;
//!     if !to_client.is_empty() {
//!         client.read_tls(&mut &to_client[..])?;
//!         client.process_new_packets()?;
//!     }
//! }
//! let presented = server.peer_certificates().ok_or("the client is anonymous")?;
//! assert_eq!(presented, strata_tls::certs_from_pem(&client_cert)?);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Authentication is not authorization
//!
//! A verified chain says who issued the certificate. What that client may do is for the application
//! to decide, from [`peer_certificates`](crate::Session::peer_certificates). The library checks
//! possession of the key (CertificateVerify) before anything of the certificate is believed.
//!
//! # When the client learns of a rejection
//!
//! In TLS 1.3 a client has finished its handshake before the server verifies its certificate. The
//! rejection arrives as an alert with a later read. A client that must know reads before it relies
//! on the connection.
//!
//! # Resumption
//!
//! A resumed connection keeps the client's certificate: `peer_certificates` returns it. The session
//! ends with the first certificate of that chain that expires. Sessions of one client identity are
//! not resumed by another: the identity is part of the resumption scope on both sides.
//!
//! # Client certificates and external keys
//!
//! A server that requires certificates does not accept
//! [external pre-shared keys](super::external_psks): the combination is an error of the
//! configuration, since a client with such a key would come in without a certificate.
