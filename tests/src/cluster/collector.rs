//! The real OpenTelemetry collector, and the spans that it has been sent.

use std::time::Duration;

use anyhow::Result;

use super::network::Namespace;
use super::program;
use crate::process::{Program, Scratch, Stdout};

/// Where it takes OTLP over gRPC.
pub const PORT: u16 = 4317;
const SETTINGS: &str = "\
receivers: {otlp: {protocols: {grpc: {endpoint: '0.0.0.0:4317'}}}}
exporters: {debug: {verbosity: detailed}}
service:
  telemetry: {metrics: {level: none}}
  pipelines: {traces: {receivers: [otlp], exporters: [debug]}}
";

/// A running collector.
#[derive(Debug)]
pub struct Collector {
    program: Program,
}

/// A span, as the collector prints it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// 32 hexadecimal digits.
    pub trace_id: String,
    /// 16 hexadecimal digits.
    pub id: String,
    /// 16 hexadecimal digits; empty for the first of a trace.
    pub parent_id: String,
    /// `Client`, `Server`.
    pub kind: String,
    /// Whose it is: `sleep.httpbin`.
    pub service: String,
    /// Attributes, `key: value`.
    pub attributes: Vec<String>,
}

impl Span {
    /// Whether it has this attribute, `key: value`.
    #[must_use]
    pub fn has(&self, attribute: &str) -> bool {
        self.attributes.iter().any(|found| found == attribute)
    }
}

impl Collector {
    /// Starts it inside a namespace.
    pub fn start(scratch: &Scratch, namespace: &Namespace) -> Result<Self> {
        let settings = scratch.write("collector.yaml", SETTINGS)?;
        let mut command = namespace.command(program("otel-collector"));
        command.arg("--config").arg(settings);
        let mut program = Program::start("collector", scratch.path(), &mut command, Stdout::Log)?;
        program.wait_log(Duration::from_secs(20), |log| log.contains("Everything is ready").then_some(()))?;
        Ok(Self { program })
    }

    /// Every span so far.
    #[must_use]
    pub fn spans(&self) -> Vec<Span> {
        let log = self.program.log();
        let mut spans: Vec<Span> = Vec::new();
        let (mut service, mut in_span) = (String::new(), false);
        for line in log.lines().map(str::trim) {
            if line.starts_with("Span #") {
                spans.push(Span { service: service.clone(), ..Span::default() });
                in_span = true;
            } else if line.contains("ResourceSpans #") {
                in_span = false;
            }
            if let Some(name) = line.strip_prefix("-> service.name: Str(").filter(|_| !in_span) {
                service = name.trim_end_matches(')').to_owned();
            }
            let (Some(span), Some((name, value))) = (spans.last_mut(), line.split_once(':')) else { continue };
            if !in_span {
                continue;
            }
            let value = value.trim().to_owned();
            match name.trim() {
                "Trace ID" => span.trace_id = value,
                "ID" => span.id = value,
                "Parent ID" => span.parent_id = value,
                "Kind" => span.kind = value,
                name if name.starts_with("->") => span.attributes.push(line.trim_start_matches("-> ").to_owned()),
                _ => {}
            }
        }
        spans
    }
}
