"""The Kubernetes manifests: what kustomize makes of them is valid, and fits the service that it runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sidecar.config import Settings, checked
from tests.deploy import restricted
from tests.deploy.pods import NATIVE_SIDECAR, OUTBOX, check_pod, container_of
from tests.deploy.tools import DEPLOY, Document, check, documents, kustomized, one

SELECTOR = {"app.kubernetes.io/name": "tidegate"}


@pytest.fixture(scope="module")
def base() -> list[Document]:
    return kustomized("kubernetes/base")


@pytest.fixture(scope="module")
def example() -> list[Document]:
    return kustomized("kubernetes/example")


def settings_of(found: list[Document]) -> Settings:
    """The settings file, read as the service reads it."""
    [config] = [each for each in found if each["kind"] == "ConfigMap"]
    [document] = documents(config["data"]["tidegate.yaml"])
    return checked(document)


def pod_of(workload: Document) -> Any:
    return workload["spec"]["template"]["spec"]


def test_what_kustomize_makes_is_valid(base: list[Document], example: list[Document], tmp_path: Path):
    check(base, tmp_path)
    check(example, tmp_path)


def with_component(name: str, folder: Path) -> list[Document]:
    """The service with an optional part."""
    overlay = folder / "overlay"
    overlay.mkdir()
    for part in ("base", name):
        (overlay / part).symlink_to(DEPLOY / "kubernetes" / part)
    (overlay / "kustomization.yaml").write_text(json.dumps({"resources": ["base"], "components": [name]}))
    found = kustomized(overlay)
    check(found, folder)
    return found


def test_pods_pass_where_a_namespace_is_restricted(base: list[Document], example: list[Document]):
    for found, workload in ((base, "StatefulSet"), (example, "Deployment")):
        assert restricted.faults(pod_of(one(found, workload))) == []


def test_the_optional_part_for_kafka_lets_out_to_it_and_to_nobody_else(base: list[Document], tmp_path: Path):
    found = with_component("kafka", tmp_path)
    policy = one(found, "NetworkPolicy", "tidegate-kafka")["spec"]
    assert policy["podSelector"] == one(base, "NetworkPolicy")["spec"]["podSelector"]
    assert policy["policyTypes"] == ["Egress"]
    [rule] = policy["egress"]
    assert [port["port"] for port in rule["ports"]] == [9092, 9093]
    assert all(peer["namespaceSelector"]["matchLabels"] for peer in rule["to"])


def test_the_optional_part_for_openshift_names_no_user(tmp_path: Path):
    pod = pod_of(one(with_component("openshift", tmp_path), "StatefulSet"))
    assert restricted.faults(pod) == []
    assert not {"runAsUser", "runAsGroup", "fsGroup"} & set(pod["securityContext"])


def test_the_optional_part_for_prometheus_is_valid(base: list[Document], tmp_path: Path):
    found = with_component("monitoring", tmp_path)
    monitor = one(found, "ServiceMonitor")["spec"]
    ports = {port["name"] for port in one(base, "Service", "tidegate")["spec"]["ports"]}
    assert monitor["selector"]["matchLabels"] == SELECTOR
    assert {endpoint["port"] for endpoint in monitor["endpoints"]} <= ports


def test_the_service_runs_as_the_image_wants_and_has_time_to_drain(base: list[Document]):
    settings = settings_of(base)
    pod = pod_of(one(base, "StatefulSet"))
    check_pod(pod, drain_s=settings.drain_seconds)
    assert settings.ext_proc.enabled
    assert {port["containerPort"] for port in container_of(pod)["ports"]} == {
        int(address.rpartition(":")[2]) for address in (*settings.grpc.listen, settings.admin.listen)
    }


def test_its_outbox_outlives_the_pod(base: list[Document]):
    workload = one(base, "StatefulSet")["spec"]
    mounts = {mount["mountPath"]: mount["name"] for mount in container_of(workload["template"]["spec"])["volumeMounts"]}
    [claim] = workload["volumeClaimTemplates"]
    assert mounts[OUTBOX] == claim["metadata"]["name"]
    assert set(workload["persistentVolumeClaimRetentionPolicy"].values()) == {"Retain"}


def test_everything_selects_the_pods_and_nobody_elses(base: list[Document]):
    workload = one(base, "StatefulSet")["spec"]
    labels = workload["template"]["metadata"]["labels"]
    policy = one(base, "NetworkPolicy")["spec"]
    selectors = [
        workload["selector"]["matchLabels"],
        one(base, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
        policy["podSelector"]["matchLabels"],
        *(each["spec"]["selector"] for each in base if each["kind"] == "Service"),
    ]
    assert all(selector == SELECTOR for selector in selectors)
    assert labels.items() >= SELECTOR.items()
    assert one(base, "Service", workload["serviceName"])["spec"]["clusterIP"] == "None"


def test_the_network_policy_lets_in_who_is_marked_and_out_what_is_needed(base: list[Document]):
    policy = one(base, "NetworkPolicy")["spec"]
    clients, monitoring = policy["ingress"]
    peers = [each.get("podSelector", each.get("namespaceSelector"))["matchLabels"] for each in clients["from"]]
    assert peers == [{"tidegate.dev/client": "true"}] * 2
    assert [port["port"] for port in clients["ports"]] == ["grpc"]
    assert [port["port"] for port in monitoring["ports"]] == ["admin"]
    [names] = policy["egress"]
    assert names["to"]
    assert {port["port"] for port in names["ports"]} == {53, 5353}


def test_a_label_puts_the_sidecar_before_the_application(example: list[Document]):
    settings = settings_of(example)
    pod = pod_of(one(example, "Deployment"))
    assert one(example, "Deployment")["spec"]["template"]["metadata"]["annotations"].items() >= NATIVE_SIDECAR.items()
    check_pod(pod, drain_s=settings.drain_seconds)
    container = container_of(pod)
    assert container["restartPolicy"] == "Always"
    assert [each["name"] for each in pod["initContainers"]] == ["tidegate"]
    [application] = pod["containers"]
    [base_url] = [each["value"] for each in application["env"] if each["name"] == "OPENAI_BASE_URL"]
    assert base_url == f"http://{settings.proxy.listen}/v1"
    assert settings.proxy.upstream


def test_the_sidecar_listens_on_loopback_only(example: list[Document]):
    settings = settings_of(example)
    for address in (*settings.grpc.listen, settings.proxy.listen):
        assert address.startswith("127.0.0.1:")


def test_the_mounted_settings_are_those_of_the_config_map(base: list[Document], example: list[Document]):
    for found, workload in ((base, "StatefulSet"), (example, "Deployment")):
        pod = pod_of(one(found, workload))
        [name] = [each["configMap"]["name"] for each in pod["volumes"] if "configMap" in each]
        assert name == one(found, "ConfigMap")["metadata"]["name"]
