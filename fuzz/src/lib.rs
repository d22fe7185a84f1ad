//! Code shared by the targets: an identity, and a driver that feeds a connection like a socket and
//! checks its invariants at each step.

pub mod asynchronous;
pub mod attack;
pub mod insider;
pub mod pki;
pub mod second_opinion;
pub mod session;
pub mod tickets;

use std::sync::Arc;

use pki_types::{CertificateDer, PrivateKeyDer, UnixTime, pem::PemObject};
use tls_crypto::PrivateKey;
use tls_handshake::{
    Answer, ClientConnection, Error, Identity, Need, Outgoing, Processed, Progress, RootCertStore, ServerConnection,
    tls_codec::record::{HEADER_LEN, MAX_CIPHERTEXT},
};

/// Chain, key and root in `identity/`, as PEM.
pub const PEM: [&[u8]; 3] = [
    include_bytes!("../identity/leaf.pem"),
    include_bytes!("../identity/leaf.key"),
    include_bytes!("../identity/ca.pem"),
];

/// Returns a time within the validity of the certificates, the same in every run.
pub fn now() -> UnixTime {
    UnixTime::since_unix_epoch(std::time::Duration::from_secs(1_900_000_000))
}

/// Returns the server's identity.
pub fn identity() -> Arc<Identity> {
    let chain = vec![CertificateDer::from_pem_slice(PEM[0]).unwrap()];
    let key = PrivateKey::from_der(&PrivateKeyDer::from_pem_slice(PEM[1]).unwrap()).unwrap();
    Arc::new(Identity::new(chain, key).unwrap())
}

/// Returns the client's trust anchors.
pub fn roots() -> RootCertStore {
    let mut roots = RootCertStore::new();
    roots.add(&CertificateDer::from_pem_slice(PEM[2]).unwrap()).unwrap();
    roots
}

/// A client or server connection.
pub trait Engine {
    fn process(&mut self, incoming: &mut [u8], outgoing: &mut Outgoing) -> Result<Processed, Error>;
    fn resume(&mut self, answer: Answer, outgoing: &mut Outgoing) -> Result<Option<Need>, Error>;
    fn error(&self) -> Option<&Error>;
    fn end_of_input(&mut self) -> Result<(), Error>;
}

macro_rules! engine {
    ($($connection:ty),*) => { $(
        impl Engine for $connection {
            fn process(&mut self, incoming: &mut [u8], outgoing: &mut Outgoing) -> Result<Processed, Error> {
                self.process(incoming, outgoing)
            }
            fn resume(&mut self, answer: Answer, outgoing: &mut Outgoing) -> Result<Option<Need>, Error> {
                self.resume(answer, outgoing)
            }
            fn error(&self) -> Option<&Error> {
                self.error()
            }
            fn end_of_input(&mut self) -> Result<(), Error> {
                self.end_of_input()
            }
        }
    )* };
}

engine!(ClientConnection, ServerConnection);

/// Feeds `stream` to the connection in chunks of `chunk` bytes, then the end of input. The
/// connection must not request more than a record, buffer more output than a flight, or loop
/// without progress. After an error it must have sent the alert, and return the same error again.
pub fn feed(engine: &mut impl Engine, stream: &[u8], chunk: usize, answer: impl Fn(Need) -> Answer) {
    let mut outgoing = Outgoing::new();
    let result = run(engine, &mut outgoing, stream, chunk.max(1), answer);
    let Err(error) = result.and_then(|()| engine.end_of_input()) else { return };
    if error != Error::Truncated {
        assert_eq!(engine.error(), Some(&error));
        assert_eq!(engine.process(&mut [22, 3, 3, 0, 1, 0], &mut outgoing).err(), Some(error));
    }
}

fn run(
    engine: &mut impl Engine,
    outgoing: &mut Outgoing,
    stream: &[u8],
    chunk: usize,
    answer: impl Fn(Need) -> Answer,
) -> Result<(), Error> {
    let mut buffer = Vec::new();
    let mut idle = 0;
    for bytes in stream.chunks(chunk) {
        buffer.extend_from_slice(bytes);
        loop {
            let Processed { consumed, progress } = check_alert(engine.process(&mut buffer, outgoing), outgoing)?;
            idle = if consumed == 0 { idle + 1 } else { 0 };
            assert!(idle < 1000 + stream.len(), "no progress");
            match progress {
                Progress::NeedMoreInput { at_least } => {
                    assert!(at_least > 0 && buffer.len() - consumed + at_least <= HEADER_LEN + MAX_CIPHERTEXT);
                    buffer.drain(..consumed);
                    break;
                }
                Progress::ApplicationData(range) | Progress::EarlyData(range) => {
                    assert!(range.start <= range.end && range.end <= consumed)
                }
                Progress::Need(first) => {
                    let mut need = Some(first);
                    while let Some(asked) = need {
                        need = check_alert(engine.resume(answer(asked), outgoing), outgoing)?;
                    }
                }
                Progress::Paused => panic!("paused although every request was answered"),
                Progress::PeerClosed => return Ok(()),
                Progress::Continue | Progress::HandshakeComplete => {}
            }
            buffer.drain(..consumed);
        }
        assert!(outgoing.len() <= 1 << 16, "{} bytes are queued", outgoing.len());
        outgoing.consume(outgoing.len());
    }
    Ok(())
}

/// Checks that the alert for an error is queued.
fn check_alert<T>(result: Result<T, Error>, outgoing: &Outgoing) -> Result<T, Error> {
    if let Err(error) = &result {
        assert!(error.alert().is_none() || !outgoing.is_empty(), "no alert for {error:?}");
    }
    result
}
