"""The Python runtime of one Lambda function: started as a child process by the embedded cloud, it loads the handler,
takes one event at a time over descriptor 3 (lines of JSON) and ends when its parent does."""

import importlib
import io
import json
import logging
import os
import queue
import socket
import ssl
import sys
import threading
import time
import traceback
import uuid
from urllib.parse import urlsplit

channel = socket.socket(fileno=3)
writing = threading.Lock()
request_id = ""


def send(message):
    with writing:
        channel.sendall((json.dumps(message) + "\n").encode())


class LogStream(io.TextIOBase):
    """What the function writes, line by line, in the order of its answers."""

    encoding = "utf-8"

    def __init__(self):
        super().__init__()
        self.pending = ""
        self.lock = threading.Lock()

    def writable(self):
        return True

    def write(self, text):
        with self.lock:
            *lines, self.pending = (self.pending + text).split("\n")
        if lines:
            send({"kind": "log", "lines": lines})
        return len(text)

    def finish(self):
        with self.lock:
            rest, self.pending = self.pending, ""
        if rest:
            send({"kind": "log", "lines": [rest]})


class RequestId(logging.Filter):
    def filter(self, record):
        record.aws_request_id = request_id
        return True


def set_up_logging():
    """The root logger as Lambda's Python runtimes have it."""
    handler = logging.StreamHandler(sys.stdout)
    formatter = logging.Formatter(
        "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s", "%Y-%m-%dT%H:%M:%S"
    )
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    handler.addFilter(RequestId())
    logging.getLogger().addHandler(handler)


def lead_aws_addresses_here(endpoint):
    """Addresses that AWS forms from ids (an API's host, a user pool's) lead to the endpoint, and connections to it
    have no TLS, whatever scheme the program was given."""
    here = urlsplit(endpoint)
    region = os.environ["AWS_REGION"]
    ends = (
        f".execute-api.{region}.amazonaws.com",
        f".auth.{region}.amazoncognito.com",
        f"cognito-idp.{region}.amazonaws.com",
    )
    resolve = socket.getaddrinfo
    wrap = ssl.SSLContext.wrap_socket

    def getaddrinfo(host, port, *args, **kwargs):
        name = host.decode() if isinstance(host, bytes) else host
        if name and name.lower().endswith(ends):
            return resolve(here.hostname, here.port, *args, **kwargs)
        return resolve(host, port, *args, **kwargs)

    def wrap_socket(context, sock, *args, **kwargs):
        try:
            if sock.getpeername()[:2] == (here.hostname, here.port):
                return sock
        except OSError:
            pass  # not connected yet
        return wrap(context, sock, *args, **kwargs)

    socket.getaddrinfo = getaddrinfo
    ssl.SSLContext.wrap_socket = wrap_socket


class Context:
    def __init__(self, message):
        environment = os.environ
        self.aws_request_id = message["requestId"]
        self.function_name = environment["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = environment["AWS_LAMBDA_FUNCTION_VERSION"]
        self.invoked_function_arn = message["functionArn"]
        self.memory_limit_in_mb = environment["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.log_group_name = environment["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = environment["AWS_LAMBDA_LOG_STREAM_NAME"]
        self.identity = None
        self.client_context = json.loads(message["clientContext"]) if "clientContext" in message else None
        self._deadline = message["deadline"]

    def get_remaining_time_in_millis(self):
        return max(0, int(self._deadline - time.time() * 1000))

    def log(self, text):
        sys.stdout.write(str(text))


class LoadError(Exception):
    def __init__(self, kind, text):
        super().__init__(text)
        self.kind = kind


def load_handler(name):
    module_name, _, attribute = name.rpartition(".")
    if not module_name:
        raise LoadError("Runtime.MalformedHandlerName", f"Bad handler '{name}': not enough values to unpack")
    try:
        module = importlib.import_module(module_name.replace("/", "."))
    except ImportError as error:
        raise LoadError("Runtime.ImportModuleError", f"Unable to import module '{module_name}': {error}") from error
    except SyntaxError as error:
        raise LoadError("Runtime.UserCodeSyntaxError", f"Syntax error in module '{module_name}': {error}") from error
    if not hasattr(module, attribute):
        raise LoadError("Runtime.HandlerNotFound", f"Handler '{attribute}' missing on module '{module_name}'")
    return getattr(module, attribute)


def described(error, of_request):
    if isinstance(error, LoadError):
        frames, kind = [], error.kind
    else:
        # Without this file's own frames: the traces that Lambda shows begin in the function.
        frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename != __file__]
        kind = type(error).__name__
    return {
        "errorMessage": str(error),
        "errorType": kind,
        "requestId": of_request,
        "stackTrace": traceback.format_list(frames),
    }


def report(failure):
    trace = "".join(failure["stackTrace"]).rstrip("\n")
    print(f"[ERROR] {failure['errorType']}: {failure['errorMessage']}\nTraceback (most recent call last):\n{trace}")


def invoke(handler, message):
    global request_id
    request_id = message["requestId"]
    # Tracing libraries want one; nothing collects traces here, so it is not sampled.
    root = f"1-{int(time.time()):x}-{uuid.uuid4().hex[:24]}"
    os.environ["_X_AMZN_TRACE_ID"] = f"Root={root};Parent={uuid.uuid4().hex[:16]};Sampled=0"
    try:
        result = handler(json.loads(message["event"]), Context(message))
        try:
            payload = json.dumps(result)
        except (TypeError, ValueError) as error:
            raise LoadError("Runtime.MarshalError", f"Unable to marshal response: {error}") from error
    except Exception as error:  # whatever the function raises is its answer
        failure = described(error, request_id)
        report(failure)
        flush()
        send({"kind": "failed", "requestId": request_id, "error": failure})
    else:
        flush()
        send({"kind": "done", "requestId": request_id, "payload": payload})


def flush():
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, LogStream):
            stream.finish()


def read_messages(messages):
    with channel.makefile("r", encoding="utf-8") as lines:
        for line in lines:
            messages.put(json.loads(line))
    # The embedded cloud is gone, however it went.
    os._exit(0)


def main():
    sys.stdout = LogStream()
    sys.stderr = LogStream()
    sys.path.insert(0, os.environ["LAMBDA_TASK_ROOT"])
    set_up_logging()
    lead_aws_addresses_here(os.environ["AWS_ENDPOINT_URL"])
    messages = queue.Queue()
    threading.Thread(target=read_messages, args=(messages,), daemon=True).start()
    try:
        handler = load_handler(os.environ["_HANDLER"])
    except Exception as error:  # so says the function's own code
        failure = described(error, "")
        report(failure)
        flush()
        send({"kind": "ready", "error": failure})
        os._exit(1)
    send({"kind": "ready"})
    while True:
        invoke(handler, messages.get())


main()
