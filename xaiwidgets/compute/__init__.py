"""The compute layer: one worker per device runs anything that yields, one step at a time, in fair turns."""

from xaiwidgets.compute.job import Job
from xaiwidgets.compute.mailbox import Mailbox
from xaiwidgets.compute.worker import Worker, worker_for

__all__ = ["Job", "Mailbox", "Worker", "worker_for"]
