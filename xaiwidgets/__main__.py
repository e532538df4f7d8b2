"""``python -m xaiwidgets`` is the ``xaiwidgets`` command."""

from xaiwidgets.apps.cli import main

raise SystemExit(main())
