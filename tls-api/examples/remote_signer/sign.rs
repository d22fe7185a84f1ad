//! The signer process, which holds the private key.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use strata_tls::SignatureScheme;
use tls_crypto::PrivateKey;
use zeroize::Zeroizing;

use crate::options::{Context, Failure};

/// The maximum length of a message to sign. TLS messages are shorter.
const MAX_MESSAGE: u32 = 1 << 16;

pub(crate) fn run(key: &Path, port: u16, delay: u64) -> Result<(), Failure> {
    let pem = Zeroizing::new(std::fs::read(key).context(format!("--key {}", key.display()))?);
    let key = Arc::new(PrivateKey::from_bytes(&pem).context(format!("--key {}", key.display()))?);
    let listener = TcpListener::bind(("127.0.0.1", port)).context(format!("cannot listen on port {port}"))?;
    println!("listening on {}", listener.local_addr().context("the address")?);
    for server in listener.incoming() {
        let (server, key) = (server.context("accepting a server")?, Arc::clone(&key));
        thread::spawn(move || {
            // The thread ends with the connection.
            let _ = sign_for(server, &key, Duration::from_millis(delay));
        });
    }
    Ok(())
}

/// Signs each request in a thread of its own, so that delays overlap.
fn sign_for(mut server: TcpStream, key: &Arc<PrivateKey>, delay: Duration) -> io::Result<()> {
    let answers = Arc::new(Mutex::new(server.try_clone()?));
    loop {
        let mut header = [0; 8 + 2 + 4];
        server.read_exact(&mut header)?;
        let (number, rest) = header.split_at(8);
        let number: [u8; 8] = number.try_into().map_err(io::Error::other)?;
        let scheme = SignatureScheme(u16::from_be_bytes([rest[0], rest[1]]));
        let length = u32::from_be_bytes([rest[2], rest[3], rest[4], rest[5]]);
        if length > MAX_MESSAGE {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let mut message = vec![0; length as usize];
        server.read_exact(&mut message)?;
        let (key, answers) = (Arc::clone(key), Arc::clone(&answers));
        thread::spawn(move || {
            thread::sleep(delay);
            let signature = sign(&key, scheme, &message).unwrap_or_default();
            let mut answer = number.to_vec();
            answer.extend(u32::try_from(signature.len()).unwrap_or_default().to_be_bytes());
            answer.extend(signature);
            let mut answers = answers.lock().unwrap_or_else(PoisonError::into_inner);
            // Fails if the server has closed the connection.
            let _ = answers.write_all(&answer);
        });
    }
}

/// Signs `message`. Returns `None`, sent as an empty signature, if the key does not support
/// `scheme`.
fn sign(key: &PrivateKey, scheme: SignatureScheme, message: &[u8]) -> Option<Vec<u8>> {
    let algorithm = key.algorithms().iter().copied().find(|algorithm| algorithm.id() == scheme.0)?;
    key.sign(tls_crypto::Backend::ring(), algorithm, message).ok()
}
