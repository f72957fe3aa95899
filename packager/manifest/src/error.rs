//! What a build has to report although every file is valid by itself.

use std::fmt;

use sallyport_egress::Code;
use sallyport_egress::model::Egress;

/// One reason why a build fails, or a warning about it: the code has the severity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildError {
    /// Stable code: `SP9101`. `sallyport check --explain` prints its manual page.
    pub code: Code,
    /// Lower case, no full stop, user text in backticks.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
    /// What it is about. Boxed, because every function of a build returns this error.
    pub place: Box<Place>,
}

/// What a problem of a build is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A field of the Mesh file, or the lack of it.
    Mesh(&'static str),
    /// One of the Mesh's patches.
    MeshPatch {
        /// Its position in `spec.patches`.
        position: usize,
        /// The field's path in it, such as `json[2].path`.
        field: String,
    },
    /// The lock.
    Lock,
    /// A field of one Egress.
    Egress {
        /// The namespace of the Egress.
        namespace: String,
        /// Its name.
        name: String,
        /// The field's path from the top of the file, such as `spec.gateway.install`.
        path: String,
    },
}

impl BuildError {
    /// An error that concerns the whole build.
    pub(crate) fn new(code: Code, place: Place, message: impl Into<String>) -> Self {
        BuildError { code, message: message.into(), help: None, place: Box::new(place) }
    }

    /// An error that concerns one Egress, which the message names.
    pub(crate) fn of(egress: &Egress, code: Code, message: impl AsRef<str>) -> Self {
        let Egress { namespace, name, .. } = egress;
        let place = Place::Egress {
            namespace: namespace.to_string(),
            name: name.to_string(),
            path: "metadata.name".to_owned(),
        };
        BuildError::new(code, place, format!("the Egress `{namespace}/{name}`: {}", message.as_ref()))
    }

    /// At this field of its Egress: a path from the top of the file.
    pub(crate) fn at(mut self, field: impl Into<String>) -> Self {
        if let Place::Egress { path, .. } = self.place.as_mut() {
            *path = field.into();
        }
        self
    }

    pub(crate) fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for BuildError {}
