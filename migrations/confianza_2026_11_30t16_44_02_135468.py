from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from backend.database import DB

ID = "2026-11-30T16:44:02:135468"
VERSION = "1.38.0"
DESCRIPTION = "Rate limits are counted by the database, for all processes, and lost in a crash"

STATEMENTS = (
    "ALTER TABLE rate_limit SET UNLOGGED",
    "ALTER TABLE rate_limit_salt SET UNLOGGED",
    # Rows are rewritten at every try: with room beside them no index has to be touched.
    "ALTER TABLE rate_limit SET (fillfactor = 50)",
    # One try is one or more rows that have the same number in `asker` and stand beside each other:
    # all of them count it or none does. `times` 0 looks and counts nothing. Answers for each row in
    # how many seconds it has room again, 0 where it has.
    #
    # Everybody waits for one lock, because two processes that wanted the same two rows in another
    # order would wait for each other; it is held for less than a millisecond.
    """
    CREATE OR REPLACE FUNCTION take_rate_limits(
        asker integer[], keys bytea[], spacing float8[], room float8[], times integer[]
    ) RETURNS float8[] LANGUAGE plpgsql AS $$
    DECLARE
        moment timestamptz;
        today bytea;
        stored bytea[] := '{}';
        dues timestamptz[] := '{}';
        waits float8[] := '{}';
        number integer := coalesce(cardinality(keys), 0);
        beginning integer := 1;
        refused boolean := false;
    BEGIN
        PERFORM pg_advisory_xact_lock(hashtext('confianza rate limits'));
        moment := clock_timestamp();
        SELECT salt INTO today FROM rate_limit_salt
        WHERE day = (moment AT TIME ZONE 'UTC')::date;
        IF NOT FOUND THEN
            DELETE FROM rate_limit_salt;
            today := uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid());
            INSERT INTO rate_limit_salt (day, salt)
            VALUES ((moment AT TIME ZONE 'UTC')::date, today);
        END IF;
        FOR i IN 1 .. number LOOP
            stored[i] := substr(sha256(today || keys[i]), 1, 16);
            dues[i] := greatest((SELECT due FROM rate_limit WHERE key = stored[i]), moment);
            waits[i] := greatest(
                0, extract(epoch FROM dues[i] - moment)::float8
                   + (greatest(times[i], 1) - 1) * spacing[i] - room[i] - 0.000001);
            refused := refused OR waits[i] > 0;
            IF i = number OR asker[i + 1] <> asker[i] THEN
                FOR j IN beginning .. i LOOP
                    CONTINUE WHEN refused OR times[j] = 0;
                    INSERT INTO rate_limit (key, due)
                    VALUES (stored[j], dues[j] + make_interval(secs => times[j] * spacing[j]))
                    ON CONFLICT (key) DO UPDATE SET due = excluded.due;
                END LOOP;
                beginning := i + 1;
                refused := false;
            END IF;
        END LOOP;
        RETURN waits;
    END $$
    """,
)


async def forwards():
    manager = MigrationManager(migration_id=ID, app_name="confianza", description=DESCRIPTION)

    async def run():
        for statement in STATEMENTS:
            await DB.run_ddl(statement)

    manager.add_raw(run)

    return manager
