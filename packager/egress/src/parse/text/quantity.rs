//! Amounts of CPU and memory, as Kubernetes writes quantities.

use crate::code::Code;
use crate::diagnostic::Flaw;
use crate::parse::suggest::quoted;

/// What is wrong with an amount of CPU: cores (`1`, `0.5`) or thousandths (`500m`).
pub(crate) fn check_cpu(text: &str) -> Option<Flaw> {
    let good = match split(text) {
        Some((number, "")) => is_positive(number),
        Some((number, "m")) => is_positive(number) && !number.contains('.'),
        _ => false,
    };
    (!good).then(|| {
        Flaw::new(Code::Quantity, format!("{} is not an amount of CPU", quoted(text)))
            .help("write `500m` for half a core, or `\"1\"` for one")
    })
}

/// What is wrong with an amount of memory. A trailing `m` is one: Kubernetes takes it for thousandths of a byte.
pub(crate) fn check_memory(text: &str) -> Option<Flaw> {
    const UNITS: [&str; 9] = ["", "k", "M", "G", "T", "Ki", "Mi", "Gi", "Ti"];
    let parts = split(text);
    if parts.is_some_and(|(number, unit)| UNITS.contains(&unit) && is_positive(number)) {
        return None;
    }
    let flaw = Flaw::new(Code::Quantity, format!("{} is not an amount of memory", quoted(text)));
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
            assert!(check_cpu(good).is_none(), "{good}");
        }
        for bad in ["", "0", "0m", "0.5m", "1 core", "100Mi", "-1", "m", "1."] {
            assert!(check_cpu(bad).is_some(), "{bad}");
        }
        for good in ["256Mi", "1Gi", "1.5Gi", "268435456", "300M"] {
            assert!(check_memory(good).is_none(), "{good}");
        }
        for bad in ["", "256m", "256MB", "0Mi", "Mi", "1 Gi", "-1Mi", "1e3"] {
            assert!(check_memory(bad).is_some(), "{bad}");
        }
    }
}
