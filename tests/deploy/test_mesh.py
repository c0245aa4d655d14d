"""The examples for meshes: the real Envoy takes what they add to it, and names and ports fit together."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format

from sidecar.config import load_settings
from sidecar.transport import envoy_pb
from tests.deploy import restricted
from tests.deploy.pods import NATIVE_SIDECAR, check_container, check_pod, container_of
from tests.deploy.tools import DEPLOY, check, documents, kustomized, one, read
from tests.integration.envoy import validate
from tests.integration.mesh import filter_of, manager_of, mesh, request_of
from tests.proxies import CARD, MASKED
from tests.upstream import JSON, Answer

PLAIN = DEPLOY / "envoy/envoy.yaml"
PROVIDER = "api.openai.com:80"
FULL_DUPLEX = {"request_body_mode": "FULL_DUPLEX_STREAMED", "response_body_mode": "FULL_DUPLEX_STREAMED"}


def patches() -> dict[str, Any]:
    """What the EnvoyFilter adds, by where."""
    spec = read("istio/envoyfilter.yaml")[0]["spec"]
    return {each["applyTo"]: each["patch"]["value"] for each in spec["configPatches"]}


def patch(config: Any) -> None:
    """Put the EnvoyFilter's patches in place of the plain Envoy's own filter, as Istio would apply them.

    Then it has two virtual hosts, of which the filter is meant for one.
    """
    added, manager = patches(), manager_of(config)
    manager["http_filters"][0] = added["HTTP_FILTER"]
    clusters = {cluster["name"]: cluster for cluster in config["static_resources"]["clusters"]}
    address = clusters["tidegate"]["load_assignment"]
    config["static_resources"]["clusters"] = [clusters["llm"], {**added["CLUSTER"], "load_assignment": address}]
    hosts = manager["route_config"]["virtual_hosts"]
    hosts.append({**hosts[0], "name": PROVIDER, "domains": [PROVIDER.partition(":")[0]], **added["VIRTUAL_HOST"]})


@pytest.mark.envoy
@pytest.mark.slow
@pytest.mark.parametrize("path", ["envoy/envoy.yaml", "compose/envoy.yaml"])
def test_envoy_takes_the_configuration(binary: str, path: str):
    said = validate(binary, DEPLOY / path)
    assert said.returncode == 0, said.stderr


@pytest.mark.envoy
@pytest.mark.slow
def test_envoy_takes_what_the_envoy_filter_adds(binary: str, tmp_path: Path):
    config = documents(PLAIN.read_text())[0]
    patch(config)
    config["static_resources"]["clusters"][1]["load_assignment"] = patches()["CLUSTER"]["load_assignment"]
    file = tmp_path / "envoy.json"
    file.write_text(json.dumps(config))
    said = validate(binary, file)
    assert said.returncode == 0, said.stderr


@pytest.mark.envoy
@pytest.mark.slow
async def test_with_the_envoy_filter_the_providers_traffic_is_guarded_and_no_other(binary: str, tmp_path: Path):
    body = json.dumps(request_of(f"my card is {CARD}")).encode()
    async with mesh(binary, tmp_path, alter=patch) as envoy:
        envoy.upstream.answer = Answer([b'{"choices": []}'], JSON)
        response, _ = await envoy.post("/v1/chat/completions", body, {"Host": PROVIDER.partition(":")[0]})
        assert response.headers["x-tidegate-request-decision"] == "redact"
        assert MASKED.encode() in envoy.upstream.requests[-1].body
        response, _ = await envoy.post("/v1/chat/completions", body, {"Host": "billing.example.internal"})
        assert "x-tidegate-request-decision" not in response.headers
        assert envoy.upstream.requests[-1].body == body


def test_the_filter_is_the_same_everywhere():
    """Strict: a field that Envoy's message does not have is an error."""
    plain, compose = (filter_of(read(path)[0]) for path in ("envoy/envoy.yaml", "compose/envoy.yaml"))
    istio = patches()["HTTP_FILTER"]["typed_config"]
    assert plain == compose == istio
    fields = {key: value for key, value in plain.items() if key != "@type"}
    message = json_format.ParseDict(fields, envoy_pb.ExternalProcessor(), descriptor_pool=envoy_pb.DESCRIPTOR.pool)
    assert message.failure_mode_allow is False
    assert fields["processing_mode"].items() >= FULL_DUPLEX.items()


def test_istios_resources_are_valid(tmp_path: Path):
    check([*read("istio/envoyfilter.yaml"), *read("istio/provider.yaml"), *read("istio/application.yaml")], tmp_path)


def test_the_envoy_filter_is_for_the_host_that_the_service_entry_names():
    entry = one(read("istio/provider.yaml"), "ServiceEntry")["spec"]
    rule = one(read("istio/provider.yaml"), "DestinationRule")["spec"]
    tls = rule["trafficPolicy"]["portLevelSettings"][0]["tls"]
    assert tls == {"mode": "SIMPLE", "subjectAltNames": entry["hosts"]}
    spec = read("istio/envoyfilter.yaml")[0]["spec"]
    [host] = [
        each["match"]["routeConfiguration"]["vhost"] for each in spec["configPatches"] if "VIRTUAL" in each["applyTo"]
    ]
    assert spec["priority"] > 0  # else Istio warns that the place of the filter is left to chance
    [port] = entry["ports"]
    assert host["name"] == PROVIDER == f"{entry['hosts'][0]}:{port['number']}"
    assert rule["host"] in entry["hosts"]
    assert rule["trafficPolicy"]["portLevelSettings"][0]["port"]["number"] == port["number"]
    application = read("istio/application.yaml")[0]["spec"]["template"]["spec"]["containers"][0]
    assert application["env"][0]["value"] == f"http://{entry['hosts'][0]}/v1"


def test_what_istio_injects_is_a_sound_sidecar(tmp_path: Path):
    templates = read("istio/injection-values.yaml")[0]["sidecarInjectorWebhook"]["templates"]
    template = documents(templates["tidegate"])[0]
    [application] = read("istio/application.yaml")
    pod = application["spec"]["template"]
    assert set(pod["metadata"]["annotations"]["inject.istio.io/templates"].split(",")) == {"sidecar", *templates}
    assert pod["metadata"]["annotations"].items() >= NATIVE_SIDECAR.items()
    assert template["metadata"]["labels"] == read("istio/envoyfilter.yaml")[0]["spec"]["workloadSelector"]["labels"]
    container = container_of(template["spec"])
    settings = load_settings(environment={each["name"]: each["value"] for each in container["env"]})
    assert settings.ext_proc.enabled
    injected = copy.deepcopy(application)
    injected["spec"]["template"]["spec"] |= template["spec"]
    check([injected], tmp_path)
    assert restricted.faults(injected["spec"]["template"]["spec"]) == []
    check_container(container)
    check_pod(injected["spec"]["template"]["spec"], drain_s=settings.drain_seconds)
    address = patches()["CLUSTER"]["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]["address"]
    assert settings.grpc.listen == ("{address}:{port_value}".format(**address["socket_address"]),)


def test_envoy_gateways_policy_points_at_the_route_and_at_the_service():
    """No package carries the schemas of these kinds: the fields are those of Envoy Gateway's documentation."""
    routes = read("envoy-gateway/gateway.yaml")
    [policy] = read("envoy-gateway/tidegate.yaml")
    [target] = policy["spec"]["targetRefs"]
    assert one(routes, target["kind"], target["name"])
    [processor] = policy["spec"]["extProc"]
    assert set(processor) == {"backendRefs", "failOpen", "messageTimeout", "processingMode"}
    [backend] = processor["backendRefs"]
    service = one(kustomized("kubernetes/base"), "Service", backend["name"])
    assert backend["port"] in {port["port"] for port in service["spec"]["ports"]}
    assert processor["failOpen"] is False
    assert {processor["processingMode"][way]["body"] for way in ("request", "response")} == {"FullDuplexStreamed"}
    provider = one(routes, "Backend")
    [rule] = one(routes, "HTTPRoute")["spec"]["rules"]
    assert rule["backendRefs"][0]["name"] == provider["metadata"]["name"]
    tls = one(routes, "BackendTLSPolicy")["spec"]
    assert tls["targetRefs"][0]["name"] == provider["metadata"]["name"]
    assert tls["validation"]["hostname"] == provider["spec"]["endpoints"][0]["fqdn"]["hostname"]


def test_the_message_timeout_is_the_same_everywhere():
    expected = filter_of(read("envoy/envoy.yaml")[0])["message_timeout"]
    [policy] = read("envoy-gateway/tidegate.yaml")
    assert policy["spec"]["extProc"][0]["messageTimeout"] == expected
    assert one(read("kgateway/tidegate.yaml"), "GatewayExtension")["spec"]["extProc"]["messageTimeout"] == expected


def test_kgateways_filter_is_that_of_every_envoy():
    """No package carries the schemas of these kinds: the fields are those of kgateway's types."""
    extension, policy = read("kgateway/tidegate.yaml")
    processor = extension["spec"]["extProc"]
    assert extension["spec"]["type"] == "ExtProc"
    assert set(processor) == {"grpcService", "failOpen", "messageTimeout", "processingMode"}
    assert processor["failOpen"] is False
    modes = filter_of(read("envoy/envoy.yaml")[0])["processing_mode"]
    assert processor["processingMode"] == {_camel(name): mode for name, mode in modes.items()}
    backend = processor["grpcService"]["backendRef"]
    service = one(kustomized("kubernetes/base"), "Service", backend["name"])
    assert backend["port"] in {port["port"] for port in service["spec"]["ports"]}
    assert policy["spec"]["extProc"]["extensionRef"]["name"] == extension["metadata"]["name"]
    [target] = policy["spec"]["targetRefs"]
    assert one(read("envoy-gateway/gateway.yaml"), target["kind"], target["name"])


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)


def test_envoy_gateways_tls_is_for_the_service_that_its_policy_names():
    [tls] = read("envoy-gateway/tls.yaml")
    [policy] = read("envoy-gateway/tidegate.yaml")
    [target] = tls["spec"]["targetRefs"]
    assert target["name"] == policy["spec"]["extProc"][0]["backendRefs"][0]["name"]
    assert tls["spec"]["validation"]["caCertificateRefs"]
    [cluster] = read("envoy/tls.yaml")
    context = cluster["transport_socket"]["typed_config"]
    names = context["common_tls_context"]["validation_context"]["match_typed_subject_alt_names"]
    assert [name["matcher"]["exact"] for name in names] == [tls["spec"]["validation"]["hostname"]] == [context["sni"]]


def test_envoys_cluster_for_tls_is_the_services():
    """But for the encryption it is the one that the compose file uses."""
    [compose] = [
        each for each in read("compose/envoy.yaml")[0]["static_resources"]["clusters"] if each["name"] == "tidegate"
    ]
    [cluster] = read("envoy/tls.yaml")
    assert {key: value for key, value in cluster.items() if key not in {"transport_socket", "load_assignment"}} == {
        key: value for key, value in compose.items() if key != "load_assignment"
    }
