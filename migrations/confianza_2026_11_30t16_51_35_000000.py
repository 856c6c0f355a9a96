from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from backend.database import DB

ID = "2026-11-30T16:51:35:000000"
VERSION = "1.38.0"
DESCRIPTION = "Lines of the trail stay for a year whoever asks, and who is there counts"

STATEMENTS = (
    # Who is there already counts a week after their first passkey, as from now on everyone does.
    """
    UPDATE account SET counts_from = (
        SELECT min(made_at) + interval '7 days' FROM passkey WHERE passkey.account = account.id)
    """,
    """
    CREATE OR REPLACE FUNCTION keep_the_trail() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'DELETE' AND current_setting('confianza.retention', true) = 'on'
            AND OLD.at < clock_timestamp() - interval '365 days' THEN
            RETURN OLD;
        END IF;
        RAISE EXCEPTION 'the audit trail is only added to';
    END $$
    """,
    # The only way for a role that may not delete; lines younger than a year stay even so.
    """
    CREATE OR REPLACE FUNCTION shorten_the_trail(newest integer) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    DECLARE
        gone integer;
    BEGIN
        PERFORM set_config('confianza.retention', 'on', true);
        DELETE FROM public.audit_entry
            WHERE id <= newest AND at < clock_timestamp() - interval '365 days';
        GET DIAGNOSTICS gone = ROW_COUNT;
        PERFORM set_config('confianza.retention', 'off', true);
        RETURN gone;
    END $$
    """,
    "REVOKE ALL ON FUNCTION shorten_the_trail(integer) FROM PUBLIC",
)


async def forwards():
    manager = MigrationManager(migration_id=ID, app_name="confianza", description=DESCRIPTION)

    async def run():
        for statement in STATEMENTS:
            await DB.run_ddl(statement)

    manager.add_raw(run)

    return manager
