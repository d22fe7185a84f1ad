//! Fingerprints of hellos: JA3 and JA4.
//!
//! Clients with the same TLS library and settings have the same fingerprint. JA4 survives a change
//! of name, and the permutation of extensions by browsers; JA3 does not. They take strict and
//! [lenient](crate::lenient) hellos. GREASE values are left out.
//!
//! The functions that hash need the feature `fingerprint`, which adds the crates `sha2` and
//! `md-5`. Those that write the text before it is hashed do not.
//!
//! ```
//! use strata_tls_codec::fingerprint::{Transport, write_ja3, write_ja4_raw};
//! use strata_tls_codec::{ClientHello, Writer};
//!
//! let mut body = vec![3, 3];
//! body.extend([7; 32]); // random
//! body.extend([0, 0, 4, 0x13, 0x02, 0x13, 0x01, 1, 0]);
//! body.extend([0, 15, 0, 43, 0, 3, 2, 3, 4, 0, 13, 0, 4, 0, 2, 4, 3]);
//! let hello = ClientHello::lenient(&body)?;
//!
//! let mut storage = [0; 128];
//! let mut w = Writer::new(&mut storage);
//! write_ja4_raw(hello, Transport::Tcp, &mut w)?;
//! assert_eq!(w.written(), b"t13i020200_1301,1302_000d,002b_0403");
//! let mut w = Writer::new(&mut storage);
//! write_ja3(hello, &mut w)?;
//! assert_eq!(w.written(), b"771,4866-4865,43-13,,");
//! # #[cfg(feature = "fingerprint")]
//! # {
//! use strata_tls_codec::fingerprint::{ja3, ja4};
//! assert_eq!(ja4(hello, Transport::Tcp), "t13i020200_62ed6f6ca7ad_3953dc75acc4");
//! assert_eq!(ja3(hello).as_str().len(), 32);
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Do not decide only by a fingerprint: anyone can send the hello of another program.

#![allow(
    single_use_lifetimes,
    reason = "anonymous lifetimes in `impl Trait` are unstable; newer compilers report none"
)]

#[cfg(feature = "fingerprint")]
mod hashed;
mod ja3;
mod ja4;
mod text;

#[cfg(feature = "fingerprint")]
#[cfg_attr(docsrs, doc(cfg(feature = "fingerprint")))]
pub use self::hashed::{Fingerprint, Ja3, Ja4, ja3, ja3s, ja4, ja4_original_order};
pub use self::{
    ja3::{write_ja3, write_ja3s},
    ja4::{Transport, write_ja4_raw, write_ja4_raw_original_order},
};
