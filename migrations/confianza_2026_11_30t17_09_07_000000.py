from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from backend.database import DB

ID = "2026-11-30T17:09:07:000000"
VERSION = "1.38.0"
DESCRIPTION = "Days in place of moments, and no number of a phone in what is kept"

STATEMENTS = (
    """
    UPDATE subscription SET made_at = date_trunc('day', made_at, 'UTC'),
        confirmed_at = date_trunc('day', confirmed_at, 'UTC'),
        received_at = date_trunc('day', received_at, 'UTC'),
        accepted_at = date_trunc('day', accepted_at, 'UTC')
    """,
    # Which phone asked for a test, and when, stood in the ring's name.
    "UPDATE ring SET what = 'test ' || gen_random_uuid() WHERE what LIKE 'test %'",
    # Of those who ask at once for one mailbox, the first three were mailed.
    """
    UPDATE alert_mail SET mailed = true WHERE id IN (
        SELECT id FROM (
            SELECT id, row_number() OVER (PARTITION BY place ORDER BY id) AS number
            FROM alert_mail WHERE confirmed_at IS NULL) asked
        WHERE number <= 3)
    """,
)


async def forwards():
    manager = MigrationManager(migration_id=ID, app_name="confianza", description=DESCRIPTION)

    async def run():
        for statement in STATEMENTS:
            await DB.run_ddl(statement)

    manager.add_raw(run)

    return manager
