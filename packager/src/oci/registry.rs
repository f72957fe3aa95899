//! A registry, over HTTP: what a push and a verdict need of the distribution protocol, which is five calls.

mod auth;
mod credentials;
mod transport;

use ureq::http::{HeaderMap, StatusCode, header};

use super::Source;
use super::digest::Digest;
use super::image::Image;
use super::manifest::{DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST};
use super::reference::Reference;
use crate::exit::{Exit, Failure};
use transport::{Answer, Call, Transport};

/// More than any manifest has.
const LARGEST_MANIFEST: u64 = 4 << 20;

/// What is wanted of a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Pull,
    Push,
}

/// What a push did.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Pushed {
    /// The registry had this image under this name.
    AlreadyThere,
    /// So many blobs were sent, and the manifest.
    Sent(usize),
}

/// One image's place at a registry.
#[derive(Debug)]
pub(crate) struct Registry<'a> {
    reference: &'a Reference,
    transport: Transport,
}

impl<'a> Registry<'a> {
    /// Touches nothing yet. Plain HTTP is spoken to this machine itself, and where the user says so.
    pub(crate) fn new(reference: &'a Reference, access: Access, plain_http: bool) -> Result<Self, Failure> {
        Ok(Registry { reference, transport: Transport::new(reference, access, plain_http)? })
    }

    /// Makes the registry hold an image under the reference; sends only what it lacks.
    pub(crate) fn push(&self, image: &Image) -> Result<Pushed, Failure> {
        let digest = image.digest();
        let name = self.reference.selector.to_string();
        let manifest = format!("/manifests/{name}");
        let accept = [(header::ACCEPT, OCI_MANIFEST.to_owned())];
        let head = self.call(&Call { headers: &accept, ..Call::head(&manifest) })?;
        let there = head.headers.get("docker-content-digest").and_then(|value| value.to_str().ok());
        if head.status == StatusCode::OK && there == Some(digest.to_string().as_str()) {
            return Ok(Pushed::AlreadyThere);
        }
        let mut sent = 0;
        for blob in &image.blobs {
            sent += usize::from(self.push_blob(blob)?);
        }
        let kind = [(header::CONTENT_TYPE, OCI_MANIFEST.to_owned())];
        let put = self.call(&Call { headers: &kind, ..Call::put(&manifest, &image.manifest) })?;
        self.expect(&put, StatusCode::CREATED, "take the manifest")?;
        Ok(Pushed::Sent(sent))
    }

    /// Says whether the registry lacked the blob.
    fn push_blob(&self, content: &[u8]) -> Result<bool, Failure> {
        let digest = Digest::of(content);
        if self.call(&Call::head(&format!("/blobs/{digest}")))?.status == StatusCode::OK {
            return Ok(false);
        }
        let start = self.call(&Call::post("/blobs/uploads/"))?;
        self.expect(&start, StatusCode::ACCEPTED, "begin an upload")?;
        let location = location(&start.headers)
            .ok_or_else(|| Failure::new(Exit::Io, "the registry began an upload and did not say where"))?;
        let joint = if location.contains('?') { '&' } else { '?' };
        let target = format!("{location}{joint}digest={}", digest.to_string().replace(':', "%3A"));
        let kind = [(header::CONTENT_TYPE, "application/octet-stream".to_owned())];
        let put = self.call(&Call { headers: &kind, ..Call::put(&target, content) })?;
        self.expect(&put, StatusCode::CREATED, "take a blob")?;
        Ok(true)
    }

    fn call(&self, call: &Call<'_>) -> Result<Answer, Failure> {
        self.transport.call(call)
    }

    fn expect(&self, answer: &Answer, status: StatusCode, what: &str) -> Result<(), Failure> {
        if answer.status == status {
            return Ok(());
        }
        Err(self.transport.refused(answer, what))
    }

    fn get(&self, call: &Call<'_>, what: &str) -> Result<Option<Vec<u8>>, Failure> {
        let answer = self.call(call)?;
        if answer.status == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        self.expect(&answer, StatusCode::OK, what)?;
        Ok(Some(answer.body))
    }
}

impl Source for Registry<'_> {
    fn manifest(&self, digest: Option<&Digest>) -> Result<Option<Vec<u8>>, Failure> {
        let name = digest.map_or_else(|| self.reference.selector.to_string(), Digest::to_string);
        let kinds = [OCI_MANIFEST, DOCKER_MANIFEST, OCI_INDEX, DOCKER_LIST];
        let accept = [(header::ACCEPT, kinds.join(", "))];
        let path = format!("/manifests/{name}");
        self.get(&Call { headers: &accept, limit: LARGEST_MANIFEST, ..Call::get(&path) }, "give the manifest")
    }

    fn blob(&self, digest: &Digest, limit: u64) -> Result<Option<Vec<u8>>, Failure> {
        self.get(&Call { limit: limit + 1, ..Call::get(&format!("/blobs/{digest}")) }, "give a blob")
    }
}

fn location(headers: &HeaderMap) -> Option<String> {
    headers.get(header::LOCATION)?.to_str().ok().map(str::to_owned)
}
