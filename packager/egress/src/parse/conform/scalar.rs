//! Scalars against shapes: strings, booleans, numbers, words.

use super::words::{self, What};
use crate::diagnostic::UnplacedDiagnostic;
use crate::value;
use crate::wording::{NO_VARIABLES, has_variable, quoted};
use crate::yaml::tree::{Scalar, ScalarType};
use sallyport_core::wire::{Choice, Json, Shape, TextKind};
use std::ops::RangeInclusive;

/// The value of a scalar, or what is wrong with it.
pub(super) fn read<'t>(shape: &Shape, what: What<'_>, scalar: &'t Scalar) -> Result<Json<'t>, UnplacedDiagnostic> {
    let text = || Json::Text(scalar.text.as_str().into());
    let read = match shape {
        Shape::Text(kind) => check_text(kind, what, scalar).map(|()| text()),
        Shape::Boolean => check_boolean(what, scalar).map(|()| Json::Boolean(scalar.text.eq_ignore_ascii_case("true"))),
        Shape::Whole { least, most } => whole(*least..=*most, what, scalar),
        Shape::OneOf(choices) => check_word(choices, what, scalar).map(|()| text()),
        Shape::List(_) | Shape::Block(_) | Shape::Fields | Shape::Any => {
            Err(words::wrong_scalar(shape, what, scalar).help(format!("write {}", words::expected(shape))))
        }
    };
    read.map_err(|flaw| if has_variable(&scalar.text) { variable(flaw, &scalar.text) } else { flaw })
}

/// That another program has not filled a value in is what is wrong with it.
fn variable(flaw: UnplacedDiagnostic, text: &str) -> UnplacedDiagnostic {
    let (message, help) = NO_VARIABLES;
    UnplacedDiagnostic::new(flaw.code, format!("{} {message}", quoted(text))).help(help)
}

fn check_text(kind: &'static TextKind, what: What<'_>, scalar: &Scalar) -> Result<(), UnplacedDiagnostic> {
    let text = &scalar.text;
    match scalar.resolve() {
        ScalarType::Null => Err(words::no_value(what, &Shape::Text(kind))),
        ScalarType::Number if kind.may_be_number && is_decimal(text) => check_kind(kind, text),
        // With quotes it may still be wrong: a duration needs a unit.
        ScalarType::Number => check_kind(kind, text).and_then(|()| Err(words::unquoted(text, "a number"))),
        ScalarType::Boolean => Err(words::unquoted(text, "a boolean")),
        ScalarType::Text if scalar.is_old_boolean() => Err(words::unquoted(text, "a boolean by many YAML parsers")),
        ScalarType::Text => check_kind(kind, text),
    }
}

fn check_kind(kind: &TextKind, text: &str) -> Result<(), UnplacedDiagnostic> {
    if text.is_empty() && !kind.may_be_empty {
        return Err(value::empty());
    }
    (kind.check)(text).map_err(UnplacedDiagnostic::from)
}

fn check_boolean(what: What<'_>, scalar: &Scalar) -> Result<(), UnplacedDiagnostic> {
    let wrong = |help: &str| Err(words::wrong_scalar(&Shape::Boolean, what, scalar).help(help));
    match (scalar.resolve(), scalar.text.to_ascii_lowercase().as_str()) {
        (ScalarType::Boolean, _) => Ok(()),
        (ScalarType::Null, _) => Err(words::no_value(what, &Shape::Boolean)),
        (_, "true" | "yes" | "on" | "y") => wrong("write `true`, without quotes"),
        (_, "false" | "no" | "off" | "n") => wrong("write `false`, without quotes"),
        _ => wrong("write `true` or `false`"),
    }
}

fn whole<'t>(range: RangeInclusive<u64>, what: What<'_>, scalar: &Scalar) -> Result<Json<'t>, UnplacedDiagnostic> {
    let text = &scalar.text;
    let shape = Shape::Whole { least: *range.start(), most: *range.end() };
    let is_negative = text.strip_prefix('-').is_some_and(is_decimal);
    match scalar.resolve() {
        ScalarType::Null => Err(words::no_value(what, &shape)),
        ScalarType::Number if is_decimal(text) => match text.parse::<u64>() {
            Ok(number) if range.contains(&number) => Ok(u32::try_from(number).map_or(Json::Large(number), Json::Whole)),
            _ => Err(words::out_of_range(&shape, what, text)),
        },
        ScalarType::Number if is_negative => Err(words::out_of_range(&shape, what, text)),
        ScalarType::Text if is_decimal(text) => {
            let help = format!("write it without quotes: {}", quoted(text));
            Err(words::wrong_scalar(&shape, what, scalar).help(help))
        }
        _ => Err(words::wrong_scalar(&shape, what, scalar).help(match text.as_str() {
            "https" => "write its number: `443`".to_owned(),
            "http" => "write its number: `80`".to_owned(),
            _ => in_digits(what, text, &range, &shape),
        })),
    }
}

/// What to write instead of a share or a fraction.
fn in_digits(what: What<'_>, text: &str, range: &RangeInclusive<u64>, shape: &Shape) -> String {
    let (number, is_share) = text.strip_suffix('%').map_or((text, false), |number| (number.trim(), true));
    let Ok(value) = number.parse::<f64>() else { return "write it in plain digits".to_owned() };
    let is_per_mille = what.field.ends_with("PerMille");
    let has_percent = what.field.to_ascii_lowercase().ends_with("percent");
    let times = if is_per_mille && is_share { 10.0 } else { 1.0 };
    let meant = format!("{}", value * times);
    let is_of_hundred = has_percent || (99..=100).contains(range.end());
    let is_meant = if is_share { is_per_mille || is_of_hundred } else { !number.contains('.') };
    if is_meant && is_decimal(&meant) && meant.parse().is_ok_and(|meant| range.contains(&meant)) {
        return format!("write `{meant}`");
    }
    match is_per_mille {
        true => {
            "write how many of a thousand requests: `1`, which is 0.1 %, is the least that is more than none".to_owned()
        }
        false if is_share && !is_of_hundred => {
            format!("write how many, not which share of them: {}", words::expected(shape))
        }
        false => format!("write {}", words::expected(shape)),
    }
}

/// Digits without a leading zero, which YAML 1.1 readers take for octal.
fn is_decimal(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) && (text.len() == 1 || !text.starts_with('0'))
}

fn check_word(choices: &[Choice], what: What<'_>, scalar: &Scalar) -> Result<(), UnplacedDiagnostic> {
    let is_known = choices.iter().any(|choice| choice.value == scalar.text);
    match scalar.resolve() {
        ScalarType::Null => Err(words::no_value(what, &Shape::Text(&TextKind::ANY))),
        ScalarType::Number if is_known => Err(words::unquoted(&scalar.text, "a number")),
        _ if is_known => Ok(()),
        _ => Err(words::unknown_value(choices, what, &scalar.text)),
    }
}
