"""The Helm chart: it is sound in both modes, refuses wrong values, and what it makes fits the service."""

from __future__ import annotations

import json
import shutil
import tomllib
from pathlib import Path
from typing import Any

import pytest

from sidecar.config import Settings, checked
from sidecar.policy.loader import load_text
from tests.deploy.pods import NATIVE_SIDECAR, OUTBOX, check_container, check_mounts, check_pod, container_of
from tests.deploy.tools import CHART, DEPLOY, ROOT, Document, check, documents, one, rendered, run

VALUES: tuple[tuple[str, ...], ...] = ((), *(((f"ci/{file.name}"),) for file in sorted(CHART.glob("ci/*.yaml"))))


def settings_of(found: list[Document]) -> Settings:
    """The settings file, read as the service reads it; what a Secret brings is added."""
    [document] = documents(one(found, "ConfigMap", "tidegate-settings")["data"]["tidegate.yaml"])
    if document.get("kafka", {}).get("security_protocol", "").startswith("SASL"):
        document["kafka"]["sasl_password"] = "from the Secret"
    return checked(document)


def patch_of(found: list[Document]) -> Any:
    [patch] = documents(one(found, "ConfigMap", "tidegate-patch")["data"]["patch.yaml"])
    return patch["spec"]["template"]


def deployment(template: Document) -> Document:
    """An application with a pod of that template."""
    labels = {"app": "bot"}
    own = {"name": "bot", "image": "bot:1"}
    pod = {"metadata": {**template["metadata"], "labels": labels}, "spec": {**template["spec"], "containers": [own]}}
    spec = {"selector": {"matchLabels": labels}, "template": pod}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "bot"}, "spec": spec}


@pytest.mark.parametrize("values", VALUES, ids=lambda values: Path(values[0]).stem if values else "defaults")
def test_what_it_makes_is_valid(values: tuple[str, ...], tmp_path: Path):
    run("helm", "lint", "--strict", CHART, *(word for name in values for word in ("--values", CHART / name)))
    found = rendered(*values)
    check(found, tmp_path)
    settings = settings_of(found)
    workloads = [each["spec"]["template"] for each in found if each["kind"] == "StatefulSet"] or [patch_of(found)]
    for job in (each["spec"]["template"]["spec"] for each in found if each["kind"] == "Job"):
        check_mounts(job)
    for template in workloads:
        check_pod(template["spec"], drain_s=settings.drain_seconds)
        check([deployment(template)], tmp_path)


def test_the_version_is_the_projects():
    [chart] = documents((CHART / "Chart.yaml").read_text())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert chart["version"] == chart["appVersion"] == project["version"]


def test_sasl_needs_a_name_and_a_secret():
    sasl = ["kafka.bootstrapServers=kafka:9092", "kafka.securityProtocol=SASL_SSL"]
    with pytest.raises(AssertionError, match=r"kafka\.saslUsername is needed"):
        rendered(sets=sasl)
    with pytest.raises(AssertionError, match="TIDEGATE_KAFKA__SASL_PASSWORD"):
        rendered(sets=[*sasl, "kafka.saslUsername=guard"])


def test_the_settings_are_those_of_the_values():
    settings = settings_of(rendered("ci/service-full.yaml"))
    assert settings.ext_proc.enabled
    assert settings.ext_proc.facts.labels == {"cluster": "blue"}
    assert settings.limits.max_streams == 200
    assert settings.kafka.uses_sasl
    assert settings.kafka.uses_tls
    assert settings.grpc.tls is not None
    assert settings.grpc.tls.client_ca is not None


def test_every_file_that_the_settings_name_is_mounted():
    found = rendered("ci/service-full.yaml")
    settings = settings_of(found)
    assert settings.grpc.tls is not None
    named = [settings.grpc.tls.cert, settings.grpc.tls.key, settings.grpc.tls.client_ca, settings.kafka.ssl_ca_file]
    pod = one(found, "StatefulSet")["spec"]["template"]["spec"]
    mounts = {Path(mount["mountPath"]): mount["name"] for mount in container_of(pod)["volumeMounts"]}
    volumes = {volume["name"] for volume in pod["volumes"]}
    assert {mounts[path.parent] for path in named if path} <= volumes


def test_policies_are_checked_before_the_service_starts_with_them():
    found = rendered("ci/service-full.yaml")
    pod = one(found, "StatefulSet")["spec"]["template"]["spec"]
    [first] = pod["initContainers"]
    [folder] = [mount["mountPath"] for mount in first["volumeMounts"] if mount["name"] == "policies"]
    assert first["args"] == ["policy", "lint", folder]
    [text] = one(found, "ConfigMap", "tidegate-policies")["data"].values()
    assert [policy.spec.metadata.name for policy in load_text(text)] == ["support-bot"]


def test_the_service_keeps_its_outbox_and_scales():
    found = rendered("ci/service-full.yaml")
    workload = one(found, "StatefulSet")
    [claim] = workload["spec"]["volumeClaimTemplates"]
    assert claim["spec"]["storageClassName"] == "fast"
    assert "replicas" not in workload["spec"]  # the autoscaler's
    assert one(found, "HorizontalPodAutoscaler")["spec"]["scaleTargetRef"]["name"] == workload["metadata"]["name"]
    labels = workload["spec"]["template"]["metadata"]["labels"]
    for selector in (each["spec"]["selector"] for each in found if each["kind"] == "Service"):
        assert labels.items() >= selector.items()
        job = one(found, "Job")["spec"]["template"]["metadata"]["labels"]
        assert not job.items() >= selector.items()  # streams are not sent to the job


def test_a_change_of_the_settings_rolls_the_pods_and_a_change_of_policies_does_not():
    def annotation(*sets: str) -> str:
        template = one(rendered(sets=sets), "StatefulSet")["spec"]["template"]
        return str(template["metadata"]["annotations"]["tidegate.dev/settings"])

    assert annotation() != annotation("drainSeconds=7")
    assert annotation("policies.a\\.yaml=text") == annotation("policies.a\\.yaml=other")


def test_in_mode_sidecar_it_makes_a_patch_and_no_workload():
    found = rendered("ci/sidecar.yaml")
    assert {each["kind"] for each in found} == {"ConfigMap", "Job", "NetworkPolicy", "PodMonitor", "PrometheusRule"}
    settings = settings_of(found)
    assert settings.grpc.listen == ("127.0.0.1:50051",)
    assert settings.proxy.upstream == "https://api.openai.com"
    assert patch_of(found)["metadata"]["annotations"].items() >= NATIVE_SIDECAR.items()
    pod = patch_of(found)["spec"]
    assert [each["name"] for each in pod["initContainers"]] == ["tidegate-policy-check", "tidegate"]
    assert pod["initContainers"][1]["restartPolicy"] == "Always"
    [outbox] = [each for each in pod["initContainers"][1]["volumeMounts"] if each["mountPath"] == OUTBOX]
    assert {"name": outbox["name"], "emptyDir": {"sizeLimit": "2Gi"}} in pod["volumes"]


def test_another_chart_can_take_the_sidecar_in(tmp_path: Path):
    """As an application's chart does that depends on this one."""
    chart = tmp_path / "bot"
    (chart / "templates").mkdir(parents=True)
    shutil.copytree(CHART, chart / "charts/tidegate")
    (chart / "Chart.yaml").write_text("apiVersion: v2\nname: bot\nversion: 0.0.1\ndependencies: [{name: tidegate}]\n")
    (chart / "values.yaml").write_text("tidegate: {mode: sidecar}\n")
    (chart / "templates/deployment.yaml").write_text(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: bot}\nspec:\n"
        "  selector: {matchLabels: {app: bot}}\n  template:\n    metadata: {labels: {app: bot}}\n    spec:\n"
        "      containers: [{name: bot, image: 'bot:1'}]\n"
        '      initContainers: {{- include "tidegate.sidecar.initContainers" .Subcharts.tidegate | nindent 8 }}\n'
        '      volumes: {{- include "tidegate.sidecar.volumes" .Subcharts.tidegate | nindent 8 }}\n'
    )
    found = rendered(chart=chart)
    check(found, tmp_path)
    pod = one(found, "Deployment")["spec"]["template"]["spec"]
    check_container(container_of(pod))
    [settings] = [each["configMap"]["name"] for each in pod["volumes"] if "configMap" in each]
    assert one(found, "ConfigMap", settings)


def test_alerts_and_dashboards_are_the_projects_own():
    found = rendered("ci/service-full.yaml")
    [alerts] = documents((DEPLOY / "prometheus/alerts.yaml").read_text())
    assert one(found, "PrometheusRule")["spec"] == alerts
    boards = [each["data"] for each in found if "-dashboard-" in each["metadata"]["name"]]
    made = {name: json.loads(text) for data in boards for name, text in data.items()}
    assert made == {file.name: json.loads(file.read_text()) for file in (DEPLOY / "dashboards").glob("*.json")}
