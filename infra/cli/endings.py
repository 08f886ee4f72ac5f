"""How a command ends that could not do its work: one sentence for the person, one exit code."""

import os
from collections.abc import Mapping
from typing import Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails
from typer import Context
from typer.core import TyperGroup

from infra.cli.output import Exit, fail
from infra.stack.environment import unknown

# By name: an error whose module was not loaded cannot have been raised, and a worker does not
# load the libraries of the others' errors.
ENDINGS: Final[Mapping[str, Exit]] = {
    "builtins.OSError": Exit.ERROR,
    "consumers.clickhouse.client.ClickHouseError": Exit.ERROR,
    "consumers.clickhouse.client.UnreachableError": Exit.UNREACHABLE,
    "consumers.clickhouse.completeness.ReplayRefusedError": Exit.CONDITION_NOT_MET,
    "consumers.clickhouse.ledger.LedgerError": Exit.ERROR,
    "consumers.clickhouse.patience.GiveUpError": Exit.UNREACHABLE,
    "consumers.clickhouse.server.ServerError": Exit.ERROR,
    "consumers.clickhouse.startup.NotReadyError": Exit.ERROR,
    "consumers.oncall.oncall_file.OncallFileError": Exit.USAGE,
    "consumers.oncall.outbox.OutboxError": Exit.ERROR,
    "consumers.replay.ReplayError": Exit.ERROR,
    "infra.clickhouse.migrate.MigrationError": Exit.ERROR,
    "infra.clickhouse.queries.QueryError": Exit.USAGE,
    "infra.demo.run.FolderError": Exit.USAGE,
    "infra.demo.patience.StoryError": Exit.TIMED_OUT,
    "infra.kafka.admin.AdminError": Exit.ERROR,
    "infra.kafka.errors.CatchUpError": Exit.TIMED_OUT,
    "infra.kafka.errors.CommitRefusedError": Exit.ERROR,
    "infra.kafka.errors.DeliveryError": Exit.ERROR,
    "infra.kafka.errors.KafkaUnreachableError": Exit.UNREACHABLE,
    "infra.kafka.errors.LogChangedError": Exit.ERROR,
    "infra.kafka.errors.LogReadError": Exit.ERROR,
    "infra.kafka.ranges.RangeUnreadableError": Exit.ERROR,
    "infra.objects.ObjectCorruptError": Exit.ERROR,
    "infra.objects.ObjectExistsError": Exit.ERROR,
    "infra.objects.ObjectMissingError": Exit.ERROR,
    "infra.sealed_key.KeysError": Exit.ERROR,
    "infra.trust.ceremony.CeremonyError": Exit.ERROR,
    "infra.trust.roots.RootError": Exit.USAGE,
    "infra.settings.SettingsError": Exit.USAGE,
    "infra.stack.background.BackgroundStartError": Exit.ERROR,
    "infra.stack.child.ChildDiedError": Exit.ERROR,
    "infra.stack.clickhouse_http.ClickHouseUnreachableError": Exit.UNREACHABLE,
    "infra.stack.data_dir.DataDirBusyError": Exit.ERROR,
    "infra.stack.engine.MissingEngineError": Exit.ERROR,
    "infra.stack.external.RegistryUnreachableError": Exit.UNREACHABLE,
    "infra.stack.spec.SpecError": Exit.USAGE,
    "infra.stack.state.StateError": Exit.ERROR,
    "infra.stack.supervisor.StartTimeoutError": Exit.TIMED_OUT,
    "infra.topics.TopicsRefusedError": Exit.ERROR,
    "producers.camera.camera.CameraError": Exit.ERROR,
    "producers.device.flash_json.FlashError": Exit.ERROR,
    "producers.device.trust.store.TrustStateError": Exit.ERROR,
    "producers.evaluation.EvaluationError": Exit.ERROR,
    "producers.model.runtime.ModelError": Exit.ERROR,
    "producers.replay.events.ReplayError": Exit.ERROR,
    "producers.scenario.values.ScenarioError": Exit.USAGE,
    "producers.scoring.PicturesError": Exit.ERROR,
    "pydantic_settings.exceptions.SettingsError": Exit.USAGE,
    "producers.training.DatasetError": Exit.ERROR,
    "schemas.film_strips.StripError": Exit.ERROR,
    "schemas.manifests.ManifestError": Exit.ERROR,
    "schemas.http_registry.RegistryRefusedError": Exit.ERROR,
    "schemas.http_registry.RegistryUnavailableError": Exit.UNREACHABLE,
    "streams.checkpoints.CheckpointError": Exit.ERROR,
    "streams.rollout.policy.PolicyError": Exit.USAGE,
    "streams.slo.backtest.rows.RowsError": Exit.ERROR,
    "streams.slo.slo_file.SloFileError": Exit.ERROR,
}
_ALL: Final = "all there are stand in infra/settings.py"


class Told(TyperGroup):
    """A command line whose known errors are told in one sentence, without a traceback."""

    def invoke(self, ctx: Context) -> object:  # type: ignore[override] # Typer brings its own copy of click
        """Run the command."""
        if strangers := unknown(os.environ):
            fail(f"no setting {strangers[0]}; {_ALL}", Exit.USAGE)
        try:
            return super().invoke(ctx)
        except BrokenPipeError:  # whoever read our output has gone
            raise
        except ValidationError as error:
            if error.title != "Settings":
                raise
            fail(_setting(error.errors()[0]), Exit.USAGE)
        except Exception as error:  # any may be in the table; what is not is raised again
            code = ending(error)
            if code is None:
                raise
            fail(_sentence(error), code)


def ending(error: BaseException) -> Exit | None:
    """Exit code of the error's nearest known class; None: nobody expected it."""
    names = (f"{kind.__module__}.{kind.__qualname__}" for kind in type(error).__mro__)
    return next((ENDINGS[name] for name in names if name in ENDINGS), None)


def _sentence(error: Exception) -> str:
    """Without an error number, which says nothing that its words do not."""
    if not isinstance(error, OSError) or error.strerror is None:
        return str(error)
    return error.strerror if error.filename is None else f"{error.filename}: {error.strerror}"


def _setting(first: ErrorDetails) -> str:
    name = "__".join(str(part) for part in first["loc"]).upper()
    if first["type"] == "extra_forbidden":
        return f"no setting FLEETLOOP_{name}; {_ALL}"
    value = "" if isinstance(first["input"], dict) else f"={first['input']!r}"
    return f"setting FLEETLOOP_{name}{value}: {first['msg'].removeprefix('Value error, ')}"
