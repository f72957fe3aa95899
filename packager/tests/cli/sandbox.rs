//! A directory of its own for a test, and the program run in it.

use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// An Egress file without a problem.
pub(crate) const GOOD: &str = "\
apiVersion: sallyport.dev/v1alpha1
kind: Egress
metadata:
  name: httpbin
  namespace: httpbin
spec:
  host: httpbin.legacy.internal
  upstream:
    host: httpbin.org
    port: 443
  authz:
    rules:
    - id: readers
      action: ALLOW
      from:
      - source:
          serviceAccounts: [httpbin/sleep]
      to:
      - operation:
          methods: [GET]
";

/// A lock, with which nothing has to be said about the filter's image.
pub(crate) const LOCK: &str = r#"{"version":1,"filter":{"image":"registry.example.com/sallyport/filter","digest":"sha256:abababababababababababababababababababababababababababababababab"}}"#;

/// Another with an unknown field and a rule's id that is none.
pub(crate) fn bad() -> String {
    GOOD.replace("name: httpbin", "name: other")
        .replace("port: 443", "port: 443\n    prot: 1")
        .replace("readers", "re aders")
}

pub(crate) struct Sandbox {
    directory: TempDir,
}

/// How the program ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Sandbox {
    pub(crate) fn new() -> Self {
        Sandbox { directory: TempDir::new().unwrap() }
    }

    /// With these files in it.
    pub(crate) fn with(files: &[(&str, &str)]) -> Self {
        let sandbox = Sandbox::new();
        for (name, text) in files {
            sandbox.write(name, text);
        }
        sandbox
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn write(&self, name: impl AsRef<Path>, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path().join(name)).unwrap()
    }

    pub(crate) fn command(&self, arguments: &[impl AsRef<OsStr>]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sallyport"));
        command.args(arguments).current_dir(self.path());
        for variable in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "GITHUB_ACTIONS"] {
            command.env_remove(variable);
        }
        command
    }

    pub(crate) fn run(&self, arguments: &[impl AsRef<OsStr>]) -> Ended {
        self.run_with(arguments, b"")
    }

    /// With these bytes as standard input.
    pub(crate) fn run_with(&self, arguments: &[impl AsRef<OsStr>], input: &[u8]) -> Ended {
        let mut command = self.command(arguments);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // The program may end without reading.
        let _ = child.stdin.take().unwrap().write_all(input);
        let output = child.wait_with_output().unwrap();
        let ended = Ended {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        };
        for text in [&ended.stdout, &ended.stderr] {
            assert!(!text.contains(self.path().to_str().unwrap()), "a path of this machine in:\n{text}");
        }
        ended
    }
}
