"""One Piccolo app for the whole house: one name that never changes, one flat migrations folder."""

from piccolo.conf.apps import AppConfig, table_finder

from backend.rooms import parts
from backend.settings import MIGRATIONS

APP_CONFIG = AppConfig(
    app_name="confianza",
    migrations_folder_path=str(MIGRATIONS),
    table_classes=table_finder(
        [
            "backend.web.tables",
            "backend.web.letter_budget",
            *(module.__name__ for module in parts("tables")),
        ],
        exclude_imported=True,
        exclude_tags=["not a table"],
    ),
)
