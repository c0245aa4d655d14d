"""What a peer may send, by the byte, and what the standards say comes of it.

Each input is sent on a connection on which a stream of a neighbour runs. Most are calls of `Check` on stream 3; some
are frames beside it, and some stand in for the connection's greeting.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import hpack

from sidecar.transport.http2 import frames as f
from tests.transport.peer import Peer, data, message, request_to
from tidegate.v1 import guard_pb2 as pb

CHECK: Final = "/tidegate.v1.GuardService/Check"
STREAM: Final = "/tidegate.v1.GuardService/Stream"
TEXT: Final = pb.CheckRequest(text="a plum").SerializeToString()
LIMIT: Final = 4 * 2_500_000 + (1 << 20)
"""The largest message, with the default limits."""

Pairs = Sequence[tuple[str | bytes, str | bytes]]
Build = Callable[[Peer], bytes]


@dataclass(frozen=True)
class Input:
    """One input. `right` is what must come of it: a status, a reset, or the end of the connection."""

    group: str
    name: str
    right: str
    build: Build
    greets: bool = True
    """False: it comes instead of the greeting."""


OK: Final = "OK"
OPEN: Final = "no answer"
RST_PROTOCOL: Final = "RST PROTOCOL_ERROR"
RST_CLOSED: Final = "RST STREAM_CLOSED"
RST_SIZE: Final = "RST FRAME_SIZE_ERROR"
RST_FLOW: Final = "RST FLOW_CONTROL_ERROR"
GO_PROTOCOL: Final = "GOAWAY PROTOCOL_ERROR"
GO_SIZE: Final = "GOAWAY FRAME_SIZE_ERROR"
GO_FLOW: Final = "GOAWAY FLOW_CONTROL_ERROR"
GO_CLOSED: Final = "GOAWAY STREAM_CLOSED"
GO_COMPRESSION: Final = "GOAWAY COMPRESSION_ERROR"


def all_inputs() -> list[Input]:
    """Every input."""
    return [*_fields(), *_metadata(), *_hpack(), *_types(), *_timeouts(), *_messages(), *_encodings(), *_frames()]


# -- calls ------------------------------------------------------------------------------------------------------------


def call(pairs: Pairs, body: bytes = message(TEXT), *, trailers: Pairs | None = None) -> Build:
    """A call on stream 3 with these fields, a body, and its end."""

    def build(peer: Peer) -> bytes:
        head = headers(3, peer.block(pairs))
        if trailers is None:
            return head + data(3, body, f.END_STREAM)
        return head + data(3, body) + headers(3, peer.block(trailers), f.END_STREAM)

    return build


def headers(stream: int, block: bytes, flags: int = 0) -> bytes:
    """A header block, in as many frames as it takes."""
    parts = [block[at : at + f.DEFAULT_FRAME] for at in range(0, len(block), f.DEFAULT_FRAME)] or [b""]
    last = len(parts) - 1
    return b"".join(
        f.frame(f.HEADERS if not at else f.CONTINUATION, flags * (not at) | f.END_HEADERS * (at == last), stream, part)
        for at, part in enumerate(parts)
    )


def fields(*more: tuple[str | bytes, str | bytes], without: str = "", **changed: str) -> Pairs:
    """An ordinary call's fields, with some changed (`_` for `:` and `-`), left out or added."""
    named = {(f":{key[1:]}" if key.startswith("_") else key.replace("_", "-")): value for key, value in changed.items()}
    pairs = [(key, named.get(key, value)) for key, value in request_to(CHECK) if key != without]
    return [*pairs, *more]


def _fields() -> Iterator[Input]:
    """RFC 9113, section 8."""
    for name, right, pairs in (
        ("an ordinary call", OK, fields()),
        ("a name in upper case", RST_PROTOCOL, fields((b"X-Upper", b"1"))),
        ("a name with a space", RST_PROTOCOL, fields((b"x y", b"1"))),
        ("an empty name", RST_PROTOCOL, fields((b"", b"1"))),
        ("a name with a colon", RST_PROTOCOL, fields((b"x:y", b"1"))),
        ("a name outside ASCII", RST_PROTOCOL, fields((b"x\xc3\xa9", b"1"))),
        ("a name with a control character", RST_PROTOCOL, fields((b"x\x01", b"1"))),
        ("a value with NUL", RST_PROTOCOL, fields((b"x", b"a\x00b"))),
        ("a value with CR", RST_PROTOCOL, fields((b"x", b"a\rb"))),
        ("a value with LF", RST_PROTOCOL, fields((b"x", b"a\nb"))),
        ("a value that begins with a space", RST_PROTOCOL, fields((b"x", b" a"))),
        ("a value that ends with a tab", RST_PROTOCOL, fields((b"x", b"a\t"))),
        ("an empty value", OK, fields((b"x", b""))),
        ("a response's pseudo header", RST_PROTOCOL, [(":status", "200"), *fields()]),
        ("an unknown pseudo header", RST_PROTOCOL, [(":foo", "1"), *fields()]),
        (":protocol, which nobody offered", RST_PROTOCOL, [(":protocol", "websocket"), *fields()]),
        ("a late pseudo header", RST_PROTOCOL, [*fields(without=":path"), (":path", CHECK)]),
        ("no :method", RST_PROTOCOL, fields(without=":method")),
        ("no :scheme", RST_PROTOCOL, fields(without=":scheme")),
        ("no :path", RST_PROTOCOL, fields(without=":path")),
        ("an empty :path", RST_PROTOCOL, fields(_path="")),
        (":path without a slash", RST_PROTOCOL, fields(_path=CHECK[1:])),
        (":path *", RST_PROTOCOL, fields(_path="*")),
        ("two :method", RST_PROTOCOL, [(":method", "POST"), *fields()]),
        ("two :scheme", RST_PROTOCOL, [(":scheme", "http"), *fields()]),
        ("two :path", RST_PROTOCOL, [(":path", "/other"), *fields()]),
        ("two :authority", RST_PROTOCOL, [(":authority", "u"), *fields()]),
        ("no :authority", OK, fields(without=":authority")),
        ("host instead of :authority", OK, fields(("host", "t"), without=":authority")),
        ("host like :authority", OK, fields(("host", "t"))),
        ("host unlike :authority", RST_PROTOCOL, fields(("host", "u"))),
        ("two hosts", RST_PROTOCOL, fields(("host", "t"), ("host", "t"))),
        ("connection", RST_PROTOCOL, fields(("connection", "close"))),
        ("keep-alive", RST_PROTOCOL, fields(("keep-alive", "1"))),
        ("proxy-connection", RST_PROTOCOL, fields(("proxy-connection", "close"))),
        ("transfer-encoding", RST_PROTOCOL, fields(("transfer-encoding", "chunked"))),
        ("upgrade", RST_PROTOCOL, fields(("upgrade", "h2c"))),
        ("te: gzip", RST_PROTOCOL, fields(te="gzip")),
        ("no te", OK, fields(without="te")),
        ("two te", RST_PROTOCOL, fields(("te", "trailers"))),
        ("content-length as it is", OK, fields(("content-length", str(len(message(TEXT)))))),
        ("content-length too small", RST_PROTOCOL, fields(("content-length", "3"))),
        ("content-length too large", RST_PROTOCOL, fields(("content-length", "300"))),
        ("content-length of no digits", RST_PROTOCOL, fields(("content-length", "ten"))),
        ("content-length with a sign", RST_PROTOCOL, fields(("content-length", "+13"))),
        ("two content-length", RST_PROTOCOL, fields(("content-length", "13"), ("content-length", "14"))),
        ("two content-type", RST_PROTOCOL, fields(("content-type", "text/plain"))),
        ("two grpc-timeout", RST_PROTOCOL, fields(("grpc-timeout", "1S"), ("grpc-timeout", "2S"))),
        ("two cookies", OK, fields(("cookie", "a=1"), ("cookie", "b=2"))),
        ("CONNECT", "405 INVALID_ARGUMENT", _connect()),
        ("CONNECT with a path", RST_PROTOCOL, fields(_method="CONNECT")),
        ("GET", "405 INVALID_ARGUMENT", fields(_method="GET")),
        ("PUT", "405 INVALID_ARGUMENT", fields(_method="PUT")),
    ):
        yield Input("requests", name, right, call(pairs))
    yield Input("requests", "trailers", OK, call(fields(), trailers=[("x", "1")]))
    yield Input("requests", "trailers with a pseudo header", RST_PROTOCOL, call(fields(), trailers=[(":path", "/")]))
    yield Input("requests", "trailers in upper case", RST_PROTOCOL, call(fields(), trailers=[(b"X", b"1")]))
    yield Input(
        "requests",
        "headers in the middle of a call",
        RST_PROTOCOL,
        lambda peer: call(fields())(peer)[: -len(data(3, message(TEXT), 1))] + headers(3, peer.block([("x", "1")])),
    )


def _connect() -> Pairs:
    return [pair for pair in fields(_method="CONNECT") if pair[0] not in {":path", ":scheme"}]


def _metadata() -> Iterator[Input]:
    """gRPC's protocol document, on metadata."""
    for name, right, pairs in (
        ("8 KiB of metadata", OK, fields(("x", "y" * 8_000))),
        ("12 KiB of metadata", OK, fields(("x", "y" * 12_000))),
        ("15 KiB of metadata", OK, fields(("x", "y" * 15_000))),
        ("17 KiB of metadata", "RESOURCE_EXHAUSTED", fields(("x", "y" * 17_000))),
        ("100 KiB of metadata", "RESOURCE_EXHAUSTED", fields(("x", "y" * 100_000))),
        ("1,000 small headers", "RESOURCE_EXHAUSTED", fields(*[("x", "y")] * 1_000)),
        ("a text outside ASCII", OK, fields((b"x", b"caf\xc3\xa9"))),
        ("binary, padded", OK, fields(("x-bin", "YQ=="))),
        ("binary, not padded", OK, fields(("x-bin", "YQ"))),
        ("binary, two values", OK, fields(("x-bin", "YQ==,Yg"))),
        ("binary, empty", OK, fields(("x-bin", ""))),
        ("binary, no base64", "INVALID_ARGUMENT", fields(("x-bin", "!!!"))),
        ("binary, the alphabet for URLs", "INVALID_ARGUMENT", fields(("x-bin", "-_-_"))),
        ("binary, cut off", "INVALID_ARGUMENT", fields(("x-bin", "YWJjZ"))),
    ):
        yield Input("metadata", name, right, call(pairs))


def _hpack() -> Iterator[Input]:
    """RFC 7541."""

    def block(bad: bytes, *, before: bool = False) -> Build:
        def build(peer: Peer) -> bytes:
            good = hpack.Encoder().encode(fields()) if before else peer.block(fields())
            return headers(3, bad + good if before else good + bad) + data(3, message(TEXT), f.END_STREAM)

        return build

    yield Input("header compression", "a new size of the table, 0", OK, block(b"\x20", before=True))
    yield Input("header compression", "two new sizes of the table", OK, block(b"\x20\x3f\xe1\x1f", before=True))
    for name, bad in (
        ("a table larger than agreed", b"\x3f\xe2\x1f"),
        ("index 0", b"\x80"),
        ("an index of no field", b"\xff\x7f"),
        ("a new size behind fields", b"\x20"),
        ("a text that is cut off", b"\x40\x7f"),
        ("a number without end", b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"),
        ("Huffman with bad padding", b"\x40\x01x\x81\x00"),
        ("Huffman with the end sign", b"\x40\x01x\x84\xff\xff\xff\xff"),
    ):
        yield Input("header compression", name, GO_COMPRESSION, block(bad, before=name.startswith("a table")))
    yield Input("header compression", "a literal that is never indexed", OK, block(b"\x10\x01x\x01y"))


def _types() -> Iterator[Input]:
    """gRPC's protocol document, on content types and paths."""
    no = "415 INVALID_ARGUMENT"
    for kind, right in (
        ("application/grpc+proto", OK),
        ("application/grpc;charset=utf-8", OK),
        ("Application/GRPC", OK),
        ("application/grpc-web", no),
        ("application/grpc-web+proto", no),
        ("application/grpcx", no),
        ("application/json", no),
        ("text/plain", no),
        ("", no),
    ):
        yield Input("content types", kind or "an empty one", right, call(fields(content_type=kind)))
    yield Input("content types", "none", no, call(fields(without="content-type")))
    for path in (
        "/tidegate.v1.GuardService/Nope",
        "/no.Service/Check",
        "/tidegate.v1.GuardService",
        "/TIDEGATE.v1.GuardService/Check",
        CHECK + "/",
        CHECK + "?x=1",
        "/" + "x" * 4_000,
    ):
        yield Input("paths", path if len(path) < 100 else "4,000 characters", "UNIMPLEMENTED", call(fields(_path=path)))


def _timeouts() -> Iterator[Input]:
    late, no = "DEADLINE_EXCEEDED", "INVALID_ARGUMENT"
    for value, right in (
        ("20S", OK),
        ("99999999H", OK),
        ("1n", late),
        ("0S", late),
        ("", no),
        ("S", no),
        ("1", no),
        ("1x", no),
        ("-1S", no),
        ("1.5S", no),
        ("1 S", no),
        ("123456789S", no),
    ):
        yield Input("grpc-timeout", value or "an empty one", right, call(fields(("grpc-timeout", value))))


def _messages() -> Iterator[Input]:
    """gRPC's protocol document, on messages; its page of status codes, on how many there are."""
    for name, right, body in (
        ("an empty message", OK, message(b"")),
        ("none", "UNIMPLEMENTED", b""),
        ("two", "UNIMPLEMENTED", message(TEXT) * 2),
        ("a prefix that is cut off", "INVALID_ARGUMENT", message(TEXT)[:3]),
        ("a message that is cut off", "INVALID_ARGUMENT", message(TEXT)[:-1]),
        ("no protobuf", "INVALID_ARGUMENT", message(b"\xff\xff\xff")),
        ("a text that is no UTF-8", "INVALID_ARGUMENT", message(b"\x1a\x02\xc3\x28")),
        ("one byte more than is allowed", "RESOURCE_EXHAUSTED", message(b"", size=LIMIT + 1)),
        ("4 GiB, as it says", "RESOURCE_EXHAUSTED", message(b"", size=2**32 - 1)),
        ("a flag that is not known", "INTERNAL", message(TEXT, 2)),
        ("a flag of 255", "INTERNAL", message(TEXT, 255)),
        ("compressed, and the call names no way", "INTERNAL", message(TEXT, 1)),
    ):
        yield Input("messages", name, right, call(fields(), body))
    yield Input("messages", "headers that are the end", "UNIMPLEMENTED", lambda peer: _ended_at_once(peer))


def _ended_at_once(peer: Peer) -> bytes:
    return headers(3, peer.block(fields()), f.END_STREAM)


def _encodings() -> Iterator[Input]:
    """gRPC's page of compression."""
    zipped, deflated = gzip.compress(TEXT), zlib.compress(TEXT)
    for encoding, name, right, body in (
        ("gzip", "gzip", OK, message(zipped, 1)),
        ("gzip", "gzip, and the message is plain", OK, message(TEXT)),
        ("deflate", "deflate", OK, message(deflated, 1)),
        ("identity", "identity", OK, message(TEXT)),
        ("identity", "identity, and the message says compressed", "INTERNAL", message(TEXT, 1)),
        ("snappy", "snappy", "UNIMPLEMENTED", message(TEXT, 1)),
        ("snappy", "snappy, and the message is plain", "UNIMPLEMENTED", message(TEXT)),
        ("gzip", "no gzip", "INTERNAL", message(b"plain words", 1)),
        ("gzip", "gzip that is cut off", "INTERNAL", message(zipped[:-6], 1)),
        ("gzip", "gzip with more behind it", "INTERNAL", message(zipped + b"more", 1)),
        ("deflate", "deflate without its head", "INTERNAL", message(deflated[2:-4], 1)),
        (
            "gzip",
            "gzip of more than a message may have",
            "RESOURCE_EXHAUSTED",
            message(gzip.compress(bytes(LIMIT + 1)), 1),
        ),
    ):
        yield Input("compression", name, right, call(fields(("grpc-encoding", encoding)), body))


# -- frames -----------------------------------------------------------------------------------------------------------


def _opened(more: bytes) -> Build:
    """Frames behind the headers of a stream that stays open."""
    return lambda peer: headers(3, peer.block(fields(_path=STREAM))) + more


def _ended(more: bytes) -> Build:
    """Frames behind the client's end of a stream that runs on: it waits for its first message's answer no longer."""
    start = message(pb.StreamRequest(start=pb.Start()).SerializeToString())
    return lambda peer: headers(3, peer.block(fields(_path=STREAM))) + data(3, start + message(TEXT)[:4]) + more


def _plain(sent: bytes) -> Build:
    return lambda _: sent


def _frames() -> Iterator[Input]:
    """RFC 9113, sections 3 to 6."""
    frame, ack = f.frame, f.ACK
    for name, right, sent in (
        ("PING of 7 bytes", GO_SIZE, frame(f.PING, 0, 0, bytes(7))),
        ("PING of 9 bytes", GO_SIZE, frame(f.PING, 0, 0, bytes(9))),
        ("PING on a stream", GO_PROTOCOL, frame(f.PING, 0, 1, bytes(8))),
        ("PING's answer that nobody asked for", OPEN, frame(f.PING, ack, 0, bytes(8))),
        ("RST_STREAM of 3 bytes", GO_SIZE, frame(f.RST_STREAM, 0, 1, bytes(3))),
        ("RST_STREAM of 5 bytes", GO_SIZE, frame(f.RST_STREAM, 0, 1, bytes(5))),
        ("RST_STREAM on stream 0", GO_PROTOCOL, frame(f.RST_STREAM, 0, 0, bytes(4))),
        ("RST_STREAM on an idle stream", GO_PROTOCOL, f.reset(9, 8)),
        ("SETTINGS of 5 bytes", GO_SIZE, frame(f.SETTINGS, 0, 0, bytes(5))),
        ("SETTINGS' answer with a payload", GO_SIZE, frame(f.SETTINGS, ack, 0, bytes(6))),
        ("SETTINGS on a stream", GO_PROTOCOL, frame(f.SETTINGS, 0, 1)),
        ("ENABLE_PUSH 2", GO_PROTOCOL, f.settings({f.ENABLE_PUSH: 2})),
        ("INITIAL_WINDOW_SIZE 2^31", GO_FLOW, f.settings({f.INITIAL_WINDOW_SIZE: 2**31})),
        ("MAX_FRAME_SIZE 16,383", GO_PROTOCOL, f.settings({f.MAX_FRAME_SIZE: 16_383})),
        ("MAX_FRAME_SIZE 2^24", GO_PROTOCOL, f.settings({f.MAX_FRAME_SIZE: 2**24})),
        ("HEADER_TABLE_SIZE 0", OPEN, f.settings({f.HEADER_TABLE_SIZE: 0})),
        ("a setting that nobody knows", OPEN, f.settings({0x77: 1})),
        (
            "a window that overflows by INITIAL_WINDOW_SIZE",
            GO_FLOW,
            f.window_update(1, f.LARGEST_WINDOW - f.DEFAULT_WINDOW) + f.settings({f.INITIAL_WINDOW_SIZE: 70_000}),
        ),
        ("WINDOW_UPDATE of 3 bytes", GO_SIZE, frame(f.WINDOW_UPDATE, 0, 0, bytes(3))),
        ("WINDOW_UPDATE 0", GO_PROTOCOL, f.window_update(0, 0)),
        ("WINDOW_UPDATE that overflows", GO_FLOW, f.window_update(0, f.LARGEST_WINDOW)),
        ("WINDOW_UPDATE on an idle stream", GO_PROTOCOL, f.window_update(9, 1)),
        ("PRIORITY on stream 0", GO_PROTOCOL, frame(f.PRIORITY, 0, 0, bytes(5))),
        ("PRIORITY on an idle stream", OPEN, frame(f.PRIORITY, 0, 9, bytes(5))),
        ("GOAWAY of 7 bytes", GO_SIZE, frame(f.GOAWAY, 0, 0, bytes(7))),
        ("GOAWAY on a stream", GO_PROTOCOL, frame(f.GOAWAY, 0, 1, bytes(8))),
        ("PUSH_PROMISE", GO_PROTOCOL, frame(f.PUSH_PROMISE, f.END_HEADERS, 1, bytes(4))),
        ("CONTINUATION of nothing", GO_PROTOCOL, frame(f.CONTINUATION, f.END_HEADERS, 1, b"")),
        ("a frame that nobody knows", OPEN, frame(0x77, 0xFF, 1, b"words")),
        ("DATA on stream 0", GO_PROTOCOL, data(0, b"x")),
        ("DATA on an idle stream", GO_PROTOCOL, data(9, b"x")),
        ("DATA on a stream of even number", GO_PROTOCOL, data(2, b"x")),
        ("HEADERS on stream 0", GO_PROTOCOL, frame(f.HEADERS, f.END_HEADERS, 0, b"")),
        ("HEADERS on a stream of even number", GO_PROTOCOL, frame(f.HEADERS, f.END_HEADERS, 2, b"")),
        ("HEADERS that are too large", GO_SIZE, frame(f.HEADERS, f.END_HEADERS, 3, bytes(16_385))),
        ("HEADERS with too much padding", GO_PROTOCOL, frame(f.HEADERS, f.END_HEADERS | f.PADDED, 3, b"\x09x")),
        ("HEADERS with half a priority", GO_SIZE, frame(f.HEADERS, f.END_HEADERS | f.HAS_PRIORITY, 3, bytes(3))),
        (
            "a frame between headers and their end",
            GO_PROTOCOL,
            frame(f.HEADERS, 0, 3, b"") + frame(f.PING, 0, 0, bytes(8)),
        ),
        ("CONTINUATION of another stream", GO_PROTOCOL, frame(f.HEADERS, 0, 3, b"") + frame(f.CONTINUATION, 4, 5, b"")),
    ):
        yield Input("frames", name, right, _plain(sent))
    yield from _streams()
    yield from _greetings()


def _streams() -> Iterator[Input]:
    frame, end = f.frame, f.END_STREAM
    self_dependent = bytes([0, 0, 0, 3, 0])
    full = message(bytes(16_379))
    for name, right, build in (
        ("WINDOW_UPDATE 0 on a stream", RST_PROTOCOL, _opened(f.window_update(3, 0))),
        ("WINDOW_UPDATE that overflows on a stream", RST_FLOW, _opened(f.window_update(3, f.LARGEST_WINDOW))),
        ("PRIORITY of 4 bytes", RST_SIZE, _opened(frame(f.PRIORITY, 0, 3, bytes(4)))),
        ("PRIORITY on itself", RST_PROTOCOL, _opened(frame(f.PRIORITY, 0, 3, self_dependent))),
        ("DATA that is too large", RST_SIZE, _opened(data(3, bytes(16_385)))),
        ("DATA with too much padding", GO_PROTOCOL, _opened(frame(f.DATA, f.PADDED, 3, b"\x09x"))),
        ("DATA without its padding's length", GO_SIZE, _opened(frame(f.DATA, f.PADDED, 3, b""))),
        ("more DATA than the window holds", RST_FLOW, _opened(data(3, full) * 8)),
        ("DATA behind the end", RST_CLOSED, _ended(data(3, b"", end) + data(3, b"x"))),
        ("HEADERS behind the end", RST_CLOSED, _ended(data(3, b"", end) + frame(f.HEADERS, 5, 3, b"\x83"))),
        ("WINDOW_UPDATE behind the end", "INVALID_ARGUMENT", _ended(data(3, b"", end) + f.window_update(3, 1))),
        ("DATA behind RST_STREAM", RST_CLOSED, _opened(f.reset(3, 8) + data(3, b"x"))),
        ("HEADERS behind RST_STREAM", GO_CLOSED, _opened(f.reset(3, 8) + frame(f.HEADERS, 5, 3, b"\x83"))),
        ("WINDOW_UPDATE behind RST_STREAM", OPEN, _opened(f.reset(3, 8) + f.window_update(3, 1))),
        ("a stream's number that was passed over", GO_PROTOCOL, _passed_over),
        ("DATA with padding", OK, _padded),
        ("headers with padding, a priority and flags that nobody knows", OK, _decorated),
        ("headers that depend on themselves", RST_PROTOCOL, _self_dependent),
        ("a call in frames of one byte", OK, _in_bytes),
        ("the reserved bit of a stream's number", OK, lambda peer: _reserved(call(fields())(peer))),
    ):
        yield Input("frames", name, right, build)


def _passed_over(peer: Peer) -> bytes:
    first = headers(5, peer.block(fields(_path=STREAM)))
    return first + headers(3, peer.block(fields()))


def _padded(peer: Peer) -> bytes:
    body = b"\x05" + message(TEXT) + bytes(5)
    return headers(3, peer.block(fields())) + f.frame(f.DATA, f.PADDED | f.END_STREAM, 3, body)


def _decorated(peer: Peer) -> bytes:
    block = b"\x02" + bytes(4) + b"\x10" + peer.block(fields()) + bytes(2)
    flags = f.END_HEADERS | f.PADDED | f.HAS_PRIORITY | 0x50
    return f.frame(f.HEADERS, flags, 3, block) + data(3, message(TEXT), f.END_STREAM)


def _self_dependent(peer: Peer) -> bytes:
    block = bytes([0, 0, 0, 3, 0]) + peer.block(fields())
    return f.frame(f.HEADERS, f.END_HEADERS | f.HAS_PRIORITY, 3, block)


def _in_bytes(peer: Peer) -> bytes:
    block, body = peer.block(fields()), message(TEXT)
    head = f.frame(f.HEADERS, 0, 3, block[:1]) + b"".join(
        f.frame(f.CONTINUATION, f.END_HEADERS * (at == len(block) - 1), 3, block[at : at + 1])
        for at in range(1, len(block))
    )
    return head + b"".join(data(3, body[at : at + 1], f.END_STREAM * (at == len(body) - 1)) for at in range(len(body)))


def _reserved(sent: bytes) -> bytes:
    """The first frame's stream with the bit that means nothing."""
    return sent[:5] + bytes([sent[5] | 0x80]) + sent[6:]


def _greetings() -> Iterator[Input]:
    settings, preface = f.settings({}), f.PREFACE
    for name, right, sent in (
        ("HTTP/1.1", "HTTP/1.1 505", b"GET / HTTP/1.1\r\nHost: t\r\n\r\n"),
        ("grpc-web over HTTP/1.1", "HTTP/1.1 505", b"POST /tidegate.v1.GuardService/Check HTTP/1.1\r\n\r\n"),
        ("TLS", "closed", b"\x16\x03\x01\x00\x05hello" + bytes(40)),
        ("words", "closed", b"hello, is anybody there? I am a peer.\n"),
        ("a preface that is wrong at its end", "closed", preface[:-2] + b"xx" + settings),
        ("no settings first", GO_PROTOCOL, preface + f.frame(f.PING, 0, 0, bytes(8))),
        ("settings' answer first", GO_PROTOCOL, preface + f.frame(f.SETTINGS, f.ACK, 0)),
    ):
        yield Input("greetings", name, right, _plain(sent), greets=False)
