//! [`AnswersNeeds`]: answers what the handshake requests, asynchronously; for example a signature
//! by a remote key.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use crate::session::io_loop::protocol_error;
use crate::{Answer, AnySession, Error, Need, Session};
#[cfg(doc)]
use crate::{ClientConfig, Needs, ServerConfig, ServerSession};

/// Answers the requests that a configuration defers: from a database, a key management service, a
/// pool of threads, or a remote store of sessions.
///
/// Only the kinds that [`ServerConfig::set_deferred_needs`] or [`ClientConfig::set_deferred_needs`]
/// names arrive here, and the signatures of keys outside this process. The configuration answers
/// all others at once. `async fn` implements the methods:
///
/// ```
/// use std::sync::Arc;
/// use strata_tls::tokio::{AnswersNeeds, TlsAcceptor};
/// use strata_tls::{Answer, Identity, Need, Needs, ServerConfig};
///
/// struct Tenants;
///
/// impl Tenants {
///     async fn load(&self, name: &str) -> Option<Arc<Identity>> {
///         # let _ = name;
///         None // from a database
///     }
/// }
///
/// impl AnswersNeeds for Tenants {
///     async fn answer(&self, need: Need) -> Answer {
///         match need {
///             Need::Identity(need) => match self.load(need.server_name().unwrap_or_default()).await {
///                 Some(identity) => need.answer(identity),
///                 None => need.refuse(),
///             },
///             other => other.refuse(),
///         }
///     }
/// }
///
/// let mut config = ServerConfig::with_identities([]);
/// config.set_deferred_needs(Needs::IDENTITY);
/// let mut acceptor = TlsAcceptor::new(Arc::new(config));
/// acceptor.set_answers(Tenants);
/// ```
///
/// The configuration's own objects may block, for example a verifier that asks the operating
/// system. To call them on a pool of threads, defer the kind and answer with
/// `spawn_blocking(move || config.answer(need))`.
///
/// The handshake waits for the answer. In TLS 1.3 it does not wait for tickets
/// ([`Needs::NEW_SESSION`]): they follow when they are ready. Only `shutdown` waits for them, when
/// all data is sent, because nothing follows its close_notify.
pub trait AnswersNeeds: Send + Sync + 'static {
    /// Answers a request. [`Need::refuse`] answers no.
    fn answer(&self, need: Need) -> impl Future<Output = Answer> + Send;

    /// Removes these sessions from the store, because a connection that created or resumed them has
    /// failed: those of [`ServerSession::failed_sessions`]. The error is returned to the
    /// application afterwards. Default: does nothing.
    fn remove_sessions(&self, ids: Vec<[u8; 32]>) -> impl Future<Output = ()> + Send {
        drop(ids);
        async {}
    }
}

impl<A: AnswersNeeds> AnswersNeeds for Arc<A> {
    fn answer(&self, need: Need) -> impl Future<Output = Answer> + Send {
        (**self).answer(need)
    }

    fn remove_sessions(&self, ids: Vec<[u8; 32]>) -> impl Future<Output = ()> + Send {
        (**self).remove_sessions(ids)
    }
}

/// The application's answers, of any type. Their futures own them.
pub(super) trait StartAnswers: Send + Sync {
    /// Starts to answer. Returns a request that nothing answers.
    fn start(self: Arc<Self>, need: Need) -> Result<Started, Need>;
    fn start_removal(self: Arc<Self>, ids: Vec<[u8; 32]>) -> Work;
}

impl<A: AnswersNeeds> StartAnswers for A {
    fn start(self: Arc<Self>, need: Need) -> Result<Started, Need> {
        Ok(Work::new(async move { Some(self.answer(need).await) }).into())
    }

    fn start_removal(self: Arc<Self>, ids: Vec<[u8; 32]>) -> Work {
        Work::new(async move {
            self.remove_sessions(ids).await;
            None
        })
    }
}

/// Answers the requests of an acceptor or a connector: the store those about sessions, if there is
/// one, and the application all others.
#[derive(Clone, Default)]
pub(super) struct Answerers {
    pub(super) store: Option<Arc<dyn StartAnswers>>,
    pub(super) application: Option<Arc<dyn StartAnswers>>,
}

impl Answerers {
    fn start(&self, mut need: Need) -> Result<Started, Need> {
        for answers in [&self.store, &self.application].into_iter().flatten() {
            match Arc::clone(answers).start(need) {
                Err(unanswered) => need = unanswered,
                started => return started,
            }
        }
        Err(need)
    }

    fn start_removal(&self, ids: Vec<[u8; 32]>) -> Option<Work> {
        let answers = self.store.as_ref().or(self.application.as_ref())?;
        Some(Arc::clone(answers).start_removal(ids))
    }
}

/// The answer, if there is one already, and the work that leads to it or follows it.
pub(super) struct Started {
    pub(super) answer: Option<Answer>,
    pub(super) work: Work,
}

impl From<Work> for Started {
    fn from(work: Work) -> Self {
        Self { answer: None, work }
    }
}

/// Work of the application, and its answer if it has one. The mutex is never locked: it makes the
/// stream `Sync` with a future that is not.
pub(super) struct Work {
    future: Mutex<Pin<Box<dyn Future<Output = Option<Answer>> + Send>>>,
    /// Another task than the last that polled, to wake at the end.
    closing: Option<Waker>,
}

impl Work {
    pub(super) fn new(future: impl Future<Output = Option<Answer>> + Send + 'static) -> Self {
        Self { future: Mutex::new(Box::pin(future)), closing: None }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Answer>> {
        let answer = ready!(self.future.get_mut().unwrap_or_else(PoisonError::into_inner).as_mut().poll(cx));
        self.closing.take().into_iter().for_each(Waker::wake);
        Poll::Ready(answer)
    }
}

/// Answers the requests of one session.
pub(super) struct Answering {
    answers: Option<Arc<Answerers>>,
    /// In a box, because an idle connection has none.
    work: Option<Box<Work>>,
}

impl Answering {
    pub(super) fn new(answers: Option<Arc<Answerers>>) -> Self {
        Self { answers, work: None }
    }

    /// Returns whether there is nothing to poll for this session.
    pub(super) fn is_idle(&self, session: &AnySession) -> bool {
        self.work.is_none() && !session.has_need()
    }

    /// Takes a request of the session, and answers it. Returns whether there was one. If it ends
    /// the connection, the session returns the error from now on.
    pub(super) fn poll(&mut self, session: &mut AnySession, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        if self.work.is_none() {
            let Some(need) = session.take_need() else { return Poll::Ready(Ok(false)) };
            let started = match &self.answers {
                Some(answers) => answers.start(need),
                None => Err(need),
            };
            match started {
                Ok(Started { answer: None, work }) => self.work = Some(Box::new(work)),
                Ok(Started { answer: Some(answer), work }) => {
                    self.work = Some(Box::new(work));
                    self.poll_work(cx);
                    return Poll::Ready(take_answer(session, Some(answer)));
                }
                Err(need) => return Poll::Ready(Err(unanswered(&need))),
            }
        }
        let Some(work) = &mut self.work else { return Poll::Ready(Ok(false)) };
        let answer = ready!(work.poll(cx));
        self.work = None;
        Poll::Ready(take_answer(session, answer))
    }

    /// Continues work that has no answer.
    pub(super) fn poll_work(&mut self, cx: &mut Context<'_>) {
        if self.work.as_mut().is_some_and(|work| work.poll(cx).is_ready()) {
            self.work = None;
        }
    }

    /// Answers requests until there is none, for a task that closes the connection: tickets cannot
    /// follow close_notify.
    pub(super) fn poll_all(&mut self, session: &mut AnySession, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            match self.poll(session, cx) {
                Poll::Ready(Ok(true)) => {}
                Poll::Ready(result) => return Poll::Ready(result.map(drop)),
                Poll::Pending => {
                    // A task that reads may poll next.
                    if let Some(work) = &mut self.work {
                        work.closing = Some(cx.waker().clone());
                    }
                    return Poll::Pending;
                }
            }
        }
    }

    /// Removes the sessions of a connection that has failed, after work that may still store them.
    /// `take_failed` returns their IDs.
    pub(super) fn poll_removal(
        &mut self,
        cx: &mut Context<'_>,
        mut take_failed: impl FnMut() -> Vec<[u8; 32]>,
    ) -> Poll<()> {
        loop {
            if let Some(work) = &mut self.work {
                let _ = ready!(work.poll(cx));
                self.work = None;
            }
            let Some(answers) = &self.answers else { return Poll::Ready(()) };
            let ids = take_failed();
            if ids.is_empty() {
                return Poll::Ready(());
            }
            self.work = answers.start_removal(ids).map(Box::new);
        }
    }
}

/// Gives the session an answer. If that ends the connection, the session returns the error.
fn take_answer(session: &mut AnySession, answer: Option<Answer>) -> io::Result<bool> {
    match answer.map(|answer| session.answer(answer)) {
        // The session still waits, and nothing will come.
        Some(Err(e @ Error::WrongAnswer)) => Err(protocol_error(e)),
        _ => Ok(true),
    }
}

#[cold]
fn unanswered(need: &Need) -> io::Error {
    let kind = need.kind();
    io::Error::other(format!("the handshake waits for {kind}, which the configuration defers; call set_answers"))
}
