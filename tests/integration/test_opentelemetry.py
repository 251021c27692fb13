"""OpenTelemetry: spans below the request's own for what its receivers did, and its id on the events."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import pytest
from django.db.models.signals import post_save
from opentelemetry import trace as api
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

import signal_log
from signal_log.capture.trace.gathered import Gathered
from signal_log.models import SignalEvent, SignalTrace
from signal_log.telemetry import keeper, spans
from tests.integration.telemetry_views import restock
from tests.settings import SIGNAL_LOG
from tests.shop.models import Category, Item

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.urls("tests.integration.telemetry_views"),
    pytest.mark.one_database,
]

RESTOCK = "tests.integration.telemetry_views.restock"
REFILL = "tests.integration.test_opentelemetry.refill"
HEADER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def refill(instance: Any, **_: Any) -> None:
    """A receiver that saves, so that others run within it."""
    if instance.name == "outer":
        Category.objects.create(name="inner")


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> TracerProvider:
    """What the host has set up; a process can do so only once."""
    provider = TracerProvider(shutdown_on_exit=False)
    monkeypatch.setattr(api, "get_tracer_provider", lambda: provider)
    monkeypatch.setattr(spans, "_next_line", [float("-inf")])
    return provider


@pytest.fixture
def exported(provider: TracerProvider) -> InMemorySpanExporter:
    """The spans that the host exports."""
    exporter = InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return exporter


@pytest.fixture
def _receivers() -> Iterator[None]:
    for receiver in (refill, restock):
        post_save.connect(receiver, sender=Category)
    yield
    for receiver in (refill, restock):
        post_save.disconnect(receiver, sender=Category)


def labels() -> list[Any]:
    """The labels of all events, each once."""
    return list(SignalEvent.objects.order_by().values_list("labels", flat=True).distinct())


def ours(exporter: InMemorySpanExporter) -> list[ReadableSpan]:
    """What we have told, outermost and earliest first."""
    found = [span for span in exporter.get_finished_spans() if span.instrumentation_scope.name == "signal_log"]
    return sorted(found, key=lambda span: (span.start_time, span.attributes.get("signal_log.receiver", "")))


@pytest.mark.usefixtures("_receivers")
def test_receivers_are_spans_below_the_requests(client, provider, exported):
    """Each call is within the one that caused it, and these within one for the trace, within the request's span."""
    with api.get_tracer("host").start_as_current_span("GET") as outer:
        assert client.get("/save/outer/").status_code == 201
    whole, *calls = ours(exported)
    assert (whole.name, whole.parent.span_id) == ("signal_log", outer.get_span_context().span_id)
    trace = SignalTrace.objects.get()
    told = {name.partition(".")[2]: value for name, value in whole.attributes.items()}
    assert told == {
        "trace_id": str(trace.trace_id), "source": "http", "events": 4, "operations": 2, "failed": 0, "silent": 0,
        "calls": 4, "calls_left_out": 0,
    }  # fmt: skip
    assert [span.name for span in calls] == [REFILL, REFILL, RESTOCK, RESTOCK]
    assert {span.context.trace_id for span in calls} == {outer.get_span_context().trace_id}
    first = calls[0]
    assert [span.parent.span_id for span in calls] == [
        whole.context.span_id, first.context.span_id, first.context.span_id, whole.context.span_id,
    ]  # fmt: skip
    assert dict(calls[-1].attributes) == {
        "signal_log.receiver": RESTOCK, "signal_log.signal": "post_save", "signal_log.model": "shop.Category",
        "signal_log.queries": 1,
    }  # fmt: skip
    for span in calls:
        assert whole.start_time <= span.start_time <= span.end_time <= whole.end_time
    assert outer.start_time <= whole.start_time
    assert labels() == [{"otel_trace_id": f"{outer.get_span_context().trace_id:032x}"}]


def test_an_error_keeps_no_secret(exported):
    """The status of a receiver's span is the masked text of its exception, as in the log."""

    def quote(instance: Item, **_: Any) -> None:
        raise ValueError(f"bad token {instance.api_token}\x1b[31m")

    post_save.connect(quote, sender=Item)
    try:
        with pytest.raises(ValueError, match="hunter2hunter2"), signal_log.batch():
            Item.objects.create(name="x", api_token="hunter2hunter2")
    finally:
        post_save.disconnect(quote, sender=Item)
    whole, call = ours(exported)
    assert whole.parent is None  # nobody's span was current
    assert (call.status.status_code, call.status.description) == (api.StatusCode.ERROR, "ValueError: ••••••••")
    assert "hunter2" not in call.to_json() + whole.to_json()
    assert labels() == [None]


@pytest.mark.usefixtures("_receivers")
def test_a_proxys_header_is_the_parent(client, exported, settings):
    """``traceparent`` counts where a proxy of ours has set it and no span is current; anybody can write one."""
    client.get("/save/stranger/", headers={"traceparent": HEADER})
    settings.SIGNAL_LOG = {**SIGNAL_LOG, "TRUSTED_PROXIES": 1}
    no_id = HEADER.replace("0af7651916cd43dd8448eb211c80319c", "0" * 32)
    for number, wrong in enumerate((no_id, f"ff{HEADER[2:]}", f"{HEADER}\n")):
        client.get(f"/save/wrong{number}/", headers={"traceparent": wrong})
    assert labels() == [None]
    assert {span.parent for span in ours(exported) if span.name == "signal_log"} == {None}
    exported.clear()
    client.get("/save/ours/", headers={"traceparent": HEADER})
    whole = next(span for span in ours(exported) if span.name == "signal_log")
    assert (f"{whole.context.trace_id:032x}", f"{whole.parent.span_id:016x}") == tuple(HEADER.split("-")[1:3])
    assert {"otel_trace_id": HEADER.split("-")[1]} in labels()


@pytest.mark.usefixtures("_receivers")
def test_lone_saves_are_told_within_a_span_only(exported):
    """A script that saves in a loop begins no trace of OpenTelemetry's for each save."""
    Category.objects.create(name="a")
    assert ours(exported) == []
    with api.get_tracer("host").start_as_current_span("job"):
        with signal_log.context(job="x"):
            Category.objects.create(name="b")
        Item.objects.create(name="no receiver")
    assert [span.name for span in ours(exported)].count("signal_log") == 1
    (label,) = [each for each in labels() if each and "job" in each]
    assert set(label) == {"job", "otel_trace_id"}


@pytest.mark.usefixtures("_receivers")
def test_what_is_not_sampled_costs_one_look(client, monkeypatch):
    """Without an exporter, and where the host samples nothing, no call is looked at; without the package, nothing."""
    failed = []
    monkeypatch.setattr(spans, "_report", lambda _, error: failed.append(error))
    monkeypatch.setattr(spans, "_nested", None)
    client.get("/save/unset/")
    provider = TracerProvider(sampler=ALWAYS_OFF, shutdown_on_exit=False)
    monkeypatch.setattr(api, "get_tracer_provider", lambda: provider)
    client.get("/save/unsampled/")
    monkeypatch.delitem(sys.modules, "opentelemetry.trace")
    monkeypatch.setattr(spans, "_tell", None)
    client.get("/save/uninstalled/")
    assert "opentelemetry.trace" not in sys.modules
    assert (SignalTrace.objects.count(), labels(), failed) == (3, [None], [])


@pytest.mark.usefixtures("_receivers")
def test_what_the_hosts_exporter_raises_stays_there(client, provider, exported, caplog):
    """The response is as without it, telemetry is written, and a warning says it; an exporter may save, too."""

    class Broken(SpanProcessor):
        def on_end(self, span: ReadableSpan) -> None:
            if span.instrumentation_scope.name == "signal_log":
                with signal_log.batch():
                    Category.objects.create(name=f"exported {span.context.span_id}")
                raise RuntimeError("no collector")

    provider.add_span_processor(Broken())
    assert client.get("/save/first/").status_code == 201
    assert client.get("/save/second/").status_code == 201
    assert SignalTrace.objects.filter(source="http").count() == 2
    (line,) = [record.getMessage() for record in caplog.records if record.name == "signal_log"]
    assert line == "OpenTelemetry took no span of a trace, and the host went on: RuntimeError: no collector"


@pytest.mark.usefixtures("_receivers")
def test_the_longest_calls_have_spans(exported, monkeypatch):
    """The others are counted, also those that a long trace has handed over before its end."""
    monkeypatch.setattr(Gathered, "due_at", 3)
    monkeypatch.setattr(keeper, "HAND_OVER", 3)
    monkeypatch.setattr(spans, "MAX_SPANS", 4)
    with signal_log.batch():
        for number in range(5):
            Category.objects.create(name=f"toys {number}")
    whole, *calls = ours(exported)
    assert (whole.attributes["signal_log.calls"], whole.attributes["signal_log.calls_left_out"]) == (10, 6)
    assert len(calls) == 4


def test_async_receivers_at_once_are_not_mixed_up():
    """What runs while two async receivers of one event do is below what called both; else it is below the innermost."""

    def call(position: int, started: int, took: int) -> Any:
        return (position, "shop.Item", "post_save", "r", started, took, 0, "")

    calls = [call(1, 0, 100), call(3, 10, 50), call(3, 11, 60), call(5, 20, 10), call(7, 65, 5), call(9, 90, 11)]
    assert {at: around for at, _, around in spans._nested(calls)} == {0: None, 1: 0, 2: 0, 3: 0, 4: 2, 5: 0}
