"""Django's usual door: `python platform/manage.py ...` is `bin/crm ...`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from crm_platform.config.cli import main

if __name__ == "__main__":
    main()
