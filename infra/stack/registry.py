"""What is done to any Confluent-compatible registry: see whether it answers, fill it."""

from typing import Any, Final

import httpx

from schemas.http_registry import HttpRegistry
from schemas.topics import TOPICS
from schemas.versions import stored_versions

_PROBE_S: Final = 2.0


def registry_answers(url: str) -> bool:
    """Whether a Confluent-compatible registry answers at the address."""
    try:
        reply = httpx.get(f"{url.rstrip('/')}/subjects", timeout=_PROBE_S, trust_env=False)
    except (httpx.HTTPError, httpx.InvalidURL):
        return False
    return reply.status_code == httpx.codes.OK


def register_all(url: str) -> list[dict[str, Any]]:
    """Register every stored version of every topic, each subject with its rule; what stands there.

    Raises:
        RegistryUnavailableError: It does not answer.
        RegistryRefusedError: It refuses a schema or a rule.
    """
    registry = HttpRegistry(url)
    rows = []
    try:
        for name, spec in TOPICS.items():
            registry.set_compatibility(spec)
            rows += [
                {"subject": spec.subject, "version": item.version, "id": registry.register(item)}
                for item in stored_versions(name)
            ]
    finally:
        registry.close()
    return rows
