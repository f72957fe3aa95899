//! Lines of the gateways' JSON access log (`accessLog: json`).

use serde::Deserialize;

use super::har::json_error;
use super::model::{PasteError, Pasted};
use crate::diagnostic::Position;
use crate::scenario::Request;

/// What a line says of the request. Keys without a value are `null`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", expecting = "an object")]
struct Line {
    method: Option<String>,
    host: Option<String>,
    path: Option<String>,
    principal: Option<String>,
    caller: Option<String>,
    sni: Option<String>,
    decision: Option<String>,
    rule: Option<String>,
    reason: Option<String>,
    grpc_status: Option<String>,
    request_id: Option<String>,
    traceparent: Option<String>,
}

/// The requests of some lines, in their order. What `kubectl logs` writes before a line is skipped.
///
/// # Errors
///
/// A line that is cut, or is not of this log.
pub fn from_log(text: &str) -> Result<Vec<Pasted>, PasteError> {
    let mut pasted = Vec::new();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let at = |column: usize| Position { line: number.saturating_add(1), column };
        let Some(start) = line.find('{') else {
            let message = "this is not a line of the JSON access log".to_owned();
            let help =
                "write `accessLog: json` in the Mesh file, or name the caller and the request: `--as NS/SA GET /path`"
                    .to_owned();
            return Err(PasteError { position: at(1), message, help });
        };
        let json = line.get(start..).unwrap_or_default();
        let line: Line = serde_json::from_str(json).map_err(|error| {
            let mut error = json_error(&error, "a line of the access log", number);
            error.position.column = error.position.column.saturating_add(start);
            error
        })?;
        pasted.push(read(line).ok_or_else(|| PasteError {
            position: at(start.saturating_add(1)),
            message: "the line has no `method` or no `path`".to_owned(),
            help: "give a line as the gateway wrote it: Envoy writes neither for what is not HTTP".to_owned(),
        })?);
    }
    if pasted.is_empty() {
        let help = "give a line of the gateway's log".to_owned();
        return Err(PasteError {
            position: Position { line: 1, column: 1 },
            message: "there is no line".to_owned(),
            help,
        });
    }
    Ok(pasted)
}

fn read(line: Line) -> Option<Pasted> {
    // An attribute of the filter that is not set is `-`.
    let set = |text: Option<String>| text.filter(|text| !text.is_empty() && text != "-");
    let host = set(line.host).or_else(|| set(line.sni.clone())).unwrap_or_default();
    let mut request = Request::new(&set(line.method)?, &host, &set(line.path)?);
    if set(line.grpc_status).is_some() {
        request = request.with("content-type", b"application/grpc");
    }
    for (name, value) in [("x-request-id", line.request_id), ("traceparent", line.traceparent)] {
        if let Some(value) = set(value) {
            request = request.with(name, value.as_bytes());
        }
    }
    let peer = set(line.principal).map(|uri| uri.strip_prefix("spiffe://").map_or(uri.clone(), str::to_owned));
    let (caller, through) = match (set(line.caller), peer) {
        (Some(caller), peer) => (Some(caller), peer),
        (None, Some(peer)) => (Some(peer), None),
        (None, None) => (Some("anonymous".to_owned()), None),
    };
    let by = set(line.rule).map_or_else(String::new, |rule| format!(" by `{rule}`"));
    let reason =
        set(line.reason).and_then(|reason| reason.strip_prefix("sallyport:").map(|reason| format!(": {reason}")));
    let logged = set(line.decision).map(|decision| format!("{decision}{}{by}", reason.unwrap_or_default()));
    Some(Pasted { request, caller, through, sni: set(line.sni), logged })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r#"{"time":"2026-11-25T09:25:22.181Z","status":403,"decision":"refused","rule":null,"reason":"sallyport:not_allowed","principal":"spiffe://cluster.local/ns/httpbin/sa/sleep","caller":"-","method":"DELETE","path":"/get","host":"h.internal","sni":"h.internal","requestId":"1"}"#;

    #[test]
    fn a_line_is_a_request_by_a_caller() {
        let prefixed = format!("[pod/gateway-1/istio-proxy] {LINE}\n\n{LINE}\n");
        let pasted = from_log(&prefixed).unwrap();
        assert_eq!(pasted.len(), 2);
        assert_eq!(pasted[0].request.to_string(), "DELETE /get -H 'x-request-id: 1'");
        assert_eq!(pasted[0].caller.as_deref(), Some("cluster.local/ns/httpbin/sa/sleep"));
        assert_eq!(
            (pasted[0].logged.as_deref(), pasted[0].sni.as_deref()),
            (Some("refused: not_allowed"), Some("h.internal"))
        );
    }

    /// As an explanation says it, so that the two can be compared.
    #[test]
    fn what_was_decided_has_its_reason_and_its_rule() {
        let denied = LINE
            .replace(r#""rule":null,"reason":"sallyport:not_allowed""#, r#""rule":"a","reason":"sallyport:denied""#);
        assert_eq!(from_log(&denied).unwrap()[0].logged.as_deref(), Some("refused: denied by `a`"));
        let allowed = denied.replace("refused", "allowed").replace("sallyport:denied", "-");
        assert_eq!(from_log(&allowed).unwrap()[0].logged.as_deref(), Some("allowed by `a`"));
    }

    #[test]
    fn what_is_wrong_has_its_place() {
        let shown = |text: &str| {
            from_log(text)
                .map_err(|error| format!("{}:{}: {}", error.position.line, error.position.column, error.message))
                .unwrap_err()
        };
        assert_eq!(
            shown(&format!("{LINE}\n{}", LINE.get(..100).unwrap())),
            "2:100: a line of the access log ends here in the middle: it is cut"
        );
        assert_eq!(shown("[2026-11-25] \"GET /get HTTP/1.1\" 200"), "1:1: this is not a line of the JSON access log");
        assert_eq!(
            shown("x {\"method\": 1}"),
            "1:14: this is not a line of the access log: invalid type: integer '1', expected a string"
        );
        assert_eq!(shown("{}"), "1:1: the line has no `method` or no `path`");
        assert_eq!(shown(" \n"), "1:1: there is no line");
    }
}
