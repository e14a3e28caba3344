//! Clients that take their time to hold what they are given. Each ends, and nobody else waits for it.

use std::iter::repeat;

use axum::body::{Body, Bytes};
use futures_util::stream;
use tokio::{io::AsyncWriteExt, net::TcpStream};

use crate::{
    World,
    client::{ask, ask2, head, hung_up, post, trickle, within},
    denial,
    process::eventually,
    review,
};

/// Bounds that a test can wait for.
const QUICK: &str = "--client-timeout 0.5";

#[tokio::test(flavor = "multi_thread")]
async fn a_handshake_that_takes_too_long_is_given_up() {
    let world = World::new(QUICK);
    let mut silent = TcpStream::connect(world.webhook.address).await.unwrap();
    hung_up(&mut silent).await;
    let slow = TcpStream::connect(world.webhook.address).await.unwrap();
    // A record of a hello that goes on.
    trickle(slow, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".iter().copied().chain(repeat(0))).await;
    eventually("both are counted", || (world.rejected("slow_handshake") >= 2.0).then_some(()));
    world.goes_on().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_byte_by_byte_are_given_up() {
    let world = World::new(QUICK);
    let start = b"POST /validate HTTP/1.1\r\nhost: x\r\na: ".iter().copied();
    trickle(world.http1().await, start.chain(repeat(b'b'))).await;
    // HTTP/2: preface, settings, and a frame of headers that is long in coming.
    let start = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0\0\x3f\0\x01\x04\0\0\0\x01";
    trickle(world.connect(b"h2", None).await.unwrap(), start.iter().copied().chain(repeat(0))).await;
    eventually("both are counted", || (world.rejected("slow_request") >= 2.0).then_some(()));
    world.goes_on().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_connects_and_says_nothing_is_hung_up_on() {
    let world = World::new(QUICK);
    for alpn in [&b"http/1.1"[..], b"h2"] {
        let mut silent = world.connect(alpn, None).await.unwrap();
        hung_up(&mut silent).await;
    }
    // Settings and answers to pings are no request, either.
    let connection = world.http2().await;
    eventually("it is hung up on", || connection.is_closed().then_some(()));
    world.goes_on().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_asked_may_be_quiet_and_ask_again() {
    let world = World::new(QUICK);
    let mut first = world.http1().await;
    let mut second = world.http2().await;
    ask(&mut first, &review(true)).await;
    ask2(&mut second, post(review(true))).await;
    // Two that say nothing are given up one after the other; by then these have been quiet for twice as long as that takes.
    for _ in 0..2 {
        hung_up(&mut world.http1().await).await;
    }
    assert_eq!(ask(&mut first, &review(true)).await, (200, denial()));
    assert_eq!(ask2(&mut second, post(review(true))).await, (200, denial()));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_ask_again_is_hung_up_on_in_the_end() {
    let world = World::new("--client-timeout 0.5 --idle-timeout 0.5");
    let mut first = world.http1().await;
    let mut second = world.http2().await;
    ask(&mut first, &review(true)).await;
    ask2(&mut second, post(review(true))).await;
    hung_up(&mut first).await;
    eventually("it is hung up on", || second.is_closed().then_some(()));
    assert_eq!(world.rejected("slow_request"), 0.0, "nothing is wrong with that");
    // Who goes on asking stays.
    let mut busy = world.http1().await;
    for _ in 0..20 {
        ask(&mut busy, &review(true)).await;
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    assert_eq!(ask(&mut busy, &review(true)).await, (200, denial()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_byte_by_byte_is_answered_that_it_is_late() {
    let world = World::new(QUICK);
    let mut stream = world.http1().await;
    stream.write_all(head(100_000).as_bytes()).await.unwrap();
    let said = trickle(stream, repeat(b' ')).await;
    let said = String::from_utf8(said).unwrap();
    assert!(said.starts_with("HTTP/1.1 408 "), "{said}");
    assert_eq!(world.rejected("slow_body"), 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_body_of_http2_holds_up_nothing_else_on_its_connection() {
    let world = World::new(QUICK);
    let mut connection = world.http2().await;
    let late = Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>());
    let late = connection.send_request(post(late));
    let late = tokio::spawn(late);
    assert_eq!(ask2(&mut connection, post(review(true))).await, (200, denial()));
    let late = within("an answer", late).await.unwrap().unwrap();
    assert_eq!(late.status(), 408);
    assert_eq!(ask2(&mut connection, post(review(true))).await, (200, denial()));
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_are_taken_back_cost_nobody_else() {
    let world = World::new("");
    for _ in 0..5 {
        let mut connection = world.http2().await;
        for _ in 0..1_000 {
            if connection.ready().await.is_err() {
                // It has had enough of this client.
                break;
            }
            drop(connection.send_request(post(review(true))));
        }
    }
    // Asking is a connection, too.
    eventually("they are gone", || {
        (world.webhook.metric("kpol_webhook_connections", &[]) <= 1.0).then_some(())
    });
    assert_eq!(world.webhook.metric("kpol_webhook_in_flight", &[]), 0.0);
    world.goes_on().await;
}
