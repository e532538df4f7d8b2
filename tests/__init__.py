"""Threads of torch sleep while they have nothing to do.

By default they spin, which costs several times the work itself once another process wants the same cores: a browser, a
kernel, a second run of tests. What is computed, and by how many threads, stays the same. The variable is read as torch
is loaded, and servers and kernels inherit it.
"""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
