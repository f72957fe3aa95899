//! Why there is no answer.

use std::io;

use ureq::Error;
use ureq::http::StatusCode;

use crate::exit::IoErrorText;

/// Why there is no answer. None of it says anything about the gateways.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unanswered {
    /// There is no connection, for this reason.
    Unreachable(String),
    /// It did not answer in time, or says that the query takes too long.
    TimedOut,
    /// The answer ended before its end.
    CutOff,
    /// It wants a user, a password or a token, or others than these.
    Unauthorized(StatusCode),
    /// It answers with an error of its own.
    Refused(String),
    /// What answers is no Prometheus.
    NotPrometheus(String),
}

impl Unanswered {
    pub(super) fn of_transport(error: &Error) -> Self {
        match error {
            Error::Timeout(_) => Unanswered::TimedOut,
            Error::HostNotFound => Unanswered::Unreachable("no such host".to_owned()),
            Error::Io(error) => Unanswered::of_io(error),
            Error::BodyExceedsLimit(limit) => {
                Unanswered::NotPrometheus(format!("its answer is larger than {} MiB", limit >> 20))
            }
            Error::Protocol(_) => Unanswered::CutOff,
            error => Unanswered::Unreachable(error.to_string()),
        }
    }

    fn of_io(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Unanswered::CutOff,
            io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => Unanswered::TimedOut,
            io::ErrorKind::ConnectionRefused => Unanswered::Unreachable("connection refused".to_owned()),
            // The error of rustls for certificates and bytes that are not TLS.
            io::ErrorKind::InvalidData => Unanswered::Unreachable(format!("TLS failed: {error}")),
            _ => Unanswered::Unreachable(IoErrorText(error).to_string()),
        }
    }

    /// What happened, behind the server's name.
    pub(crate) fn reason(&self) -> String {
        match self {
            Unanswered::Unreachable(why) => format!("cannot be reached: {why}"),
            Unanswered::TimedOut => "does not answer in time".to_owned(),
            Unanswered::CutOff => "sent half an answer".to_owned(),
            Unanswered::Unauthorized(status) => format!("does not let this user in: {status}"),
            Unanswered::Refused(why) => format!("answers with an error: {why}"),
            Unanswered::NotPrometheus(why) => format!("does not answer as Prometheus does: {why}"),
        }
    }

    /// What to do about it.
    pub(crate) fn help(&self) -> Option<&'static str> {
        match self {
            Unanswered::Unauthorized(_) => {
                Some("write `--prometheus https://USER:PASSWORD@HOST`, or give `--prometheus-token-file FILE`")
            }
            Unanswered::NotPrometheus(_) => Some(
                "the URL is the one below which `/api/v1/query` is: with the prefix of `--web.external-url`, if any",
            ),
            _ => None,
        }
    }
}
