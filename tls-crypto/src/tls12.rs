//! The key derivation of TLS 1.2: the master secret and everything derived from it.
//!
//! ```
//! use strata_tls_crypto::tls12::MasterSecret;
//! use strata_tls_crypto::{Backend, EphemeralKey, Group, Transcript};
//! use strata_tls_crypto::TLS12_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256;
//!
//! let suite = TLS12_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256;
//! let backend = Backend::ring();
//! let client = EphemeralKey::generate(backend, Group::X25519)?;
//! let server = EphemeralKey::generate(backend, Group::X25519)?;
//! let (client_random, server_random) = ([1; 32], [2; 32]);
//! let shared = server.agree(&client.public_key())?;
//!
//! let mut transcript = Transcript::new(backend, suite.hash);
//! transcript.add(b"ClientHello to ClientKeyExchange");
//! let master = MasterSecret::extended(backend, suite.hash, shared, &transcript.hash());
//! let keys = master.key_block(suite.aead, &client_random, &server_random);
//!
//! // The client's Finished is the first protected record.
//! let (mut sealer, mut opener) = (keys.client_sealer(), keys.client_opener());
//! let verify_data = master.client_finished(&transcript.hash());
//! let overhead = sealer.overhead();
//! let mut record = vec![0; 5 + overhead.before];
//! record.extend([20, 0, 0, 12]);
//! record.extend(verify_data);
//! record.resize(record.len() + overhead.after, 0);
//! sealer.seal(22, &mut record)?;
//!
//! let opened = opener.open(&mut record)?;
//! assert_eq!(opened.content_type, 22);
//! assert!(master.verify_client_finished(&transcript.hash(), &record[opened.content][4..]));
//! # Ok::<(), strata_tls_crypto::Error>(())
//! ```

mod key_block;
mod master;
mod prf;

pub use key_block::KeyBlock;
pub use master::{ExporterSecret, MasterSecret};
pub use prf::prf;

#[cfg(test)]
mod captures;
