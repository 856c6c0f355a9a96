"""One Piccolo app for the whole house: one name that never changes, one flat migrations folder."""

from piccolo.conf.apps import AppConfig, table_finder

from backend.settings import MIGRATIONS

APP_CONFIG = AppConfig(
    app_name="confianza",
    migrations_folder_path=str(MIGRATIONS),
    table_classes=table_finder(
        [
            "backend.web.tables",
            "backend.staff.tables",
            "backend.about.tables",
            "backend.counties.tables",
            "backend.push.tables",
            "backend.policies.tables",
            "backend.hearings.tables",
            "backend.campaigns.tables",
            "backend.campaigns.withdrawing",
            "backend.enrollment.tables",
            "backend.detained.tables",
            "backend.alerts.tables",
            "backend.canvass.tables",
            "backend.web.letter_budget",
        ],
        exclude_imported=True,
        exclude_tags=["not a table"],
    ),
)
