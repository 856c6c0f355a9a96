"""Check the types of what runs in browsers with TypeScript: the pages, and the service worker."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from backend.web import vendor

for project in ("tsconfig.json", "pwa/tsconfig.json"):
    try:
        vendor.run("node", "node_modules/typescript/bin/tsc", "-p", project)
    except vendor.CouldNotBuild as wrong:
        sys.exit(str(wrong))
