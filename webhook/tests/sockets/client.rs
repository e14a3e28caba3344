//! Clients: TLS with or without a certificate, HTTP/1.1 by hand, HTTP/2 by hyper.

use std::{io, sync::Arc, time::Duration};

use axum::{body::Body, http::Request};
use http_body_util::BodyExt;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::{
    ClientConfig,
    pki_types::{CertificateDer, ServerName},
};
use serde_json::Value;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::{World, authority::Identity};

/// Long enough for everything that ends, in a test.
const LONG: Duration = Duration::from_secs(30);
/// Between two bytes of a slow client: each is in time, and all of them never are.
const PACE: Duration = Duration::from_millis(20);

/// A connection that speaks HTTP/2.
pub(crate) type Http2 = http2::SendRequest<Body>;
/// A connection to bytes.
pub(crate) type Stream = TlsStream<TcpStream>;

/// What must come to an end.
pub(crate) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(LONG, future).await.unwrap_or_else(|_| panic!("it did not come about: {what}"))
}

impl World {
    /// A connection that speaks one of these, as a client without a certificate or as this one.
    pub(crate) async fn connect(&self, alpn: &[u8], client: Option<&Identity>) -> io::Result<Stream> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(self.authority.roots());
        let mut config = match client {
            None => config.with_no_client_auth(),
            Some(client) => config.with_client_auth_cert(vec![client.der()], client.key()).unwrap(),
        };
        config.alpn_protocols = vec![alpn.to_vec()];
        let stream = TcpStream::connect(self.webhook.address).await?;
        stream.set_nodelay(true)?;
        let name = ServerName::try_from("127.0.0.1").unwrap();
        within("a handshake", TlsConnector::from(Arc::new(config)).connect(name, stream)).await
    }

    /// A connection that speaks HTTP/1.1.
    pub(crate) async fn http1(&self) -> Stream {
        self.connect(b"http/1.1", None).await.unwrap()
    }

    /// A connection that speaks HTTP/2.
    pub(crate) async fn http2(&self) -> Http2 {
        let stream = TokioIo::new(self.connect(b"h2", None).await.unwrap());
        let (sender, connection) = http2::handshake(TokioExecutor::new(), stream).await.unwrap();
        tokio::spawn(connection);
        sender
    }
}

/// The certificate that a server shows.
pub(crate) fn shown(stream: &Stream) -> CertificateDer<'static> {
    stream.get_ref().1.peer_certificates().unwrap()[0].clone().into_owned()
}

/// The headers of a request with so long a body.
pub(crate) fn head(length: usize) -> String {
    format!(
        "POST /validate HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
    )
}

/// Asks over HTTP/1.1: status and AdmissionReview.
pub(crate) async fn ask(stream: &mut Stream, body: &str) -> (u16, Value) {
    stream.write_all((head(body.len()) + body).as_bytes()).await.unwrap();
    let (status, text) = answer(stream).await;
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

/// Reads one answer of HTTP/1.1: status and body.
pub(crate) async fn answer(stream: &mut (impl AsyncRead + Unpin)) -> (u16, String) {
    let mut read = Vec::new();
    let end = loop {
        if let Some(end) = read.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
        assert_ne!(within("headers", stream.read_buf(&mut read)).await.unwrap(), 0, "the stream ends");
    };
    let head = String::from_utf8(read[..end].to_vec()).unwrap().to_lowercase();
    let status = head.split_whitespace().nth(1).unwrap().parse().unwrap();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:")).unwrap_or("0");
    let whole = end + 4 + length.trim().parse::<usize>().unwrap();
    while read.len() < whole {
        assert_ne!(within("a body", stream.read_buf(&mut read)).await.unwrap(), 0, "the stream ends");
    }
    (status, String::from_utf8(read[end + 4..whole].to_vec()).unwrap())
}

/// A request for HTTP/2.
pub(crate) fn post(body: impl Into<Body>) -> Request<Body> {
    let request = Request::post("https://127.0.0.1/validate").header("content-type", "application/json");
    request.body(body.into()).unwrap()
}

/// Asks over HTTP/2: status and AdmissionReview.
pub(crate) async fn ask2(connection: &mut Http2, request: Request<Body>) -> (u16, Value) {
    within("a connection", connection.ready()).await.unwrap();
    let response = within("an answer", connection.send_request(request)).await.unwrap();
    let status = response.status().as_u16();
    let body = within("a body", response.into_body().collect()).await.unwrap().to_bytes();
    let text = String::from_utf8(body.to_vec()).unwrap();
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

/// Waits for the server to hang up: what it said before that.
pub(crate) async fn hung_up(stream: &mut (impl AsyncRead + Unpin)) -> Vec<u8> {
    let mut read = Vec::new();
    // Reset or ended: it is gone either way.
    let _ = within("the server hangs up", stream.read_to_end(&mut read)).await;
    read
}

/// Sends byte after byte, for ever, until the server hangs up: what it said before that.
pub(crate) async fn trickle<S>(stream: S, bytes: impl Iterator<Item = u8>) -> Vec<u8>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut from, mut to) = tokio::io::split(stream);
    let send = async {
        for byte in bytes {
            // Whoever has hung up takes nothing any more; the other half notices.
            let _ = to.write_all(&[byte]).await;
            let _ = to.flush().await;
            tokio::time::sleep(PACE).await;
        }
        std::future::pending().await
    };
    tokio::select! {
        read = hung_up(&mut from) => read,
        () = send => unreachable!("it has no end"),
    }
}
