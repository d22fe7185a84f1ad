//! Exported keying material agrees with OpenSSL (RFC 5705, RFC 9846 §7.5).

use std::io::Write;
use std::net::TcpListener;
use std::sync::Arc;

use libtest_mimic::Trial;
use strata_tls::{ClientSession, ProtocolVersion, ServerSession, Session, StreamOwned};

use crate::certificates::{Kind, client_config, server_config};
use crate::openssl_server::OpensslServer;
use crate::processes::{Output, Running, TIMEOUT, connect};
use crate::programs::Program;
use crate::{Outcome, trial};

const NEEDS: &[Program] = &[Program::Openssl];
const LABEL: &str = "EXPERIMENTAL interoperability";
/// OpenSSL exports without a context.
const OPTIONS: [&str; 4] = ["-keymatexport", LABEL, "-keymatexportlen", "77"];

pub(crate) fn trials() -> Vec<Trial> {
    [(ProtocolVersion::TLS13, "-tls1_3"), (ProtocolVersion::TLS12, "-tls1_2")]
        .into_iter()
        .flat_map(|(version, option)| {
            [
                trial(format!("exporters::openssl_client::{version}"), NEEDS, move || with_client(option)),
                trial(format!("exporters::openssl_server::{version}"), NEEDS, move || with_server(version)),
            ]
        })
        .collect()
}

fn exported(session: &impl Session) -> Result<String, String> {
    let mut material = [0; 77];
    session.export_keying_material(&mut material, LABEL.as_bytes(), None).map_err(|e| e.to_string())?;
    Ok(material.iter().map(|byte| format!("{byte:02X}")).collect())
}

fn agree(ours: &str, theirs: &Output) -> Outcome {
    Ok(theirs.wait_for(&format!("Keying material: {ours}"))?)
}

fn with_client(option: &str) -> Outcome {
    let config = server_config(Kind::EcdsaP256)?;
    let listener = TcpListener::bind("127.0.0.1:0").map_err(|e| e.to_string())?;
    let address = listener.local_addr().map_err(|e| e.to_string())?.to_string();
    let mut command = Program::Openssl.command();
    command.args(["s_client", "-connect", &address, option]).args(OPTIONS);
    let client = Running::start(command)?;
    let (socket, _) = listener.accept().map_err(|e| e.to_string())?;
    socket.set_read_timeout(Some(TIMEOUT)).map_err(|e| e.to_string())?;
    let mut stream = StreamOwned::new(ServerSession::new(&Arc::new(config)), socket);
    stream.flush().map_err(|e| format!("the handshake: {e}"))?;
    agree(&exported(&stream.session)?, &client.stdout)
}

fn with_server(version: ProtocolVersion) -> Outcome {
    let server = OpensslServer::start_any_version(Kind::EcdsaP256, &OPTIONS)?;
    let mut config = client_config()?;
    config.set_versions(&[version]).map_err(|e| e.to_string())?;
    let session = ClientSession::new(&Arc::new(config), "localhost").map_err(|e| e.to_string())?;
    let socket = connect(server.port)?;
    let mut stream = StreamOwned::new(session, socket);
    stream.flush().map_err(|e| format!("the handshake: {e}"))?;
    agree(&exported(&stream.session)?, &server.running.stdout)
}
