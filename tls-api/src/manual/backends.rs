//! Which library computes, and what it supports.
//!
//! A configuration has a [`Backend`](crate::Backend), which computes everything that its
//! connections need. The default is ring. The feature `aws-lc-rs` adds AWS-LC, by the crate
//! aws-lc-rs:
//!
#![cfg_attr(feature = "aws-lc-rs", doc = "```")]
#![cfg_attr(not(feature = "aws-lc-rs"), doc = "```ignore")]
//! use strata_tls::{Backend, ClientConfig};
//!
//! let mut config = ClientConfig::new();
//! config.set_backend(Backend::aws_lc());
//! ```
//!
//! There is no default of the process, and nothing to install: two configurations of one process
//! may have different backends. The feature only adds a value, so a program whose dependency
//! enables it keeps ring.
//!
//! | | ring | AWS-LC |
//! |---|---|---|
//! | cipher suites | all | all |
//! | X25519, P-256, P-384 | yes | yes |
//! | hybrid and ML-KEM groups (feature `post-quantum`) | by libcrux | yes |
//! | P-521: key exchange, certificates, signatures | no | yes; the group is not in the default list |
//! | RSA (2048 to 8192 bits to verify, to 4096 to sign), Ed25519 | yes | yes |
//! | ECDSA over P-256 and P-384 in certificates | SHA-256, SHA-384 | SHA-256, SHA-384, SHA-512 |
//! | builds with | a C compiler | a C compiler; some targets need cmake, see aws-lc-rs |
//!
//! # What follows the configuration
//!
//! Random values, hashes, key schedules, records, QUIC packets, key exchange, the signatures of both
//! sides, and the ticketer that a server configuration makes for itself.
//!
//! * Verifiers of this library check certificates with the backend of the configuration that they
//!   are given to. A verifier of the application decides itself
//!   ([`for_backend`](crate::ClientCertVerifier::for_backend)).
//! * An [`Identity`](crate::Identity) belongs to no backend: its key is loaded into each one that
//!   can use it, and the configuration's signs. A P-521 identity needs AWS-LC.
//! * A [`Ticketer`](crate::Ticketer) that the application makes uses ring, unless
//!   [`with_backend`](crate::Ticketer::with_backend) or
//!   [`from_keys_with_backend`](crate::Ticketer::from_keys_with_backend) made it.
//! * Always by ring: hashes that only identify something (sessions, pins, scopes), the import of
//!   external pre-shared keys, the password-based keys of PKCS#12, and the tokens of quinn's endpoints.
//!
//! # What does not depend on it
//!
//! The bytes on the wire and the resumption scope. A server with AWS-LC resumes the sessions and
//! opens the tickets of one with ring, and the reverse.
//!
//! Groups and signature schemes are names. A configuration that names what its backend lacks is
//! rejected by [`validate`](crate::ServerConfig::validate) and by each connection, whatever the
//! order of the settings.
