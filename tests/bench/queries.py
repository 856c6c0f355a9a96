"""How often a county's page asks the database: when nothing is kept, and afterwards."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
from servers import PAGE, NotMeasured


def count() -> tuple[int, int]:
    """Queries for the first page of a fresh process, and for the same page again."""
    return asyncio.run(_count())


async def _count() -> tuple[int, int]:
    from backend.app import app
    from backend.database import DB
    from backend.policies import queries

    asked: list[str] = []

    def counted(ask: Callable[..., Any]) -> Callable[..., Any]:
        async def asking(query: Any, *rest: Any, **named: Any) -> Any:
            asked.append(str(query))
            return await ask(query, *rest, **named)

        return asking

    # Every query of Piccolo's goes through one of these two.
    before = DB.run_querystring, DB.run_ddl
    DB.run_querystring, DB.run_ddl = map(counted, before)
    try:
        queries.forget()
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://bench.test") as visitor:
            counts = []
            for _ in range(2):
                answer = await visitor.get(PAGE)
                if answer.status_code != 200:
                    raise NotMeasured(f"{PAGE} answered {answer.status_code}")
                counts.append(len(asked))
                asked.clear()
    finally:
        DB.run_querystring, DB.run_ddl = before
    return counts[0], counts[1]
