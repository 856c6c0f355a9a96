from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from backend.database import DB

ID = "2026-11-24T17:22:30:000000"
VERSION = "1.38.0"
DESCRIPTION = "The places of the directory by where they are"

STATEMENTS = (
    # A degree of longitude in California is about 0.8 of one of latitude.
    """
    CREATE INDEX IF NOT EXISTS help_place_spot ON help_place
        USING gist (point(longitude * 0.8, latitude))
        WHERE longitude IS NOT NULL AND vanished_on IS NULL AND hidden_at IS NULL
    """,
    """
    CREATE INDEX IF NOT EXISTS help_place_covers ON help_place USING gin (covers)
        WHERE vanished_on IS NULL AND hidden_at IS NULL
    """,
)


async def forwards():
    manager = MigrationManager(migration_id=ID, app_name="confianza", description=DESCRIPTION)

    async def run():
        for statement in STATEMENTS:
            await DB.run_ddl(statement)

    manager.add_raw(run)

    return manager
