"""What a person reads on a county's page."""

import httpx


async def test_the_first_thing_on_the_page_is_the_answer(client: httpx.AsyncClient) -> None:
    answer = await client.get("/counties/san-diego")
    assert answer.status_code == 200
    assert "No. The jail may not hold anyone for ICE." in answer.text
