"""The container and Compose files keep to the rules that need no container (tier T0)."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

INFRA = Path(__file__).resolve().parents[2] / "infra"


def test_the_image_is_small_in_rights_and_pinned() -> None:
    text = (INFRA / "Containerfile").read_text()
    images = re.findall(r"^FROM (\S+)", text, re.MULTILINE)
    assert images
    assert all(":" in image.rsplit("/", 1)[-1] and not image.endswith(":latest") for image in images)
    assert "--require-hashes" in text
    assert re.search(r"^USER (?!root)", text, re.MULTILINE)
    assert "HEALTHCHECK" in text
    copied = set(re.findall(r"^COPY (?!--)(\S+)", text, re.MULTILINE))
    assert copied == {"requirements.lock", "platform", "tenants", "billing", "webhooks", "crm_core"}


def test_the_services_hold_no_secret_and_the_keeper_alone_is_owner() -> None:
    compose = yaml.safe_load((INFRA / "compose.yaml").read_text())
    services = compose["services"]
    assert {"web", "worker", "scheduler", "keeper", "bootstrap", "database", "redis"} == set(services)
    for name, service in services.items():
        for variable, value in service.get("environment", {}).items():
            if re.search(r"PASSWORD|SECRET|KEYS|DATABASE", variable) and not variable.endswith(("_USER", "_DB")):
                assert variable.endswith("_FILE"), f"{name}: {variable}"
            assert not re.search(r"://[^$/@]+:[^$/@]+@", re.sub(r"\$\{[^}]*\}", "", str(value)))
        owner = "DATABASE_OWNER_URL_FILE" in service.get("environment", {})
        assert owner == (name in ("keeper", "bootstrap")), name
        image = service.get("image", "built:here")
        assert ":" in image
        assert not image.endswith("latest")
    assert all(port.startswith("127.0.0.1:") for port in services["web"]["ports"])
    for secret in compose["secrets"].values():
        assert secret["file"].startswith("./secrets/")
