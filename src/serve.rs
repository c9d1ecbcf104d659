//! Serving HTTP/1.1 behind the gateway, with the limits of S21: what a client may cost before its request is understood
//! is bounded in bytes and in time.
use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use mipo_runtime::Shutdown;
use tokio::net::TcpListener;
use tower::ServiceExt as _;

use crate::Failure;

/// Request line and headers have at most so many bytes.
const HEADER_BYTES: usize = 16 * 1024;
/// They arrive within this time; a connection that is kept open sends the next ones within it.
const HEADER_TIME_OUT: Duration = Duration::from_secs(30);
/// After `accept` failed, which mostly means that no file is left.
const BREATH: Duration = Duration::from_secs(1);

/// Serves until the shutdown; open streams are ended by their own services, the rest gets its answer.
pub(crate) async fn serve(listener: TcpListener, router: Router, shutdown: Shutdown) -> Result<(), Failure> {
    serve_within(listener, router, shutdown, HEADER_TIME_OUT).await;
    Ok(())
}

async fn serve_within(listener: TcpListener, router: Router, shutdown: Shutdown, time_out: Duration) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(time_out)
        .max_header_size(HEADER_BYTES)
        // Bodies pass through the same buffer, piece by piece.
        .max_buf_size(HEADER_BYTES);
    let open = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = shutdown.stopping() => break,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::select! { () = tokio::time::sleep(BREATH) => {}, () = shutdown.stopping() => {} }
                continue;
            }
        };
        // Small answers and events are not held back.
        let _ = stream.set_nodelay(true);
        let router = router.clone();
        let service = service_fn(move |request: Request<Incoming>| answer(router.clone(), peer, request));
        let connection = open.watch(http.serve_connection(TokioIo::new(stream), service));
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                // Clients hang up, stall and send rubbish; none of it is ours to mend.
                tracing::debug!(%error, %peer, "a connection ended early");
            }
        });
    }
    drop(listener);
    open.shutdown().await;
}

async fn answer(router: Router, peer: SocketAddr, request: Request<Incoming>) -> Result<Response, Infallible> {
    let mut request = request.map(Body::new);
    request.extensions_mut().insert(ConnectInfo(peer));
    router.oneshot(request).await
}

#[cfg(test)]
mod tests {
    use axum::routing::{get, post};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpStream;

    use super::*;

    /// A running server and its address.
    async fn server(time_out: Duration) -> (SocketAddr, Shutdown, tokio::task::JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let router = Router::new()
            .route("/", get(|ConnectInfo(peer): ConnectInfo<SocketAddr>| async move { format!("hello {}", peer.ip()) }))
            .route("/length", post(|body: axum::body::Bytes| async move { body.len().to_string() }));
        let shutdown = Shutdown::manual();
        let serving = tokio::spawn(serve_within(listener, router, shutdown.clone(), time_out));
        (address, shutdown, serving)
    }

    async fn said(address: SocketAddr, request: &[u8]) -> String {
        let mut stream = TcpStream::connect(address).await.expect("connects");
        // A server that refuses early may close before everything is written.
        let _ = stream.write_all(request).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8_lossy(&answer).into_owned()
    }

    fn with_header(bytes: usize) -> Vec<u8> {
        format!("GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\nx-long: {}\r\n\r\n", "y".repeat(bytes)).into_bytes()
    }

    #[tokio::test]
    async fn headers_are_bounded_in_bytes() {
        let (address, _shutdown, _serving) = server(HEADER_TIME_OUT).await;
        let fits = said(address, &with_header(15 * 1024)).await;
        assert!(fits.starts_with("HTTP/1.1 200") && fits.ends_with("hello 127.0.0.1"), "{fits}");
        for bytes in [16 * 1024, 300 * 1024] {
            let refused = said(address, &with_header(bytes)).await;
            assert!(refused.is_empty() || refused.starts_with("HTTP/1.1 431"), "{refused}");
        }
    }

    #[tokio::test]
    async fn headers_that_do_not_arrive_end_the_connection() {
        let (address, _shutdown, _serving) = server(Duration::from_millis(200)).await;
        // Without the time-out this would wait for ever.
        let nothing = tokio::time::timeout(Duration::from_secs(60), said(address, b"GET / HTTP/1.1\r\nhost:")).await;
        assert!(!nothing.expect("the server hangs up").contains("200"));
    }

    #[tokio::test]
    async fn bodies_may_be_larger_than_headers() {
        let (address, _shutdown, _serving) = server(HEADER_TIME_OUT).await;
        let head = b"POST /length HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 1000000\r\n\r\n";
        let request = [&head[..], &vec![b'z'; 1_000_000]].concat();
        assert!(said(address, &request).await.ends_with("1000000"));
    }

    #[tokio::test]
    async fn a_shutdown_ends_idle_connections() {
        let (address, shutdown, serving) = server(HEADER_TIME_OUT).await;
        let mut idle = TcpStream::connect(address).await.expect("connects");
        idle.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("writes");
        let mut first = [0; 12];
        idle.read_exact(&mut first).await.expect("answers");
        shutdown.stop();
        serving.await.expect("ends");
    }
}
