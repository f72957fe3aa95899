//! From Telemetry and the mesh's providers to access logs and traces.

use serde_json::{Value, json};

use super::view::View;
use crate::message::extension;

/// Istio's text format, of the provider that every mesh has.
const TEXT: &str = concat!(
    "[%START_TIME%] \"%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%\" %RESPONSE_CODE% %RESPONSE_FLAGS% ",
    "%RESPONSE_CODE_DETAILS% %CONNECTION_TERMINATION_DETAILS% \"%UPSTREAM_TRANSPORT_FAILURE_REASON%\" %BYTES_RECEIVED% ",
    "%BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% \"%REQ(X-FORWARDED-FOR)%\" \"%REQ(USER-AGENT)%\" ",
    "\"%REQ(X-REQUEST-ID)%\" \"%REQ(:AUTHORITY)%\" \"%UPSTREAM_HOST%\" %UPSTREAM_CLUSTER_RAW% %UPSTREAM_LOCAL_ADDRESS% ",
    "%DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS% %REQUESTED_SERVER_NAME% %ROUTE_NAME%\n",
);

/// The access logs that a Telemetry names. `providers`: those of the mesh's configuration.
pub(super) fn access_logs(telemetries: &[View<'_>], providers: &[Value]) -> Vec<Value> {
    let logging = telemetries.iter().flat_map(|spec| spec.list("accessLogging"));
    let named = logging.flat_map(|logging| logging.list("providers")).filter_map(|provider| provider.text("name"));
    named
        .filter_map(|name| {
            let file = providers.iter().find(|found| found.get("name").and_then(Value::as_str) == Some(name));
            match file.and_then(|provider| provider.get("envoyFileAccessLog")) {
                Some(file) => Some(log(file.get("path").and_then(Value::as_str), format(file))),
                None => (name == "envoy").then(|| log(None, text_format(TEXT))),
            }
        })
        .collect()
}

/// Envoy's response flags for a request that was to be forwarded and that the upstream did not answer: no address, no
/// connection, reset, broken protocol, too late.
const FAILURES: [&str; 7] = ["UH", "UF", "UC", "UR", "UPE", "UT", "DF"];

/// A log of nothing but the requests that an upstream did not answer, in a form of its own, which no setting changes.
pub(super) fn of_failures(path: &str) -> Value {
    let labels = json!({
        "flags": "%RESPONSE_FLAGS%",
        "details": "%RESPONSE_CODE_DETAILS%",
        "transport": "%UPSTREAM_TRANSPORT_FAILURE_REASON%",
        "address": "%UPSTREAM_HOST%",
        "certificateEnds": "%UPSTREAM_PEER_CERT_V_END%",
        "startMs": "%START_TIME(%s%3f)%",
    });
    let mut log = log(Some(path), json!({"json_format": labels, "json_format_options": {}}));
    if let Some(fields) = log.as_object_mut() {
        fields.insert("filter".to_owned(), json!({"response_flag_filter": {"flags": FAILURES}}));
    }
    log
}

fn log(path: Option<&str>, format: Value) -> Value {
    extension(
        "envoy.access_loggers.file",
        "envoy.extensions.access_loggers.file.v3.FileAccessLog",
        json!({"path": path.unwrap_or("/dev/stdout"), "log_format": format}),
    )
}

fn format(file: &Value) -> Value {
    match (file.pointer("/logFormat/labels"), file.pointer("/logFormat/text").and_then(Value::as_str)) {
        (Some(labels), _) => json!({"json_format": labels, "json_format_options": {}}),
        (None, Some(text)) if text.ends_with('\n') => text_format(text),
        (None, Some(text)) => text_format(&format!("{text}\n")),
        (None, None) => text_format(TEXT),
    }
}

fn text_format(text: &str) -> Value {
    json!({"text_format_source": {"inline_string": text}})
}

/// Whether the objects ask for spans. The tracer that gets them is the mesh's.
pub(super) fn reports_spans(telemetries: &[View<'_>]) -> bool {
    telemetries.iter().flat_map(|spec| spec.list("tracing")).any(|tracing| {
        let fields = ["providers", "customTags", "randomSamplingPercentage"];
        fields.map(|name| tracing.field(name).map(View::whole)).iter().any(Option::is_some)
    })
}

/// Takes note of what only a tracer does. The mesh has none by default, and without one Envoy touches no trace header.
pub(super) fn without_tracer(telemetries: &[View<'_>]) {
    for tracing in telemetries.iter().flat_map(|spec| spec.list("tracing")) {
        tracing.flag("disableContextPropagation");
    }
}

/// The logs of what no filter chain takes, such as a connection with another server name.
pub(super) fn of_listener(logs: &[Value]) -> Vec<Value> {
    let mut logs = logs.to_vec();
    for log in logs.iter_mut().filter_map(Value::as_object_mut) {
        log.insert("filter".to_owned(), json!({"response_flag_filter": {"flags": ["NR"]}}));
    }
    logs
}
