//! The end: who is being answered is answered, who comes later is not.

use std::collections::BTreeSet;

use axum::body::{Body, Bytes};
use futures_util::stream;
use serde_json::Value;
use tokio::{io::AsyncWriteExt, net::TcpStream, sync::oneshot};

use crate::{
    World,
    client::{Stream, answer, ask, head, post, within},
    denial,
    process::eventually,
    review,
};

/// Waits until nobody can connect any more.
async fn closed(world: &World) {
    let address = world.webhook.address;
    let refused = async {
        while TcpStream::connect(address).await.is_ok() {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    within("new connections are refused", refused).await;
}

/// A request of which half is there.
async fn half(world: &World, body: &str) -> Stream {
    let mut stream = world.http1().await;
    let (start, _) = body.split_at(body.len() / 2);
    stream.write_all((head(body.len()) + start).as_bytes()).await.unwrap();
    stream
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_being_answered_when_it_ends_is_answered() {
    let world = World::new("--shutdown-delay 1 --client-timeout 20 --drain 20");
    let body = review(true);
    let mut first = half(&world, &body).await;
    let (send, rest) = oneshot::channel::<Bytes>();
    let text = stream::once(async { Ok::<_, std::io::Error>(rest.await.unwrap()) });
    let mut second = world.http2().await;
    let second = tokio::spawn(second.send_request(post(Body::from_stream(text))));
    eventually("both are there", || {
        (world.webhook.metric("kpol_webhook_in_flight", &[]) == 2.0).then_some(())
    });
    let mut idle = world.http1().await;
    ask(&mut idle, &body).await;

    world.webhook.terminate();
    eventually("it says so", || (world.webhook.get("/readyz").0 == 503).then_some(()));
    // Who does not know yet is served as before.
    world.goes_on().await;
    closed(&world).await;
    assert_eq!(world.webhook.get("/healthz").0, 200, "probes are answered to the end");

    first.write_all(&body.as_bytes()[body.len() / 2..]).await.unwrap();
    let (status, text) = answer(&mut first).await;
    assert_eq!((status, serde_json::from_str::<Value>(&text).unwrap()), (200, denial()));
    send.send(body.into()).unwrap();
    assert_eq!(within("an answer", second).await.unwrap().unwrap().status(), 200);
    // The idle connection does not hold it up.
    let World { webhook, dir, .. } = world;
    let (code, log) = webhook.ended();
    assert_eq!(code, Some(0), "{log:#?}");
    assert!(log.iter().all(|line| !line.contains("\"level\":\"WARN\"")), "{log:#?}");
    assert!(log.last().unwrap().contains("the end"), "{log:#?}");
    let hits = log.iter().filter(|line| line.contains("\"hit\"")).count();
    assert_eq!(hits, 4, "each request is logged once: {log:#?}");
    drop((idle, dir));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_takes_too_long_at_the_end_is_cut_off() {
    let world = World::new("--shutdown-delay 0 --client-timeout 60 --drain 0.5");
    let _stuck = half(&world, &review(true)).await;
    eventually("it is there", || (world.webhook.metric("kpol_webhook_in_flight", &[]) == 1.0).then_some(()));
    world.webhook.terminate();
    let World { webhook, dir, .. } = world;
    let (code, log) = webhook.ended();
    assert_eq!(code, Some(0), "{log:#?}");
    assert_eq!(log.iter().filter(|line| line.contains("cut off")).count(), 1, "{log:#?}");
    drop(dir);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_logged_twice() {
    let world = World::new("--shutdown-delay 0");
    let mut stream = world.http1().await;
    ask(&mut stream, &review(true)).await;
    ask(&mut stream, "{}").await;
    let mut stream = world.http1().await;
    stream.write_all(head(1 << 40).as_bytes()).await.unwrap();
    answer(&mut stream).await;
    world.webhook.terminate();
    let World { webhook, dir, .. } = world;
    let (_, log) = webhook.ended();
    let mut seen = BTreeSet::new();
    for line in &log {
        let mut line: Value = serde_json::from_str(line).unwrap();
        line.as_object_mut().unwrap().remove("timestamp");
        assert!(seen.insert(line.to_string()), "{log:#?}");
    }
    drop(dir);
}
