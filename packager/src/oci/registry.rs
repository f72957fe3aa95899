//! A registry: the five calls of the distribution protocol that pushing and verifying need.

mod auth;
mod credentials;
mod transport;

use ureq::http::{HeaderMap, StatusCode, header};

use super::ImageSource;
use super::digest::{Digest, digest_of};
use super::image::Image;
use super::manifest::{DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST};
use super::reference::Reference;
use crate::exit::{Exit, Failure};
use transport::{Call, Response, Transport};

pub(crate) use transport::Access;

/// Far more than any manifest has.
const LARGEST_MANIFEST: u64 = 4 << 20;

/// What a push did.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Pushed {
    /// The registry already had this image under this name.
    AlreadyThere,
    /// This many blobs were sent, and the manifest.
    Sent(usize),
}

/// One image in a registry.
#[derive(Debug)]
pub(crate) struct Registry<'a> {
    reference: &'a Reference,
    transport: Transport,
}

impl<'a> Registry<'a> {
    /// Connects only when it is used. Plain HTTP is used for a registry on this machine, and if the user asks for it.
    pub(crate) fn new(reference: &'a Reference, access: Access, plain_http: bool) -> Result<Self, Failure> {
        Ok(Registry { reference, transport: Transport::new(reference, access, plain_http)? })
    }

    /// Pushes an image under the reference, without the blobs that the registry already has.
    pub(crate) fn push(&self, image: &Image) -> Result<Pushed, Failure> {
        let digest = image.digest();
        let name = self.reference.selector();
        let manifest = format!("/manifests/{name}");
        let accept = [(header::ACCEPT, OCI_MANIFEST.to_owned())];
        let head = self.call(&Call { headers: &accept, ..Call::head(&manifest) })?;
        let there = head.headers.get("docker-content-digest").and_then(|value| value.to_str().ok());
        if head.status == StatusCode::OK && there == Some(digest.to_string().as_str()) {
            return Ok(Pushed::AlreadyThere);
        }
        let mut sent = 0;
        for blob in &image.blobs {
            sent = usize::from(self.push_blob(blob)?).saturating_add(sent);
        }
        let kind = [(header::CONTENT_TYPE, OCI_MANIFEST.to_owned())];
        let put = self.call(&Call { headers: &kind, ..Call::put(&manifest, &image.manifest) })?;
        self.expect(&put, StatusCode::CREATED, "accept the manifest")?;
        Ok(Pushed::Sent(sent))
    }

    /// Returns whether the blob had to be sent.
    fn push_blob(&self, content: &[u8]) -> Result<bool, Failure> {
        let digest = digest_of(content);
        if self.call(&Call::head(&format!("/blobs/{digest}")))?.status == StatusCode::OK {
            return Ok(false);
        }
        let start = self.call(&Call::post("/blobs/uploads/"))?;
        self.expect(&start, StatusCode::ACCEPTED, "start an upload")?;
        let location = location(&start.headers).ok_or_else(|| {
            Failure::new(Exit::Io, "the registry started an upload, but returned no `location` for it")
        })?;
        let joint = if location.contains('?') { '&' } else { '?' };
        let target = format!("{location}{joint}digest={}", digest.to_string().replace(':', "%3A"));
        let kind = [(header::CONTENT_TYPE, "application/octet-stream".to_owned())];
        let put = self.call(&Call { headers: &kind, ..Call::put(&target, content) })?;
        self.expect(&put, StatusCode::CREATED, "accept a blob")?;
        Ok(true)
    }

    fn call(&self, call: &Call<'_>) -> Result<Response, Failure> {
        self.transport.call(call)
    }

    fn expect(&self, response: &Response, status: StatusCode, what: &str) -> Result<(), Failure> {
        if response.status == status {
            return Ok(());
        }
        Err(self.transport.unexpected(response, what))
    }

    fn get(&self, call: &Call<'_>, what: &str) -> Result<Option<Vec<u8>>, Failure> {
        let response = self.call(call)?;
        if response.status == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        self.expect(&response, StatusCode::OK, what)?;
        Ok(Some(response.body))
    }
}

impl ImageSource for Registry<'_> {
    fn manifest(&self, digest: Option<&Digest>) -> Result<Option<Vec<u8>>, Failure> {
        let name = digest.map_or_else(|| self.reference.selector(), Digest::to_string);
        let kinds = [OCI_MANIFEST, DOCKER_MANIFEST, OCI_INDEX, DOCKER_LIST];
        let accept = [(header::ACCEPT, kinds.join(", "))];
        let path = format!("/manifests/{name}");
        self.get(&Call { headers: &accept, limit: LARGEST_MANIFEST, ..Call::get(&path) }, "return the manifest")
    }

    fn blob(&self, digest: &Digest, limit: u64) -> Result<Option<Vec<u8>>, Failure> {
        self.get(&Call { limit: limit.saturating_add(1), ..Call::get(&format!("/blobs/{digest}")) }, "return a blob")
    }
}

fn location(headers: &HeaderMap) -> Option<String> {
    headers.get(header::LOCATION)?.to_str().ok().map(str::to_owned)
}
