//! The manual of one code: `sallyport check --explain CODE`.

use crate::codes;
use crate::console::Console;
use crate::exit::{Exit, Failure};

/// Prints the manual of a code, however its letters are written.
pub(crate) fn run(code: &str, console: &Console) -> Result<Exit, Failure> {
    let wanted = code.trim().to_ascii_uppercase();
    let Some(manual) = codes::manual(&wanted) else {
        let failure = Failure::new(Exit::Usage, format!("there is no code `{}`", code.escape_debug()));
        return Err(match closest(&wanted) {
            Some(known) => failure.with_help(format!("did you mean `{known}`? {}", codes::summary(known))),
            None => failure.with_help("codes look like `SP1302`"),
        });
    };
    console.write(None, format!("{wanted}: {manual}\n").as_bytes())?;
    Ok(Exit::Ok)
}

/// The known code that differs least, if it differs little.
fn closest(wanted: &str) -> Option<&'static str> {
    codes::all()
        .map(|code| (strsim::damerau_levenshtein(wanted, code), code))
        .min()
        .filter(|&(distance, _)| distance <= 2)
        .map(|(_, code)| code)
}
