//! Messages and lists that outlive the buffer they arrived in.

use alloc::boxed::Box;
use core::{fmt, marker::PhantomData};

use crate::{
    error::DecodeError,
    handshake::{Certificate, CertificateRequest, ClientHello, NewSessionTicket},
    list::List,
    reader::{Decode, Reader, decode_all},
};

/// The encoded bytes of a message `M`, checked once; [`Owned::get`] decodes them again.
///
/// There are no owned versions of the message types: the encoded message is kept, in one
/// allocation.
///
/// ```
/// use strata_tls_codec::{NewSessionTicketView, Owned};
///
/// let body = [0, 0, 0, 60, 1, 2, 3, 4, 0, 0, 1, 0xaa, 0, 0];
/// let kept = Owned::<NewSessionTicketView>::parse(&body)?;
/// assert_eq!(kept.get()?.ticket, [0xaa]);
/// # Ok::<(), strata_tls_codec::DecodeError>(())
/// ```
pub struct Owned<M: View> {
    wire: Box<[u8]>,
    message: PhantomData<M>,
}

impl<M: View> Owned<M> {
    /// Copies the body of a message, without its header, if it decodes.
    ///
    /// # Errors
    /// The decoding error of the message; nothing is allocated then.
    pub fn parse(wire: &[u8]) -> Result<Self, DecodeError> {
        decode_all::<M::Of<'_>>(wire)?;
        Ok(Self { wire: wire.into(), message: PhantomData })
    }

    /// Copies the body of a message without decoding it. The caller has decoded it already.
    ///
    /// ```
    /// use strata_tls_codec::{NewSessionTicketView, Owned};
    ///
    /// assert!(Owned::<NewSessionTicketView>::of_decoded(b"not a ticket").get().is_err());
    /// ```
    #[must_use]
    pub fn of_decoded(wire: &[u8]) -> Self {
        Self { wire: wire.into(), message: PhantomData }
    }

    /// Decodes the message.
    ///
    /// # Errors
    /// None if the bytes decoded before. The `Result` avoids a panic otherwise.
    pub fn get(&self) -> Result<M::Of<'_>, DecodeError> {
        decode_all(&self.wire)
    }

    /// Returns the encoded body of the message.
    #[must_use]
    pub fn wire(&self) -> &[u8] {
        &self.wire
    }
}

impl<M: View> Clone for Owned<M> {
    fn clone(&self) -> Self {
        Self { wire: self.wire.clone(), message: PhantomData }
    }
}

impl<M: View> PartialEq for Owned<M> {
    fn eq(&self, other: &Self) -> bool {
        self.wire == other.wire
    }
}

impl<M: View> Eq for Owned<M> {}

impl<M: View> fmt::Debug for Owned<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Owned").field("bytes", &self.wire.len()).finish()
    }
}

/// A [`List`] that outlives its message: the elements as the peer sent them, in one allocation.
///
/// It takes no more memory than the list took on the wire.
///
/// ```
/// use strata_tls_codec::{List, NamedGroup, Reader, owned::OwnedList};
///
/// let groups = List::<NamedGroup>::decode_body(Reader::new(&[0x00, 0x1d, 0x00, 0x17]))?;
/// let stored = OwnedList::new(groups);
/// assert_eq!(stored.get::<NamedGroup>(), Ok(groups));
/// # Ok::<(), strata_tls_codec::DecodeError>(())
/// ```
#[derive(Debug, Default)]
pub struct OwnedList(Box<[u8]>);

impl OwnedList {
    /// Copies the elements of `list`.
    #[must_use]
    pub fn new<T>(list: List<'_, T>) -> Self {
        Self(list.bytes().into())
    }

    /// Returns the list. `T` must be the type of the list that was copied.
    ///
    /// # Errors
    /// None with the same `T`, since the same bytes decoded before.
    pub fn get<'a, T: Decode<'a>>(&'a self) -> Result<List<'a, T>, DecodeError> {
        List::decode_body(Reader::new(&self.0))
    }
}

/// Names a message type for [`Owned`], independent of the lifetime of its bytes.
pub trait View {
    /// The message type.
    type Of<'a>: Decode<'a>;
}

/// [`ClientHello`].
#[derive(Clone, Copy, Debug)]
pub struct ClientHelloView;
impl View for ClientHelloView {
    type Of<'a> = ClientHello<'a>;
}

/// [`Certificate`].
#[derive(Clone, Copy, Debug)]
pub struct CertificateView;
impl View for CertificateView {
    type Of<'a> = Certificate<'a>;
}

/// [`CertificateRequest`].
#[derive(Clone, Copy, Debug)]
pub struct CertificateRequestView;
impl View for CertificateRequestView {
    type Of<'a> = CertificateRequest<'a>;
}

/// [`NewSessionTicket`].
#[derive(Clone, Copy, Debug)]
pub struct NewSessionTicketView;
impl View for NewSessionTicketView {
    type Of<'a> = NewSessionTicket<'a>;
}
