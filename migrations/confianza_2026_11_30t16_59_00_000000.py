from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from backend.database import DB

ID = "2026-11-30T16:59:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "Phone numbers that confirmed themselves by their receipt are not confirmed"

# 1 is awaiting, 2 confirmed; of the count's lines 2 is confirmed, 4 a phone number.
STATEMENT = """
    WITH taken_back AS (
        UPDATE pledge SET state = 1, confirmed_at = NULL
        WHERE kind = 'phone' AND state = 2
        RETURNING campaign, county
    ), counted AS (
        SELECT campaign, county, count(*)::int AS number FROM taken_back GROUP BY campaign, county
    )
    INSERT INTO count_line (campaign, county, state, change)
    SELECT campaign, county, 2, -number FROM counted
    UNION ALL
    SELECT campaign, county, 4, number FROM counted
"""


async def forwards():
    manager = MigrationManager(migration_id=ID, app_name="confianza", description=DESCRIPTION)

    async def run():
        await DB.run_ddl(STATEMENT)

    manager.add_raw(run)

    return manager
