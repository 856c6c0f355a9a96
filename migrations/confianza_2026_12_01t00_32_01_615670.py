from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.columns.column_types import Varchar
from piccolo.columns.indexes import IndexMethod

ID = "2026-12-01T00:32:01:615670"
VERSION = "1.38.0"
DESCRIPTION = ""


async def forwards():
    manager = MigrationManager(
        migration_id=ID, app_name="confianza", description=DESCRIPTION
    )

    manager.add_column(
        table_class_name="HelpLine",
        tablename="help_line",
        column_name="read",
        db_column_name="read",
        column_class_name="Varchar",
        column_class=Varchar,
        params={
            "length": 6,
            "default": "copy",
            "null": False,
            "primary_key": False,
            "unique": False,
            "index": False,
            "index_method": IndexMethod.btree,
            "choices": None,
            "db_column_name": None,
            "secret": False,
        },
        schema=None,
    )

    manager.add_column(
        table_class_name="DetentionPlace",
        tablename="detention_place",
        column_name="read",
        db_column_name="read",
        column_class_name="Varchar",
        column_class=Varchar,
        params={
            "length": 6,
            "default": "copy",
            "null": False,
            "primary_key": False,
            "unique": False,
            "index": False,
            "index_method": IndexMethod.btree,
            "choices": None,
            "db_column_name": None,
            "secret": False,
        },
        schema=None,
    )

    return manager
