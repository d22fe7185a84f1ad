//! Hellos that no peer may send, and that each side must reject.

use tls_handshake::{
    client::Client,
    server::Server,
    tls_codec::{ExtensionType, HandshakeType},
};

use super::{End, Setup, clear_messages, clear_record, framed};

/// The fields of a ClientHello or ServerHello.
#[derive(Clone)]
pub(super) struct Hello {
    typ: u8,
    /// legacy_version and random.
    pub(super) start: Vec<u8>,
    pub(super) session_id: Vec<u8>,
    /// The suites of a client with their length, or the suite of a server.
    pub(super) suites: Vec<u8>,
    /// The methods of a client with their length, or the method of a server.
    pub(super) compression: Vec<u8>,
    pub(super) extensions: Vec<(u16, Vec<u8>)>,
}

impl Hello {
    /// Reads a hello that an honest peer wrote.
    pub(super) fn of(message: &[u8]) -> Self {
        Self::read(message).expect("a hello")
    }

    /// Reads a hello; `None` if it is malformed.
    pub(super) fn read(message: &[u8]) -> Option<Self> {
        let (start, rest) = message.get(4..)?.split_at_checked(34)?;
        let (session_id, rest) = prefixed(rest, 1)?;
        let is_client = message[0] == HandshakeType::CLIENT_HELLO.0;
        // A server selects one of each.
        let length = if is_client { 2 + prefixed(rest, 2)?.0.len() } else { 2 };
        let (suites, rest) = rest.split_at_checked(length)?;
        let length = if is_client { 1 + prefixed(rest, 1)?.0.len() } else { 1 };
        let (compression, rest) = rest.split_at_checked(length)?;
        let (mut rest, trailing) = prefixed(rest, 2)?;
        let mut extensions = Vec::new();
        while let Some((typ, after)) = rest.split_first_chunk() {
            let (content, after) = prefixed(after, 2)?;
            extensions.push((u16::from_be_bytes(*typ), content.to_vec()));
            rest = after;
        }
        (rest.is_empty() && trailing.is_empty()).then(|| Self {
            typ: message[0],
            start: start.to_vec(),
            session_id: session_id.to_vec(),
            suites: suites.to_vec(),
            compression: compression.to_vec(),
            extensions,
        })
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let length = |length: usize| u16::try_from(length).unwrap().to_be_bytes();
        let mut block = Vec::new();
        for (typ, content) in &self.extensions {
            block.extend([&typ.to_be_bytes()[..], &length(content.len()), content].concat());
        }
        let id_length = [u8::try_from(self.session_id.len()).unwrap()];
        let Self { typ, start, session_id, suites, compression, .. } = self;
        framed(*typ, &[start, &id_length[..], session_id, suites, compression, &length(block.len()), &block].concat())
    }

    pub(super) fn extension(&mut self, typ: ExtensionType) -> Option<&mut Vec<u8>> {
        self.extensions.iter_mut().find(|(found, _)| *found == typ.0).map(|(_, content)| content)
    }

    pub(super) fn remove(&mut self, typ: ExtensionType) {
        self.extensions.retain(|(found, _)| *found != typ.0);
    }

    fn set(&mut self, typ: ExtensionType, content: &[u8]) {
        self.remove(typ);
        self.extensions.push((typ.0, content.to_vec()));
    }
}

/// Returns what a length of `size` bytes precedes, and the rest.
fn prefixed(bytes: &[u8], size: usize) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_at_checked(size)?;
    rest.split_at_checked(length.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)))
}

/// The hellos of a handshake with a HelloRetryRequest.
pub(super) struct Retry {
    first: Vec<u8>,
    request: Vec<u8>,
}

impl Retry {
    pub(super) fn new(first: &[u8], request: &[u8]) -> Self {
        Self { first: first.to_vec(), request: request.to_vec() }
    }

    /// Sends a HelloRetryRequest or a ServerHello that a client must reject, RFC 9846 §4.2.3,
    /// §4.2.4.
    pub(super) fn against_client(&self, at: usize, client: &mut End<Client>, server: &mut End<Server>) {
        let mut request = Hello::of(&self.request);
        let group = request.extension(ExtensionType::KEY_SHARE).unwrap();
        match at % 20 {
            // The group was offered with a share, or was not offered.
            0 => *group = vec![0, 29],
            1 => *group = vec![0, 24],
            2 => *group = vec![0x12, 0x34],
            // Nothing would change.
            3 => request.remove(ExtensionType::KEY_SHARE),
            4 => request.set(ExtensionType::SUPPORTED_VERSIONS, &[3, 3]),
            5 => request.remove(ExtensionType::SUPPORTED_VERSIONS),
            6 => request.session_id.push(1),
            7 => request.compression = vec![1],
            8 => request.suites = vec![0x13, 2],
            9 => request.extensions.push((0xaaaa, Vec::new())),
            10 => request.set(ExtensionType::ALPN, b"\0\x03\x02h2"),
            11 => request.set(ExtensionType::COOKIE, &[0, 0]),
            _ => {
                client.receive(&clear_record(&self.request)).expect("a HelloRetryRequest");
                let again = client.sent();
                server.receive(&again).expect("the second ClientHello");
                let second = clear_messages(&server.sent());
                return self.second_against_client(at % 20, &second, client);
            }
        }
        reject(client, &request);
    }

    fn second_against_client(&self, at: usize, hello: &[u8], client: &mut End<Client>) {
        let mut hello = Hello::of(hello);
        let share = hello.extension(ExtensionType::KEY_SHARE).unwrap();
        match at {
            12 => hello = Hello::of(&self.request),
            // The suite is offered, but is not that of the HelloRetryRequest.
            13 => hello.suites = vec![0x13, 3],
            // The group of the first share.
            14 => *share = [&[0, 29, 0, 32], &[9; 32][..]].concat(),
            15 => share[4..].fill(0),
            16 => share[68] ^= 1,
            17 => hello.set(ExtensionType::SUPPORTED_VERSIONS, &[3, 3]),
            18 => hello.extensions.push((ExtensionType::COOKIE.0, vec![0, 1, 7])),
            // An external key was not offered at this place.
            _ => hello.set(ExtensionType::PRE_SHARED_KEY, &[0, 1]),
        }
        reject(client, &hello);
    }

    /// Sends a second ClientHello that a server must reject.
    pub(super) fn against_server(&self, at: usize, again: &[u8], server: &mut End<Server>) {
        let mut hello = Hello::of(again);
        let share = hello.extension(ExtensionType::KEY_SHARE).unwrap();
        match at % 6 {
            0 => hello = Hello::of(&self.first),
            1 => share[6..].fill(0),
            2 => share[70] ^= 1,
            3 => *share = [0, 0].to_vec(),
            4 => hello.suites = vec![0, 2, 0x13, 3],
            _ => match hello.extension(ExtensionType::PRE_SHARED_KEY) {
                Some(content) if at / 6 % 2 == 1 => flip_binder(content, at),
                _ => hello.set(ExtensionType::SUPPORTED_VERSIONS, &[2, 3, 3]),
            },
        }
        reject(server, &hello);
    }
}

/// Sends a ClientHello that a server must reject: RFC 9846 §4.2.2, §4.3.
pub(super) fn against_server(at: usize, hello: &[u8], setup: &Setup, server: &mut End<Server>) {
    let mut hello = Hello::of(hello);
    let twice = hello.extensions[at / 16 % hello.extensions.len()].clone();
    let binders = hello.extension(ExtensionType::PRE_SHARED_KEY).cloned();
    match (at % 16, binders) {
        (0, _) => hello.extensions.insert(0, twice),
        (1, _) => hello.session_id = vec![0; 33],
        (2, _) => hello.compression = vec![0],
        (3, _) => hello.compression = vec![1, 1],
        (4, _) => hello.suites = vec![0, 0],
        (5, _) => hello.suites = vec![0, 3, 0x13, 1, 0],
        (6, _) => hello.suites = vec![0, 2, 0, 0x2f],
        (8, None) => hello.set(ExtensionType::SERVER_NAME, &[]),
        (9, None) => hello.set(ExtensionType::ALPN, b"\0\x05\x04http"),
        // The rest is about extensions of TLS 1.3.
        _ if setup.is_tls12 => return,
        (7, _) => hello.start[..2].copy_from_slice(&[3, 0]),
        // A server that sends a HelloRetryRequest checks the binder of the second ClientHello.
        (8, Some(mut content)) if !setup.is_retry => {
            flip_binder(&mut content, at / 16);
            hello.set(ExtensionType::PRE_SHARED_KEY, &content);
        }
        (9, Some(_)) => hello.extensions.push((0xaaaa, Vec::new())),
        (10, Some(_)) => hello.remove(ExtensionType::PSK_KEY_EXCHANGE_MODES),
        (10, None) => hello.remove(ExtensionType::SIGNATURE_ALGORITHMS),
        (11, _) => hello.compression = vec![2, 0, 1],
        (12, _) => hello.remove(ExtensionType::SUPPORTED_GROUPS),
        (13, _) => hello.set(ExtensionType::SUPPORTED_VERSIONS, &[2, 3, 1]),
        (14, None) => hello.set(ExtensionType::PRE_SHARED_KEY, &[]),
        (15, _) if !setup.is_retry => {
            hello.set(ExtensionType::KEY_SHARE, &[&[0, 36, 0, 29, 0, 32], &[0; 32][..]].concat());
        }
        _ => return,
    }
    reject(server, &hello);
}

/// Changes a bit of the last binder of a pre_shared_key extension.
fn flip_binder(content: &mut [u8], bit: usize) {
    *content.last_mut().unwrap() ^= 1 << (bit % 8);
}

fn reject<R: tls_handshake::Role>(side: &mut End<R>, hello: &Hello) {
    let result = side.receive(&clear_record(&hello.encode()));
    assert!(result.is_err(), "a forbidden hello was accepted: {:x?}", hello.encode());
    assert!(!side.sent().is_empty(), "no alert for {result:?}");
}
