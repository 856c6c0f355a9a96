"""Whom to call: nothing here is legal advice, so every page on the law names someone who helps.

The room `detained` loads the lines, and editors keep them right at the desk.
"""

from backend.policies import queries
from backend.policies.tables import HelpLine


async def all_lines() -> list[HelpLine]:
    """Every line that people may see, by name; some have no number."""
    return [line for line in await queries.help_lines() if line.shown]


async def lines_for(slug: str | None = None) -> list[HelpLine]:
    """Lines with a number: the county's own first, then the ones for all of California."""
    lines = [line for line in await all_lines() if line.phone]
    own = [line for line in lines if slug in line.counties]
    return own + [line for line in lines if line.statewide and line not in own]
