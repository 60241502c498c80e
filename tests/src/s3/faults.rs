//! A reverse proxy that fails as stores and networks do. It changes no request, so that signatures stay good.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Frame, Incoming};
use hyper::header::{CONTENT_LENGTH, IF_NONE_MATCH};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::Barrier;

use crate::traffic::Random;

/// How many of a thousand requests meet each fault.
#[derive(Clone, Copy, Debug, Default)]
pub struct Faults {
    /// 503, and nothing is done.
    pub unavailable: u64,
    /// Answered after up to a second.
    pub slow: u64,
    /// Done, and the connection ends within the answer.
    pub truncated: u64,
    /// Done, and the connection ends before the answer.
    pub lost: u64,
    /// Of conditional puts: 409, and nothing is done.
    pub conflict: u64,
    /// Of conditional puts: done, and 412, as by a client that has sent it twice.
    pub exists: u64,
}

impl Faults {
    /// Each of them; those of conditional puts, of which there are few, three times as often.
    pub fn all(per_mille: u64) -> Self {
        let (any, put) = (per_mille, 3 * per_mille);
        Self { unavailable: any, slow: any, truncated: any, lost: any, conflict: put, exists: put }
    }

    /// Every request is refused.
    pub fn outage() -> Self {
        Self { unavailable: 1_000, ..Self::default() }
    }

    fn draw(&self, random: &mut Random, is_conditional: bool) -> Option<Fault> {
        let of_puts = |rate| if is_conditional { rate } else { 0 };
        let rates = [
            (self.unavailable, Fault::Unavailable),
            (self.slow, Fault::Slow),
            (self.truncated, Fault::Truncated),
            (self.lost, Fault::Lost),
            (of_puts(self.conflict), Fault::Conflict),
            (of_puts(self.exists), Fault::Exists),
        ];
        let mut drawn = random.below(1_000);
        rates.into_iter().find_map(|(rate, fault)| {
            let is_it = drawn < rate;
            drawn = drawn.saturating_sub(rate);
            is_it.then_some(fault)
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    Unavailable,
    Slow,
    Truncated,
    Lost,
    Conflict,
    Exists,
}

/// A request that has come through.
#[derive(Clone, Debug)]
pub struct Seen {
    pub method: String,
    pub path: String,
    /// Made only if nothing is there.
    pub is_conditional: bool,
    /// What the request says of encryption: the kind, and the key.
    pub encryption: Vec<String>,
}

/// Listens until it is dropped.
#[derive(Debug)]
pub struct FaultProxy {
    address: String,
    shared: Arc<Shared>,
    _runtime: Runtime,
}

struct Shared {
    upstream: String,
    state: Mutex<State>,
}

struct State {
    faults: Faults,
    random: Random,
    met: BTreeMap<Fault, u64>,
    seen: Vec<Seen>,
    gate: Option<(String, Arc<Barrier>)>,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "proxy of {}", self.upstream)
    }
}

impl FaultProxy {
    /// Before the server at `upstream`, faultless until told otherwise.
    pub fn start(upstream: String, seed: u64) -> Self {
        let runtime = Runtime::new().expect("the system has room for threads");
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a port is free");
        let address = listener.local_addr().expect("it is bound").to_string();
        let (faults, random) = (Faults::default(), Random::new(seed));
        let state = State { faults, random, met: BTreeMap::new(), seen: Vec::new(), gate: None };
        let shared = Arc::new(Shared { upstream, state: Mutex::new(state) });
        runtime.spawn(listen(listener, shared.clone()));
        Self { address, shared, _runtime: runtime }
    }

    /// `127.0.0.1:port`.
    pub fn address(&self) -> String {
        self.address.clone()
    }

    /// From now on.
    pub fn set(&self, faults: Faults) {
        self.shared.lock().faults = faults;
    }

    /// Holds puts of what ends so until `count` of them have come, and lets them through together.
    pub fn gate(&self, path_end: &str, count: usize) {
        self.shared.lock().gate = Some((path_end.to_owned(), Arc::new(Barrier::new(count))));
    }

    /// How often each fault was met.
    pub fn met(&self) -> BTreeMap<Fault, u64> {
        self.shared.lock().met.clone()
    }

    /// All requests so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.shared.lock().seen.clone()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn gate(&self, request: &Request<Incoming>) -> Option<Arc<Barrier>> {
        let state = self.lock();
        let (path_end, gate) = state.gate.as_ref()?;
        (request.method() == Method::PUT && request.uri().path().ends_with(path_end)).then(|| gate.clone())
    }

    /// Notes the request and says what it is to meet.
    fn meet(&self, request: &Request<Incoming>) -> Option<Fault> {
        let mut state = self.lock();
        let seen = Seen::of(request);
        let State { faults, random, .. } = &mut *state;
        let fault = faults.draw(random, seen.is_conditional);
        state.seen.push(seen);
        if let Some(fault) = fault {
            *state.met.entry(fault).or_default() += 1;
        }
        fault
    }
}

impl Seen {
    fn of(request: &Request<Incoming>) -> Self {
        let encryption = request.headers().iter().filter(|(name, _)| name.as_str().contains("server-side-encryption"));
        Self {
            method: request.method().to_string(),
            path: request.uri().path().to_owned(),
            is_conditional: request.method() == Method::PUT
                && request.headers().get(IF_NONE_MATCH).is_some_and(|condition| condition == "*"),
            encryption: encryption.filter_map(|(_, value)| Some(value.to_str().ok()?.to_owned())).collect(),
        }
    }
}

async fn listen(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept().await {
        let shared = shared.clone();
        tokio::spawn(async move {
            let service = service_fn(move |request| answer(request, shared.clone()));
            let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

/// An error ends the connection without an answer.
async fn answer(request: Request<Incoming>, shared: Arc<Shared>) -> Result<Response<Pieces>, Cut> {
    let fault = shared.meet(&request);
    if let Some(gate) = shared.gate(&request) {
        gate.wait().await;
    }
    match fault {
        Some(Fault::Unavailable) => return Ok(refusal(StatusCode::SERVICE_UNAVAILABLE, "SlowDown")),
        Some(Fault::Conflict) => return Ok(refusal(StatusCode::CONFLICT, "ConditionalRequestConflict")),
        Some(Fault::Slow) => {
            let wait_ms = shared.lock().random.below(1_000);
            tokio::time::sleep(Duration::from_millis(wait_ms)).await;
        }
        _ => {}
    }
    // A client that goes away does not undo what it has sent.
    let passed = tokio::spawn(pass_on(request, shared.upstream.clone()));
    let (head, body) = passed.await.ok().and_then(Result::ok).ok_or(Cut)?.into_parts();
    match fault {
        Some(Fault::Lost) => Err(Cut),
        Some(Fault::Exists) => Ok(refusal(StatusCode::PRECONDITION_FAILED, "PreconditionFailed")),
        Some(Fault::Truncated) if body.len() < 2 => Err(Cut),
        Some(Fault::Truncated) => {
            let half = body.slice(..body.len() / 2);
            Ok(Response::from_parts(head, Pieces([Ok(half), Err(Cut)].into())))
        }
        _ => Ok(Response::from_parts(head, Pieces([Ok(body)].into()))),
    }
}

async fn pass_on(
    request: Request<Incoming>,
    upstream: String,
) -> Result<Response<Bytes>, Box<dyn std::error::Error + Send + Sync>> {
    let (head, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    let stream = TcpStream::connect(&upstream).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let (head, body) = sender.send_request(Request::from_parts(head, Full::new(body))).await?.into_parts();
    Ok(Response::from_parts(head, body.collect().await?.to_bytes()))
}

fn refusal(status: StatusCode, code: &str) -> Response<Pieces> {
    let body = format!("<Error><Code>{code}</Code><Message>a fault of this test</Message></Error>");
    let mut answer = Response::new(Pieces([Ok(Bytes::from(body.clone()))].into()));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_LENGTH, body.len().into());
    answer
}

/// Ends a connection.
#[derive(Debug)]
struct Cut;

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("cut, as this test wants it")
    }
}

impl std::error::Error for Cut {}

/// A body whose length the head tells, and which may end before that.
struct Pieces(VecDeque<Result<Bytes, Cut>>);

impl Body for Pieces {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        Poll::Ready(self.0.pop_front().map(|piece| piece.map(Frame::data)))
    }
}
