//! What is no TLS, no HTTP, or no review.

use tokio::{io::AsyncWriteExt, net::TcpStream};

use crate::{
    World,
    client::{answer, ask, head, hung_up, within},
    denial,
    process::eventually,
    review,
};

#[tokio::test(flavor = "multi_thread")]
async fn both_versions_of_http_are_answered_alike() {
    let world = World::new("");
    let mut first = world.http1().await;
    let mut second = world.http2().await;
    for _ in 0..3 {
        assert_eq!(ask(&mut first, &review(true)).await, (200, denial()));
        assert_eq!(
            crate::client::ask2(&mut second, crate::client::post(review(true))).await,
            (200, denial())
        );
    }
    assert_eq!(ask(&mut first, &review(false)).await.1["response"]["allowed"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_tls_is_hung_up_on_and_counted() {
    let world = World::new("");
    let noise: Vec<u8> = (0..4_096_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let cases: [&[u8]; 5] = [
        b"GET / HTTP/1.1\r\nhost: x\r\n\r\n",
        &noise,
        &[0; 1_024],
        // A record that promises more than TLS allows.
        b"\x16\x03\x01\xff\xff\x01\x00",
        // The hello of SSL 3.
        b"\x16\x03\x00\x00\x04\x01\x00\x00\x00",
    ];
    for bytes in cases {
        let mut stream = TcpStream::connect(world.webhook.address).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        hung_up(&mut stream).await;
    }
    eventually("each is counted", || (world.rejected("handshake") >= 5.0).then_some(()));
    world.goes_on().await;
    eventually("no connection stays", || {
        (world.webhook.metric("kpol_webhook_connections", &[]) <= 1.0).then_some(())
    });
    assert_eq!(world.webhook.logged("handshake"), 0, "port scanners do not fill the log");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_http_is_hung_up_on() {
    let world = World::new("");
    for alpn in [&b"http/1.1"[..], b"h2"] {
        let mut stream = world.connect(alpn, None).await.unwrap();
        stream.write_all(&[7; 1_024]).await.unwrap();
        hung_up(&mut stream).await;
    }
    world.goes_on().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_beyond_the_bounds_are_refused() {
    let world = World::new("");
    let long = format!("GET /healthz HTTP/1.1\r\nhost: x\r\na: {}\r\n\r\n", "b".repeat(64 << 10));
    let many = format!("GET /healthz HTTP/1.1\r\nhost: x\r\n{}\r\n", "a: b\r\n".repeat(100));
    for request in [long, many] {
        let mut stream = world.http1().await;
        // It may hang up before it has read all.
        let _ = stream.write_all(request.as_bytes()).await;
        assert_eq!(answer(&mut stream).await.0, 431);
        hung_up(&mut stream).await;
    }
    let mut connection = world.http2().await;
    let mut request = crate::client::post(review(true));
    request.headers_mut().insert("a", "b".repeat(64 << 10).parse().unwrap());
    let refused = within("an answer", connection.send_request(request)).await;
    assert!(refused.is_err() || refused.is_ok_and(|answer| answer.status() == 431));
    world.goes_on().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_breaks_off_leaves_nothing_behind() {
    let world = World::new("");
    for _ in 0..3 {
        let mut stream = world.http1().await;
        stream.write_all(head(1_000).as_bytes()).await.unwrap();
        stream.write_all(b"{\"apiVersion\"").await.unwrap();
    }
    eventually("nobody is waited for", || {
        let open = world.webhook.metric("kpol_webhook_connections", &[]);
        (world.webhook.metric("kpol_webhook_in_flight", &[]) == 0.0 && open <= 1.0).then_some(())
    });
    world.goes_on().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_port_without_tls_judges_nothing() {
    let world = World::new("");
    let mut stream = TcpStream::connect(world.webhook.metrics).await.unwrap();
    let body = review(true);
    stream.write_all((head(body.len()) + &body).as_bytes()).await.unwrap();
    assert_eq!(answer(&mut stream).await.0, 404);
}
