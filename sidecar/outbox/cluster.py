"""Connections to a Kafka cluster, on aiokafka's connections and protocol, without its client.

aiokafka's client and sender ask for metadata and log by themselves, without a pause while a cluster is ill, and tell of
a connection's failure only in the log. Here nothing happens that nobody asked for: no task runs, every request is a
caller's, every failure is an error with its reason, its address and the setting to look at (`explain`).
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
import socket
import ssl
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from typing import Any

import msgspec
from aiokafka.conn import AIOKafkaConnection, collect_hosts, create_conn
from aiokafka.errors import (
    AuthenticationFailedError,
    IllegalSaslStateError,
    IncompatibleBrokerVersion,
    KafkaConnectionError,
    KafkaError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
    for_code,
)
from aiokafka.protocol.metadata import MetadataRequest

from sidecar.errors import ConfigError
from sidecar.outbox.credentials import Credentials
from sidecar.outbox.settings import KafkaSettings
from sidecar.outbox.sinks import SinkError

_QUIET_S = 30.0
"""The least time between two lines of aiokafka's."""
_NO_ERROR, _UNKNOWN_TOPIC, _LEADER_NOT_AVAILABLE, _TOPIC_FORBIDDEN = 0, 3, 5, 29
_NO_LEADER = -1
_UNREACHABLE = (OSError, TimeoutError, KafkaError, ConfigError, ValueError, AssertionError, EOFError)
"""What making a connection may raise; a `ValueError` says that the broker did not prove to know the password."""


class Seldom(logging.Filter):
    """Lets aiokafka's own lines through once in a while, with how many there were: what matters is raised."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._next = 0.0
        self._left_out = 0

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether to write a line."""
        if self._clock() < self._next:
            self._left_out += 1
            return False
        self._next = self._clock() + _QUIET_S
        if self._left_out:
            record.msg = f"{record.msg} (and {self._left_out} more lines of aiokafka's)"
        self._left_out = 0
        return True


def hush_aiokafka() -> None:
    """Have the lines of aiokafka's connections written once in a while only."""
    logger = logging.getLogger("aiokafka.conn")
    if not any(isinstance(each, Seldom) for each in logger.filters):
        logger.addFilter(Seldom())


class UnreachableError(SinkError):
    """No broker can be talked to; the message says why, and which setting to look at."""


class UnsupportedError(UnreachableError):
    """A broker answers, and does not know such a request."""


class TopicFacts(msgspec.Struct, frozen=True):
    """What the cluster says of a topic: each partition's leader (-1: none), or why it says nothing."""

    leaders: Mapping[int, int] = {}
    error: int = _NO_ERROR

    @property
    def is_missing(self) -> bool:
        """Whether there is no such topic."""
        return self.error == _UNKNOWN_TOPIC

    @property
    def is_forbidden(self) -> bool:
        """Whether there may be one, which we may not see."""
        return self.error == _TOPIC_FORBIDDEN


class Cluster:
    """The brokers, by id, and a connection to each that is needed; a route with another name has one of its own."""

    def __init__(self, settings: KafkaSettings) -> None:
        if not settings.bootstrap_servers:
            raise ConfigError("is needed to reach Kafka, such as broker:9092", path="kafka.bootstrap_servers")
        self._settings = settings
        self._credentials = Credentials(settings)
        self._addresses: dict[int, tuple[str, int]] = {}
        self._connections: dict[tuple[int | str, str], AIOKafkaConnection] = {}
        self._locks: defaultdict[tuple[int | str, str], asyncio.Lock] = defaultdict(asyncio.Lock)
        self._controller: int | None = None
        self.lookups = 0

    def require_credentials(self) -> None:
        """Read what connections will be made with. Raises `ConfigError` that names a file that cannot be used."""
        self._credentials.options()

    @property
    def brokers(self) -> int:
        """How many there are, as far as is known."""
        return len(self._addresses)

    async def look_up(self, topics: Collection[str]) -> Mapping[str, TopicFacts]:
        """What the cluster says of topics, without making any. Raises `UnreachableError` when nobody answers."""
        answer = await self.ask_any(MetadataRequest(list(topics), allow_auto_topic_creation=False))
        self.lookups += 1
        self._controller = answer.controller_id
        self._addresses = {node: (host, port) for node, host, port, *_ in answer.brokers}
        return {topic: _facts(error, partitions) for error, topic, _, partitions in answer.topics}

    async def ask_any(self, request: Any) -> Any:
        """The answer of any broker, or of a bootstrap server. Raises `UnreachableError` when none answers."""
        first: UnreachableError | None = None
        for node in self._candidates():
            try:
                return await self.ask(node, request)
            except UnreachableError as error:
                first = first or error
        raise first or UnreachableError("no broker is known")

    async def ask_controller(self, request: Any) -> Any:
        """The controller's answer, or that of a broker that passes it on. Raises `UnreachableError`."""
        known = self._controller if self._controller in self._addresses else None
        return await (self.ask_any(request) if known is None else self.ask(known, request))

    async def ask(self, node: int | str, request: Any, *, route: str = "") -> Any:
        """A broker's answer. Raises `UnreachableError`; the request may have been carried out all the same."""
        address = self._address(node)
        try:
            connection = await self._connection(node, route)
            return await self._answer(connection, request)
        except UnreachableError:
            raise
        except (IncompatibleBrokerVersion, NotImplementedError) as error:
            raise UnsupportedError(explain(error, self._settings, address)) from None
        except _UNREACHABLE as error:
            self._drop(node, route)
            raise UnreachableError(explain(error, self._settings, address)) from None

    async def close(self) -> None:
        """Close all connections."""
        connections = list(self._connections.values())
        self._connections.clear()
        closing = [closed for connection in connections if (closed := connection.close()) is not None]
        with suppress(TimeoutError, KafkaError, OSError):
            async with asyncio.timeout(1):
                await asyncio.gather(*closing, return_exceptions=True)

    def _candidates(self) -> Sequence[int | str]:
        """Whom to ask what anybody knows: those we are connected to, the others, the bootstrap servers."""
        connected = [node for (node, route), each in self._connections.items() if not route and each.connected()]
        others = [node for node in self._addresses if node not in connected]
        random.shuffle(others)
        hosts = [f"{host}:{port}" for host, port, _ in collect_hosts(self._settings.bootstrap_servers)]
        return list(dict.fromkeys([*connected, *others, *hosts]))

    def _address(self, node: int | str) -> tuple[str, int]:
        if isinstance(node, str):
            host, _, port = node.rpartition(":")
            return host, int(port)
        if node not in self._addresses:
            raise UnreachableError(f"broker {node} leads a partition, and the cluster does not say where it is")
        return self._addresses[node]

    async def _connection(self, node: int | str, route: str) -> AIOKafkaConnection:
        key = (node, route)
        async with self._locks[key]:
            connection = self._connections.get(key)
            if connection is None or not connection.connected():
                host, port = self._address(node)
                options = await asyncio.to_thread(self._credentials.options)
                connection = self._connections[key] = await create_conn(host, port, max_idle_ms=540_000, **options)
        return connection

    async def _answer(self, connection: AIOKafkaConnection, request: Any) -> Any:
        return await connection.send(request)

    def _drop(self, node: int | str, route: str) -> None:
        connection = self._connections.pop((node, route), None)
        if connection is not None:
            connection.close()


def _facts(error: int, partitions: Sequence[Any]) -> TopicFacts:
    if error not in {_NO_ERROR, _LEADER_NOT_AVAILABLE}:
        return TopicFacts(error=error)
    return TopicFacts(
        leaders={number: leader for _, number, leader, *_ in sorted(partitions, key=lambda each: each[1])}
    )


# --- Reasons ----------------------------------------------------------------------------------------------------------


def explain(error: BaseException, settings: KafkaSettings, address: tuple[str, int]) -> str:
    """Why a broker cannot be talked to, in one line, with the setting to look at."""
    where = f"{address[0]}:{address[1]}"
    cause = error.__cause__ if isinstance(error, KafkaConnectionError) and error.__cause__ else error
    match cause:
        case ConfigError():
            return str(cause)
        case ssl.SSLError():
            return _explain_tls(cause, settings, where)
        case SaslAuthenticationFailed() | AuthenticationFailedError() | IllegalSaslStateError() | ValueError():
            return f"{where} refuses the login: {_words(cause)}; look at {_login_settings(settings)}"
        case UnsupportedSaslMechanismError():
            known = f"{where} does not know SASL {settings.sasl_mechanism}"
            return f"{known}; set kafka.sasl_mechanism to one that the listener has"
        case socket.gaierror():
            return f"the host name {address[0]} is not known ({cause.strerror}); look at {_address_settings(settings)}"
        case TimeoutError():
            return f"{where} does not answer in time; {_hint(settings)}"
        case IncompatibleBrokerVersion() | NotImplementedError():
            return f"{where} runs a version of Kafka that cannot be talked to: {_words(cause)}"
        case OSError() if not isinstance(cause, ConnectionResetError | BrokenPipeError):
            why = os.strerror(cause.errno) if cause.errno else _words(cause)
            return f"no Kafka broker answers at {where}: {why}; look at {_address_settings(settings)}"
        case _:
            return f"{where} closed the connection; {_hint(settings)}"


def _explain_tls(error: ssl.SSLError, settings: KafkaSettings, where: str) -> str:
    reason = getattr(error, "verify_message", "") or error.reason or str(error)
    if isinstance(error, ssl.SSLCertVerificationError):
        if "ostname" in reason or "IP address" in reason:
            return f"{where} has a certificate for another name: {reason}; look at kafka.ssl_check_hostname"
        return f"{where} has a certificate that is not trusted: {reason}; look at kafka.ssl_ca_file"
    if "ALERT" in reason.upper():
        return f"{where} refuses our certificate: {reason.lower()}; look at kafka.ssl_cert_file and kafka.ssl_key_file"
    return f"{where} does not speak TLS there: {reason.lower()}; look at kafka.security_protocol and the port"


def _login_settings(settings: KafkaSettings) -> str:
    if settings.sasl_mechanism in {"OAUTHBEARER", "AWS_MSK_IAM"}:
        return "kafka.oauth"
    return "kafka.sasl_username and kafka.sasl_password" + ("_file" if settings.sasl_password_file else "")


def _address_settings(settings: KafkaSettings) -> str:
    return f"kafka.bootstrap_servers ({settings.bootstrap_servers}) and the brokers' advertised.listeners"


def _hint(settings: KafkaSettings) -> str:
    """What is often wrong when a broker says nothing: it waits for another protocol."""
    if settings.uses_tls and not settings.ssl_cert_file:
        return "if it wants a client's certificate, set kafka.ssl_cert_file; look at kafka.security_protocol"
    if settings.uses_tls:
        return "if it does not trust our certificate, look at kafka.ssl_cert_file; look at kafka.security_protocol"
    return f"look at kafka.security_protocol ({settings.security_protocol}), which must be the listener's, and the port"


def _words(error: BaseException) -> str:
    return " ".join((str(error) or type(error).__name__).split())


_NAMES = {
    48: "INVALID_TXN_STATE",
    56: "KAFKA_STORAGE_ERROR",
    59: "UNKNOWN_PRODUCER_ID",
    74: "FENCED_LEADER_EPOCH",
    76: "UNSUPPORTED_COMPRESSION_TYPE",
    87: "INVALID_RECORD",
    89: "THROTTLING_QUOTA_EXCEEDED",
}
"""Errors of brokers that aiokafka has no name for."""


def error_name(code: int) -> str:
    """A broker's error in words: Kafka's name for it, and its number."""
    name = _NAMES.get(code) or getattr(for_code(code), "message", "UNKNOWN")
    return f"{name} ({code})"
