"""How fast the queue is, beside its peers and raw loops, on one server with fsync and synchronous_commit on.

Run `python benchmarks/queue.py` (half an hour and more), or with `--quick` (some minutes, small: to see that it works).
`--install-peers` installs the others first, into a cache folder of their own; one that is not there is reported as
missing. Every figure is compared within one run only: machines drift.
"""

from __future__ import annotations

import sys

if __name__ == "queue":
    # Another script of this folder, or what it imports, means the standard library's queue, and finds this file first.
    from importlib.util import module_from_spec, spec_from_file_location
    from pathlib import Path as _Path

    _spec = spec_from_file_location("queue", _Path(sys.modules["os"].__file__).with_name("queue.py"))
    sys.modules["queue"] = _module = module_from_spec(_spec)
    _spec.loader.exec_module(_module)
else:
    from pathlib import Path

    sys.path[0] = str(Path(__file__).resolve().parents[1])
    from benchmarks.queue_speed.command import main

    if __name__ == "__main__":
        sys.exit(main())
