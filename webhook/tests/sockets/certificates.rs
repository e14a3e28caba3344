//! Certificates: those of clients, and our own while they change.

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{
    World,
    authority::{Authority, Identity},
    client::{answer, ask, head, shown, within},
    denial,
    process::eventually,
    review,
};

/// Whether a client is answered. With TLS 1.3 it learns from its first read that it is not.
async fn is_answered(world: &World, client: Option<&Identity>) -> io::Result<()> {
    let mut stream = world.connect(b"http/1.1", client).await?;
    let body = review(true);
    stream.write_all((head(body.len()) + &body).as_bytes()).await?;
    within("an answer", stream.read_u8()).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn only_clients_of_the_ca_with_the_name_are_answered_when_that_is_asked() {
    let ca = Authority::new();
    let world = World::with("--client-name kube-apiserver", |dir| {
        std::fs::write(dir.join("ca.crt"), ca.pem()).unwrap();
        format!("--client-ca {}/ca.crt", dir.display())
    });
    is_answered(&world, Some(&ca.client("kube-apiserver"))).await.unwrap();
    is_answered(&world, None).await.unwrap_err();
    is_answered(&world, Some(&ca.client("ada"))).await.unwrap_err();
    is_answered(&world, Some(&Authority::new().client("kube-apiserver"))).await.unwrap_err();
    is_answered(&world, Some(&world.authority.client("kube-apiserver"))).await.unwrap_err();
    eventually("they are counted", || (world.rejected("handshake") >= 4.0).then_some(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_certificate_is_for_new_connections_and_old_ones_go_on() {
    let world = World::new("");
    let mut before = world.http1().await;
    ask(&mut before, &review(true)).await;
    let renewed = world.authority.server();
    renewed.write(world.dir.path());
    let mut tries = 0;
    let mut after = loop {
        let stream = world.http1().await;
        if shown(&stream) == renewed.der() {
            break stream;
        }
        assert!(tries < 300, "it is not taken up");
        tries += 1;
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    };
    assert_eq!(ask(&mut before, &review(true)).await, (200, denial()));
    assert_eq!(ask(&mut after, &review(true)).await, (200, denial()));
    // A broken one is not taken.
    std::fs::write(world.dir.path().join("tls.crt"), "broken").unwrap();
    eventually("it is refused", || {
        (world.webhook.metric("kpol_webhook_certificates_refused_total", &[]) > 0.0).then_some(())
    });
    let mut stream = world.http1().await;
    assert_eq!(shown(&stream), renewed.der());
    let body = review(true);
    stream.write_all((head(body.len()) + &body).as_bytes()).await.unwrap();
    assert_eq!(answer(&mut stream).await.0, 200);
}
