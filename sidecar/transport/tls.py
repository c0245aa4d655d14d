"""Server certificates that can be replaced on the disk while the service runs.

The files are looked at (not read) at each handshake. When they changed, they are read and tried; a pair that does not
fit together, as in the moment between the writing of two files, leaves the last good one in use.
"""

from __future__ import annotations

import logging
import ssl
from pathlib import Path

import grpc

from sidecar.config import Tls
from sidecar.errors import ConfigError

_log = logging.getLogger(__name__)

_Stamp = tuple[tuple[int, int, int], ...]


class Certificates:
    """The certificate files of one listener. gRPC asks from its own threads, one handshake at a time."""

    def __init__(self, settings: Tls) -> None:
        self._settings = settings
        self._stamp: _Stamp = ()
        self._refused: _Stamp = ()

    def credentials(self) -> grpc.ServerCredentials:
        """Credentials that follow the files. Raises `ConfigError` when the files cannot be used now."""
        try:
            first = self._read(self._look())
        except (OSError, ValueError) as error:
            raise ConfigError(f"the certificates cannot be used: {error}", path="grpc.tls") from None
        return grpc.dynamic_ssl_server_credentials(
            first,
            self._changed,  # type: ignore[arg-type]  # the stubs do not know that None means: no change
            require_client_authentication=self._settings.client_ca is not None,
        )

    def _changed(self) -> grpc.ServerCertificateConfiguration | None:
        """The new certificates, or None to stay with those in use."""
        stamp: _Stamp = ()
        try:
            stamp = self._look()
            return None if stamp in (self._stamp, self._refused) else self._read(stamp)
        except (OSError, ValueError) as error:
            self._refused = stamp
            _log.warning("new certificates cannot be used; the last good ones stay", extra={"reason": str(error)})
            return None

    @property
    def _files(self) -> tuple[Path, ...]:
        settings = self._settings
        return tuple(each for each in (settings.cert, settings.key, settings.client_ca) if each is not None)

    def _look(self) -> _Stamp:
        stats = (file.stat() for file in self._files)
        return tuple((each.st_mtime_ns, each.st_size, each.st_ino) for each in stats)

    def _read(self, stamp: _Stamp) -> grpc.ServerCertificateConfiguration:
        """Read the files and try the pair. Raises `OSError` (`ssl.SSLError` is one) or `ValueError`."""
        settings = self._settings
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(settings.cert, settings.key, password=_no_password)
        client_ca = settings.client_ca.read_bytes() if settings.client_ca is not None else None
        if client_ca is not None:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_verify_locations(cadata=client_ca.decode("ascii"))
        pair = (settings.key.read_bytes(), settings.cert.read_bytes())
        self._stamp = stamp
        return grpc.ssl_server_certificate_configuration([pair], root_certificates=client_ca)


def _no_password() -> str:
    """Instead of asking on the terminal."""
    raise ValueError("the key is encrypted; give one without a password")
