"""A WSGI application that says what it reads of a request's headers: the HTTP_* keys of its environ, as JSON."""

import json


def app(environ, start_response):
    read = {key: value for key, value in environ.items() if key.startswith("HTTP_")}
    body = json.dumps(read).encode()
    start_response("200 OK", [("content-type", "application/json"), ("content-length", str(len(body)))])
    return [body]
