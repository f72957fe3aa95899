//! The headers that a curl command sends.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::super::url;
use super::kind::BOUNDARY;

/// What the options say of the headers.
#[derive(Default)]
pub(super) struct Headers {
    lines: Vec<Line>,
    /// `-A`: empty, there is none.
    pub(super) user_agent: Option<String>,
    /// `-e`: empty, there is none.
    pub(super) referer: String,
    cookies: Vec<String>,
    /// `-u`: the user and the password.
    pub(super) user: Option<String>,
    /// `--oauth2-bearer`.
    pub(super) token: Option<String>,
    /// `-r`.
    pub(super) range: Option<String>,
}

/// A `-H`. Each one takes away what curl sends by itself under this name.
struct Line {
    name: String,
    /// `None`: it sends nothing itself.
    value: Option<String>,
}

impl Headers {
    /// `-H`: `name: value`, `name:` to leave a header out, `name;` to send it empty. Anything else sends nothing.
    pub(super) fn add(&mut self, line: &str) {
        let (name, value) = match line.split_once(':') {
            Some((name, value)) => (name, Some(value.trim()).filter(|value| !value.is_empty())),
            None => match line.split_once(';') {
                Some((name, rest)) => (name, rest.is_empty().then_some("")),
                None => return,
            },
        };
        if !name.is_empty() {
            self.lines.push(Line { name: name.trim().to_owned(), value: value.map(ToOwned::to_owned) });
        }
    }

    /// `-e`: what is behind `;auto` is for redirections.
    pub(super) fn set_referer(&mut self, value: &str) {
        value.split(";auto").next().unwrap_or_default().clone_into(&mut self.referer);
    }

    /// `-b`: without `=` it is a file to read cookies from, which need not be there.
    pub(super) fn add_cookies(&mut self, value: &str) {
        if value.contains('=') && !value.starts_with('@') {
            self.cookies.push(value.to_owned());
        }
    }

    /// The host that `-H` gives in place of the URL's; empty if it only takes it away.
    pub(super) fn host(&self) -> Option<&str> {
        let named: Vec<&Line> = self.named("host").collect();
        let first = named.iter().find_map(|line| line.value.as_deref());
        (!named.is_empty()).then(|| first.unwrap_or_default())
    }

    /// The header lines: those that curl sends by itself, of which `own` are some, unless a `-H` names them; then those of `-H`.
    /// A form has one content type, which gets its boundary.
    pub(super) fn sent(
        &self,
        own: &[(&str, Option<&str>)],
        user_in_url: Option<&str>,
        is_form: bool,
    ) -> Vec<(String, String)> {
        let authorization = self.authorization(user_in_url);
        let range = self.range.as_ref().map(|range| format!("bytes={range}"));
        let cookies = (!self.cookies.is_empty()).then(|| self.cookies.join(";"));
        let referer = Some(self.referer.as_str()).filter(|value| !value.is_empty());
        let own = own.iter().map(|(name, value)| match *name {
            "user-agent" => (*name, self.user_agent.as_deref().or(*value).filter(|value| !value.is_empty())),
            _ => (*name, *value),
        });
        let further = [
            ("authorization", authorization.as_deref()),
            ("range", range.as_deref()),
            ("referer", referer),
            ("cookie", cookies.as_deref()),
        ];
        let own = own.chain(further).filter(|(name, _)| self.named(name).next().is_none());
        let lines = self.lines.iter().filter(|line| !line.name.eq_ignore_ascii_case("host"));
        let mut sent: Vec<(String, String)> = own
            .chain(lines.map(|line| (line.name.as_str(), line.value.as_deref())))
            .filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())))
            .collect();
        if is_form {
            let mut has_type = false;
            sent.retain(|(name, _)| {
                !name.eq_ignore_ascii_case("content-type") || !std::mem::replace(&mut has_type, true)
            });
            if let Some((_, value)) = sent.iter_mut().find(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
                value.push_str(BOUNDARY);
            }
        }
        sent
    }

    fn named<'h>(&'h self, name: &'h str) -> impl Iterator<Item = &'h Line> {
        self.lines.iter().filter(move |line| line.name.eq_ignore_ascii_case(name))
    }

    /// A token goes before a user, and `-u` before the URL.
    fn authorization(&self, user_in_url: Option<&str>) -> Option<String> {
        if let Some(token) = &self.token {
            return Some(format!("Bearer {token}"));
        }
        let user = self.user.as_ref().map(|user| user.clone().into_bytes());
        let mut user = user.or_else(|| user_in_url.map(url::unescaped))?;
        let has_password = self.user.as_deref().or(user_in_url).is_some_and(|user| user.contains(':'));
        if !has_password {
            user.push(b':');
        }
        Some(format!("Basic {}", BASE64.encode(user)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::from_curl;

    /// The headers but those that every command has.
    fn sent(options: &str) -> String {
        let request = from_curl(&format!("curl {options} https://a.b")).unwrap().request;
        let shown = request.headers.iter().map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value)));
        let shown = shown.filter(|line| line != "accept: */*" && line != "user-agent: curl/8.0.0");
        format!("{} {}", String::from_utf8_lossy(&request.authority), shown.collect::<Vec<_>>().join(", "))
    }

    /// As a server gets them from curl 7.88.1.
    #[test]
    fn headers_are_those_that_curl_sends() {
        for (options, expected) in [
            ("-u a:b", "a.b authorization: Basic YTpi"),
            ("-u a:b:c -u d:e", "a.b authorization: Basic ZDpl"),
            ("-u ''", "a.b authorization: Basic Og=="),
            ("--oauth2-bearer tok -u a:b", "a.b authorization: Bearer tok"),
            ("-H 'Authorization: x' -u a:b", "a.b authorization: x"),
            ("-H 'Authorization:' --oauth2-bearer tok", "a.b "),
            ("-A x -A y", "a.b user-agent: y"),
            ("-A x -H 'User-Agent: y'", "a.b user-agent: y"),
            ("-H 'User-Agent;'", "a.b user-agent: "),
            ("-e x -e y", "a.b referer: y"),
            ("-e x -e ''", "a.b "),
            ("-e 'x;auto'", "a.b referer: x"),
            ("-e x -H 'Referer: y'", "a.b referer: y"),
            ("-H 'Referer:' -e x", "a.b "),
            ("-b a=b -b c=d", "a.b cookie: a=b;c=d"),
            ("-b jar.txt -b @x=y -b ''", "a.b "),
            ("-b a=b -H 'Cookie: c=d'", "a.b cookie: c=d"),
            ("-H 'Cookie:' -b a=b", "a.b "),
            ("-r 0-10", "a.b range: bytes=0-10"),
            ("-H 'Host: c.d' -H 'Host: e.f'", "c.d "),
            ("-H 'Host: c.d' -H 'Host:'", "c.d "),
            ("-H 'Host:' -H 'Host: c.d'", "c.d "),
            ("-H 'X-A' -H 'X-A;b' -H '' -H ': b' -H 'X-A; ' -H 'X-A;;'", "a.b "),
            ("-H 'X-A:b' -H 'X-A:'", "a.b x-a: b"),
            ("-H 'X-A: b;' -H 'X-A;'", "a.b x-a: b;, x-a: "),
            ("-d x -H 'Content-Type;'", "a.b content-type: "),
            ("--json y -H 'Accept:'", "a.b content-type: application/json"),
        ] {
            assert_eq!(sent(options), expected, "{options}");
        }
        for options in ["-A ''", "-H 'User-Agent:' -A x", "-H 'User-Agent;x'"] {
            let headers = from_curl(&format!("curl {options} https://a.b")).unwrap().request.headers;
            assert_eq!(headers, [("accept".to_owned(), b"*/*".to_vec())], "{options}");
        }
    }

    #[test]
    fn users_may_stand_in_the_url() {
        for (command, expected) in [
            ("curl http://u:p@a.b", "Basic dTpw"),
            ("curl http://u@a.b", "Basic dTo="),
            ("curl http://u%20x:p%40@a.b", "Basic dSB4OnBA"),
            ("curl -u a:b http://u:p@a.b", "Basic YTpi"),
            ("curl --oauth2-bearer t http://u:p@a.b", "Bearer t"),
        ] {
            let headers = from_curl(command).unwrap().request.headers;
            let found = headers.into_iter().find(|(name, _)| name == "authorization").unwrap().1;
            assert_eq!(String::from_utf8(found).unwrap(), expected, "{command}");
        }
    }
}
