//! HTTP of a running job: `/metrics`, `/live`, `/ready`, `/status`. One thread of its own, which reads a snapshot when it
//! is asked: a busy dataflow does not delay an answer, and an answer does not delay the dataflow.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;

use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use tokio::sync::oneshot;

use super::{Status, metrics};
use crate::progress::Progress;

const INDEX: &str = "/metrics  numbers for Prometheus
/live     200 while the process works
/ready    200 while its views can be relied on, else why not
/status   everything, as JSON; `greenwave status` shows it
";

/// Where to listen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpSettings {
    /// `host:port`.
    pub address: String,
    /// Nobody asked for this very address: any free port does where it is taken.
    pub may_move: bool,
}

#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    #[error("cannot listen at {address} for http: {why}; free it, or write another `http` or none in the settings")]
    Taken { address: String, why: io::Error },
}

/// The server. Dropping it ends it.
pub struct Http {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Http {
    pub fn start(settings: &HttpSettings, progress: Arc<Progress>) -> Result<Self, HttpError> {
        let taken = |why| HttpError::Taken { address: settings.address.clone(), why };
        let listener = bind(settings).map_err(taken)?;
        let address = listener.local_addr().map_err(taken)?;
        listener.set_nonblocking(true).map_err(taken)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(taken)?;
        let (stop, stopped) = oneshot::channel();
        let serve = move || {
            runtime.block_on(async {
                match tokio::net::TcpListener::from_std(listener) {
                    Ok(listener) => drop(tokio::spawn(axum::serve(listener, routes(progress)).into_future())),
                    Err(error) => tracing::warn!(%error, "http is off"),
                }
                let _ = stopped.await;
            });
        };
        let thread = std::thread::Builder::new().name("http".into()).spawn(serve).map_err(taken)?;
        Ok(Self { address, stop: Some(stop), thread: Some(thread) })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Http {
    fn drop(&mut self) {
        drop(self.stop.take());
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

fn bind(settings: &HttpSettings) -> io::Result<TcpListener> {
    let taken = match TcpListener::bind(&settings.address) {
        Err(error) if settings.may_move && error.kind() == io::ErrorKind::AddrInUse => error,
        outcome => return outcome,
    };
    let host = settings.address.rsplit_once(':').map_or(settings.address.as_str(), |(host, _port)| host);
    let listener = TcpListener::bind(format!("{host}:0"))?;
    let address = listener.local_addr()?;
    tracing::info!(%address, usual = settings.address, why = %taken, "http listens at another address");
    Ok(listener)
}

fn routes(progress: Arc<Progress>) -> Router {
    let status = move || Status::of(&progress.snapshot());
    let (live, ready, numbers) = (status.clone(), status.clone(), status.clone());
    Router::new()
        .route("/", get(async || INDEX))
        .route("/live", get(async move || verdict(live().hangs(), "live")))
        .route("/ready", get(async move || verdict(ready().unready, "ready")))
        .route(
            "/metrics",
            get(async move || ([(header::CONTENT_TYPE, metrics::TEXT)], metrics::exposition(&numbers()))),
        )
        .route("/status", get(async move || ([(header::CONTENT_TYPE, "application/json")], json(&status()))))
}

fn verdict(against: Option<String>, well: &str) -> impl IntoResponse + use<> {
    match against {
        None => (StatusCode::OK, format!("{well}\n")),
        Some(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")),
    }
}

fn json(status: &Status) -> String {
    serde_json::to_string(status).expect("plain data with text keys") + "\n"
}
