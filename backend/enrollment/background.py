"""The directory's work in the background: files that were handed in, and how long they are kept."""

from backend.enrollment import flags, jobs
from backend.staff.retention import Keep
from backend.staff.rooms import Background
from backend.web.language import later

BACKGROUND = Background(
    jobs={jobs.JOB: jobs.import_directory},
    retention=(
        Keep(
            "wrong_flags",
            later("What people said is wrong in the directory"),
            flags.KEPT,
            flags.remove_old,
        ),
        Keep(
            "directory_files",
            later("Files handed in for the directory"),
            jobs.KEPT,
            jobs.remove_old,
        ),
    ),
)
