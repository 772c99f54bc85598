"""From a physical plan to batches: the executor's entry point."""

from __future__ import annotations

from collections.abc import Iterator

from sqlengine.batch import Batch
from sqlengine.config import Settings
from sqlengine.errors import InternalError, SettingError
from sqlengine.executor.context import QueryContext
from sqlengine.executor.forkserver import can_fork
from sqlengine.executor.inline import InlineScheduler
from sqlengine.executor.scheduler import Scheduler
from sqlengine.planner.physical import PhysicalPlan
from sqlengine.storage.files.access import is_file, is_of_this_process
from sqlengine.storage.format import Split
from sqlengine.storage.table import ScanTask


def choose_scheduler(plan: PhysicalPlan, settings: Settings) -> Scheduler:
    """The scheduler for `plan`: inline if it is small, else the one of the setting 'scheduler'.

    Where processes cannot be had (Windows, programs frozen into one file), or would not see the files (fsspec's
    memory://), threads take their place. With isolated readers whatever reads a file runs in processes.

    Raises
    ------
    SettingError
        If it cannot.
    """
    paths = {split.path for split in _splits(plan)}
    name = settings.get_str("scheduler")
    isolated = settings.get_bool("isolate_readers") and any(map(is_file, paths))
    if plan.small and not isolated:
        name = "inline"
    if name == "processes" and (not can_fork() or any(map(is_of_this_process, paths))):
        name = "threads"
    if isolated and name != "processes":
        raise SettingError(
            "isolate_readers = true reads files in worker processes only: they need scheduler = 'processes', a system"
            " that has them, and files that other processes see"
        )
    match name:
        case "inline":
            return InlineScheduler()
        case "threads":
            from sqlengine.executor.threads import ThreadScheduler

            return ThreadScheduler(settings.worker_count)
        case "processes":
            from sqlengine.executor.processes import ProcessScheduler

            return ProcessScheduler(settings.worker_count)
        case _:
            raise InternalError(f"there is no scheduler {name!r}")


def execute(plan: PhysicalPlan, settings: Settings, context: QueryContext) -> Iterator[Batch]:
    """Run `plan`; the batches of its result in order, with the columns of `plan.result.root.columns` by id.

    See `Scheduler.run` for what is raised. Close the iterator if it is not read to its end.
    """
    return choose_scheduler(plan, settings).run(plan, context)


def warm_up(settings: Settings) -> None:
    """Begin to start the workers that a query under `settings` will want; returns at once."""
    if settings.get_str("scheduler") == "processes" and can_fork():
        from sqlengine.executor.pool import shared_pool

        shared_pool(settings.worker_count).warm()


def _splits(plan: PhysicalPlan) -> Iterator[Split]:
    for stage in plan.stages:
        for task in stage.tasks:
            for leaf in task.inputs.values():
                if isinstance(leaf, ScanTask):
                    yield from leaf.splits
