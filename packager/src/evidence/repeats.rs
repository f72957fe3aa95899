//! Lines that are there again: in a copy of a log, also a compressed or linked one, or in what two rotated logs have in common.
//!
//! # Design
//! A line is known by its JSON and its time, so what a container runtime or `kubectl logs` writes before it does not make it another
//! one. With the request's ID it is known by that, its time, and what would count of it, and it counts once. Without it, equal lines of one log are requests of their own, and a line of several logs
//! counts as often as in the log that has it most often. So no copy adds anything, in whichever order the logs are read.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use super::line::Record;

/// So many different lines are known. They take some 200 MB at most.
pub(super) const MOST: usize = 3_500_000;

/// What is known of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// It is not there again, as far as the logs were read.
    New,
    /// It has counted already.
    Again,
    /// There are too many lines of several logs to say so.
    Open,
}

/// The lines of logs, in bounded memory.
#[derive(Debug)]
pub(super) struct Repeats {
    /// By their hashes. Both keys are random, so no line can be made to be taken for another one.
    lines: HashMap<[u64; 2], Times>,
    keys: [RandomState; 2],
    /// The log that is read.
    log: u32,
    has_several: bool,
    most: usize,
}

/// How often a line was seen.
#[derive(Clone, Copy, Debug, Default)]
struct Times {
    /// The last log that has it, and how often.
    log: u32,
    in_log: u32,
    /// How often it has counted.
    counted: u32,
}

impl Repeats {
    /// Of so many logs.
    pub(super) fn of(logs: usize) -> Self {
        let keys = [RandomState::new(), RandomState::new()];
        Self { lines: HashMap::new(), keys, log: 0, has_several: logs > 1, most: MOST }
    }

    /// The lines that follow are of another log.
    pub(super) fn next_log(&mut self) {
        self.log = self.log.saturating_add(1);
    }

    pub(super) fn look(&mut self, record: &Record) -> Known {
        let has_id = record.has_id();
        if !has_id && !self.has_several {
            return Known::New;
        }
        let text = record.known_by();
        let [one, two] = &self.keys;
        let key = [one.hash_one(&text), two.hash_one(&text)];
        if self.lines.len() >= self.most && !self.lines.contains_key(&key) {
            // What one log has beyond it, its gateway wrote.
            return if self.has_several { Known::Open } else { Known::New };
        }
        let times = self.lines.entry(key).or_default();
        if times.log != self.log {
            *times = Times { log: self.log, in_log: 0, ..*times };
        }
        times.in_log = times.in_log.saturating_add(1);
        if times.in_log <= times.counted || (has_id && times.counted > 0) {
            return Known::Again;
        }
        times.counted = times.in_log;
        Known::New
    }
}

#[cfg(test)]
mod tests {
    use sallyport_egress::check;
    use sallyport_egress::diagnostic::SourceFile;
    use sallyport_egress::rollout::Standing;

    use super::super::line::Line;
    use super::super::logs;
    use super::super::subject::Subject;
    use super::*;

    fn look(repeats: &mut Repeats, lines: &[String]) -> Vec<Known> {
        repeats.next_log();
        let known = lines.iter().map(|line| match Line::read(line.as_bytes()) {
            Line::Request(record, _) => repeats.look(&record),
            other => panic!("{other:?}"),
        });
        known.collect()
    }

    fn line(second: u32) -> String {
        format!(r#"{{"time":"2026-11-25T09:25:{second:02}.181Z","decision":"allowed","status":200}}"#)
    }

    #[test]
    fn a_line_counts_as_often_as_one_log_has_it() {
        let mut repeats = Repeats::of(2);
        let [a, b, c] = [1, 2, 3].map(line);
        assert_eq!(look(&mut repeats, &[a.clone(), a.clone(), b.clone()]), [Known::New; 3]);
        assert_eq!(
            look(&mut repeats, &[b.clone(), b.clone(), c, a.clone()]),
            [Known::Again, Known::New, Known::New, Known::Again]
        );
        // Another prefix, another order of the keys, and another end of the line.
        let other = r#"{"status": 200, "time":"2026-11-25T09:25:01.181Z","decision":"allowed"}"#;
        let texts = [format!("2026-11-25T09:25:01.2Z stdout F {a}\r"), other.to_owned(), a];
        assert_eq!(look(&mut repeats, &texts), [Known::Again, Known::Again, Known::New]);
        // Another way to write the time.
        let mut again = Repeats::of(2);
        assert_eq!(look(&mut again, &[line(1)]), [Known::New]);
        assert_eq!(look(&mut again, &[line(1).replace("181Z", "181+00:00")]), [Known::Again]);
        // The time before the JSON is the line's, where that has none.
        let timeless = r#"{"decision":"allowed","status":200}"#;
        let at = |second: u32| format!("2026-11-25T09:25:{second:02}Z {timeless}");
        assert_eq!(look(&mut repeats, &[at(1), at(2)]), [Known::New; 2]);
        assert_eq!(look(&mut repeats, &[at(3), at(2)]), [Known::New, Known::Again]);
    }

    #[test]
    fn what_is_beyond_the_limit_is_not_known() {
        let mut repeats = Repeats { most: 2, ..Repeats::of(2) };
        let lines: Vec<String> = (0..4).map(line).collect();
        assert_eq!(look(&mut repeats, &lines), [Known::New, Known::New, Known::Open, Known::Open]);
        assert_eq!(look(&mut repeats, &lines), [Known::Again, Known::Again, Known::Open, Known::Open]);
    }

    #[test]
    fn a_line_with_its_id_counts_once_in_one_log_too() {
        let with_id = |second| line(second).replace("\"status\"", "\"requestId\":\"a\",\"status\"");
        let lines = [with_id(1), with_id(1), with_id(2), line(3), line(3)];
        let mut repeats = Repeats::of(1);
        assert_eq!(look(&mut repeats, &lines), [Known::New, Known::Again, Known::New, Known::New, Known::New]);
        // However it is written; another host or another region makes it another one.
        let mut repeats = Repeats::of(1);
        let one = with_id(1);
        let more = [
            one.clone(),
            one.replace("181Z", "1810+00:00"),
            one.replace("T09:25:01.181Z", "T10:25:01.181+01:00"),
            one.replace("\"status\"", "\"cluster\":\"x\",\"status\""),
        ];
        assert_eq!(look(&mut repeats, &more), [Known::New, Known::Again, Known::Again, Known::Again]);
        let others = [
            one.replace("181Z", "182Z"),
            one.replace("\"status\"", "\"host\":\"x\",\"status\""),
            one.replace("\"status\"", "\"region\":\"other\",\"status\""),
            one.replace("200", "503"),
        ];
        assert_eq!(look(&mut repeats, &others), [Known::New; 4]);
        // Beyond the limit it is not known, and nothing else has the line.
        let mut repeats = Repeats { most: 1, ..Repeats::of(1) };
        assert_eq!(look(&mut repeats, &[with_id(1), with_id(2), with_id(2), with_id(1)])[..3], [Known::New; 3]);
    }

    #[test]
    fn logs_with_too_many_lines_are_not_whole() {
        let text = "apiVersion: sallyport.dev/v1alpha1\nkind: Egress\nmetadata: {name: a, namespace: a}\n\
                    spec: {host: a.internal, upstream: {host: a.example, port: 443}, authz: {rules: []}}\n";
        let checked = check(&[SourceFile { name: "a.yaml".to_owned(), text: text.to_owned() }]);
        let egress = &checked.egresses[0].value;
        let standing = Standing::Shadow;
        let subject = Subject { egress, regions: &[], standing, mark: "a", since: 0, is_of_filter: false };
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("a.log");
        let of_host = |second| line(second).replace("\"status\"", "\"host\":\"a.internal\",\"status\"") + "\n";
        std::fs::write(&path, (0..4).map(of_host).collect::<String>()).unwrap();
        for (most, is_whole) in [(4, true), (3, false)] {
            let repeats = Some(Repeats { most, ..Repeats::of(2) });
            let logged =
                logs::read(&[path.clone(), path.clone()], repeats, std::slice::from_ref(&subject), &[egress], i64::MAX)
                    .unwrap();
            let warnings = &logged[0].observed.warnings;
            let is_said =
                warnings.iter().any(|text| text.starts_with("the logs have more than 3,500,000 different lines"));
            assert_eq!(is_said, !is_whole, "{warnings:?}");
        }
    }
}
