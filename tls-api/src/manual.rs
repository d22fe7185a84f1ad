//! The manual: how to use the library, and why it is built as it is.
//!
//! Each chapter is a module without items. Read them in this order, or go to the one you need.
//!
//! | chapter | answers |
//! |---|---|
//! | [`defaults`] | What do I have to configure? What is on, and what does not exist? |
//! | [`trust`] | Which servers does a client accept? Roots, CRLs, OCSP, CT, pins, self-signed certificates |
//! | [`identities`] | Where does a certificate come from, and how is it renewed? Several names, remote keys |
//! | [`client_certificates`] | How does a server authenticate its clients? |
//! | [`resumption`] | Tickets or a store? How does a fleet of servers share sessions? |
//! | [`early_data`] | What does 0-RTT cost, and when is it safe? |
//! | [`external_psks`] | How do two machines connect without certificates? |
//! | [`io`] | How do I drive a connection: blocking streams, event loops, other runtimes |
#![cfg_attr(feature = "tokio", doc = "| [`asynchronous`] | How do I use it under tokio? |")]
#![cfg_attr(
    all(feature = "axum", feature = "hyper"),
    doc = "| [`http`] | How do I use it with hyper, axum, tonic and other crates? |"
)]
#![cfg_attr(feature = "quic", doc = "| [`quic`] | How do I use it within QUIC? |")]
//! | [`backends`] | Which library computes, and what does it support? |
//! | [`errors`] | What does this error mean, and what do I do about it? |
//! | [`limits`] | How much can a peer make me hold or compute? |
//! | [`coming_from_rustls`] | Which call replaces which? |
//! | [`architecture`] | How is the library built, and where do I change it? |
//! | [`security`] | What is defended against, and what is not? |
//! | [`performance`] | How fast is it, how much memory does it take, and how do I keep it so? |

pub mod architecture;
#[cfg(feature = "tokio")]
#[cfg_attr(docsrs, doc(cfg(feature = "tokio")))]
pub mod asynchronous;
pub mod backends;
pub mod client_certificates;
pub mod coming_from_rustls;
pub mod defaults;
pub mod early_data;
pub mod errors;
pub mod external_psks;
#[cfg(all(feature = "axum", feature = "hyper"))]
#[cfg_attr(docsrs, doc(cfg(all(feature = "axum", feature = "hyper"))))]
pub mod http;
pub mod identities;
pub mod io;
pub mod limits;
pub mod performance;
#[cfg(feature = "quic")]
#[cfg_attr(docsrs, doc(cfg(feature = "quic")))]
pub mod quic;
pub mod resumption;
pub mod security;
pub mod trust;
