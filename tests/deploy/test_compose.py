"""The compose file: valid, everything it mounts is there, and what speaks to each other has the same name and port."""

from __future__ import annotations

import ast
import json
import re
import sys
import tomllib
from collections.abc import Iterator
from typing import Any

import pytest

from sidecar.config import load_settings
from sidecar.policy.loader import load_file
from tests.deploy.tools import DEPLOY, ROOT, documents, read, run
from tests.integration.envoy import locked_version
from tests.project.test_container import _last

FOLDER = DEPLOY / "compose"


@pytest.fixture(scope="module")
def services() -> Any:
    [compose] = documents((FOLDER / "compose.yaml").read_text())
    return compose["services"]


def _mounts(services: Any) -> Iterator[tuple[str, str, str]]:
    for name, service in services.items():
        for mount in service.get("volumes", ()):
            source, target, *_ = mount.split(":")
            yield name, source, target


def test_it_is_what_the_compose_specification_allows():
    run("check-jsonschema", "--builtin-schema", "vendor.compose-spec", FOLDER / "compose.yaml")


def test_everything_that_is_mounted_exists(services: Any):
    [compose] = documents((FOLDER / "compose.yaml").read_text())
    for service, source, _ in _mounts(services):
        known = (FOLDER / source).exists() if source.startswith(".") else source in compose["volumes"]
        assert known, f"{service}: {source}"


def test_images_are_pinned_and_ports_open_on_this_machine_only(services: Any):
    for name, service in services.items():
        assert re.search(r":(?!latest)[\w.-]+$", service["image"]), name
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ())), name


def test_envoy_is_the_one_that_is_tested_with(services: Any):
    assert services["envoy"]["image"] == f"envoyproxy/envoy:v{locked_version()}"


def test_tidegates_settings_are_right_and_its_outbox_lasts(services: Any):
    image = dict(pair.split("=", 1) for pair in _last("ENV").split() if pair.startswith("TIDEGATE_"))
    settings = load_settings(environment={**image, **services["tidegate"]["environment"]})
    assert settings.ext_proc.enabled
    assert settings.kafka.bootstrap_servers == "kafka:9092"
    volumes = {target: source for name, source, target in _mounts(services) if name == "tidegate"}
    assert volumes[_last("VOLUME")] == "outbox"
    assert int(services["tidegate"]["stop_grace_period"].removesuffix("s")) > settings.drain_seconds + 10
    folder = FOLDER / volumes[str(settings.policies.directories[0])]
    assert [policy.spec.metadata.name for file in folder.glob("*.yaml") for policy in load_file(file)]


def test_envoy_reaches_tidegate_and_the_model_where_they_listen(services: Any):
    addresses = {
        cluster["name"]: cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]["address"]
        for cluster in read("compose/envoy.yaml")[0]["static_resources"]["clusters"]
    }
    for cluster, listen in {
        "tidegate": services["tidegate"]["environment"]["TIDEGATE_GRPC__LISTEN"],
        "llm": services["llm"]["command"][1],
    }.items():
        port = int(listen.rpartition(":")[2])
        assert addresses[cluster]["socket_address"] == {"address": cluster, "port_value": port}


def test_prometheus_asks_who_is_there_and_grafana_finds_prometheus(services: Any):
    [config] = read("compose/prometheus.yaml")
    targets = {job["job_name"]: job["static_configs"][0]["targets"] for job in config["scrape_configs"]}
    assert targets["tidegate"] == [
        services["tidegate"]["environment"]["TIDEGATE_ADMIN__LISTEN"].replace("0.0.0.0", "tidegate")
    ]
    mounted = {target for name, _, target in _mounts(services) if name == "prometheus"}
    assert {f"/etc/prometheus/{file}" for file in config["rule_files"]} <= mounted
    [source] = read("compose/grafana/provisioning/datasources/prometheus.yaml")[0]["datasources"]
    assert source["url"] == "http://prometheus:9090"
    [provider] = read("compose/grafana/provisioning/dashboards/tidegate.yaml")[0]["providers"]
    boards = {target: source for name, source, target in _mounts(services) if name == "grafana"}
    home = services["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    folder = provider["options"]["path"]
    assert (FOLDER / boards[folder] / home.removeprefix(f"{folder}/")).exists()


def test_the_recorded_model_needs_nothing_but_what_the_image_has(services: Any):
    [script] = [source for name, source, _ in _mounts(services) if name == "llm"]
    tree = ast.parse((FOLDER / script).read_text())
    imported = {
        name.split(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    needed = {
        re.split(r"[\[<>=]", each)[0]
        for each in tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    }
    assert imported - set(sys.stdlib_module_names) <= needed


def test_yaml_is_tidy():
    files = [*DEPLOY.rglob("*.yaml"), *DEPLOY.rglob("*.yml")]
    plain = [file for file in files if "templates" not in file.parts]
    rules = {
        "braces": "disable",
        "line-length": {"max": 130},
        "document-start": "disable",
        "comments": {"min-spaces-from-content": 1},
        "truthy": {"check-keys": False},
        "comments-indentation": "disable",
        "brackets": "disable",
    }
    run("yamllint", "--strict", "--config-data", json.dumps({"extends": "default", "rules": rules}), *plain)
