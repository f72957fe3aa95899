//! Amounts of CPU and memory, as Kubernetes writes quantities.

use super::{checked_text, default_text, kind};
use crate::code::Code;
use crate::diagnostic::UnplacedDiagnostic;
use crate::wording::quoted;
use sallyport_core::wire::TextKind;

checked_text!(
    /// An amount of CPU: cores (`1`, `0.5`) or thousandths of one (`500m`).
    Cpu,
    check_cpu,
    TextKind { may_be_number: true, ..kind::<Self>("amount of CPU") }
);

checked_text!(
    /// An amount of memory in bytes: `256Mi`, `1Gi`.
    Memory,
    check_memory,
    "amount of memory"
);

default_text!(Cpu, Memory);

fn check_cpu(text: &str) -> Option<UnplacedDiagnostic> {
    let good = match split(text) {
        Some((number, "")) => is_positive(number),
        Some((number, "m")) => is_positive(number) && !number.contains('.'),
        _ => false,
    };
    (!good).then(|| {
        UnplacedDiagnostic::new(Code::Quantity, format!("{} is not an amount of CPU", quoted(text))).help(
            match split(text) {
                Some((number, "M" | "millicores" | "mcpu")) if is_positive(number) => format!("write `{number}m`"),
                _ => "write `500m` for half a core, or `\"1\"` for one".to_owned(),
            },
        )
    })
}

/// The most digits of an amount of memory that was surely not meant in bytes.
const LONGEST_WITHOUT_UNIT: usize = 5;

/// A trailing `m` is refused: Kubernetes reads it as thousandths of a byte.
fn check_memory(text: &str) -> Option<UnplacedDiagnostic> {
    const UNITS: [&str; 9] = ["", "k", "M", "G", "T", "Ki", "Mi", "Gi", "Ti"];
    let parts = split(text);
    if let Some((number, "")) = parts
        && is_positive(number)
        && number.len() <= LONGEST_WITHOUT_UNIT
    {
        let flaw = UnplacedDiagnostic::new(
            Code::Quantity,
            format!("{} has no unit, and so few bytes hold no program", quoted(text)),
        );
        return Some(flaw.help(format!("write `{number}Mi`")));
    }
    if parts.is_some_and(|(number, unit)| UNITS.contains(&unit) && is_positive(number)) {
        return None;
    }
    let flaw = UnplacedDiagnostic::new(Code::Quantity, format!("{} is not an amount of memory", quoted(text)));
    Some(match parts {
        Some((number, "m" | "MB" | "MiB" | "Mb" | "mi")) if is_positive(number) => {
            flaw.help(format!("did you mean `{number}Mi`?"))
        }
        Some((number, "g" | "GB" | "GiB" | "Gb" | "gi")) if is_positive(number) => {
            flaw.help(format!("did you mean `{number}Gi`?"))
        }
        _ => flaw.help("write `256Mi` or `1Gi`"),
    })
}

/// How many cores an amount of CPU is.
pub(crate) fn cores(text: &str) -> Option<f64> {
    let (number, unit) = split(text)?;
    let number: f64 = number.parse().ok()?;
    Some(if unit == "m" { number / 1000.0 } else { number })
}

/// How many MiB an amount of memory is.
pub(crate) fn mebibytes(text: &str) -> Option<f64> {
    let (number, unit) = split(text)?;
    let number: f64 = number.parse().ok()?;
    let bytes = match unit {
        "k" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "T" => 1e12,
        "Ki" => 1024.0,
        "Mi" => 1_048_576.0,
        "Gi" => 1_073_741_824.0,
        "Ti" => 1_099_511_627_776.0,
        _ => 1.0,
    };
    Some(number * bytes / 1_048_576.0)
}

fn split(text: &str) -> Option<(&str, &str)> {
    let unit = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    text.split_at_checked(unit)
}

fn is_positive(number: &str) -> bool {
    let starts = number.starts_with(|c: char| c.is_ascii_digit());
    starts && !number.ends_with('.') && number.parse::<f64>().is_ok_and(|number| number > 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities() {
        for good in ["100m", "1", "0.5", "16"] {
            assert!(good.parse::<Cpu>().is_ok(), "{good}");
        }
        for bad in ["", "0", "0m", "0.5m", "1 core", "100Mi", "-1", "m", "1."] {
            assert!(bad.parse::<Cpu>().is_err(), "{bad}");
        }
        for good in ["256Mi", "1Gi", "1.5Gi", "268435456", "300M"] {
            assert!(good.parse::<Memory>().is_ok(), "{good}");
        }
        for bad in ["", "256", "99999", "0.5", "256m", "256MB", "0Mi", "Mi", "1 Gi", "-1Mi", "1e3"] {
            assert!(bad.parse::<Memory>().is_err(), "{bad}");
        }
    }
}
