//! OpenSSL, over streams in memory. Sessions are not resumed, because that requires a call that its
//! crate marks as unsafe.

use std::io::{self, Read, Write};

use openssl::{
    pkey::PKey,
    ssl::{
        ErrorCode, Ssl, SslContext, SslContextBuilder, SslMethod, SslSessionCacheMode, SslStream, SslVerifyMode,
        SslVersion,
    },
    x509::{X509, store::X509StoreBuilder},
};

use crate::{Certificates, Choice, Endpoint, Library, Pem, Setup, Shown, Side, Version};

/// OpenSSL.
#[derive(Debug)]
pub struct OpenSsl {
    certificates: Certificates,
    setup: Setup,
    client: SslContext,
    server: SslContext,
}

fn context(certificates: &Certificates, setup: Setup, side: Side) -> SslContext {
    let mut context = SslContext::builder(SslMethod::tls()).expect("a context");
    let version = match setup.version {
        Version::Tls13 => SslVersion::TLS1_3,
        Version::Tls12 => SslVersion::TLS1_2,
    };
    context.set_min_proto_version(Some(version)).expect("supported");
    context.set_max_proto_version(Some(version)).expect("supported");
    context.set_session_cache_mode(SslSessionCacheMode::OFF);
    if setup.choice != Choice::Defaults {
        context.set_ciphersuites("TLS_AES_128_GCM_SHA256").expect("supported");
        context.set_cipher_list("ECDHE-ECDSA-AES128-GCM-SHA256").expect("supported");
        // OpenSSL has hybrid groups since 3.5.
        if setup.choice != Choice::Hybrid || context.set_groups_list("X25519MLKEM768:X25519:P-256").is_err() {
            context.set_groups_list("X25519:P-256").expect("supported");
        }
        context.set_num_tickets(setup.tickets().into()).expect("few");
    }
    let both = setup.certificates == Shown::ByBoth;
    if side == Side::Server || both {
        show(certificates, setup, &mut context);
    }
    if side == Side::Client || both {
        trust(certificates, &mut context);
    }
    context.build()
}

fn show(certificates: &Certificates, setup: Setup, context: &mut SslContextBuilder) {
    let Pem { chain, key } = certificates.with(setup.key);
    let key = PKey::private_key_from_pem(key.as_bytes()).expect("our own key");
    let chain = X509::stack_from_pem(chain.as_bytes()).expect("our own certificates");
    let mut chain = chain.into_iter();
    context.set_certificate(&chain.next().expect("a leaf")).expect("our own certificate");
    chain.for_each(|issuer| context.add_extra_chain_cert(issuer).expect("our own certificate"));
    context.set_private_key(&key).expect("our own key");
}

fn trust(certificates: &Certificates, context: &mut SslContextBuilder) {
    let mut store = X509StoreBuilder::new().expect("a store");
    store.add_cert(X509::from_pem(certificates.root.as_bytes()).expect("our own root")).expect("our own root");
    context.set_cert_store(store.build());
    context.set_verify(SslVerifyMode::PEER | SslVerifyMode::FAIL_IF_NO_PEER_CERT);
}

impl Library for OpenSsl {
    const NAME: &'static str = "openssl";
    type Client = Stream;
    type Server = Stream;

    fn new(certificates: &Certificates, setup: Setup) -> Self {
        assert!(!setup.resumes(), "sessions are not resumed here");
        let of = |side| context(certificates, setup, side);
        Self { certificates: certificates.clone(), setup, client: of(Side::Client), server: of(Side::Server) }
    }

    fn sharing(&self, side: Side) -> Self {
        let Self { client, server, .. } = Self::new(&self.certificates, self.setup);
        let (client, server) = match side {
            Side::Client => (self.client.clone(), server),
            Side::Server => (client, self.server.clone()),
        };
        Self { certificates: self.certificates.clone(), setup: self.setup, client, server }
    }

    fn client(&self) -> Stream {
        let mut ssl = Ssl::new(&self.client).expect("a client");
        ssl.set_hostname("localhost").expect("a name");
        ssl.param_mut().set_host("localhost").expect("a name");
        ssl.set_connect_state();
        let mut client = Stream::new(ssl);
        client.process();
        client
    }

    fn server(&self) -> Stream {
        let mut ssl = Ssl::new(&self.server).expect("a server");
        ssl.set_accept_state();
        Stream::new(ssl)
    }
}

/// An OpenSSL session.
#[derive(Debug)]
pub struct Stream {
    stream: SslStream<Pipe>,
    handshaking: bool,
    /// OpenSSL cannot expose plaintext in place.
    read: Vec<u8>,
}

impl Stream {
    fn new(ssl: Ssl) -> Self {
        let stream = SslStream::new(ssl, Pipe::default()).expect("a stream");
        Self { stream, handshaking: true, read: vec![0; 16 * 1024] }
    }
}

/// Received bytes that are not read yet, and bytes for the peer.
#[derive(Debug, Default)]
struct Pipe {
    incoming: Vec<u8>,
    taken: usize,
    outgoing: Vec<u8>,
}

impl Read for Pipe {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match (&self.incoming[self.taken..]).read(buffer)? {
            0 => Err(io::ErrorKind::WouldBlock.into()),
            length => {
                self.taken += length;
                Ok(length)
            }
        }
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.outgoing.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Endpoint for Stream {
    fn read_tls(&mut self, from: &mut dyn Read) -> io::Result<usize> {
        let Pipe { incoming, taken, .. } = self.stream.get_mut();
        incoming.drain(..std::mem::take(taken));
        from.read_to_end(incoming)
    }

    fn write_tls(&mut self, to: &mut dyn Write) -> io::Result<usize> {
        let outgoing = &mut self.stream.get_mut().outgoing;
        to.write_all(outgoing)?;
        let length = outgoing.len();
        outgoing.clear();
        Ok(length)
    }

    fn process(&mut self) {
        if self.handshaking {
            let waits = |e: openssl::ssl::Error| {
                assert_eq!(e.code(), ErrorCode::WANT_READ, "{e}");
                true
            };
            self.handshaking = self.stream.do_handshake().is_err_and(waits);
        }
        if !self.handshaking {
            // Messages after the handshake are read only together with data.
            let _ = self.stream.ssl_peek(&mut [0]);
        }
    }

    fn is_handshaking(&self) -> bool {
        self.handshaking
    }

    fn is_resumed(&self) -> bool {
        self.stream.ssl().session_reused()
    }

    fn wants_write(&self) -> bool {
        !self.stream.get_ref().outgoing.is_empty()
    }

    fn write(&mut self, plaintext: &[u8]) -> io::Result<usize> {
        self.stream.write(plaintext)
    }

    fn read(&mut self, plaintext: &mut [u8]) -> io::Result<usize> {
        self.stream.read(plaintext)
    }

    fn read_in_place(&mut self) -> usize {
        let Self { stream, read, .. } = self;
        stream.read(read).unwrap_or(0)
    }
}
