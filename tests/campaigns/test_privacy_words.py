"""What the privacy page says of signing is what the rules do."""

import httpx

from backend.campaigns import publishing, removal
from backend.campaigns.tables import NAMES_KEPT, TYPED_UNCONFIRMED_KEPT, UNCONFIRMED_KEPT
from backend.worker import RETENTION, SCHEDULES


async def test_how_long_a_pledge_is_kept_is_said_as_the_rules_have_it(
    client: httpx.AsyncClient,
) -> None:
    page = (await client.get("/privacy")).text
    rules = {rule.purge: rule.kept_for for rule in RETENTION}
    assert rules[removal.remove_unconfirmed] == UNCONFIRMED_KEPT
    assert rules[removal.remove_typed] == TYPED_UNCONFIRMED_KEPT
    assert rules[removal.erase] == NAMES_KEPT
    assert f"that nobody confirms: after {UNCONFIRMED_KEPT.days} days, " in page
    assert f"or after {TYPED_UNCONFIRMED_KEPT.days} days when it came on paper" in page
    assert (NAMES_KEPT.days, removal.LEAST) == (90, 10)
    assert "Ninety days after a campaign closes, every row of a signer is deleted." in page


async def test_how_numbers_are_rounded_is_said_as_it_is_done(client: httpx.AsyncClient) -> None:
    page = (await client.get("/privacy")).text
    assert publishing.STEP == 10
    [every] = [each.cron for each in SCHEDULES if each.job == "publish_counts"]
    assert every == "*/10 * * * *"
    assert "in tens, California every ten minutes and a county once a day, from ten up" in page
