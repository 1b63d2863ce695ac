//! HTTP on a free local port.

use std::{net::SocketAddr, rc::Rc};

use http_body_util::{BodyExt as _, Full};
use hyper::{Request, Response, body::Bytes, http::request::Parts, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpListener, task::spawn_local};

/// What answers.
pub(crate) trait Handler: 'static {
    async fn handle(&self, head: &Parts, body: &[u8]) -> Response<Full<Bytes>>;
}

/// Starts a server.
pub(crate) async fn start(handler: Rc<impl Handler>) -> std::io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    spawn_local(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let _ = stream.set_nodelay(true);
            let handler = Rc::clone(&handler);
            let service = service_fn(move |request: Request<hyper::body::Incoming>| {
                let handler = Rc::clone(&handler);
                async move {
                    let (head, body) = request.into_parts();
                    let body = body.collect().await?.to_bytes();
                    Ok::<_, hyper::Error>(handler.handle(&head, &body).await)
                }
            });
            // A function that is stopped closes its connections: no error.
            spawn_local(async move { http1::Builder::new().serve_connection(TokioIo::new(stream), service).await });
        }
    });
    Ok(address)
}

/// A response.
pub(crate) fn response(status: u16, headers: &[(&str, &str)], body: Vec<u8>) -> Response<Full<Bytes>> {
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    response.body(Full::from(body)).expect("valid headers")
}
