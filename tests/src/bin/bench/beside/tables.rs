//! The tables of docs/performance.md.

use std::fmt::Write as _;
use std::fs;

use anyhow::{Context, Result};
use sallyport_tests::workspace;

use super::Findings;
use super::measure::{Outcome, PERCENTILES, RATE, Spread};
use super::variant::Kind;

const BEGIN: &str = "<!-- beside:begin -->\n";
const END: &str = "<!-- beside:end -->\n";
/// The percentiles that the table has.
const SHOWN: [f64; 2] = [50.0, 99.0];

/// All tables, as they are in the document.
pub fn text(findings: &Findings) -> String {
    let mut text = String::new();
    let _ = writeln!(
        text,
        "Envoy {} on {}, {} rounds, with a filter of {} bytes. CPU for a request in µs; what it adds has its quartiles.\n",
        findings.version,
        findings.machine,
        findings.rounds,
        grouped(findings.filter as f64)
    );
    let names: Vec<&str> = findings.transports.iter().map(|(name, _)| *name).collect();
    let both = |column: &str| names.iter().map(|name| format!(" {name}: {column} |")).collect::<String>();
    let columns: String = names.iter().map(|name| format!(" {name}: CPU | adds |")).collect();
    table(&mut text, &columns, findings, |outcome| format!(" {} | {} |", number(outcome.cpu.middle), added(outcome)));
    let _ = writeln!(
        text,
        "\nLatency in µs at {} requests a second over eight connections, the median of the turns:\n",
        grouped(f64::from(RATE))
    );
    let columns = both("p50").replace(": p50 |", ": p50 | p99 |");
    table(&mut text, &columns, findings, |outcome| match &outcome.latency {
        Some(latency) => SHOWN.iter().map(|shown| format!(" {} |", number(at(latency, *shown)))).collect(),
        None => " too slow | too slow |".to_owned(),
    });
    let _ = writeln!(
        text,
        "\nResident memory in MB of an Envoy with one worker, what each further worker adds, and milliseconds from an edit \
         of the configuration's file to the first answer by it:\n\n\
         | | rules | one worker | a further worker | an edit is live |\n|---|---|---|---|---|"
    );
    for (kind, memory) in &findings.memory {
        let live = findings.live.iter().find(|(other, _)| other == kind);
        let live = live.map_or_else(String::new, |(_, spread)| within(*spread));
        let [one, another] = [memory.one, memory.another].map(|bytes| format!("{:.1}", bytes / 1e6));
        let _ = writeln!(text, "| {} | {} | {one} | {another} | {live} |", kind.name(), rules(*kind));
    }
    let _ = writeln!(text, "\nOPA itself has {:.1} MB.", findings.memory_of_opa / 1e6);
    text
}

/// Writes them into the document.
pub fn write(findings: &Findings) -> Result<()> {
    let path = workspace().join("docs/performance.md");
    let document = fs::read_to_string(&path)?;
    let (before, rest) = document.split_once(BEGIN).context("docs/performance.md has no place for the tables")?;
    let (_, after) = rest.split_once(END).context("docs/performance.md has no end of the tables")?;
    Ok(fs::write(&path, format!("{before}{BEGIN}{}{END}{after}", text(findings)))?)
}

/// One row a gateway, with the columns of each transport.
fn table(text: &mut String, columns: &str, findings: &Findings, cells: impl Fn(&Outcome) -> String) {
    let count = columns.matches('|').count();
    let _ = writeln!(text, "| | rules |{columns}\n|---|---|{}", "---|".repeat(count));
    // Over each transport the same gateways, in the same order.
    for (row, outcome) in findings.transports.first().into_iter().flat_map(|(_, outcomes)| outcomes.iter().enumerate())
    {
        let of_row = |outcomes: &[Outcome]| outcomes.get(row).map(&cells);
        let cells: String = findings.transports.iter().filter_map(|(_, outcomes)| of_row(outcomes)).collect();
        let name =
            if row > 0 && outcome.kind == Kind::None { "no filter, beside those below" } else { outcome.kind.name() };
        let _ = writeln!(text, "| {name} | {} |{cells}", rules(outcome.kind));
    }
}

fn added(outcome: &Outcome) -> String {
    match outcome.beside {
        _ if outcome.kind == Kind::None => String::new(),
        None => within(outcome.added),
        Some(beside) => format!("{}, and {} of OPA", within(outcome.added), number(beside.middle)),
    }
}

fn at(latency: &[f64], shown: f64) -> f64 {
    let found = PERCENTILES.iter().zip(latency).find(|(percent, _)| **percent == shown);
    found.map_or(f64::NAN, |(_, value)| *value)
}

fn rules(kind: Kind) -> String {
    kind.rules().map_or_else(String::new, |rules| grouped(rules as f64))
}

fn within(spread: Spread) -> String {
    format!("{} ({} to {})", number(spread.middle), number(spread.low), number(spread.high))
}

/// With one decimal where there are few digits before it.
pub fn number(value: f64) -> String {
    if value.abs() < 100.0 { format!("{value:.1}") } else { grouped(value) }
}

/// Digits in groups of three.
pub fn grouped(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if value < 0.0 { format!("-{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn a_number_has_the_digits_that_count() {
        let read = [0.04, -2.56, 99.94, 100.4, -1_234.0, 12_345_678.0].map(number);
        assert_eq!(read, ["0.0", "-2.6", "99.9", "100", "-1,234", "12,345,678"]);
    }
}
