//! A client of istiod's aggregated discovery service, in place of an Envoy: it says which gateway it is, subscribes, and
//! acknowledges what it gets. What it got, istiod's debug interface shows as JSON.
//!
//! An Envoy would do, but it asks for no listener before it has the certificates of its clusters, and those only an agent
//! in a pod has.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use bytes::{BufMut as _, Bytes, BytesMut};
use h2::client::{Builder, ResponseFuture};
use h2::{RecvStream, SendStream};
use http::Request;
use prost::Message;
use prost_types::value::Kind;
use prost_types::{Any, ListValue, Struct};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::runtime::{self, Runtime};
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(30);
const METHOD: &str = "/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources";
/// A gateway in a mesh with many services gets megabytes.
const WINDOW: u32 = 1 << 26;

/// The types of resources.
pub mod types {
    /// CDS.
    pub const CLUSTER: &str = "type.googleapis.com/envoy.config.cluster.v3.Cluster";
    /// EDS.
    pub const ENDPOINTS: &str = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment";
    /// LDS.
    pub const LISTENER: &str = "type.googleapis.com/envoy.config.listener.v3.Listener";
    /// RDS.
    pub const ROUTES: &str = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration";
    /// ECDS.
    pub const EXTENSION: &str = "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig";
}

/// Who asks.
#[derive(Clone, Debug)]
pub struct Proxy {
    /// `router~ADDRESS~POD.NAMESPACE~DOMAIN`.
    pub id: String,
    /// What the agent says of the pod.
    pub metadata: Value,
}

#[derive(Clone, PartialEq, Message)]
struct Node {
    #[prost(string, tag = "1")]
    id: String,
    #[prost(message, optional, tag = "3")]
    metadata: Option<Struct>,
}

#[derive(Clone, PartialEq, Message)]
struct DiscoveryRequest {
    #[prost(string, tag = "1")]
    version_info: String,
    #[prost(message, optional, tag = "2")]
    node: Option<Node>,
    #[prost(string, repeated, tag = "3")]
    resource_names: Vec<String>,
    #[prost(string, tag = "4")]
    type_url: String,
    #[prost(string, tag = "5")]
    response_nonce: String,
}

#[derive(Clone, PartialEq, Message)]
struct DiscoveryResponse {
    #[prost(string, tag = "1")]
    version_info: String,
    #[prost(message, repeated, tag = "2")]
    resources: Vec<Any>,
    #[prost(string, tag = "4")]
    type_url: String,
    #[prost(string, tag = "5")]
    nonce: String,
}

/// An open stream; dropping it ends it.
#[derive(Debug)]
pub struct Discovery {
    runtime: Runtime,
    requests: SendStream<Bytes>,
    responses: Responses,
    buffer: BytesMut,
}

/// istiod sends no head before its first message.
#[derive(Debug)]
enum Responses {
    Awaited(ResponseFuture),
    Open(RecvStream),
}

impl Discovery {
    /// Connects to istiod's port for plaintext. Nothing is asked yet.
    pub fn open(istiod: SocketAddr) -> Result<Self> {
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        let (requests, responses) = runtime.block_on(connect(istiod))?;
        Ok(Self { runtime, requests, responses: Responses::Awaited(responses), buffer: BytesMut::new() })
    }

    /// Subscribes to resources of a type (no names: all of them), and acknowledges the first answer; how many there are.
    pub fn subscribe(&mut self, proxy: &Proxy, type_url: &str, names: &[String]) -> Result<usize> {
        let first = DiscoveryRequest {
            node: Some(node(proxy)?),
            resource_names: names.to_vec(),
            type_url: type_url.to_owned(),
            ..DiscoveryRequest::default()
        };
        self.send(&first)?;
        let answer = loop {
            let answer = self.receive().with_context(|| format!("no answer for {type_url}"))?;
            // Another type's resources may be pushed at any time.
            if answer.type_url == type_url {
                break answer;
            }
        };
        self.send(&DiscoveryRequest {
            version_info: answer.version_info,
            response_nonce: answer.nonce,
            node: None,
            ..first
        })?;
        Ok(answer.resources.len())
    }

    fn send(&mut self, request: &DiscoveryRequest) -> Result<()> {
        let length = request.encoded_len();
        let mut frame = BytesMut::with_capacity(length.saturating_add(5));
        frame.put_u8(0);
        frame.put_u32(u32::try_from(length)?);
        request.encode(&mut frame)?;
        self.requests.send_data(frame.freeze(), false)?;
        // The connection is driven only while something is waited for.
        self.runtime.block_on(async { tokio::task::yield_now().await });
        Ok(())
    }

    fn receive(&mut self) -> Result<DiscoveryResponse> {
        let Self { runtime, responses, buffer, .. } = self;
        runtime.block_on(async {
            loop {
                if let Some(message) = message(buffer)? {
                    return Ok(DiscoveryResponse::decode(message)?);
                }
                let data = timeout(PATIENCE, responses.data()).await.context("istiod is silent")??;
                buffer.extend_from_slice(&data);
            }
        })
    }
}

impl Responses {
    async fn data(&mut self) -> Result<Bytes> {
        loop {
            match self {
                Self::Awaited(response) => {
                    let response = response.await?;
                    ensure!(response.status() == 200, "istiod answers {}", response.status());
                    *self = Self::Open(response.into_body());
                }
                Self::Open(stream) => {
                    let Some(data) = stream.data().await else {
                        bail!("istiod has ended the stream: {:?}", stream.trailers().await?);
                    };
                    let data = data?;
                    stream.flow_control().release_capacity(data.len())?;
                    return Ok(data);
                }
            }
        }
    }
}

async fn connect(istiod: SocketAddr) -> Result<(SendStream<Bytes>, ResponseFuture)> {
    timeout(PATIENCE, async {
        let tcp = TcpStream::connect(istiod).await?;
        tcp.set_nodelay(true)?;
        let mut builder = Builder::new();
        builder.initial_window_size(WINDOW).initial_connection_window_size(WINDOW);
        let (requests, connection) = builder.handshake(tcp).await?;
        // It ends with the stream; what it has to say is said by the stream too.
        tokio::spawn(async move { drop(connection.await) });
        let head = Request::post(format!("http://{istiod}{METHOD}"))
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .body(())?;
        let (response, stream) = requests.ready().await?.send_request(head, false)?;
        Ok((stream, response))
    })
    .await?
}

/// The next message, if all of it is there.
fn message(buffer: &mut BytesMut) -> Result<Option<BytesMut>> {
    let Some((&[compressed, a, b, c, d], _)) = buffer.split_first_chunk::<5>() else { return Ok(None) };
    ensure!(compressed == 0, "istiod has compressed a message");
    let length = usize::try_from(u32::from_be_bytes([a, b, c, d]))?.saturating_add(5);
    Ok((buffer.len() >= length).then(|| buffer.split_to(length).split_off(5)))
}

fn node(proxy: &Proxy) -> Result<Node> {
    let Some(Kind::StructValue(metadata)) = dynamic(&proxy.metadata).kind else {
        bail!("metadata is an object: {}", proxy.metadata)
    };
    Ok(Node { id: proxy.id.clone(), metadata: Some(metadata) })
}

fn dynamic(value: &Value) -> prost_types::Value {
    let kind = match value {
        Value::Null => Kind::NullValue(0),
        Value::Bool(value) => Kind::BoolValue(*value),
        Value::Number(number) => Kind::NumberValue(number.as_f64().unwrap_or_default()),
        Value::String(text) => Kind::StringValue(text.clone()),
        Value::Array(items) => Kind::ListValue(ListValue { values: items.iter().map(dynamic).collect() }),
        Value::Object(fields) => Kind::StructValue(Struct {
            fields: fields.iter().map(|(name, value)| (name.clone(), dynamic(value))).collect(),
        }),
    };
    prost_types::Value { kind: Some(kind) }
}
