"""Structured logging: what the house writes while it works, one JSON object a line, or a friendly
form on a terminal.

Nothing of a person is in it: no address of theirs, no name, no query, no part of a path they chose.
An error is its kind and where in our own files it happened; its words may hold what someone typed.
Of other people's libraries we keep which one spoke, how loudly and from which line of its source.
"""

import contextlib
import logging
import logging.config
import sys
import threading
import traceback
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any

import structlog

from backend.settings import HOUSE

OURS = HOUSE / "backend"
# The last ones say where it broke; the first ones only how a request came in.
MOST_FRAMES = 12

log = structlog.get_logger()


def configure() -> None:
    """Send whatever this process says through here: ours, libraries', and its last words."""
    logging.config.dictConfig(CONFIG)


def told(error: BaseException) -> dict[str, Any]:
    """An error as it may be written down: `kind`, and `frames` as "file:line" within our code,
    outermost first."""
    frames = [
        f"{Path(frame.filename).relative_to(HOUSE).as_posix()}:{frame.lineno}"
        for frame in traceback.extract_tb(error.__traceback__)
        if Path(frame.filename).is_relative_to(OURS)
    ]
    return {"kind": type(error).__name__, "frames": frames[-MOST_FRAMES:]}


class Plainly(logging.Handler):
    """A library's line without its words: they are made of what it worked on."""

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        more = told(error) if error else {}
        at = "/".join(Path(record.pathname).parts[-2:]) + f":{record.lineno}"
        log.log(record.levelno, "a library spoke", library=record.name, at=at, **more)


def house_handler() -> logging.Handler:
    """The handler of CONFIG. Making it also sets up what is not `logging`: granian gives each of
    its processes nothing but CONFIG, before the first line of ours runs there."""
    on_terminal = sys.stdout.isatty()
    last: Any = (
        structlog.dev.ConsoleRenderer() if on_terminal else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _without_words,
            last,
        ],
        # One write a line: those of two threads must not run into each other.
        logger_factory=structlog.WriteLoggerFactory(),
    )
    logging.captureWarnings(True)
    logging.lastResort = None  # it prints the words of whoever has no handler
    threading.excepthook = lambda given: _last_words(given.exc_value)
    sys.unraisablehook = lambda given: _last_words(given.exc_value)
    if not sys.stderr.isatty():  # at a terminal a person sits who started this and may see all
        sys.excepthook = lambda _kind, error, _trace: _last_words(error)
    return Plainly()


def _last_words(error: BaseException | None) -> None:
    if error is not None and not isinstance(error, SystemExit | KeyboardInterrupt):
        # Where even this cannot be written, Python would print the error with all its words.
        with contextlib.suppress(Exception):
            log.critical("an error nobody caught", **told(error))


def _without_words(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> Mapping[str, Any]:
    """`exc_info` becomes kind and frames."""
    given = event.pop("exc_info", None)
    error = sys.exc_info()[1] if given is True else given
    if isinstance(error, tuple):
        error = error[1]
    return {**event, **told(error)} if isinstance(error, BaseException) else event


CONFIG: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {},
    "handlers": {
        "house": {"()": f"{__name__}.house_handler"},
        "nowhere": {"class": "logging.NullHandler"},
    },
    # granian would write its own lines past us; of the access log we keep none.
    "loggers": {
        "_granian": {"handlers": [], "propagate": True},
        "granian.access": {"handlers": ["nowhere"], "propagate": False},
    },
    "root": {"handlers": ["house"], "level": "WARNING"},
}
