from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from backend.database import DB

ID = "2026-11-24T15:30:35:839491"
VERSION = "1.38.0"
DESCRIPTION = "The audit trail is only added to"

STATEMENTS = (
    """
    CREATE OR REPLACE FUNCTION keep_the_trail() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'DELETE' AND current_setting('confianza.retention', true) = 'on' THEN
            RETURN OLD;
        END IF;
        RAISE EXCEPTION 'the audit trail is only added to';
    END $$
    """,
    """
    CREATE OR REPLACE TRIGGER keep_the_trail BEFORE UPDATE OR DELETE ON audit_entry
        FOR EACH ROW EXECUTE FUNCTION keep_the_trail()
    """,
    """
    CREATE OR REPLACE TRIGGER keep_the_whole_trail BEFORE TRUNCATE ON audit_entry
        FOR EACH STATEMENT EXECUTE FUNCTION keep_the_trail()
    """,
)


async def forwards():
    manager = MigrationManager(migration_id=ID, app_name="confianza", description=DESCRIPTION)

    async def run():
        for statement in STATEMENTS:
            await DB.run_ddl(statement)

    manager.add_raw(run)

    return manager
