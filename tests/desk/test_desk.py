"""The desk: who comes in, and what waits for them."""

import re
from collections.abc import Awaitable, Callable

import httpx
import pytest

from backend.staff.roles import ROLES_WITH, Right, Role
from tests.conftest import Colleague

AtTheDesk = Callable[..., Awaitable[Colleague]]


def desk_routes() -> list[tuple[str, str, object]]:
    """Every address of the staff with its method and handler: `/desk/…`, parameters filled in."""
    from backend.app import app

    routes = []
    for route in app.routes:
        for handler in getattr(route, "route_handlers", []):
            if handler.opt.get("may") or route.path.startswith("/desk"):
                for method in sorted(handler.http_methods - {"OPTIONS"}):
                    routes.append((method, re.sub(r"{[^}]*}", "1", route.path), handler))
    return sorted(routes, key=lambda each: each[:2])


ROUTES = desk_routes()


async def ask(browser: httpx.AsyncClient, method: str, path: str) -> httpx.Response:
    """As a page of ours would, but without a form's token: past the door nothing is changed."""
    return await browser.request(method, path, headers={"Sec-Fetch-Site": "same-origin"})


@pytest.mark.parametrize(("method", "path", "handler"), ROUTES, ids=lambda v: str(v)[:60])
async def test_nobody_gets_in_without_signing_in(
    client: httpx.AsyncClient, method: str, path: str, handler: object
) -> None:
    if handler.opt.get("open_door"):  # type: ignore[attr-defined]
        return
    answer = await ask(client, method, path)
    if method == "GET":
        assert answer.status_code == 303
        assert answer.headers["location"].startswith("/desk/sign-in?next=")
    else:
        assert answer.status_code == 401


@pytest.mark.parametrize("role", list(Role))
async def test_every_role_gets_just_what_is_theirs(at_the_desk: AtTheDesk, role: Role) -> None:
    colleague = await at_the_desk(role, fresh=True)
    for method, path, handler in ROUTES:
        right: Right | None = handler.opt.get("may")  # type: ignore[attr-defined]
        if right is None:
            continue
        answer = await ask(colleague.browser, method, path)
        refused = answer.status_code == 403 and "Your role does not include this" in answer.text
        assert refused == (role not in ROLES_WITH[right]), (role, method, path, answer.status_code)
        if not refused and method != "GET":
            assert answer.status_code == 403  # the form's token was missing
            assert "This form is another person’s" in answer.text


def test_every_page_of_the_desk_says_who_may_use_it() -> None:
    for method, path, handler in ROUTES:
        says = handler.opt.get("may"), handler.opt.get("open_door")  # type: ignore[attr-defined]
        assert any(says), (method, path)
        assert not all(says), (method, path)
        assert path.startswith("/desk"), path


async def test_a_page_of_the_desk_is_kept_nowhere(at_the_desk: AtTheDesk) -> None:
    editor = await at_the_desk("editor")
    answer = await editor.get("/desk")
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert "the editor" in answer.text
    assert 'href="/desk/audit"' not in answer.text
    assert 'href="/desk/record"' in answer.text
