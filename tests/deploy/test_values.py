"""Values of the Helm chart, good and bad: what Helm makes of each is sound, or it says what is wrong with it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sidecar.config import checked
from tests.deploy import restricted
from tests.deploy.test_helm import deployment, patch_of
from tests.deploy.tools import CHART, Document, check, documents, one, rendered, run

KAFKA = {"bootstrapServers": "kafka:9092"}
SIDECAR = {"mode": "sidecar"}
VOLUME = {"name": "ca", "secret": {"secretName": "ca"}}
GOOD: dict[str, dict[str, Any]] = {
    "nothing": {},
    "a registry with a port": {"image": {"repository": "registry.example.com:5000/guard/tidegate", "tag": "1.2.3"}},
    "a digest": {"image": {"digest": "sha256:" + "0" * 64}},
    "settings of its own": {"settings": {"limits": {"max_streams": 10}, "ext_proc": {"max_request_bytes": 1000}}},
    "policies as a bundle": {
        "settings": {"policies": {"bundle": "https://bundles/shop.tar.gz", "trusted_keys": ["/etc/keys/team.pub"]}},
        "extraVolumes": [{"name": "keys", "configMap": {"name": "bundle-keys"}}],
        "extraVolumeMounts": [{"name": "keys", "mountPath": "/etc/keys", "readOnly": True}],
        "networkPolicy": {"extraEgress": [{"to": [{"namespaceSelector": {"matchLabels": {"app": "bundles"}}}]}]},
    },
    "kafka": {"kafka": KAFKA},
    "kafka over tls": {"kafka": {**KAFKA, "securityProtocol": "SSL", "caSecret": "kafka-ca"}},
    "topics are made": {"kafka": {**KAFKA, "createTopics": True}},
    "topics for sidecars": {**SIDECAR, "kafka": {**KAFKA, "createTopics": True}},
    "topics without network policies": {
        "kafka": {**KAFKA, "createTopics": True},
        "networkPolicy": {"enabled": False},
    },
    "one port of kafka": {"kafka": {**KAFKA, "ports": [9094]}},
    "kafka in one namespace": {
        "kafka": KAFKA,
        "networkPolicy": {"kafkaPeers": [{"namespaceSelector": {"matchLabels": {"team": "kafka"}}}]},
    },
    "tls": {"tls": {"secret": "tidegate-tls"}},
    "tls both ways": {"tls": {"secret": "tidegate-tls", "clientCa": True}},
    "other clients": {"networkPolicy": {"clientLabels": {"app.kubernetes.io/name": "bot"}}},
    "nobody scrapes": {"networkPolicy": {"monitoringNamespace": ""}},
    "another way out": {"networkPolicy": {"extraEgress": [{"to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}]}},
    "names are answered elsewhere": {"networkPolicy": {"dnsPeers": [{"ipBlock": {"cidr": "10.0.0.10/32"}}]}},
    "scaling": {"autoscaling": {"enabled": True, "minReplicas": 3, "maxReplicas": 3}},
    "a budget in percent": {"podDisruptionBudget": {"maxUnavailable": "25%"}},
    "whole and broken quantities": {
        "resources": {"limits": {"cpu": 1.5, "memory": "1.5Gi"}},
        "outbox": {"size": "1e9"},
    },
    "whom the platform says": {"runAs": None, "kafka": {**KAFKA, "createTopics": True}},
    "another user": {"runAs": {"user": 20001, "group": 20001}},
    "more variables": {
        "secret": "tidegate",
        "extraEnv": [
            {"name": "HTTPS_PROXY", "value": "http://proxy:3128"},
            {"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}},
        ],
    },
    "more volumes": {
        "extraVolumes": [VOLUME],
        "extraVolumeMounts": [{"name": "ca", "mountPath": "/etc/ca", "readOnly": True}],
        "policies": {"a.yaml": "text"},
    },
    "more volumes beside an application": {
        **SIDECAR,
        "extraVolumes": [VOLUME],
        "extraVolumeMounts": [{"name": "ca", "mountPath": "/etc/ca"}],
    },
    "more labels": {"podLabels": {"team.example.com/name": "trust"}, "podAnnotations": {"note": "any text: at all"}},
    "another account": {"serviceAccount": {"create": False, "name": "guard"}},
    "a sidecar": SIDECAR,
    "a sidecar with a provider": {**SIDECAR, "sidecar": {"upstream": "https://api.openai.com"}},
}
"""What it is -> values."""

BAD: tuple[tuple[dict[str, Any], str], ...] = (
    ({"mode": "both"}, "'service', 'sidecar'"),
    ({"replica": 3}, "additional properties 'replica'"),
    ({"replicas": 0}, "minimum: got 0, want 1"),
    ({"kafka": None}, "missing property 'kafka'"),
    (
        {"policies": {"a.yaml": "x"}, "settings": {"policies": {"bundle": "https://bundles/shop.tar.gz"}}},
        "settings.policies.bundle takes their place",
    ),
    ({"image": {"repository": "tidegate:latest"}}, "/image/repository"),
    ({"image": {"digest": "sha256:1"}}, "/image/digest"),
    ({"image": {"tag": "a b"}}, "/image/tag"),
    ({"kafka": {"bootstrapServers": "kafka"}}, "/kafka/bootstrapServers"),
    ({"kafka": {**KAFKA, "ports": []}}, "/kafka/ports.*minItems"),
    ({"kafka": {**KAFKA, "ports": None}}, "missing property 'ports'"),
    ({"kafka": {**KAFKA, "ports": [0]}}, "/kafka/ports/0"),
    ({"kafka": {**KAFKA, "caSecret": "kafka-ca"}}, "PLAINTEXT encrypts nothing"),
    ({"kafka": {**KAFKA, "securityProtocol": "SSL", "saslUsername": "me"}}, "SSL names nobody"),
    ({"kafka": {"createTopics": True}}, "kafka.createTopics needs kafka.bootstrapServers"),
    ({"networkPolicy": {"clientLabels": {"tidegate.dev/client": None}}}, "/networkPolicy/clientLabels.*minProperties"),
    ({"networkPolicy": {"clientLabels": None}}, "missing property 'clientLabels'"),
    ({"networkPolicy": {"kafkaPeers": []}}, "/networkPolicy/kafkaPeers.*minItems"),
    ({"networkPolicy": {"kafkaPeers": [{}]}}, "/networkPolicy/kafkaPeers/0.*minProperties"),
    ({"networkPolicy": {"dnsPeers": []}}, "/networkPolicy/dnsPeers.*minItems"),
    ({"networkPolicy": {"dnsPorts": []}}, "/networkPolicy/dnsPorts.*minItems"),
    ({"networkPolicy": {"extraEgress": [{}]}}, "missing property 'to'"),
    ({"networkPolicy": {"extraEgress": [{"to": []}]}}, "/networkPolicy/extraEgress/0/to.*minItems"),
    (
        {"networkPolicy": {"extraEgress": [{"to": [{"podSelector": {}}], "ports": []}]}},
        "/networkPolicy/extraEgress/0/ports.*minItems",
    ),
    ({"tls": {"clientCa": True}}, "tls.clientCa needs tls.secret"),
    ({**SIDECAR, "tls": {"secret": "tidegate-tls"}}, "tls.secret is for mode service"),
    ({"sidecar": {"upstream": "https://api.openai.com"}}, "sidecar.upstream is for mode sidecar"),
    ({**SIDECAR, "sidecar": {"upstream": "localhost"}}, "/sidecar/upstream"),
    ({"settings": {"drain_seconds": 5}}, "set drainSeconds instead"),
    ({"settings": {"kafka": {"bootstrap_servers": "kafka:9092"}}}, "set kafka.bootstrapServers instead"),
    ({"drainSeconds": -1}, "/drainSeconds"),
    ({"policies": {"notes.txt": "text"}}, "'notes.txt' does not match"),
    ({"resources": {"limit": {"cpu": "1"}}}, "additional properties 'limit'"),
    ({"resources": {"limits": {"memory": "1GB"}}}, "/resources/limits/memory"),
    ({"resources": {"requests": {"cpu": "half"}}}, "/resources/requests/cpu"),
    ({"resources": {"limits": {"cpu": "0"}}}, "/resources/limits/cpu"),
    ({"resources": {"limits": {"cpu": -1}}}, "/resources/limits/cpu"),
    ({"outbox": {"size": "2 Gi"}}, "/outbox/size"),
    ({"outbox": {"size": "0Gi"}}, "/outbox/size"),
    ({"autoscaling": {"enabled": True, "minReplicas": 7}}, r"minReplicas \(7\) is more than .*maxReplicas \(6\)"),
    ({"podDisruptionBudget": {"maxUnavailable": "0%"}}, "/podDisruptionBudget/maxUnavailable"),
    ({"podLabels": {"app.kubernetes.io/name": "bot"}}, "'app.kubernetes.io/name'"),
    ({"podLabels": {"team": "a b"}}, "/podLabels/team"),
    ({"podAnnotations": {"tidegate.dev/settings": "x"}}, "'tidegate.dev/settings'"),
    ({"serviceMonitor": {"labels": {"helm.sh/chart": "x"}}}, "'helm.sh/chart'"),
    ({"prometheusRule": {"labels": {"app.kubernetes.io/instance": "x"}}}, "'app.kubernetes.io/instance'"),
    ({"dashboards": {"labels": {"app.kubernetes.io/managed-by": "x"}}}, "'app.kubernetes.io/managed-by'"),
    ({"secret": "Not_A_Name"}, "/secret"),
    ({"runAs": {"user": 0, "group": 10001}}, "/runAs/user"),
    ({"runAs": {"user": 10001, "group": None}}, "missing property 'group'"),
    ({"extraEnv": [{"name": "A"}]}, "/extraEnv/0"),
    ({"extraEnv": [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]}, 'extraEnv: name "A" is there twice'),
    ({"extraVolumes": [{"name": "outbox", "emptyDir": {}}]}, "/extraVolumes/0/name"),
    ({"extraVolumes": [VOLUME, VOLUME]}, 'extraVolumes: name "ca" is there twice'),
    ({"extraVolumeMounts": [{"name": "ca", "mountPath": "/var/lib/tidegate/"}]}, "/extraVolumeMounts/0/mountPath"),
)
"""Values -> what Helm says of them."""

OPENSHIFT = ("security.openshift.io/v1",)


@pytest.fixture
def made(tmp_path: Path) -> Any:
    """What Helm makes of values; `apis` are those of the cluster beside Kubernetes' own."""

    def make(values: dict[str, Any], apis: tuple[str, ...] = ()) -> list[Document]:
        file = tmp_path / "values.json"
        file.write_text(json.dumps(values))
        return rendered(str(file), apis=apis)

    return make


def pods(found: list[Document]) -> Iterator[Any]:
    """The pods that the chart makes, and one of an application with its patch."""
    for each in found:
        if each["kind"] in {"StatefulSet", "Job"}:
            yield each["spec"]["template"]["spec"]
        elif each["metadata"]["name"].endswith("-patch"):
            yield patch_of(found)["spec"]


@pytest.mark.parametrize("what", GOOD)
def test_what_good_values_make_is_sound(what: str, made: Any, tmp_path: Path):
    found = made(GOOD[what])
    run("helm", "lint", "--strict", CHART, "--values", tmp_path / "values.json")
    check(found, tmp_path)
    for pod in pods(found):
        assert restricted.faults(pod) == []
        volumes = {volume["name"] for volume in pod["volumes"]} | {"outbox"}
        for container in restricted.containers(pod):
            assert {"cpu", "memory", "ephemeral-storage"} <= set(container["resources"]["requests"])
            assert {"cpu", "memory"} <= set(container["resources"]["limits"])
            assert {mount["name"] for mount in container["volumeMounts"]} <= volumes
    if GOOD[what].get("mode") == "sidecar":
        check([deployment(patch_of(found))], tmp_path)
    [settings] = documents(one(found, "ConfigMap", "tidegate-settings")["data"]["tidegate.yaml"])
    checked(settings)


@pytest.mark.parametrize(
    ("values", "said"), BAD, ids=lambda value: json.dumps(value) if isinstance(value, dict) else ""
)
def test_bad_values_are_refused_with_their_place_or_what_to_do(values: dict[str, Any], said: str, made: Any):
    with pytest.raises(AssertionError, match=said):
        made(values)


@pytest.mark.parametrize("what", GOOD)
def test_no_rule_of_a_network_policy_is_empty(what: str, made: Any):
    """In a policy, what is empty means everything."""
    for policy in (each["spec"] for each in made(GOOD[what]) if each["kind"] == "NetworkPolicy"):
        assert policy["policyTypes"] == ["Ingress", "Egress"]
        assert policy["podSelector"]["matchLabels"]
        for rule in policy.get("ingress", ()):
            assert rule["from"]
            assert all(selector["matchLabels"] for peer in rule["from"] for selector in peer.values())
        for rule in policy["egress"]:
            assert rule["to"]
            assert rule.get("ports") != []


def test_without_brokers_nothing_is_let_out_to_them(made: Any):
    def ports(values: dict[str, Any]) -> set[int]:
        rules = one(made(values), "NetworkPolicy")["spec"]["egress"]
        return {port["port"] for rule in rules for port in rule["ports"]}

    assert ports({}) == {53, 5353}
    assert ports({"kafka": KAFKA}) == {53, 5353, 9092, 9093}


def test_the_job_that_makes_topics_is_let_out_where_a_namespace_denies_by_default(made: Any):
    for mode in ({}, SIDECAR):
        found = made({**mode, "kafka": {**KAFKA, "createTopics": True}})
        labels = one(found, "Job")["spec"]["template"]["metadata"]["labels"]
        policy = one(found, "NetworkPolicy", "tidegate-topics")
        assert labels.items() >= policy["spec"]["podSelector"]["matchLabels"].items()
        assert {port["port"] for rule in policy["spec"]["egress"] for port in rule["ports"]} == {53, 5353, 9092, 9093}
        assert "ingress" not in policy["spec"]  # nobody is let in
        assert "helm.sh/hook" not in policy["metadata"].get("annotations", {})  # it is there before the job


def test_the_platform_says_whom_it_runs_as_on_openshift(made: Any):
    for found in (made(GOOD["topics are made"], OPENSHIFT), made(GOOD["whom the platform says"])):
        text = json.dumps(found)
        assert "runAsUser" not in text
        assert "runAsGroup" not in text
        assert 'fsGroup"' not in text
    assert "runAsUser" in json.dumps(made(GOOD["topics are made"]))


def test_a_sidecar_does_not_limit_the_storage_of_the_applications_pod(made: Any):
    """The kubelet adds up the limits that a pod's containers have, and evicts the pod over the sum."""
    for container in restricted.containers(patch_of(made(SIDECAR))["spec"]):
        assert "ephemeral-storage" in container["resources"]["requests"]
        assert "ephemeral-storage" not in container["resources"]["limits"]


def test_all_that_reads_the_settings_has_the_variables_and_volumes(made: Any):
    values = {**GOOD["more volumes"], "kafka": {**KAFKA, "createTopics": True}}
    found = made({**values, "extraEnv": [{"name": "A", "value": "1"}]})
    for pod in pods(found):
        assert VOLUME in pod["volumes"]
        for container in restricted.containers(pod):
            assert "/etc/ca" in {mount["mountPath"] for mount in container["volumeMounts"]}
        assert pod["containers"][0]["env"] == [{"name": "A", "value": "1"}]


def test_every_section_that_the_templates_read_is_asked_for():
    """A null takes a key away; what is away must not be passed over in silence."""
    schema = json.loads((CHART / "values.schema.json").read_text())
    [values] = documents((CHART / "values.yaml").read_text())
    assert set(schema["required"]) == set(values) - {"runAs"}
    for name, section in values.items():
        if isinstance(section, dict) and schema["properties"][name].get("properties"):
            assert set(schema["properties"][name]["required"]) == set(section), name


def test_the_charts_readme_tells_of_every_value():
    told = (CHART / "README.md").read_text()
    [values] = documents((CHART / "values.yaml").read_text())
    for name, section in values.items():
        assert f"`{name}`" in told or all(f"`{name}.{key}`" in told for key in section), name
