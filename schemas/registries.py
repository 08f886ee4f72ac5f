"""Which registry an installation uses: the packaged schemas, or a server by URL."""

from schemas.registry import FileRegistry, Registry


def registry_from(url: str | None) -> Registry:
    """The registry of a `registry_url` setting; None means the schemas of this package."""
    if url is None:
        return FileRegistry()
    from schemas.registry import HttpRegistry  # noqa: PLC0415 - most workers need no HTTP client

    return HttpRegistry(url)
