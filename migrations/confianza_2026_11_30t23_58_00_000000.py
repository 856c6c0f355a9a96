from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from backend.database import DB

ID = "2026-11-30T23:58:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "A hearing was looked at when its sources were read, not when it was loaded"

STATEMENTS = (
    """
    UPDATE hearing SET checked_on = looked.day FROM (
        SELECT hearing.id, max((source->>'read_on')::date) AS day
        FROM hearing, jsonb_array_elements(hearing.sources) AS source
        WHERE source->>'read_on' ~ '^\\d{4}-\\d{2}-\\d{2}$' GROUP BY hearing.id
    ) AS looked WHERE looked.id = hearing.id
    """,
    # An ordinance's first vote was loaded as its last.
    """
    UPDATE hearing SET result = 'first_yes' WHERE result = 'passed' AND file_number = '25-965'
        AND outcome->>'en' LIKE 'The board gave a first yes vote to new rules.%'
    """,
)


async def forwards():
    manager = MigrationManager(migration_id=ID, app_name="confianza", description=DESCRIPTION)

    async def run():
        for statement in STATEMENTS:
            await DB.run_ddl(statement)

    manager.add_raw(run)

    return manager
