//! The options of `build` that change what is written. The output folder's record has them, so that `--check` and `--diff`
//! compare with the same form of output without being given them again.

use std::ffi::OsStr;
use std::path::{Component, Path};

use clap::Parser;
use clap::builder::TypedValueParser;
use clap::error::ErrorKind;
use sallyport_manifest::{Build, Options, Source};

use crate::exit::{Exit, Failure};
use crate::input::relative;
use crate::printable::printable;
use crate::record::Record;

/// What `--revision` is unless it is given.
const REVISION: &str = "HEAD";

#[derive(Clone, Debug, PartialEq, Eq, clap::Args)]
pub(super) struct Layout {
    /// Add sync waves, so that Argo CD applies the manifests in order
    #[arg(long)]
    pub(super) argo: bool,
    /// Also write one kustomization over all gateways into the output folder; with --argo, an ApplicationSet
    #[arg(long)]
    pub(super) root: bool,
    /// The URL of the Git repository in which Argo CD finds the output folder, for the ApplicationSet
    #[arg(long, value_name = "URL", requires_all = ["root", "argo"], value_parser = RepositoryParser)]
    repository: Option<String>,
    /// The branch, tag or commit in that repository
    #[arg(long, value_name = "REVISION", requires = "repository", default_value = REVISION, value_parser = revision)]
    revision: String,
    /// The output folder's path in that repository [default: the output folder, from the working directory]
    #[arg(long, value_name = "PATH", requires = "repository", value_parser = repository_path)]
    repository_path: Option<String>,
}

/// The options of a record, by the same rules as those of the command line.
#[derive(Debug, Parser)]
#[command(no_binary_name = true)]
struct Recorded {
    #[command(flatten)]
    layout: Layout,
}

impl Layout {
    /// The options with which a folder was written.
    pub(super) fn of_record(record: &Record, folder: &Path) -> Result<Layout, Failure> {
        match Recorded::try_parse_from(&record.options) {
            Ok(Recorded { layout }) => Ok(layout),
            Err(_) => {
                // A wrong repository may have a password.
                let shown = |option: &String| match option.split_once('=') {
                    Some((name @ "--repository", _)) => format!("{name}=..."),
                    _ => option.clone(),
                };
                let options: Vec<_> = record.options.iter().map(shown).collect();
                let message = format!(
                    "`{}`: its options, `{}`, are not those of a build",
                    printable(&folder.join(Record::FILE)),
                    printable(Path::new(&options.join(" ")))
                );
                Err(Failure::new(Exit::Io, message).with_help(
                    "remove its lines that begin with `# Option:`, and build with the options that you want",
                ))
            }
        }
    }

    /// Each option as one word, without defaults.
    pub(super) fn words(&self) -> Vec<String> {
        let Layout { argo, root, repository, revision, repository_path } = self;
        let flags = [(*argo, "--argo"), (*root, "--root")];
        let flags = flags.into_iter().filter(|(is_given, _)| *is_given).map(|(_, flag)| flag.to_owned());
        let revision = Some(revision).filter(|revision| *revision != REVISION);
        let values = [
            repository.as_ref().map(|url| format!("--repository={url}")),
            revision.map(|revision| format!("--revision={revision}")),
            repository_path.as_ref().map(|path| format!("--repository-path={path}")),
        ];
        flags.chain(values.into_iter().flatten()).collect()
    }

    /// With a path in the repository, if there is a repository: that of the output folder, unless one was given.
    pub(super) fn resolve(mut self, folder: &Path) -> Result<Layout, Failure> {
        if self.root && self.argo && self.repository.is_none() {
            let message = "an ApplicationSet names the Git repository of the output folder";
            return Err(
                Failure::new(Exit::Usage, message).with_help("write --repository URL, or leave out --argo or --root")
            );
        }
        if self.repository.is_some() && self.repository_path.is_none() {
            let path = printable(&relative(folder));
            let path = repository_path(&path).map_err(|_| {
                Failure::new(Exit::Usage, format!("the output folder, `{path}`, is not a path in the Git repository"))
                    .with_help("add --repository-path PATH with its path from the top of the repository")
            })?;
            self.repository_path = Some(path);
        }
        Ok(self)
    }

    pub(super) fn options(&self) -> Options {
        Options { argo: self.argo, root: self.root, ..Options::default() }
    }

    /// The entry over all gateways.
    pub(super) fn add_root(&self, build: &mut Build) {
        let Layout { argo, root, repository, revision, repository_path } = self;
        match (repository, repository_path) {
            (Some(repository), Some(path)) if *root && *argo => {
                let (repository, revision, path) = (repository.clone(), revision.clone(), path.clone());
                build.add_application_set(&Source { repository, revision, path });
            }
            _ if *root => build.add_root_kustomization(),
            _ => {}
        }
    }
}

/// Reads a [`repository`]. Its error does not repeat the value, which may have a password.
#[derive(Clone, Debug)]
struct RepositoryParser;

impl TypedValueParser for RepositoryParser {
    type Value = String;

    fn parse_ref(&self, command: &clap::Command, _: Option<&clap::Arg>, value: &OsStr) -> Result<String, clap::Error> {
        // What is no text has none of the forms.
        repository(value.to_str().unwrap_or_default()).map_err(|reason| {
            let message = format!("invalid value for '--repository <URL>': {reason}\n");
            clap::Error::raw(ErrorKind::ValueValidation, message).with_cmd(command)
        })
    }
}

/// The forms that Argo CD knows: a URL with a scheme, or `USER@HOST:PATH` for SSH.
fn repository(text: &str) -> Result<String, String> {
    let expected = || {
        "expected the URL of a Git repository, such as `https://git.example.com/mesh.git` or \
         `git@git.example.com:mesh.git`"
            .to_owned()
    };
    let (user, rest) = match text.split_once("://") {
        Some(("https" | "http" | "ssh", rest)) => {
            let (authority, path) = rest.split_once('/').ok_or_else(expected)?;
            let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
            (user, is_host(host).then_some(path))
        }
        Some(_) => return Err(expected()),
        None => {
            let (user, rest) = text.split_once('@').ok_or_else(expected)?;
            let (host, path) = rest.split_once(':').ok_or_else(expected)?;
            (user, (!user.is_empty() && is_host(host)).then_some(path))
        }
    };
    if user.contains(':') {
        return Err(
            "it has a password, which would be in the manifest; Argo CD reads the credentials of a repository \
                    from a Secret"
                .to_owned(),
        );
    }
    let is_path = rest.is_some_and(|path| !path.trim_matches('/').is_empty());
    if is_path && is_plain(text) { Ok(text.to_owned()) } else { Err(expected()) }
}

/// A name or an address, perhaps with a port.
fn is_host(text: &str) -> bool {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (text, None),
    };
    let is_port = port.is_none_or(|port| port.parse().is_ok_and(|port: u16| port > 0));
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let is_name = |name: &str| {
        let is_first = |first: char| first.is_ascii_alphanumeric();
        name.starts_with(is_first) && name.chars().all(|one| is_first(one) || matches!(one, '-' | '.' | '_'))
    };
    is_port && bare.map_or_else(|| is_name(host), |address| address.parse::<std::net::Ipv6Addr>().is_ok())
}

/// What Git allows in the name of a branch or tag, and what Argo CD allows beside that: a range of versions.
fn revision(text: &str) -> Result<String, String> {
    let is_wrong = text.is_empty()
        || text.starts_with('-')
        || text.contains("..")
        || text.contains([':', '?', '[', '\\'])
        || text.starts_with('/')
        || text.ends_with('/');
    if is_wrong || !is_plain(text) {
        return Err("expected a branch, a tag or a commit, such as `main`".to_owned());
    }
    Ok(text.to_owned())
}

/// A path from the top of the repository, without a leading `./` and without a slash at the end.
fn repository_path(text: &str) -> Result<String, String> {
    let expected = || "expected a path from the top of the repository, such as `deploy/manifests`, or `.`".to_owned();
    let mut parts = Vec::new();
    for part in Path::new(text).components() {
        match part {
            Component::CurDir => {}
            Component::Normal(part) => parts.push(part.to_str().ok_or_else(expected)?),
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return Err(expected()),
        }
    }
    let is_printable = !text.chars().any(char::is_control) && text.trim() == text && !text.contains('\\');
    if text.is_empty() || !is_printable || is_template(text) {
        return Err(expected());
    }
    Ok(if parts.is_empty() { ".".to_owned() } else { parts.join("/") })
}

/// Without blanks and control characters.
fn is_plain(text: &str) -> bool {
    !text.chars().any(|one| one.is_whitespace() || one.is_control()) && !is_template(text)
}

/// An ApplicationSet is a Go template.
fn is_template(text: &str) -> bool {
    text.contains("{{") || text.contains("}}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_is_one_that_argo_cd_can_read() {
        for good in [
            "https://git.example.com/mesh.git",
            "http://git.example.com:8080/team/mesh",
            "https://org@dev.azure.com/org/project/_git/mesh",
            "ssh://git@git.example.com:2222/mesh.git",
            "https://[2001:db8::1]:8443/mesh.git",
            "git@git.example.com:team/mesh.git",
        ] {
            assert_eq!(repository(good).as_deref(), Ok(good));
        }
        for bad in [
            "",
            " ",
            "mesh",
            "git.example.com/mesh.git",
            "https://",
            "https://git.example.com",
            "https://git.example.com/",
            "https:///mesh.git",
            "https://git.example.com:0/mesh.git",
            "https://git.example.com:port/mesh.git",
            "https://git.example.com/my mesh.git",
            "https://git.example.com/mesh.git\nrevision: x",
            "https://git.example.com/{{.folder}}",
            "https://[::1/mesh.git",
            "ftp://git.example.com/mesh.git",
            "file:///srv/mesh.git",
            "@git.example.com:mesh.git",
            "git@git.example.com:",
            "git@:mesh.git",
            "https://user:secret@git.example.com/mesh.git",
            "user:secret@git.example.com:mesh.git",
        ] {
            assert!(repository(bad).is_err(), "{bad:?}");
        }
        assert!(repository("https://user:secret@git.example.com/mesh.git").unwrap_err().contains("Secret"));
    }

    #[test]
    fn a_revision_is_a_branch_a_tag_a_commit_or_a_range() {
        for good in ["HEAD", "main", "release/1.2", "v1.2.0", "0123abcd", "1.2.*", "^1.2", ">=1.0.0,<2.0.0"] {
            assert_eq!(revision(good).as_deref(), Ok(good));
        }
        for bad in ["", " ", "my branch", "a\nb", "-x", "a..b", "a:b", "/a", "a/", "{{.folder}}", "a\\b", "a\u{0}"] {
            assert!(revision(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_path_stays_in_the_repository() {
        for (good, path) in [("out", "out"), ("./a/b/", "a/b"), (".", "."), ("my manifests", "my manifests")] {
            assert_eq!(repository_path(good).as_deref(), Ok(path));
        }
        for bad in ["", " ", "/out", "../out", "a/../b", "a\nb", " a", "a ", "{{.folder}}", "a\\b"] {
            assert!(repository_path(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_record_gives_the_options_back() {
        let layout = |words: &[&str]| Recorded::try_parse_from(words).unwrap().layout;
        let url = "--repository=https://git.example.com/mesh.git";
        for words in [
            &[][..],
            &["--root"],
            &["--argo"],
            &["--argo", "--root", url, "--revision=main", "--repository-path=my manifests"],
        ] {
            let given = layout(words);
            assert_eq!(given.words(), words);
            let record = Record { options: given.words(), ..Record::default() };
            assert_eq!(Layout::of_record(&record, Path::new("out")).unwrap(), given);
        }
        for wrong in ["--rot", "root", "--repository=x"] {
            let record = Record { options: vec![wrong.to_owned()], ..Record::default() };
            let failure = Layout::of_record(&record, Path::new("out")).unwrap_err();
            assert!(failure.message.starts_with("`out/.sallyport`: its options, `"), "{}", failure.message);
        }
    }
}
