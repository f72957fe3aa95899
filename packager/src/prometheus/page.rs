//! A metrics page: Prometheus' text format, from a file or a URL.
//!
//! # Design
//! The crates that read this format pass over lines that they do not understand, or bring a parser generator and a calendar.
//! A line that is passed over is a counter that seems not to be there, so here it is an error.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use sallyport_egress::did_you_mean;

use super::client::{agent, number};
use super::relabel::relabel;
use super::samples::{Sample, Samples};
use super::unanswered::Unanswered;
use super::url::Url;
use crate::exit::{Exit, Failure};
use crate::input::{Missing, canonical, read_at_most};
use crate::printable::visible;
use crate::reading;

const LARGEST: u64 = 64 << 20;
const PATIENCE: Duration = Duration::from_secs(30);

/// A page of one pod, and whose it is: `NAMESPACE/NAME=FILE` or `NAMESPACE/NAME=URL`, or `NAME` if no two gateways have it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct MetricsPage {
    /// Empty: that of the only gateway of the name.
    namespace: String,
    gateway: String,
    /// As the user wrote it.
    source: String,
}

impl std::str::FromStr for MetricsPage {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (route, source) = text.split_once('=').unwrap_or((text, ""));
        let (namespace, gateway) = match route.split_once('/') {
            Some((namespace, gateway)) if !namespace.is_empty() => (namespace, gateway),
            Some(_) => ("", ""),
            None => ("", route),
        };
        match (gateway, source) {
            ("", _) | (_, "") => {
                Err("write NAMESPACE/NAME=FILE or NAMESPACE/NAME=URL, for the gateway that the page is of".to_owned())
            }
            _ => Ok(MetricsPage {
                namespace: namespace.to_owned(),
                gateway: gateway.to_owned(),
                source: source.to_owned(),
            }),
        }
    }
}

impl MetricsPage {
    /// The pages with the namespaces of their gateways. `known`: the gateways of the files. One that no file has, and a name of
    /// several, are errors.
    pub(crate) fn of_known(pages: &[MetricsPage], known: &[String]) -> Result<Vec<MetricsPage>, Failure> {
        pages.iter().map(|page| page.of_one(known)).collect()
    }

    fn of_one(&self, known: &[String]) -> Result<MetricsPage, Failure> {
        let is_meant = |route: &&String| match route.split_once('/') {
            Some((namespace, name)) => {
                name == self.gateway && (self.namespace.is_empty() || namespace == self.namespace)
            }
            None => false,
        };
        let meant: Vec<&String> = known.iter().filter(is_meant).collect();
        let route = self.route();
        match meant.as_slice() {
            [] => {}
            [one] => {
                let namespace = one.split('/').next().unwrap_or_default().to_owned();
                return Ok(MetricsPage { namespace, ..self.clone() });
            }
            several => {
                let names: Vec<_> = several.iter().map(|name| format!("`{name}`")).collect();
                let message = format!("`--metrics`: `{}` could be {}", visible(&route), names.join(" or "));
                return Err(Failure::new(Exit::Usage, message).with_help("write the namespace, too"));
            }
        }
        let failure = Failure::new(Exit::Usage, format!("`--metrics`: no file has a gateway `{}`", visible(&route)));
        Err(match did_you_mean(&route, known.iter().map(String::as_str)) {
            Some(near) => failure.with_help(format!("did you mean `{near}`?")),
            None => failure.with_help("write the namespace and the name of an Egress: NAMESPACE/NAME=FILE"),
        })
    }

    /// `NAMESPACE/NAME` of the gateway that it is of; `NAME` while the namespace is not known.
    pub(crate) fn route(&self) -> String {
        if self.namespace.is_empty() { self.gateway.clone() } else { format!("{}/{}", self.namespace, self.gateway) }
    }

    /// The file or the URL.
    pub(crate) fn source(&self) -> &str {
        &self.source
    }

    /// Where it is from, the same for each spelling of it: the file, or the URL without its user.
    pub(crate) fn place(&self) -> PathBuf {
        match self.source.parse::<Url>() {
            Ok(url) => PathBuf::from(url.text),
            Err(_) => canonical(Path::new(&self.source)),
        }
    }

    /// When the file was written, in Unix seconds: what it says was so until then. `None`: it is a URL, or not known.
    pub(crate) fn written(&self) -> Option<i64> {
        let modified = std::fs::metadata(&self.source).ok()?.modified().ok()?;
        i64::try_from(modified.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_secs()).ok()
    }

    /// The page's series with the labels that the job gives them; the pod is the page.
    pub(crate) fn read(&self) -> Result<Samples, Failure> {
        let is_url = ["http://", "https://"].iter().any(|scheme| self.source.starts_with(scheme));
        let bytes = if is_url { self.fetch()? } else { self.open()? };
        let text = String::from_utf8_lossy(&bytes);
        let samples = parse(&text).map_err(|error| self.wrong(&error))?;
        let of_pod = [("namespace", &self.namespace), ("gateway", &self.gateway), ("pod", &self.source)];
        let with_pod = samples.into_iter().map(|mut sample| {
            sample.labels.extend(of_pod.map(|(name, value)| (name.to_owned(), value.clone())));
            relabel(sample)
        });
        Ok(with_pod.collect())
    }

    fn open(&self) -> Result<Vec<u8>, Failure> {
        let path = PathBuf::from(&self.source);
        let file = reading::open(&path).map_err(|error| Failure::read(Path::new(&path), &error))?;
        read_at_most(LARGEST, file).map_err(|missing| match missing {
            Missing::Unreadable(why) => self.wrong(&why),
            Missing::NothingFound | Missing::ForOthers => self.wrong("it cannot be read"),
        })
    }

    fn fetch(&self) -> Result<Vec<u8>, Failure> {
        let url: Url = self.source.parse().map_err(|error: String| self.wrong(&error))?;
        let failure = |why: Unanswered| Failure::new(Exit::Io, format!("`{}` {}", url.text, why.reason()));
        let mut request = agent(&url, PATIENCE).get(&url.text);
        if let Some(basic) = &url.basic {
            request = request.header("authorization", basic);
        }
        let mut response = request.call().map_err(|error| failure(Unanswered::of_transport(&error)))?;
        if response.status() != 200 {
            return Err(failure(Unanswered::Refused(response.status().to_string())));
        }
        let body = response.body_mut().with_config().limit(LARGEST).read_to_vec();
        body.map_err(|error| failure(Unanswered::of_transport(&error)))
    }

    fn wrong(&self, why: &str) -> Failure {
        Failure::new(Exit::Io, format!("`{}` is no metrics page: {why}", visible(&self.source)))
    }
}

/// The samples of a page.
pub(super) fn parse(text: &str) -> Result<Vec<Sample>, String> {
    if !text.is_empty() && !text.ends_with('\n') {
        return Err("its last line is cut off".to_owned());
    }
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'));
    let read = |(number, line): (usize, &str)| {
        sample(line).ok_or_else(|| format!("line {} is not `NAME{{LABELS}} VALUE`", number.saturating_add(1)))
    };
    lines.map(read).collect()
}

/// `name{label="value",...} value [time]`.
fn sample(line: &str) -> Option<Sample> {
    let end = line.find(|c: char| !is_of_name(c) && c != ':').unwrap_or(line.len());
    let (name, rest) = line.split_at_checked(end)?;
    let (labels, rest) = match rest.trim_start().strip_prefix('{') {
        Some(rest) => labels(rest)?,
        None => (BTreeMap::new(), rest),
    };
    // What is behind ` # ` is an exemplar of OpenMetrics.
    let rest = rest.split_once(" # ").map_or(rest, |(before, _)| before);
    let mut words = rest.split_whitespace();
    let value = number(words.next()?)?;
    let is_sound = words.next().is_none_or(|time| time.parse::<f64>().is_ok()) && words.next().is_none();
    (is_sound && !name.is_empty()).then(|| Sample { name: name.to_owned(), labels, value })
}

/// The labels behind `{`, and what follows `}`.
fn labels(mut rest: &str) -> Option<(BTreeMap<String, String>, &str)> {
    let mut labels = BTreeMap::new();
    loop {
        rest = rest.trim_start();
        if let Some(after) = rest.strip_prefix('}') {
            return Some((labels, after));
        }
        let (name, after) = rest.split_once('=')?;
        let name = name.trim();
        let (value, after) = quoted(after.trim_start().strip_prefix('"')?)?;
        if name.is_empty() || !name.chars().all(is_of_name) || labels.insert(name.to_owned(), value).is_some() {
            return None;
        }
        rest = after.trim_start();
        rest = rest.strip_prefix(',').or_else(|| rest.starts_with('}').then_some(rest))?;
    }
}

/// A text up to its quote, and what follows that.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.chars();
    loop {
        match chars.next()? {
            '"' => return Some((value, chars.as_str())),
            '\\' => value.push(match chars.next()? {
                'n' => '\n',
                escaped @ ('"' | '\\') => escaped,
                _ => return None,
            }),
            other => value.push(other),
        }
    }
}

fn is_of_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_read() {
        let page = "# HELP a b\n# TYPE a counter\na 1\nb{} 2 1700000000000\n\nc:d{x=\"1\", y=\"a\\\"\\\\\\n}\",} +Inf\n\
                    e_bucket{le=\"0.5\"} 1e+06 # {trace=\"x\"} 0.3\nf NaN\n# EOF\n";
        let read = parse(page).unwrap();
        let names: Vec<_> = read.iter().map(|sample| (sample.name.as_str(), sample.value)).collect();
        let expected = [("a", 1.0), ("b", 2.0), ("c:d", f64::INFINITY), ("e_bucket", 1e6)];
        assert_eq!(names.get(..4), Some(expected.as_slice()));
        assert!(read.last().unwrap().value.is_nan());
        assert_eq!(read.get(2).unwrap().label("y"), "a\"\\\n}");
        assert_eq!(parse(""), Ok(Vec::new()));
    }

    #[test]
    fn a_line_that_is_none_is_an_error() {
        for line in [
            "a",
            "a x",
            "{} 1",
            "a{b} 1",
            "a{b=\"} 1",
            "a{b=\"\\x\"} 1",
            "a{b=\"1\"c=\"2\"} 1",
            "a 1 2 3",
            "<html>",
            "a{b=\"1\",b=\"2\"} 1",
            "a{=\"1\"} 1",
            "a 1 later",
        ] {
            let error = parse(&format!("ok 1\n{line}\n"));
            assert_eq!(error, Err("line 2 is not `NAME{LABELS} VALUE`".to_owned()), "{line}");
        }
        assert_eq!(parse("a 1\nb 2"), Err("its last line is cut off".to_owned()));
    }

    #[test]
    fn a_page_is_some_gateways() {
        for text in ["page.txt", "=page.txt", "a=", "a/=page.txt", "/b=page.txt", "a/b=", "a/b"] {
            assert!(text.parse::<MetricsPage>().unwrap_err().starts_with("write NAMESPACE/NAME=FILE"), "{text}");
        }
        let route = |text: &str, known: &[&str]| {
            let known: Vec<String> = known.iter().map(|route| (*route).to_owned()).collect();
            let pages = MetricsPage::of_known(&[text.parse().unwrap()], &known);
            pages.map(|pages| pages[0].route()).map_err(|failure| failure.message)
        };
        assert_eq!(route("b=page.txt", &["a/b", "a/c"]), Ok("a/b".to_owned()));
        assert_eq!(route("c/b=page.txt", &["a/b", "c/b"]), Ok("c/b".to_owned()));
        assert_eq!(route("b=x", &["a/b", "c/b"]), Err("`--metrics`: `b` could be `a/b` or `c/b`".to_owned()));
        assert_eq!(route("d=x", &["a/b"]), Err("`--metrics`: no file has a gateway `d`".to_owned()));
        let page: MetricsPage = "a/b=http://x/?y=z".parse().unwrap();
        assert_eq!((page.namespace.as_str(), page.gateway.as_str(), page.source.as_str()), ("a", "b", "http://x/?y=z"));
    }
}
