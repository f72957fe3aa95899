"""A gRPC server and a caller of it, with grpcio and without generated code: requests and answers are plain bytes.

    grpc_calls.py serve ADDRESS [CERTIFICATE KEY]    serves; with a certificate over TLS, else over plaintext (h2c)
    grpc_calls.py call HOST:PORT                     makes every kind of call; a JSON object of what came of each
    grpc_calls.py websocket HOST:PORT                opens a WebSocket, sends some bytes; a JSON object of what came back
"""

import json
import socket
import sys
import time
from concurrent import futures

import grpc

SERVICE = "/sallyport.test.Calls/"
MESSAGES = 5


def unary(request, context):
    context.set_trailing_metadata((("x-served-over", "grpc"),))
    return b"hello " + request


def numbers(request, context):
    for number in range(MESSAGES):
        yield b"%d" % number


def total(requests, context):
    return b"%d" % sum(int(request) for request in requests)


def echo(requests, context):
    for request in requests:
        yield request


def slow(request, context):
    time.sleep(5)
    return b"late"


def fails(request, context):
    yield b"one"
    context.set_trailing_metadata((("x-reason", "no funds"),))
    context.abort(grpc.StatusCode.FAILED_PRECONDITION, "not enough")


METHODS = {
    "Unary": grpc.unary_unary_rpc_method_handler(unary),
    "Numbers": grpc.unary_stream_rpc_method_handler(numbers),
    "Total": grpc.stream_unary_rpc_method_handler(total),
    "Echo": grpc.stream_stream_rpc_method_handler(echo),
    "Slow": grpc.unary_unary_rpc_method_handler(slow),
    "Fails": grpc.unary_stream_rpc_method_handler(fails),
    "Forbidden": grpc.unary_unary_rpc_method_handler(unary),
}


class Handler(grpc.GenericRpcHandler):
    def service(self, details):
        return METHODS.get(details.method.removeprefix(SERVICE))


def serve(address, *identity):
    server = grpc.server(futures.ThreadPoolExecutor(16), handlers=(Handler(),))
    if identity:
        certificate, key = (open(path, "rb").read() for path in identity)
        port = server.add_secure_port(address, grpc.ssl_server_credentials([(key, certificate)]))
    else:
        port = server.add_insecure_port(address)
    server.start()
    print(f"serving on port {port}", flush=True)
    server.wait_for_termination()


def answered(call):
    """What a call came to: its messages, or its status with what the trailers say."""
    try:
        return {"messages": [message.decode() for message in call()]}
    except grpc.RpcError as error:
        trailers = {name: value for name, value in error.trailing_metadata() or () if isinstance(value, str)}
        return {"code": error.code().value[0], "details": error.details(), "trailers": trailers}


def ping_pong(channel):
    """Sends the next message only when the one before has come back."""
    arrived = []

    def requests():
        for number in range(MESSAGES):
            deadline = time.monotonic() + 5
            while len(arrived) < number and time.monotonic() < deadline:
                time.sleep(0.005)
            yield b"%d" % number

    for message in channel.stream_stream(SERVICE + "Echo")(requests(), timeout=10):
        arrived.append(message)
    return arrived


def broken_stream(channel):
    """One message arrives before the error does."""
    messages = channel.unary_stream(SERVICE + "Fails")(b"", timeout=10)
    if next(messages) != b"one":
        raise AssertionError("another first message")
    return list(messages)


def call(target):
    with grpc.insecure_channel(target) as channel:
        unary = lambda method, timeout=10: lambda: [channel.unary_unary(SERVICE + method)(b"you", timeout=timeout)]
        started = time.monotonic()
        slow = answered(unary("Slow", 0.5))
        results = {
            "deadline": slow | {"seconds": time.monotonic() - started},
            "unary": answered(unary("Unary")),
            "server": answered(lambda: list(channel.unary_stream(SERVICE + "Numbers")(b"", timeout=10))),
            "client": answered(
                lambda: [channel.stream_unary(SERVICE + "Total")((b"%d" % n for n in range(MESSAGES)), timeout=10)]
            ),
            "both": answered(lambda: ping_pong(channel)),
            "error": answered(lambda: broken_stream(channel)),
            "refused": answered(unary("Forbidden")),
        }
    print(json.dumps(results))


def websocket(target):
    host, port = target.rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(
            f"GET /chat HTTP/1.1\r\nhost: {host}\r\nconnection: Upgrade\r\nupgrade: websocket\r\n"
            "sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
        )
        head = b""
        while not head.endswith(b"\r\n\r\n") and (part := connection.recv(1)):
            head += part
        status = int(head.split(b" ")[1])
        back = b""
        if status == 101:
            connection.sendall(b"ping")
            while len(back) < 4 and (part := connection.recv(4)):
                back += part
    print(json.dumps({"status": status, "back": back.decode()}))


if __name__ == "__main__":
    {"serve": serve, "call": call, "websocket": websocket}[sys.argv[1]](*sys.argv[2:])
