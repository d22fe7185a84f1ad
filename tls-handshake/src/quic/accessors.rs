//! The accessors of a connection over QUIC: those of connections over records.

use std::sync::Arc;

use pki_types::{CertificateDer, ServerName};
use tls_codec::code_points::{CipherSuite, NamedGroup, ProtocolVersion, SignatureScheme};

use super::Connection;
use crate::client::Client;
use crate::connection::accessors;
use crate::error::Error;
use crate::negotiated::{Established, HandshakeKind};
use crate::server::Server;
use crate::states::Role;

accessors!(Connection);
