"""The record, as web processes hold it."""

from collections.abc import Mapping

import pytest

from backend.policies import queries
from backend.policies.record import CountyRecord


@pytest.fixture
async def records(record: None) -> Mapping[str, CountyRecord]:
    return await queries.records()
