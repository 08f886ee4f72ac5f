"""What ClickHouse refuses is told with what to do."""

import pytest

from consumers.clickhouse.census import census
from consumers.clickhouse.client import ClickHouseError
from infra.settings import ClickHouseSettings

pytestmark = pytest.mark.engine


def test_tables_that_were_not_made_are_told_with_the_remedy(database: ClickHouseSettings) -> None:
    with pytest.raises(ClickHouseError, match="make the tables with `fleetloop clickhouse apply`"):
        census(database)


def test_a_database_that_was_not_made_is_told_alike(clickhouse: ClickHouseSettings) -> None:
    nowhere = clickhouse.model_copy(update={"database": "never_made"})
    with pytest.raises(ClickHouseError, match="make the tables with `fleetloop clickhouse apply`"):
        census(nowhere)
