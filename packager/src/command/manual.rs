//! The manual of the stable codes: `sallyport check --explain [CODE]`.

use sallyport_egress::{Code, manual};

use crate::console::Console;
use crate::exit::{Exit, Failure};

/// Prints the page of one code, in upper or lower case, or without a code the list of all codes.
pub(crate) fn run(code: Option<&str>, console: &Console) -> Result<Exit, Failure> {
    let text = match code {
        None => list(),
        Some(text) => {
            let code = Code::parse(text.trim()).ok_or_else(|| unknown(text))?;
            format!("{code}: {}\n", manual::page(code))
        }
    };
    console.write(None, text.as_bytes())?;
    Ok(Exit::Ok)
}

/// One line per code, by group.
fn list() -> String {
    let mut text = String::new();
    for (title, codes) in manual::groups() {
        text.push_str(&format!("{title}\n"));
        for code in codes {
            text.push_str(&format!("  {code}  {}\n", manual::summary(code)));
        }
        text.push('\n');
    }
    text + "`sallyport check --explain CODE` prints the page of one code.\n"
}

fn unknown(text: &str) -> Failure {
    let version = env!("CARGO_PKG_VERSION");
    let message = format!("sallyport {version} has no code `{}`", text.escape_debug());
    let help = match manual::closest(text) {
        Some(code) => format!("did you mean `{code}`? {}", manual::summary(code)),
        None => {
            "a code is `SP` and four digits, such as `SP1302`; `sallyport check --explain` lists all codes".to_owned()
        }
    };
    Failure::new(Exit::Usage, message).with_help(help)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Cli;
    use clap::CommandFactory;

    #[test]
    fn the_commands_on_the_pages_can_be_parsed() {
        let mut commands = 0;
        for code in Code::all() {
            for line in manual::page(code).lines().filter_map(|line| line.strip_prefix("$ ")) {
                let words: Vec<_> = line.split_whitespace().collect();
                if words.first() == Some(&"sallyport") {
                    let parsed = Cli::command().try_get_matches_from(&words);
                    assert!(parsed.is_ok(), "{code}: {line}: {:?}", parsed.err());
                    commands += 1;
                }
            }
        }
        assert!(commands > 20, "{commands}");
    }
}
