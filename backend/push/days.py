"""What a row keeps of a moment: the day. When somebody had their phone in the hand is nobody's
business, and beside what a telephone company keeps, a second finds a person."""

from datetime import UTC, datetime


def today() -> datetime:
    """The day's beginning, in UTC like every moment in the database."""
    return datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
