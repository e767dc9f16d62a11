"""examples/kubernetes and the night's CronJob, held against the models that Kubernetes's own document describes.

They forbid fields that there are not. What kustomize does with the folder is done here as far as it is used; by
kubectl, which brings it, where that is installed.
"""

import shutil
import subprocess
from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes import client
from pydantic import BaseModel

from seealso.project import read_project
from seealso.settings import IndexerSettings, ServiceSettings
from tests.conftest import ROOT

FOLDER = ROOT / "examples/kubernetes"
MODELS: dict[tuple[str, str], type[BaseModel]] = {
    ("v1", "Service"): client.V1Service,
    ("v1", "PersistentVolumeClaim"): client.V1PersistentVolumeClaim,
    ("networking.k8s.io/v1", "NetworkPolicy"): client.V1NetworkPolicy,
    ("policy/v1", "PodDisruptionBudget"): client.V1PodDisruptionBudget,
    ("apps/v1", "Deployment"): client.V1Deployment,
    ("batch/v1", "CronJob"): client.V1CronJob,
}


def documents(*paths: Path) -> list[dict[str, Any]]:
    return [document for path in paths for document in yaml.safe_load_all(path.read_text())]


KUSTOMIZATION: dict[str, Any] = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())
RESOURCES = documents(*(FOLDER / name for name in KUSTOMIZATION["resources"]))
EVERY = [*RESOURCES, *documents(ROOT / "examples/night/cronjob.yaml")]


def of_kind(kind: str) -> dict[str, Any]:
    (found,) = [each for each in RESOURCES if each["kind"] == kind]
    return found


def pods() -> Iterator[dict[str, Any]]:
    yield of_kind("Deployment")["spec"]["template"]
    yield of_kind("CronJob")["spec"]["jobTemplate"]["spec"]["template"]


def containers() -> list[dict[str, Any]]:
    return [each for pod in pods() for kind in ("initContainers", "containers") for each in pod["spec"].get(kind, [])]


@pytest.mark.parametrize("document", EVERY, ids=lambda each: f"{each['kind']} {each['metadata']['name']}")
def test_each_resource_is_as_kubernetes_describes_it(document: dict[str, Any]) -> None:
    model = MODELS[document["apiVersion"], document["kind"]]
    model.model_validate(document)
    with pytest.raises(ValueError, match="replicass"):
        model.model_validate(document | {"spec": document["spec"] | {"replicass": 1}})


def test_kustomization_names_what_is_there() -> None:
    assert set(KUSTOMIZATION) == {
        *("apiVersion", "kind", "namespace", "labels", "images", "configMapGenerator", "resources")
    }
    made = {each["name"]: each for each in KUSTOMIZATION["configMapGenerator"]}
    for each in made.values():
        assert all((FOLDER / name).is_file() for name in each.get("files", []) + each.get("envs", []))
    wanted = {
        *(one["configMapRef"]["name"] for each in containers() for one in each["envFrom"]),
        *(one["configMap"]["name"] for pod in pods() for one in pod["spec"]["volumes"] if "configMap" in one),
    }
    assert wanted == set(made)
    (image,) = KUSTOMIZATION["images"]
    assert {each["image"] for each in containers()} == {image["name"]}


def test_everything_that_selects_finds_its_pods() -> None:
    labels = of_kind("Deployment")["spec"]["template"]["metadata"]["labels"]
    for selected in (
        of_kind("Service")["spec"]["selector"],
        of_kind("PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
        of_kind("Deployment")["spec"]["selector"]["matchLabels"],
        of_kind("Deployment")["spec"]["template"]["spec"]["topologySpreadConstraints"][0]["labelSelector"][
            "matchLabels"
        ],
    ):
        assert selected.items() <= labels.items()
    assert KUSTOMIZATION["labels"][0]["includeSelectors"] is True
    ports = [port["name"] for port in of_kind("Deployment")["spec"]["template"]["spec"]["containers"][0]["ports"]]
    assert [port["targetPort"] for port in of_kind("Service")["spec"]["ports"]] == ports


def test_every_mount_has_its_volume_and_every_variable_is_a_setting() -> None:
    settings = {f"SEEALSO_{name.upper()}" for each in (ServiceSettings, IndexerSettings) for name in each.model_fields}
    given = [line for line in (FOLDER / "settings.env").read_text().splitlines() if not line.startswith("#")]
    assert "SEEALSO_PROXIES=1" in given  # readers come through an ingress, and do not share one rate
    assert all(line.partition("=")[0] in settings or line.startswith("AWS_") for line in given)
    for pod in pods():
        volumes = {volume["name"] for volume in pod["spec"]["volumes"]}
        for kind in ("initContainers", "containers"):
            for each in pod["spec"].get(kind, []):
                assert {mount["name"] for mount in each["volumeMounts"]} == volumes
                named = {variable["name"] for variable in each["env"]}
                assert all(name in settings or name.startswith("AWS_") for name in named)


def test_secret_has_what_the_kustomization_says() -> None:
    told = (FOLDER / "kustomization.yaml").read_text()
    used: dict[str, set[str]] = {each["name"]: set() for each in containers()}
    for each in containers():
        for variable in each["env"]:
            if "valueFrom" in variable:
                reference = variable["valueFrom"]["secretKeyRef"]
                assert f"Secret {reference['name']} " in told
                assert reference["key"] in told
                used[each["name"]].add(reference["name"])
    # Who serves cannot write what all serve, and who only fetches learns nothing else.
    assert used == {
        "fetch": {"seealso-fetch"},
        "service": {"seealso", "seealso-fetch"},
        "night": {"seealso", "seealso-night"},
    }


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not here; Debian's is too old for this")
def test_kubectl_makes_of_the_folder_what_kubernetes_describes() -> None:
    done = subprocess.run(["kubectl", "kustomize", FOLDER], capture_output=True, text=True, check=True)
    made = {(each["kind"], each["metadata"]["name"]): each for each in yaml.safe_load_all(done.stdout)}
    maps = {name for kind, name in made if kind == "ConfigMap"}
    assert len(maps) == len(KUSTOMIZATION["configMapGenerator"])
    assert len(made) == len(RESOURCES) + len(maps)
    for each in made.values():
        assert each["metadata"]["namespace"] == KUSTOMIZATION["namespace"]
        (MODELS | {("v1", "ConfigMap"): client.V1ConfigMap})[each["apiVersion"], each["kind"]].model_validate(each)
    pod = made["Deployment", "seealso"]["spec"]["template"]
    for selected in (made["Service", "seealso"]["spec"]["selector"], pod["metadata"]["labels"]):
        assert selected.items() <= pod["metadata"]["labels"].items()
    for one in (*pod["spec"]["initContainers"], *pod["spec"]["containers"]):
        assert one["image"] == "registry.example.org/seealso:1.0.0"
        assert {each["configMapRef"]["name"] for each in one["envFrom"]} <= maps


def test_night_does_not_reach_what_a_cloud_tells_its_machines() -> None:
    policy = of_kind("NetworkPolicy")["spec"]
    labels = of_kind("CronJob")["spec"]["jobTemplate"]["spec"]["template"]["metadata"]["labels"]
    assert policy["podSelector"]["matchLabels"].items() <= labels.items()
    (rule,) = policy["egress"]
    blocks = [each["ipBlock"] for each in rule["to"] if "ipBlock" in each]
    for address in ("169.254.169.254", "fd00:ec2::254"):
        reached = ip_address(address)
        for block in blocks:
            within = reached in ip_network(block["cidr"])
            assert not within or any(reached in ip_network(each) for each in block["except"])


def test_all_pods_run_without_rights() -> None:
    for pod in pods():
        assert pod["spec"]["automountServiceAccountToken"] is False
        assert pod["spec"]["securityContext"]["runAsNonRoot"] is True
    for each in containers():
        assert each["securityContext"] == {
            "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]},
        }  # fmt: skip
        assert each["resources"]["limits"]["memory"]


def test_newsroom_file_is_one() -> None:
    assert read_project(FOLDER / "seealso.toml").source
