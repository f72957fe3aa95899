"""A WSGI application under OpenTelemetry's SDK: what it makes of a request's trace, as JSON.

The sampler is the SDK's default, or what OTEL_TRACES_SAMPLER and OTEL_TRACES_SAMPLER_ARG say.
"""

import json

from opentelemetry.propagate import extract
from opentelemetry.sdk.trace import TracerProvider

TRACER = TracerProvider().get_tracer(__name__)


def app(environ, start_response):
    headers = {
        key.removeprefix("HTTP_").replace("_", "-").lower(): value
        for key, value in environ.items()
        if key.startswith("HTTP_")
    }
    with TRACER.start_as_current_span("request", context=extract(headers)) as span:
        parent = getattr(span, "parent", None)
        said = {
            "recorded": span.is_recording(),
            "trace": format(span.get_span_context().trace_id, "032x"),
            "parent": format(parent.span_id, "016x") if parent else None,
            "traceparent": headers.get("traceparent"),
        }
    body = json.dumps(said).encode()
    start_response("200 OK", [("content-type", "application/json"), ("content-length", str(len(body)))])
    return [body]
