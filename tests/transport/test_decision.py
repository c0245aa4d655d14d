"""The one decision: what is judged is what is sent on, and whatever some server makes of a path, it is guarded so."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from multidict import CIMultiDict
from yarl import URL

from sidecar.codec.catalogue import GENERIC, shape_in_any_case
from sidecar.codec.catalogue import TEXT as PLAIN
from sidecar.codec.formats import Format
from sidecar.config import Guarded
from sidecar.transport.decision import (
    READING,
    SNIFFED,
    Asked,
    Decision,
    Guard,
    Nothing,
    Pass,
    Refuse,
    Streams,
    Unread,
    Unreadable,
    Whole,
    decide,
    name_of,
    of_answer,
    of_request,
    sniffed,
)
from sidecar.transport.http_headers import described

CHAT = "/v1/chat/completions"


def asked(target: str, method: str = "POST", protocol: str = "", **headers: str) -> Asked:
    named = CIMultiDict((name.replace("_", "-"), value) for name, value in headers.items())
    return Asked(method, target, named, protocol)


def judge(target: str, method: str = "POST", **settings: Any) -> Decision:
    return decide(Guarded.model_validate(settings), asked(target, method))


def name(decision: Decision) -> str:
    assert isinstance(decision, Guard), decision
    return decision.shape.name


# --- targets ----------------------------------------------------------------------------------------------------------

KNOWN = [
    (CHAT, "openai-chat"),
    ("/chat/completions", "openai-chat"),
    (f"{CHAT}?api-version=1&q[]=a%2Fb", "openai-chat"),
    ("/openai/deployments/My.Model-4o/chat/completions", "openai-chat"),
    ("/v1/completions", "openai-completions"),
    ("/v1/responses", "openai-responses"),
    ("/anthropic/v1/messages", "anthropic-messages"),
    ("/api/chat", "ollama"),
    ("/generate_stream", "tgi"),
    ("/v1/embeddings", "inputs"),
    ("/v1beta/models/gemini-1.5-pro:generateContent", "gemini"),
    ("/model/anthropic.claude-v1%3A0/invoke", "bedrock-anthropic"),
    ("/model/arn%3Aaws%3Abedrock%3Aus%3A1%3Aprofile%2Fus.some.model/converse-stream", "bedrock-converse"),
]
OTHERS = (
    "/v1/audio/speech",
    f"{CHAT}/chatcmpl-1",
    f"{CHAT}/chatcmpl-1/messages",
    "/v1/responses/resp_1",
    "/v1/responses/resp_1/cancel",
    "/v1/files/a%20b%2Fc",
    "/model/amazon.titan-v1%3A0/count",
    "/v1/completions-2",
    "/generated",
    "/a//b/",
    "/v1/models/",
)


@pytest.mark.parametrize(("target", "shape"), KNOWN)
def test_a_known_path_is_known_behind_any_prefix(target: str, shape: str):
    assert name(judge(target)) == shape


@pytest.mark.parametrize("target", OTHERS)
def test_a_path_that_resembles_none_is_unknown_and_guarded_all_the_same(target: str):
    assert name(judge(target)) == "generic"


NEAR = [
    (f"{CHAT};x=1", "semicolon"),
    ("/v1/chat;x=1/completions", "semicolon"),
    (f"{CHAT}%3b", "semicolon"),
    (f"{CHAT}%3f", "question mark"),
    (f"{CHAT}%3Fa=b", "question mark"),
    (f"{CHAT}%23", "number sign"),
    (f"{CHAT}%20", "space"),
    (f"{CHAT}%2f", "encoded slash"),
    ("/v1/chat%2Fcompletions", "encoded slash"),
    ("/v1/chat%252fcompletions", "encoded slash"),
    ("/v1/%2563hat/completions", "encoded twice"),
    ("/v1/%252563hat/completions", "encoded twice"),
    ("/v1/chat/%63ompletions", "encoded characters"),
    (f"{CHAT}%2ejson", "encoded characters"),
    (f"{CHAT}%ef%bb%bf", "encoded characters"),
    ("/v1/chat/completion%C5%BF", "encoded characters"),
    ("/v1/chat\\completions", "backslash"),
    ("/v1/chat%5ccompletions", "backslash"),
    (f"{CHAT}.json", "behind the path"),
    (f"{CHAT}.", "behind the path"),
    (f"{CHAT},x", "behind the path"),
    (f"{CHAT}:x", "behind the path"),
    (f"{CHAT}&a=b", "behind the path"),
    (f"{CHAT}/", "ends in a slash"),
    (f"/{CHAT}", "doubled slashes"),
    ("/v1//chat/completions", "doubled slashes"),
    ("/v1/chat//completions", "doubled slashes"),
    ("/V1/Chat/Completions", "another case"),
    ("/v1/Chat/completions", "another case"),
]
NEAR_OTHERS = [
    ("/v1beta/models/gemini-pro:GENERATECONTENT", "gemini"),
    ("/v1beta/models/gemini-pro:generateContent.json", "gemini"),
    ("/v1beta/models/gemini-pro%3AgenerateContent", "gemini"),
    ("/model/some.model-v1/Converse", "bedrock-converse"),
    ("/model/some.model-v1/converse/", "bedrock-converse"),
]


@pytest.mark.parametrize(("target", "fault"), NEAR)
def test_what_resembles_a_known_path_is_refused_with_its_fault_and_what_was_meant(target: str, fault: str):
    for settings in ({}, {"unknown": "pass"}, {"unknown": "refuse"}):
        decision = judge(target, **settings)
        assert isinstance(decision, Refuse)
        assert (decision.status, decision.reason) == (400, "target")
        assert fault in decision.message
        assert f"the path that was meant is {CHAT}" in decision.message or "completion" not in target.lower()
        assert decision.shape is not None
        assert decision.shape.name == "openai-chat"


@pytest.mark.parametrize(("target", "shape"), NEAR_OTHERS)
def test_what_resembles_a_path_that_names_its_model_is_refused_too(target: str, shape: str):
    decision = judge(target)
    assert isinstance(decision, Refuse)
    assert decision.shape is not None
    assert (decision.reason, decision.shape.name) == ("target", shape)


WRONG = [
    (f"{CHAT}#x", "fragment"),
    (f"{CHAT}?a=b#x", "fragment"),
    ("/anything#x", "fragment"),
    (f"http://host{CHAT}", "begin with a slash"),
    ("v1/chat/completions", "begin with a slash"),
    ("*", "begin with a slash"),
    ("", "begin with a slash"),
    (f"{CHAT}%00", "control character"),
    ("/v1/chat/complet%0aions", "control character"),
    ("/anything%2500", "control character"),
    ("/v1/./chat/completions", "dot segments"),
    ("/v1/x/../chat/completions", "dot segments"),
    ("/v1/x/%2e%2E/chat/completions", "dot segments"),
    ("/anything/..", "dot segments"),
    ("/v1/%2525252563hat/completions", "again and again"),
    ("/v1/%25252563hat/completions", "again and again"),
    ("/v1/%25%32%35%32%3563hat/completions", "again and again"),
    (f"/{'x' * 3000}{CHAT}", "2048 characters"),
    (f"{CHAT}%", "begins no escape"),
    (f"{CHAT}%u002f", "begins no escape"),
    (f"{CHAT} x", "a space"),
    (f"{CHAT}\tx", "control character"),
    (f"{CHAT}é", "not ASCII"),
    (f"{CHAT}?", "empty query"),
]


@pytest.mark.parametrize(("target", "fault"), WRONG)
def test_a_target_that_is_none_is_refused_with_its_fault(target: str, fault: str):
    decision = judge(target)
    assert isinstance(decision, Refuse)
    assert (decision.status, decision.reason) == (400, "target")
    assert fault in decision.message


def test_text_paths_are_known_paths_too():
    settings = Guarded(text_paths=("/v1/ask", "/say/*"))
    for target in ("/v1/ask", "/say/it"):
        decision = decide(settings, asked(target))
        assert isinstance(decision, Guard)
        assert decision.shape is PLAIN
    for target in ("/v1/ASK", "/v1/ask/", "/v1/%61sk"):
        assert isinstance(decide(settings, asked(target)), Refuse)


LENIENT: tuple[Callable[[str], str], ...] = (
    unquote,
    str.lower,
    lambda path: posixpath.normpath(path) if path else path,
    lambda path: path.replace("\\", "/"),
    lambda path: "/".join(segment.partition(";")[0] for segment in path.split("/")),
    lambda path: path.partition("?")[0],
    lambda path: path.partition("#")[0],
    lambda path: path.partition("\0")[0],
    lambda path: path.strip(),
    lambda path: path.rstrip("/"),
    lambda path: path.rstrip("."),
    lambda path: path.removesuffix(".json"),
    lambda path: "/" + "/".join(segment for segment in path.split("/") if segment),
    lambda path: path.replace("\t", "").replace("\n", "").replace("\r", ""),
    lambda path: urlsplit("http://h" + path).path,
    lambda path: URL("http://h" + path).path,
)
"""What servers and libraries do to a path before they look it up."""
MUTATIONS = (
    *(
        "%25252563",
        "/",
        "//",
        "/./",
        "/x/../",
        "\\",
        ";x",
        ";",
        "%2f",
        "%2F",
        "%252f",
        "%3f",
        "%23",
        "%20",
        "%00",
        "%09",
        "%5c",
    ),
    *(".", "..", ".json", "%2e", "%2e%2e/", "?", "#", "&", ",", ":", "%25", "%", "%c0%af", "%3b", "%253b", "x"),
)


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """A known path with up to three things done to it: something put in, a character encoded, or in another case."""
    path = draw(st.sampled_from([target.partition("?")[0] for target, _ in KNOWN]))
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(path)))
        end = min(at + 1, len(path))
        kind = draw(st.integers(0, 3))
        sign = path[at:end]
        escape = "".join(f"%{byte:02x}" for byte in sign.encode())
        put = [draw(st.sampled_from(MUTATIONS)) + sign, escape, escape.replace("%", "%25"), sign.swapcase()][kind]
        path = path[:at] + put + path[end:]
    return path


def readings(path: str, depth: int = 3) -> Iterator[str]:
    yield path
    if depth:
        for lenient in LENIENT:
            try:
                reading = lenient(path)
            except ValueError:
                continue
            if reading != path:
                yield from readings(reading, depth - 1)


@given(mutated())
@example("/v1/x%2f..%2fchat/completions")
def test_no_lenient_server_takes_a_path_for_another_api_than_it_was_judged_as(path: str):
    decision = judge(path, unknown="pass")
    if isinstance(decision, Refuse):
        return
    judged = decision.shape if isinstance(decision, Guard) else None
    for reading in readings(path.partition("?")[0]):
        assert shape_in_any_case(reading) in (judged, None), reading


# --- methods ----------------------------------------------------------------------------------------------------------

OVERRIDES = ("x_http_method_override", "x_http_method", "x_method_override", "x_original_url", "x_rewrite_url")


@pytest.mark.parametrize("header", OVERRIDES)
@pytest.mark.parametrize("target", [CHAT, "/v1/models"])
def test_a_header_that_names_another_method_or_path_is_refused(header: str, target: str):
    for settings in (Guarded(), Guarded(unknown="pass")):
        decision = decide(settings, asked(target, **{header: "POST"}))
        assert isinstance(decision, Refuse)
        assert (decision.status, decision.reason) == (400, "override")
        assert header.replace("_", "-") in decision.message


@pytest.mark.parametrize("query", ["_method=POST", "a=b&_METHOD=put", "%5Fmethod=GET", "a;_method=x", "_method"])
def test_a_query_that_names_another_method_is_refused(query: str):
    decision = judge(f"{CHAT}?{query}")
    assert isinstance(decision, Refuse)
    assert (decision.status, decision.reason) == (400, "override")
    assert isinstance(judge(f"{CHAT}?payment_method=card&q=_method"), Guard)


@pytest.mark.parametrize("method", sorted(READING))
@pytest.mark.parametrize("target", [CHAT, "/v1/models"])
def test_a_body_with_a_reading_method_is_refused_and_without_one_the_answer_is_guarded(method: str, target: str):
    for settings in (Guarded(), Guarded(unknown="pass")):
        decision = decide(settings, asked(target, method, content_length="3"))
        assert isinstance(decision, Refuse)
        assert (decision.status, decision.reason) == (400, "body")
    assert name(decide(Guarded(), asked(target, method, content_length="0"))) == "generic"


def test_connect_is_no_method_here():
    decision = judge("host:443", "CONNECT")
    assert isinstance(decision, Refuse)
    assert (decision.status, decision.reason) == (501, "method")


UPGRADES: list[tuple[dict[str, str], str]] = [
    ({"upgrade": "websocket", "connection": "Upgrade"}, "websocket"),
    ({"Upgrade": "WebSocket"}, "websocket"),
    ({"upgrade": "h2c, websocket", "connection": "keep-alive, upgrade"}, "websocket"),
    ({"connection": "upgrade"}, "another protocol"),
]


@pytest.mark.parametrize(("headers", "protocol"), UPGRADES)
@pytest.mark.parametrize("target", [CHAT, "/v1/realtime"])
def test_an_upgrade_is_refused_by_name_or_passes_where_the_settings_say_so(
    target: str, headers: Mapping[str, str], protocol: str
):
    request = asked(target, "GET", **headers)
    decision = decide(Guarded(), request)
    assert isinstance(decision, Refuse)
    assert (decision.status, decision.reason) == (501, "upgrade")
    assert f"upgraded to {protocol} cannot be guarded" in decision.message
    assert decide(Guarded(upgrades="pass"), request) == Pass("upgrade", is_upgrade=True)


def test_an_upgrade_in_http2_is_one_too():
    for method in ("CONNECT", "GET"):
        request = asked("/v1/realtime", method, "websocket")
        decision = decide(Guarded(), request)
        assert isinstance(decision, Refuse)
        assert decision.status == 501
        assert decide(Guarded(upgrades="pass"), request) == Pass("upgrade", is_upgrade=True)


def test_an_offer_of_http2_is_no_upgrade_that_anybody_needs():
    headers = {"upgrade": "h2c", "connection": "Upgrade, HTTP2-Settings", "http2_settings": "AAMAAABk"}
    assert name(decide(Guarded(), asked(CHAT, **headers))) == "openai-chat"


def test_what_becomes_of_unknown_paths():
    assert name(judge("/v1/models", "GET")) == "generic"
    assert judge("/v1/models", "GET", unknown="pass") == Pass("unknown path")
    refused = judge("/v1/models", "GET", unknown="refuse")
    assert isinstance(refused, Refuse)
    assert (refused.status, refused.reason) == (404, "unknown path")
    assert name(judge(CHAT, "GET", unknown="refuse")) == "generic"


# --- bodies -----------------------------------------------------------------------------------------------------------


def way(
    kind: str, *, status: int = 200, path: str = CHAT, method: str = "POST", coding: str = "", **settings: Any
) -> object:
    """How an answer is read: its format and whether piece by piece, or what became of it otherwise."""
    checked = Guarded.model_validate(settings)
    headers = CIMultiDict({"content-type": kind, "content-encoding": coding})
    decision = decide(checked, asked(path, method))
    assert isinstance(decision, Guard)
    found = of_answer(checked, decision, method, status, described(headers))
    return (found.format, isinstance(found, Streams)) if isinstance(found, Streams | Whole) else found


STREAMING = [
    ("text/event-stream; charset=utf-8", Format.SSE),
    ("application/x-ndjson", Format.LINES),
    ("application/stream+json", Format.LINES),
    ("application/jsonl", Format.LINES),
    ("application/vnd.amazon.eventstream", Format.EVENT_STREAM),
]


@pytest.mark.parametrize(("kind", "format"), STREAMING)
@pytest.mark.parametrize("path", [CHAT, "/api/chat", "/v1/other"])
def test_an_answer_streams_when_its_content_type_says_so(path: str, kind: str, format: Format):
    assert way(kind, path=path) == (format, True)


@pytest.mark.parametrize("status", [*range(200, 600)])
def test_answers_of_every_status_are_read(status: int):
    for path in (CHAT, "/v1/other"):
        for kind in ("application/json", "Application/Problem+JSON", ""):
            expected = Nothing() if status in {204, 304} else (Format.JSON, False)
            assert way(kind, status=status, path=path) == expected
        if status >= 400:
            assert way("text/html", status=status, path=path) == (Format.JSON, False)


def test_an_answer_that_nobody_asked_to_change_protocols_is_not_read():
    assert isinstance(way("", status=101), Unreadable)


TEXTLESS = ("image/png", "audio/mpeg", "video/mp4", "font/woff2", "application/octet-stream")


@pytest.mark.parametrize("kind", TEXTLESS)
def test_what_holds_no_text_passes_unread_on_unknown_paths_only(kind: str):
    assert isinstance(way(kind, path="/v1/files/a/content", method="GET"), Unread)
    assert isinstance(way(kind), Unreadable)


UNREADABLE = (
    "application/pdf",
    "image/svg+xml",
    "application/json; charset=utf-16",
    'text/event-stream; charset="ISO-8859-1"',
    "application/json; charset=utf-8; charset=latin1",
)


@pytest.mark.parametrize("kind", UNREADABLE)
def test_what_cannot_be_read_is_no_text_that_passes(kind: str):
    for path in (CHAT, "/v1/other"):
        assert isinstance(way(kind, path=path), Unreadable)
        assert isinstance(way(kind, path=path, status=500), Unreadable)


@pytest.mark.parametrize("charset", ["utf-8", "UTF8", '"utf-8"', "us-ascii"])
def test_charsets_that_are_read(charset: str):
    assert way(f"application/json; charset={charset}") == (Format.JSON, False)


def test_two_content_types_are_none():
    headers = CIMultiDict([("content-type", "application/json"), ("content-type", "image/png")])
    assert isinstance(of_answer(Guarded(), Guard(GENERIC), "GET", 200, described(headers)), Unreadable)


def test_codings_by_the_settings():
    assert way("application/json", coding="gzip") == (Format.JSON, False)
    assert way("application/json", coding="gzip", encodings="pass") == Unread("encoded")
    for found in (
        way("application/json", coding="gzip", encodings="refuse"),
        way("application/json", coding="compress"),
        way("application/json", coding="compress", encodings="pass"),
        way("application/json", coding="gzip,gzip"),
    ):
        assert isinstance(found, Unreadable)


SNIFFS = [
    (b'{"a": 1}', Whole(GENERIC, Format.JSON, otherwise=Format.TEXT)),
    (b'["a"]', Whole(GENERIC, Format.JSON, otherwise=Format.TEXT)),
    (b"data: {}", Streams(GENERIC, Format.SSE)),
    (b"event: x", Streams(GENERIC, Format.SSE)),
    (b"Hello {}", Streams(GENERIC, Format.TEXT)),
    (b"", Streams(GENERIC, Format.TEXT)),
]


@pytest.mark.parametrize(("begins", "expected"), SNIFFS)
def test_what_calls_itself_text_is_read_as_what_it_is(begins: bytes, expected: Streams | Whole):
    assert way("text/plain", path="/v1/other") == (Format.TEXT, True)
    assert sniffed(Streams(GENERIC, Format.TEXT), begins[:SNIFFED]) == expected


def test_a_text_where_a_known_api_has_json_is_not_taken_for_one():
    assert isinstance(way("text/plain"), Unreadable)


def test_a_request_of_a_known_api_is_json_whatever_it_says():
    chat = judge(CHAT)
    assert isinstance(chat, Guard)
    for kind in ("application/json", "text/plain", "image/png", ""):
        found = of_request(Guarded(), chat, described(CIMultiDict({"content-type": kind})))
        assert found == Whole(chat.shape, Format.JSON)
    found = of_request(Guarded(), chat, described(CIMultiDict({"content-type": "application/json; charset=utf-16"})))
    assert isinstance(found, Unreadable)


def test_a_request_of_another_api_is_json_if_it_looks_like_it():
    for kind, otherwise in (
        ("text/plain", Format.TEXT),
        ("application/x-ndjson", Format.LINES),
        ("multipart/form-data; boundary=x", Format.MULTIPART),
        ("image/png", None),
        ("application/json", None),
        ("text/event-stream", None),
    ):
        found = of_request(Guarded(), Guard(GENERIC), described(CIMultiDict({"content-type": kind})))
        assert found == Whole(GENERIC, Format.JSON, otherwise=otherwise)


# --- names ------------------------------------------------------------------------------------------------------------

NAMED = [
    (CHAT, "openai-chat"),
    ("/v1/files/file-aBc123/content", "/v1/files/*/content"),
    ("/v1beta/things/jane.doe@example.com", "/v1beta/things/*"),
    ("/a/b/c/d/e/f/g/h", "/a/b/c/d/e/f"),
    ("/", "/"),
    ("/v1/" + "x" * 40, "/v1/*"),
]


@pytest.mark.parametrize(("path", "expected"), NAMED)
def test_metrics_call_a_path_by_its_api_or_its_plain_words(path: str, expected: str):
    assert name_of(Pass("unknown path"), path) == expected
