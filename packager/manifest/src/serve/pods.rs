//! What the proxy has from Secrets, as the pods are emitted with it.

use serde_json::Value;

use crate::kind::pod;
use crate::plan::Plan;

/// A variable whose value is in a Secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FromSecret {
    /// The variable.
    pub variable: String,
    /// The Secret's name, in the namespace of the Egress.
    pub secret: String,
    /// The key in the Secret.
    pub key: String,
}

/// A folder with the content of a Secret: a file per key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretFolder {
    /// The folder's path in the pod.
    pub path: String,
    /// The Secret's name, in the namespace of the Egress.
    pub secret: String,
}

pub(super) fn variables(plan: &Plan<'_>) -> Vec<FromSecret> {
    let variables = pod::secret_env(plan);
    let found = variables.iter().filter_map(|variable| {
        Some(FromSecret {
            variable: text(variable, "/name")?,
            secret: text(variable, "/valueFrom/secretKeyRef/name")?,
            key: text(variable, "/valueFrom/secretKeyRef/key")?,
        })
    });
    found.collect()
}

pub(super) fn folders(plan: &Plan<'_>) -> Vec<SecretFolder> {
    let volumes = pod::volumes(plan);
    let secret = |name: &str| {
        let volume = volumes.iter().find(|volume| text(volume, "/name").as_deref() == Some(name))?;
        text(volume, "/secret/secretName")
    };
    let mounts = pod::mounts(plan);
    let found = mounts.iter().filter_map(|mount| {
        Some(SecretFolder { path: text(mount, "/mountPath")?, secret: secret(&text(mount, "/name")?)? })
    });
    found.collect()
}

fn text(value: &Value, pointer: &str) -> Option<String> {
    value.pointer(pointer).and_then(Value::as_str).map(str::to_owned)
}
