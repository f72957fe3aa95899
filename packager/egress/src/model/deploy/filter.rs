//! `filter` of a Mesh: where the filter's image is.

use crate::value::digest::Digest;
use crate::value::image::ImageRepository;
use crate::value::names::ResourceName;
use sallyport_core::{record, words};

// A pull secret with `image-volume` is right: it goes into the pod's `imagePullSecrets`, for the kubelet, and never into
// the plugin's resource, from which Istio would copy it into the filter's environment.
record! {
    /// `filter` of a Mesh.
    pub struct FilterImage: Default = "filter" {
        /// The image's repository, without tag.
        "image" image: ImageRepository = default(ImageRepository::of("registry.example.com", "sallyport/filter")),
        /// The digest of the image's manifest: `sha256:` and 64 hexadecimal digits.
        "digest" digest: Option<Digest> = default(None, "that of `sallyport.lock`, or of the filter in `sallyport` itself"),
        /// The Secret (type `kubernetes.io/dockerconfigjson`) to pull the image with, in each gateway's namespace.
        "pullSecret" pull_secret: Option<ResourceName> = optional,
        /// How the filter gets into the proxy.
        "delivery" delivery: Delivery = default(Delivery::Oci),
    }
    instead {
        "tag" => "write `digest`: a tag can be moved to another image",
        "url" => "write `image` and `digest`",
        "repository" => "write `image`",
        "imagePullSecret" => "write `pullSecret`",
        "imagePullSecrets" => "write `pullSecret`",
        "sha256" => "write `digest`",
    }
}

words! {
    /// `filter.delivery`.
    pub enum Delivery {
        /// Istio's agent pulls it from the registry.
        "oci" Oci,
        /// The kubelet mounts it as an image volume (Kubernetes 1.35 and later).
        "image-volume" ImageVolume,
    }
}
