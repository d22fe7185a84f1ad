//! States without records: messages are carried from one end to the other by hand, and what a state does is recorded.

use std::collections::VecDeque;
use std::sync::Arc;

use tls_codec::code_points::{HandshakeType, NamedGroup};
use tls_codec::handshake::{Split, split_message};
use tls_codec::writer::Writer;
use tls_crypto::SystemRandom;

use super::pair::Pki;
use crate::client::Client;
use crate::client::hello::WaitServerHello;
use crate::config::{ClientConfig, ServerConfig};
use crate::error::Error;
use crate::framed::{Framed, RecordBoundary};
use crate::need::{Answer, Need};
use crate::record::{Joined, Joiner};
use crate::role::{States, Step};
use crate::schedule::{Epoch, ReadKey, WriteKey};
use crate::server::Server;
use crate::server::hello::WaitClientHello;
use crate::sink::{EncodeMessage, Event, Sink};

/// What a state asked of the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Send(HandshakeType),
    ChangeCipherSpec,
    InstallRead(Epoch),
    InstallWrite(Epoch),
    Secret(&'static str),
}

/// A world that only remembers.
#[derive(Default)]
pub(super) struct Recorder {
    pub(super) actions: Vec<Action>,
    pub(super) sent: VecDeque<Vec<u8>>,
}

impl Sink for Recorder {
    fn send(&mut self, encode: &mut EncodeMessage<'_>) -> Result<&[u8], Error> {
        let mut message = Vec::new();
        encode(&mut Writer::append(&mut message))?;
        self.actions.push(Action::Send(HandshakeType(message[0])));
        self.sent.push_back(message);
        Ok(self.sent.back().unwrap())
    }

    fn send_change_cipher_spec(&mut self) -> Result<(), Error> {
        self.actions.push(Action::ChangeCipherSpec);
        Ok(())
    }

    fn install_read(&mut self, key: ReadKey, _: RecordBoundary) {
        self.actions.push(Action::InstallRead(key.epoch));
    }

    fn install_write(&mut self, key: WriteKey) -> Result<(), Error> {
        self.actions.push(Action::InstallWrite(key.epoch));
        Ok(())
    }

    fn event(&mut self, event: Event<'_>) {
        let Event::Secret(secret) = event;
        self.actions.push(Action::Secret(secret.label));
    }
}

/// One end: a state, its world, and the join of messages that were cut.
pub(super) struct End<S> {
    pub(super) state: Option<S>,
    pub(super) world: Recorder,
    joiner: Joiner,
}

impl<S: States> End<S> {
    pub(super) fn new(state: S, world: Recorder) -> Self {
        Self { state: Some(state), world, joiner: Joiner::new(0x1_0000) }
    }

    /// Gives it one fragment, and the answers that it asks for.
    pub(super) fn deliver(&mut self, mut fragment: &[u8], answer: &mut dyn FnMut(Need) -> Answer) -> Result<(), Error> {
        while !fragment.is_empty() {
            match self.joiner.next(fragment)? {
                Joined::Partial => break,
                Joined::InPlace { message, rest } => {
                    fragment = rest;
                    self.message(Framed::new(message, rest), answer)?;
                }
                Joined::Completed { rest } => {
                    fragment = rest;
                    let joined = self.joiner.take();
                    let Split::Message { message, .. } = split_message(&joined) else { panic!("it is whole") };
                    self.message(Framed::new(message, rest), answer)?;
                }
            }
        }
        Ok(())
    }

    fn message(
        &mut self,
        message: Framed<'_, tls_codec::handshake::RawMessage<'_>>,
        answer: &mut dyn FnMut(Need) -> Answer,
    ) -> Result<(), Error> {
        let state = self.state.take().expect("an end that did not fail");
        let mut step = state.on_message(message, &mut self.world)?;
        loop {
            match step {
                Step::Next(state) => {
                    self.state = Some(state);
                    return Ok(());
                }
                Step::Ask(state, need) => step = state.on_answer(answer(need), &mut self.world)?,
            }
        }
    }

    pub(super) fn is_connected(&self) -> bool {
        self.state.as_ref().is_some_and(|state| state.established().is_some())
    }

    pub(super) fn name(&self) -> &'static str {
        self.state.as_ref().map_or("failed", States::name)
    }
}

/// Which handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Full,
    Retry,
}

pub(super) fn configs(kind: Kind) -> (ClientConfig, ServerConfig) {
    let (mut client, mut server) = (ClientConfig::new(), ServerConfig::new());
    client.set_alpn_protocols(&[b"h2", b"http/1.1"]).unwrap();
    server.set_alpn_protocols(&[b"http/1.1"]).unwrap();
    if kind == Kind::Retry {
        server.set_groups(&[NamedGroup::SECP256R1]).unwrap();
    }
    (client, server)
}

pub(super) fn client(config: ClientConfig) -> End<Client> {
    let mut world = Recorder::default();
    let name = "a.test".try_into().unwrap();
    let state = WaitServerHello::start(Arc::new(config), name, &SystemRandom, &mut world).unwrap();
    End::new(Client::WaitServerHello(state), world)
}

pub(super) fn server(config: ServerConfig) -> End<Server> {
    End::new(Server::WaitClientHello(WaitClientHello::new(Arc::new(config), &SystemRandom)), Recorder::default())
}

/// Answers at once. The chain is believed, so that what the messages prove by themselves is seen.
pub(super) fn answers(pki: &Pki) -> impl FnMut(Need) -> Answer + '_ {
    |need| match need {
        Need::Verdict(need) => need.answer(Ok(())),
        other => pki.answer(other),
    }
}

/// Who found what, while it was given which message.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) side: &'static str,
    pub(super) at: HandshakeType,
    pub(super) error: Error,
}

/// How a run ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    BothConnected,
    /// Both wait: on a transport, `end_of_input` ends it.
    Waiting,
    Failed(Failure),
}

/// Carries messages both ways until nothing moves; `tamper` sees each with its number.
pub(super) fn run(
    client: &mut End<Client>,
    server: &mut End<Server>,
    answer: &mut dyn FnMut(Need) -> Answer,
    tamper: &mut dyn FnMut(usize, &mut Vec<u8>),
) -> Outcome {
    let mut number = 0;
    loop {
        let before = number;
        for side in ["server", "client"] {
            let queue = if side == "server" { &mut client.world.sent } else { &mut server.world.sent };
            for mut message in std::mem::take(queue) {
                let at = HandshakeType(message[0]);
                tamper(number, &mut message);
                number += 1;
                let taken = match side {
                    "server" => server.deliver(&message, answer),
                    _ => client.deliver(&message, answer),
                };
                if let Err(error) = taken {
                    return Outcome::Failed(Failure { side, at, error });
                }
            }
        }
        if number == before {
            let both = client.is_connected() && server.is_connected();
            return if both { Outcome::BothConnected } else { Outcome::Waiting };
        }
    }
}
