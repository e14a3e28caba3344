//! The API server as far as watches see it: lists and watches by path, in the order in which a test gives them.

use std::{
    collections::{HashMap, VecDeque},
    convert::Infallible,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::body::Bytes;
use futures_util::stream;
use http::{Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt as _, Full, StreamBody, combinators::UnsyncBoxBody};
use kube::{Client, client::Body};
use serde_json::{Value, json};
use tower::service_fn;

/// What a watch says next.
#[derive(Clone, Debug)]
pub(super) enum Watch {
    /// `ADDED`, `MODIFIED`, `DELETED`, `ERROR`, and of what.
    Event(&'static str, Value),
    /// The connection ends.
    End,
}

#[derive(Default)]
struct Path {
    lists: VecDeque<(u16, Value)>,
    /// The one that was given last.
    list: Option<(u16, Value)>,
    watches: VecDeque<Watch>,
    asked: Vec<String>,
}

/// See above.
#[derive(Default)]
pub(super) struct Server {
    paths: Mutex<HashMap<String, Path>>,
}

type Answer = Response<UnsyncBoxBody<Bytes, Infallible>>;

impl Server {
    fn at<R>(&self, path: &str, work: impl FnOnce(&mut Path) -> R) -> R {
        work(self.paths.lock().unwrap().entry(path.to_owned()).or_default())
    }

    /// The next list; without a next one, the last is given again.
    pub(super) fn lists(&self, path: &str, status: u16, body: Value) {
        self.at(path, |path| path.lists.push_back((status, body)));
    }

    /// What the watch says next, to whoever watches.
    pub(super) fn watches(&self, path: &str, event: Watch) {
        self.at(path, |path| path.watches.push_back(event));
    }

    /// The queries of the requests so far.
    pub(super) fn asked(&self, path: &str) -> Vec<String> {
        self.at(path, |path| path.asked.clone())
    }

    pub(super) fn client(self: &Arc<Server>) -> Client {
        let server = Arc::clone(self);
        let service = service_fn(move |request: Request<Body>| {
            let answer = server.answer(&request);
            async move { Ok::<_, Infallible>(answer) }
        });
        Client::new(service, "default")
    }

    fn answer(self: &Arc<Server>, request: &Request<Body>) -> Answer {
        let path = request.uri().path().to_owned();
        let query = request.uri().query().unwrap_or_default().to_owned();
        let is_watch = query.contains("watch=true");
        self.at(&path, |path| path.asked.push(query));
        if is_watch {
            return Response::new(self.stream(path));
        }
        let (status, body) = self
            .at(&path, |path| {
                path.list = path.lists.pop_front().or(path.list.take());
                path.list.clone()
            })
            .unwrap_or((500, json!({})));
        let mut answer = Response::new(Full::new(Bytes::from(body.to_string())).boxed_unsync());
        *answer.status_mut() = status.try_into().unwrap();
        answer
    }

    /// Looks for what there is to say until the connection ends.
    fn stream(self: &Arc<Server>, path: String) -> UnsyncBoxBody<Bytes, Infallible> {
        let next = |(server, path): (Arc<Server>, String)| async move {
            loop {
                match server.at(&path, |path| path.watches.pop_front()) {
                    Some(Watch::Event(kind, object)) => {
                        let line =
                            format!("{}\n", json!({"type": kind, "object": typed(kind, &path, object)}));
                        return Some((Ok(Frame::data(Bytes::from(line))), (server, path)));
                    }
                    Some(Watch::End) => return None,
                    None => tokio::time::sleep(Duration::from_millis(3)).await,
                }
            }
        };
        StreamBody::new(stream::unfold((Arc::clone(self), path), next)).boxed_unsync()
    }
}

/// Watches, unlike lists, say the type of each object.
fn typed(event: &str, path: &str, mut object: Value) -> Value {
    if event != "ERROR" {
        let (api_version, kind) = if path.ends_with("ingresses") {
            ("networking.k8s.io/v1", "Ingress")
        } else {
            ("v1", "Namespace")
        };
        object["apiVersion"] = api_version.into();
        object["kind"] = kind.into();
    }
    object
}
