"""Celery and ``django.tasks``, or its backport, as a host uses them."""

from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec

import celery
from celery.contrib.testing.worker import start_worker
from celery.signals import setup_logging
from django.test import modify_settings

from signal_log import pipeline
from signal_log.capture.trace import tasks
from tests.shop.tasks import restock

application = celery.Celery("shop", broker="memory://", backend="cache+memory://", set_as_current=False)
application.conf.broker_transport_options = {"polling_interval": 0.02}
celery_restock = application.task(restock, name="shop.restock")


@setup_logging.connect
def _leave_logging_alone(**_):
    """Or a worker sets the level of this process's root logger to ERROR, for all tests after it."""


class InCelery:
    """Celery, whose eager mode raises nothing."""

    name = "shop.restock"

    def run(self, name):
        """Run a task within this call, and return its id."""
        return celery_restock.apply((name,)).id

    def handle_later(self, *names):
        """Let a worker run tasks, and return their ids."""
        with start_worker(application, pool="solo", perform_ping_check=False, shutdown_timeout=30):
            results = [celery_restock.delay(name) for name in names]
            for result in results:
                result.get(timeout=30, propagate=False)
        return [result.id for result in results]


class InDjango:
    """``django.tasks``, or its backport for Django 5.2."""

    name = "tests.shop.tasks.restock"

    def __init__(self, module):
        self.library = import_module(module)
        self.base = import_module(f"{module}.base")
        self.signals = import_module(f"{module}.signals")
        self.backends = import_module(f"{module}.backends.base")

        class Later(self.backends.BaseTaskBackend):
            def enqueue(self, *_):
                raise NotImplementedError

        self.backend = Later

    def run(self, name, function=restock):
        return self.library.task()(function).enqueue(name).id

    def result(self, name):
        return self.base.TaskResult(
            task=self.library.task()(restock), id=f"id-of-{name}", args=[name], kwargs={}, backend="later",
            status=self.base.TaskResultStatus.RUNNING, errors=[], worker_ids=[],
            enqueued_at=None, started_at=None, last_attempted_at=None, finished_at=None,
        )  # fmt: skip

    def enqueue_later(self, name):
        """Tell of an enqueued task as the backends of databases and queues do."""
        self.signals.task_enqueued.send(self.backend, task_result=self.result(name))

    def handle_later(self, *names):
        """Run the tasks as the workers of database and queue backends do, some of which send the backend itself."""
        sender = object.__new__(self.backend)
        for name in names:
            result = self.result(name)
            self.signals.task_started.send(sender, task_result=result)
            try:
                result.task.call(name)
            except KeyError:
                pass
            finally:
                self.signals.task_finished.send(sender, task_result=result)
        return [f"id-of-{name}" for name in names]


LIBRARIES = ["celery", "django_tasks", *(["django.tasks"] if find_spec("django.tasks") else [])]


@contextmanager
def installed(name):
    """A task library as a host has installed it."""
    with modify_settings(INSTALLED_APPS={"append": "django_tasks"}):
        tasks.connect()
        yield InCelery() if name == "celery" else InDjango(name)
        tasks.disconnect()
    pipeline.stop()
    pipeline.start()
