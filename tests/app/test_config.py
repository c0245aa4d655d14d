"""Settings: the file, the environment over it, and errors that name the key."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from sidecar.config import Limits, Settings, load_settings
from sidecar.errors import ConfigError
from sidecar.keys import evidence_key


def written(folder: Path, text: str) -> Path:
    file = folder / "tidegate.yaml"
    file.write_text(text)
    return file


def test_everything_has_a_default():
    settings = load_settings(environment={})
    assert settings == Settings()
    assert settings.grpc.listen == ("127.0.0.1:50051",)
    assert settings.limits.max_chunk_bytes == 65_536


def test_the_file_is_read(tmp_path: Path):
    file = written(
        tmp_path, "grpc: {listen: ['127.0.0.1:1', 'unix:/x.sock']}\nlimits: {max_streams: 7}\nloop: uvloop\n"
    )
    settings = load_settings(file, {})
    assert settings.grpc.listen == ("127.0.0.1:1", "unix:/x.sock")
    assert (settings.limits.max_streams, settings.limits.max_lanes) == (7, Limits().max_lanes)
    assert settings.loop == "uvloop"


def test_the_environment_wins_key_by_key(tmp_path: Path):
    file = written(tmp_path, "limits: {max_streams: 7, max_lanes: 3}\n")
    settings = load_settings(file, {"TIDEGATE_LIMITS__MAX_STREAMS": "9", "TIDEGATE_DRAIN_SECONDS": "1.5"})
    assert (settings.limits.max_streams, settings.limits.max_lanes) == (9, 3)
    assert settings.drain_seconds == 1.5


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a:1", ("a:1",)),
        ("a:1,b:2", ("a:1", "b:2")),
        ("a:1, b:2,", ("a:1", "b:2")),
        ('["a:1", "b:2"]', ("a:1", "b:2")),
    ],
)
def test_a_list_in_the_environment_is_json_or_has_commas(value: str, expected: tuple[str, ...]):
    assert load_settings(environment={"TIDEGATE_GRPC__LISTEN": value}).grpc.listen == expected


def test_a_section_that_is_off_by_default_can_be_set_by_the_environment():
    tls = load_settings(environment={"TIDEGATE_GRPC__TLS__CERT": "c.pem", "TIDEGATE_GRPC__TLS__KEY": "k.pem"}).grpc.tls
    assert tls is not None
    assert (tls.cert, tls.key, tls.client_ca) == (Path("c.pem"), Path("k.pem"), None)


def test_an_empty_file_is_fine(tmp_path: Path):
    assert load_settings(written(tmp_path, "# nothing\n"), {}) == Settings()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("grpc: {lisen: []}", "grpc.lisen: is not a setting"),
        ("nope: 1", "nope: is not a setting"),
        ("limits: {max_streams: 0}", "limits.max_streams: Input should be greater than or equal to 1"),
        ("limits: {max_streams: many}", "limits.max_streams: Input should be a valid integer"),
        ("grpc: {tls: {cert: a}}", "grpc.tls.key: Field required"),
        ("grpc: {unix_socket_mode: '999'}", "grpc.unix_socket_mode: must be a file mode"),
        ("grpc: {listen: '[1'}", "grpc.listen: is neither a JSON list nor words between commas"),
        ("keys: {redaction: x, redaction_file: y}", "keys: redaction and redaction_file are both set; keep one"),
        ("telemetry: {log_level: loud}", "telemetry.log_level: Input should be"),
        ("[1, 2]", "must be a mapping of settings"),
        ("a: [", "tidegate.yaml:1:5: expected the node content"),
    ],
)
def test_what_is_wrong_in_the_file_is_named(tmp_path: Path, text: str, words: str):
    with pytest.raises(ConfigError) as caught:
        load_settings(written(tmp_path, text), {})
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"TIDEGATE_NOPE": "1"}, "nope: is not a setting (set by TIDEGATE_NOPE)"),
        ({"TIDEGATE_GRPC__NOPE": "1"}, "grpc.nope: is not a setting (set by TIDEGATE_GRPC__NOPE)"),
        ({"TIDEGATE_LIMITS__MAX_LANES": "x"}, "(set by TIDEGATE_LIMITS__MAX_LANES)"),
        ({"TIDEGATE_GRPC": "x", "TIDEGATE_GRPC__LISTEN": "y"}, "keep one"),
    ],
)
def test_what_is_wrong_in_the_environment_is_named(environment: dict[str, str], words: str):
    with pytest.raises(ConfigError) as caught:
        load_settings(environment=environment)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "variable",
    [
        "TIDEGATE_SERVICE_HOST",
        "TIDEGATE_SERVICE_PORT",
        "TIDEGATE_SERVICE_PORT_GRPC",
        "TIDEGATE_PORT",
        "TIDEGATE_PORT_50051_TCP_ADDR",
        "TIDEGATE_ADMIN_SERVICE_HOST",
        "TIDEGATE_ADMIN_PORT_9464_TCP",
        "TIDEGATE_CONFIG",
        "OTHER",
    ],
)
def test_what_kubernetes_adds_for_a_service_is_no_setting(variable: str):
    assert load_settings(environment={variable: "tcp://10.0.0.1:50051"}) == Settings()


def test_a_secret_stays_out_of_errors_and_of_the_settings_text():
    with pytest.raises(ConfigError) as caught:
        load_settings(environment={"TIDEGATE_KEYS__REDACTION": "hush hush", "TIDEGATE_KEYS__NOPE": "hush hush"})
    assert "hush" not in str(caught.value)
    assert "hush" not in repr(load_settings(environment={"TIDEGATE_KEYS__REDACTION": "hush hush"}))


@pytest.mark.parametrize("word", ["", "hush hush", "k" * 31])
def test_a_key_of_hashes_that_can_be_guessed_is_refused(word: str):
    with pytest.raises(ConfigError, match=r"keys\.hash: needs at least 32 bytes") as caught:
        evidence_key(load_settings(environment={"TIDEGATE_KEYS__HASH": word}).keys)
    assert "hush" not in str(caught.value)


def test_a_key_may_be_in_a_file(tmp_path: Path):
    file = tmp_path / "key"
    file.write_text("k" * 32 + "\n")
    keys = load_settings(environment={"TIDEGATE_KEYS__REDACTION_FILE": str(file)}).keys
    assert keys.redaction_key() == b"k" * 32
    assert keys.hash_key() is None
    file.unlink()
    with pytest.raises(ConfigError, match=r"keys\.redaction_file: cannot read"):
        keys.redaction_key()


@pytest.mark.parametrize("section", ["grpc", "admin", "policies", "keys", "telemetry"])
def test_every_setting_is_documented(section: str):
    page = (Path(__file__).parents[2] / "docs/operations.md").read_text()
    keys = set(type(getattr(Settings(), section)).model_fields) - {"tls"}
    documented = set(re.findall(rf"`{section}\.(\w+)`", page))
    assert documented == keys


def test_an_error_says_what_to_write_and_no_pattern():
    assert '"pattern":' not in json.dumps(Settings.model_json_schema())


def test_a_file_that_is_not_there_is_named(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"cannot read .*nowhere\.yaml"):
        load_settings(tmp_path / "nowhere.yaml", {})
