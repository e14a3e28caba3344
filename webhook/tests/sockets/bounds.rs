//! What does not fit is turned away at once.

use axum::body::{Body, Bytes};
use futures_util::{StreamExt, stream};
use tokio::{io::AsyncWriteExt, net::TcpStream};

use crate::{
    World,
    client::{answer, ask, ask2, head, hung_up, post},
    denial,
    process::eventually,
    review,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_too_large_is_refused_before_it_is_sent() {
    let world = World::new("--max-body 10000");
    let mut stream = world.http1().await;
    stream.write_all(head(1 << 40).as_bytes()).await.unwrap();
    assert_eq!(answer(&mut stream).await, (413, "the request is larger than --max-body\n".into()));
    // Who writes all of it before reading gets to the answer, too.
    let mut stream = world.http1().await;
    assert_eq!(ask(&mut stream, &" ".repeat(39_000)).await.0, 413);
    // Without a length it is refused when it has become too large.
    let mut stream = world.http1().await;
    let head = "POST /validate HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let _ = stream.write_all(format!("4e20\r\n{}\r\n", " ".repeat(20_000)).as_bytes()).await;
    assert_eq!(answer(&mut stream).await.0, 413);
    let mut connection = world.http2().await;
    let endless = stream::repeat(Bytes::from(vec![b' '; 1 << 10])).map(Ok::<_, std::io::Error>);
    assert_eq!(ask2(&mut connection, post(Body::from_stream(endless))).await.0, 413);
    assert_eq!(ask2(&mut connection, post(review(true))).await, (200, denial()));
    assert_eq!(world.rejected("too_large"), 4.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn more_connections_than_allowed_are_hung_up_on_at_once_and_room_comes_back() {
    let world = World::new("--max-connections 2");
    let (mut first, mut second) = (world.http1().await, world.http1().await);
    ask(&mut first, &review(true)).await;
    ask(&mut second, &review(true)).await;
    let mut third = TcpStream::connect(world.webhook.address).await.unwrap();
    assert_eq!(hung_up(&mut third).await, b"");
    assert!(world.rejected("connections") >= 1.0);
    assert_eq!(ask(&mut first, &review(true)).await, (200, denial()), "who is there is served");
    drop(second);
    eventually("room", || (world.webhook.metric("kpol_webhook_connections", &[]) < 3.0).then_some(()));
    let mut tries = 0;
    let mut fourth = loop {
        match world.connect(b"http/1.1", None).await {
            Ok(stream) => break stream,
            Err(error) => assert!(tries < 100, "{error}"),
        }
        tries += 1;
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    };
    assert_eq!(ask(&mut fourth, &review(true)).await, (200, denial()));
}

#[tokio::test(flavor = "multi_thread")]
async fn many_requests_of_one_connection_are_all_answered() {
    let world = World::new("--max-streams 10");
    let mut connection = world.http2().await;
    // From the first answer on a client knows the bound.
    ask2(&mut connection, post(review(true))).await;
    let each = |_| {
        let mut connection = connection.clone();
        async move { ask2(&mut connection, post(review(true))).await }
    };
    let answers = futures_util::future::join_all((0..200).map(each)).await;
    assert!(answers.into_iter().all(|answer| answer == (200, denial())));
}
