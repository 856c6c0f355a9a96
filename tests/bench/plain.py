"""The least the front door can answer: the yardstick for our pages.

One handler that returns three letters, behind the same gate and with the same headers as every
page of ours. Whatever a page of ours costs beyond this is the page's own cost.
"""

from litestar import Litestar, MediaType, get

from backend.web import errors
from backend.web.bodies import Rules
from backend.web.middleware import gate
from backend.web.security import add_headers


@get("/", media_type=MediaType.TEXT, include_in_schema=False)
async def say_ok() -> str:
    return "ok\n"


def make_app() -> Litestar:
    app = Litestar(
        route_handlers=[say_ok],
        before_send=[add_headers],
        exception_handlers={Exception: errors.answer_error},
        openapi_config=None,
        logging_config=None,
        debug=False,
    )
    app.asgi_handler = gate(app.asgi_handler, Rules([say_ok]))
    return app


app = make_app()
