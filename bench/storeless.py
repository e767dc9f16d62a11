"""The command `seealso`, but its service has no store: `python -m bench.storeless serve ...`."""

from typing import Any

import service.app
import service.wsgi
from seealso.cli import main

if __name__ == "__main__":
    parts: Any = service.app, service.wsgi
    for part in parts:
        part.open_store = lambda *_: None
    main()
