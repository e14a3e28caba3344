//! Clients that are slow or mean are cut off, and others do not notice.

use http_body_util::{BodyExt, StreamBody};
use hyper::{
    Request, StatusCode,
    body::{Bytes, Frame},
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{LONG, Process, ask, request, review, try_ask};

/// Reads until the other side closes.
async fn closed(stream: &mut (impl AsyncReadExt + Unpin)) -> Vec<u8> {
    let mut bytes = Vec::new();
    // An error is an end, too.
    let _ = tokio::time::timeout(LONG, stream.read_to_end(&mut bytes)).await.expect("it is closed");
    bytes
}

#[tokio::test]
async fn what_is_no_tls_and_handshakes_that_do_not_go_on_are_closed() {
    let process = Process::start("--client-timeout 0.5");
    let mut garbage = TcpStream::connect(process.address).await.unwrap();
    garbage.write_all(b"GET /validate HTTP/1.1\r\n\r\n").await.unwrap();
    closed(&mut garbage).await;
    let mut silent = TcpStream::connect(process.address).await.unwrap();
    closed(&mut silent).await;
    process.counted(r#"kpol_webhook_rejected_total{reason="handshake"}"#, 1.0).await;
    process.counted(r#"kpol_webhook_rejected_total{reason="slow_handshake"}"#, 1.0).await;
    let (status, _) = ask(&process, "h2", request("/validate", review())).await;
    assert_eq!(status, StatusCode::OK);
}

#[tokio::test]
async fn headers_and_bodies_that_trickle_are_cut_off() {
    let process = Process::start("--client-timeout 0.5");
    // A header every now and then, and never the end.
    let mut loris = process.connect("http/1.1").await.unwrap();
    loris.write_all(b"POST /validate HTTP/1.1\r\nhost: x\r\n").await.unwrap();
    let (mut read, mut write) = tokio::io::split(loris);
    let trickle = tokio::spawn(async move {
        while write.write_all(b"x-a: b\r\n").await.is_ok() {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    });
    closed(&mut read).await;
    trickle.abort();
    // A body of which a byte comes now and then, by HTTP/2.
    let io = TokioIo::new(process.connect("h2").await.unwrap());
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await.unwrap();
    tokio::spawn(connection);
    let bytes = futures_util::stream::unfold((), |()| async {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        Some((Ok::<_, std::io::Error>(Frame::data(Bytes::from_static(b" "))), ()))
    });
    let slow = Request::post("https://127.0.0.1/validate")
        .header("content-type", "application/json")
        .body(StreamBody::new(Box::pin(bytes)).boxed())
        .unwrap();
    let answer = tokio::time::timeout(LONG, sender.send_request(slow)).await.unwrap().unwrap();
    assert_eq!(answer.status(), StatusCode::REQUEST_TIMEOUT);
    process.counted(r#"kpol_webhook_rejected_total{reason="slow_body"}"#, 1.0).await;
    assert_eq!(process.logged("slow_body", 1).await, 1, "it is said once");
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused() {
    let process = Process::start("--max-body 100000");
    for protocol in ["http/1.1", "h2"] {
        let (status, body) = ask(&process, protocol, request("/validate", vec![b' '; 200_000])).await;
        assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE, "{protocol}: {body}");
    }
}

#[tokio::test]
async fn headers_that_are_too_large_are_refused() {
    let process = Process::start("");
    let mut big = request("/validate", review());
    big.headers_mut().insert("x-big", "x".repeat(64 << 10).parse().unwrap());
    // It is refused while it is still being sent, so not every client gets to the answer.
    if let Ok((status, _)) = try_ask(&process, "http/1.1", big).await {
        assert_eq!(status, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    }
    assert_eq!(process.metric("kpol_webhook_in_flight").await, 0.0);
    assert_eq!(ask(&process, "http/1.1", request("/validate", review())).await.0, StatusCode::OK);
}

#[tokio::test]
async fn connections_beyond_the_bound_are_closed_at_once_and_room_comes_back() {
    let process = Process::start("--max-connections 2 --client-timeout 10");
    let (first, second) = (process.connect("h2").await.unwrap(), process.connect("h2").await.unwrap());
    process.counted("kpol_webhook_connections", 2.0).await;
    let mut third = TcpStream::connect(process.address).await.unwrap();
    assert_eq!(closed(&mut third).await, b"");
    assert!(process.metric(r#"kpol_webhook_rejected_total{reason="connections"}"#).await >= 1.0);
    drop((first, second));
    let again = async {
        while process.connect("h2").await.is_err() {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(LONG, again).await.expect("there is room again");
}

#[tokio::test]
async fn at_its_end_what_is_being_answered_is_answered_and_nothing_new_begins() {
    let mut process = Process::start("--shutdown-delay 0.3 --drain 10 --client-timeout 10");
    let io = TokioIo::new(process.connect("h2").await.unwrap());
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await.unwrap();
    tokio::spawn(connection);
    // A request whose body has come in half when the end begins.
    let whole = review();
    let (half, rest) = whole.split_at(100);
    let (half, rest) = (half.to_owned(), rest.to_owned());
    let (go_on, wait) = tokio::sync::oneshot::channel::<()>();
    let parts =
        futures_util::stream::unfold((0, Some(wait), half, rest), |(step, wait, half, rest)| async move {
            let data = match step {
                0 => half.clone(),
                1 => {
                    wait?.await.ok()?;
                    return Some((
                        Ok::<_, std::io::Error>(Frame::data(Bytes::from(rest.clone()))),
                        (2, None, half, rest),
                    ));
                }
                _ => return None,
            };
            Some((Ok(Frame::data(Bytes::from(data))), (1, wait, half, rest)))
        });
    let open = Request::post("https://127.0.0.1/validate")
        .header("content-type", "application/json")
        .body(StreamBody::new(Box::pin(parts)).boxed())
        .unwrap();
    let answer = tokio::spawn(sender.send_request(open));
    process.counted("kpol_webhook_in_flight", 1.0).await;
    process.signal("TERM");
    let refused = async {
        while TcpStream::connect(process.address).await.is_ok() {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(LONG, refused).await.expect("new connections are refused");
    go_on.send(()).unwrap();
    let answer = tokio::time::timeout(LONG, answer).await.unwrap().unwrap().unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    assert!(String::from_utf8_lossy(&body).contains("hostPID is not allowed"));
    drop(sender);
    let ended = async {
        loop {
            if let Some(status) = process.child.try_wait().unwrap() {
                return status;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    assert_eq!(tokio::time::timeout(LONG, ended).await.unwrap().code(), Some(0));
}
