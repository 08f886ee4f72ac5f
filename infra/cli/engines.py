"""The options by which engines are chosen, the same for every command that starts some."""

from typing import Annotated

import typer

Broker = Annotated[
    str, typer.Option(envvar="FLEETLOOP_BROKER", help="embedded, kafka or HOST:PORT[,...]")
]
ClickHouse = Annotated[str, typer.Option(help="embedded or HOST[:TCP[:HTTP]]")]
Registry = Annotated[str, typer.Option(envvar="FLEETLOOP_REGISTRY", help="file, apicurio or a URL")]
