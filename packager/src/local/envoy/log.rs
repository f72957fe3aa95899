//! Reading Envoy's log: `[time][process][level][component] [source:line] message`.

/// One parsed line of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Line<'a> {
    level: &'a str,
    component: &'a str,
    message: &'a str,
}

impl<'a> Line<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let mut rest = line;
        let mut field = || {
            let (field, after) = rest.strip_prefix('[')?.split_once(']')?;
            rest = after;
            Some(field)
        };
        let (_time, _process, level, component) = (field()?, field()?, field()?, field()?);
        let rest = rest.trim_start();
        let message = match rest.strip_prefix('[') {
            Some(after) => after.split_once("] ").map_or(rest, |(_, message)| message),
            None => rest,
        };
        Some(Line { level, component, message })
    }

    /// Of a crash only the first line counts: the stack frames do not help a user.
    fn is_error(&self) -> bool {
        let frame = self.component == "backtrace" && !self.message.starts_with("Caught ");
        matches!(self.level, "error" | "critical") && !frame
    }

    /// The filter's message: `wasm log NAME: MESSAGE`.
    fn of_filter(&self) -> Option<&'a str> {
        let said = self.message.strip_prefix("wasm log ").filter(|_| self.component == "wasm")?;
        Some(said.split_once(": ")?.1)
    }
}

/// The last error: the last line of level error or above, else the last line in another format (a crash, a usage message).
pub(crate) fn last_error(log: &str) -> Option<&str> {
    let error = log.lines().filter_map(Line::parse).rfind(Line::is_error);
    let other = || log.lines().rfind(|line| !line.trim().is_empty() && Line::parse(line).is_none());
    error.map(|line| line.message).or_else(other)
}

/// Why Envoy rejected a configuration that it reads from a file. It logs that as a warning.
pub(crate) fn last_rejection<'a>(log: &'a str) -> Option<&'a str> {
    let reason = |line: Line<'a>| {
        let (_, reason) = line.message.strip_prefix("Filesystem config update ")?.split_once(": ")?;
        (line.component == "config").then_some(reason)
    };
    log.lines().filter_map(Line::parse).filter_map(reason).next_back()
}

/// The last error of the filter.
pub(crate) fn last_filter_error(log: &str) -> Option<&str> {
    log.lines().filter_map(Line::parse).filter(Line::is_error).filter_map(|line| line.of_filter()).next_back()
}

/// The filter's message in a line of the log.
pub(super) fn filter_line(line: &str) -> Option<&str> {
    Line::parse(line)?.of_filter()
}

#[cfg(test)]
mod tests {
    use super::*;

    const REFUSED: &str = "\
[2026-11-23 17:50:19.515][8764][info][wasm] [source/extensions/common/wasm/context.cc:1151] wasm log httpbin/httpbin: hello
[2026-11-23 17:50:19.515][8764][error][wasm] [source/extensions/common/wasm/context.cc:1157] wasm log httpbin/httpbin: rules[0].id: is empty
[2026-11-23 17:50:19.515][8764][error][wasm] [source/extensions/common/wasm/wasm.cc:104] Wasm VM failed Failed to configure base Wasm plugin
[2026-11-23 17:50:19.521][8764][warning][config] [source/x.cc:81] Filesystem config update rejected: Unable to create
";

    #[test]
    fn the_last_error_is_found() {
        assert_eq!(last_error(REFUSED), Some("Wasm VM failed Failed to configure base Wasm plugin"));
        assert_eq!(last_error("PARSE ERROR: Argument: --x\n\n"), Some("PARSE ERROR: Argument: --x"));
        assert_eq!(last_error("[t][1][info][main] [a.cc:1] exiting\n"), None);
        assert_eq!(last_error(""), None);
        let crash = "[t][1][critical][backtrace] [b.h:1] Caught Segmentation fault, suspect faulting address 0x1\n\
                     [t][1][critical][backtrace] [b.h:2] #6: [0x7f9964d3424a]\n";
        assert_eq!(last_error(crash), Some("Caught Segmentation fault, suspect faulting address 0x1"));
    }

    #[test]
    fn a_rejection_is_found_among_the_warnings() {
        let log = "\
[t][1][warning][upstream] [a.cc:58] cds: cluster 'outbound|1||a' config rejected: Failed to load certificate chain from /c.pem
[t][1][warning][config] [a.cc:81] Filesystem config update rejected: Error adding/updating cluster(s) outbound|1||a: Failed to load certificate chain from /c.pem
[t][1][warning][main] [a.cc:1059] There is no configured limit
[t][1][info][wasm] [a.cc:1151] wasm log a/a: policy for a/a: 1 rules, enforce
";
        let expected = "Error adding/updating cluster(s) outbound|1||a: Failed to load certificate chain from /c.pem";
        assert_eq!(last_rejection(log), Some(expected));
        assert_eq!(last_rejection(REFUSED), Some("Unable to create"));
        assert_eq!(last_rejection("[t][1][warning][main] [a.cc:1] Filesystem config update rejected: x\n"), None);
    }

    #[test]
    fn an_error_of_the_filter_comes_before_those_of_envoy() {
        assert_eq!(last_filter_error(REFUSED), Some("rules[0].id: is empty"));
        assert_eq!(last_filter_error("[t][1][error][main] [a.cc:1] wasm log a: b"), None);
    }
}
