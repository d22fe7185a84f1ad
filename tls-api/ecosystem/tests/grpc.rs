//! tonic: a server within axum, and a client over the connector, with client certificates.

use std::convert::Infallible;
use std::future::{Future, Ready, ready};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::extract::ConnectInfo;
use axum::http;
use bytes::{Buf, BufMut};
use strata_tls::ClientConfig;
use strata_tls::axum::TlsConnectInfo;
use strata_tls::hyper::HttpsConnector;
use tls_ecosystem::{Ca, serve};
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::server::{NamedService, UnaryService};
use tonic::service::Routes;
use tonic::transport::Endpoint;
use tonic::{Request, Response, Status};
use tower_service::Service;

/// Messages are texts, so that no compiler of protocols is needed.
#[derive(Clone, Copy)]
struct Text;

impl Codec for Text {
    type Encode = String;
    type Decode = String;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Self {
        *self
    }
}

impl Encoder for Text {
    type Item = String;
    type Error = Status;

    fn encode(&mut self, item: String, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        to.put_slice(item.as_bytes());
        Ok(())
    }
}

impl Decoder for Text {
    type Item = String;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<String>, Status> {
        let bytes = from.copy_to_bytes(from.remaining());
        String::from_utf8(bytes.to_vec()).map(Some).map_err(|e| Status::internal(e.to_string()))
    }
}

/// Repeats the request, and says how many certificates the client presented.
#[derive(Clone)]
struct Echo;

impl NamedService for Echo {
    const NAME: &'static str = "test.Echo";
}

impl Service<http::Request<tonic::body::Body>> for Echo {
    type Response = http::Response<tonic::body::Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<tonic::body::Body>) -> Self::Future {
        Box::pin(async { Ok(tonic::server::Grpc::new(Text).unary(Say, request).await) })
    }
}

struct Say;

impl UnaryService<String> for Say {
    type Response = String;
    type Future = Ready<Result<Response<String>, Status>>;

    fn call(&mut self, request: Request<String>) -> Self::Future {
        let info: Option<&ConnectInfo<TlsConnectInfo<SocketAddr>>> = request.extensions().get();
        let chain = info.and_then(|info| info.0.tls.peer_certificates());
        ready(match chain {
            Some(chain) => Ok(Response::new(format!("{} {}", request.get_ref(), chain.len()))),
            None => Err(Status::unauthenticated("no client certificate")),
        })
    }
}

async fn say(config: ClientConfig, addr: SocketAddr) -> Result<String, Box<dyn std::error::Error>> {
    let endpoint = Endpoint::from_shared(format!("https://localhost:{}", addr.port()))?;
    let channel = endpoint.connect_with_connector(HttpsConnector::new(config)).await?;
    let mut client = tonic::client::Grpc::new(channel);
    client.ready().await?;
    let path = http::uri::PathAndQuery::from_static("/test.Echo/Say");
    Ok(client.unary(Request::new("hello".to_owned()), path, Text).await?.into_inner())
}

#[tokio::test]
async fn tonic_server_sees_the_client_certificate() {
    let ca = Ca::new();
    let app = Routes::new(Echo).into_axum_router();
    let addr = serve(app, ca.server_with_client_certificates()).await;
    assert_eq!(say(ca.client_with_certificate("client"), addr).await.unwrap(), "hello 1");
    assert!(say(ca.client(), addr).await.is_err());
    assert!(say(Ca::new().client(), addr).await.is_err());
}
