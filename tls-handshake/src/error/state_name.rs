//! Names of states, for errors.

use std::fmt;

/// The state that a connection was in when an error occurred.
///
/// Displays what the connection did, then the state's name in RFC 9846 Appendix A, or a similar
/// name for TLS 1.2: `while the client waited for ServerHello (WAIT_SH)`. Compare the name, not the
/// text: `state == "WAIT_SH"`.
#[derive(Clone, Copy)]
pub struct StateName {
    side: Side,
    name: &'static str,
    stage: Stage,
}

/// The side of a connection that an error is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Client,
    Server,
}

/// The progress of a connection.
#[derive(Clone, Copy)]
enum Stage {
    /// The peer has sent no complete hello. The text says what this side did.
    First(&'static str),
    Handshaking(&'static str),
    Connected12,
    Connected13,
    /// An error ended the connection.
    Ended,
}

impl StateName {
    /// A server that waits for a ClientHello.
    pub const START: Self = Self::first(Side::Server, "START", "waited for ClientHello");

    pub(crate) const ENDED: Self = Self { side: Side::Client, name: "", stage: Stage::Ended };

    /// Names a state before the peer's first hello. `action` follows "the client".
    pub(crate) const fn first(side: Side, name: &'static str, action: &'static str) -> Self {
        Self { side, name, stage: Stage::First(action) }
    }

    /// Names a state of a client's handshake. `action` follows "the client".
    pub(crate) const fn client(name: &'static str, action: &'static str) -> Self {
        Self { side: Side::Client, name, stage: Stage::Handshaking(action) }
    }

    /// Names a state of a server's handshake. `action` follows "the server".
    pub(crate) const fn server(name: &'static str, action: &'static str) -> Self {
        Self { side: Side::Server, name, stage: Stage::Handshaking(action) }
    }

    pub(crate) const fn connected12(side: Side) -> Self {
        Self { side, name: "CONNECTED", stage: Stage::Connected12 }
    }

    pub(crate) const fn connected13(side: Side) -> Self {
        Self { side, name: "CONNECTED", stage: Stage::Connected13 }
    }

    /// Returns the name of the state in RFC 9846 Appendix A, or a similar one for TLS 1.2. A name
    /// such as `WAIT_CERT (verdict)` means that the connection waits for the application.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        self.name
    }

    /// Returns whether this side is the client.
    #[must_use]
    pub fn is_client(&self) -> bool {
        self.side == Side::Client
    }

    /// Returns whether the peer has sent no complete hello yet.
    pub(crate) fn is_first(&self) -> bool {
        matches!(self.stage, Stage::First(_))
    }

    /// Returns whether the server may not have verified the client's certificate yet, although the
    /// handshake is complete: in TLS 1.3 it does so after the client's last flight.
    pub(crate) fn precedes_client_verdict(&self) -> bool {
        self.is_client() && matches!(self.stage, Stage::Connected13)
    }
}

/// The text follows from the side and the name.
impl PartialEq for StateName {
    fn eq(&self, other: &Self) -> bool {
        (self.side, self.name) == (other.side, other.name)
    }
}

impl Eq for StateName {}

impl PartialEq<&str> for StateName {
    fn eq(&self, other: &&str) -> bool {
        self.name == *other
    }
}

impl fmt::Display for StateName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = match self.side {
            Side::Client => "client",
            Side::Server => "server",
        };
        // The application's part is in the text.
        let name = self.name.split(" (").next().unwrap_or_default();
        match self.stage {
            Stage::First(action) | Stage::Handshaking(action) => write!(f, "while the {side} {action} ({name})"),
            Stage::Connected12 | Stage::Connected13 => {
                write!(f, "after the {side} had completed the handshake ({name})")
            }
            Stage::Ended => f.write_str("after the connection had failed"),
        }
    }
}

impl fmt::Debug for StateName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {:?}", self.side, self.name)
    }
}
