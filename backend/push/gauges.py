"""What an operator wants to see of alerts while they go out: numbers, and no phone."""

from prometheus_client.metrics_core import Metric

from backend.push.tables import Ring
from backend.web.metrics import gauge


async def gauges() -> list[Metric]:
    [row] = await Ring.raw(NUMBERS)
    return [
        gauge("rings_under_way", "Alerts that are going out", row["rings"]),
        gauge("rings_waiting_phones", "Phones that alerts still have to reach", row["phones"]),
        gauge("push_services_paused", "Push services that are left alone", row["paused"]),
    ]


NUMBERS = """
SELECT (SELECT count(*) FROM ring
        WHERE finished_at IS NULL AND due_at <= clock_timestamp()) AS rings,
       (SELECT coalesce(sum(cardinality(remaining)), 0) FROM ring_batch)::bigint AS phones,
       (SELECT count(*) FROM push_host WHERE paused_until > clock_timestamp()) AS paused
"""
