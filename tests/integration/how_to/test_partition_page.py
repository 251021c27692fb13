"""The how-to page about partitions: its commands work, in a project that is not ours."""

from __future__ import annotations

import pytest

from tests.integration.how_to.pages import Make, call, commands


@pytest.mark.postgresql
@pytest.mark.django_db
def test_partition_a_large_log(make: Make) -> None:
    """Saved before and after, the events are there, and the commands that the page names succeed in their order."""
    project = make()
    save = "from shop.models import Customer\nCustomer.objects.create(name='{}')\n"
    ours = "SignalEvent.objects.filter(sender='shop.Customer')"
    count = f"from signal_log import SignalEvent\nprint('events:', {ours}.count())\n"
    told = project.python(
        save.format("before")
        + call(*commands("partition-a-large-log", "signal_partition"))
        + save.format("after")
        + count
    )
    assert "-- Reading it once; nobody waits." in told
    assert "The log has 5 partitions now." in told
    assert "signal_log_signalevent_p10000001" in told
    assert "Nothing to do: there are partitions up to event 25,000,000" in told
    before, after = project.python(count), told.splitlines()[-1]
    assert before.strip() == after == "events: 4"
