"""Lists what is masked in this project, and why: fields of observed models, and names everywhere."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any

from django.db import models

from signal_log.capture.model.keys import RelationRules
from signal_log.capture.model.masking import secret_names, why_masked
from signal_log.capture.model.plan import Plan
from signal_log.capture.model.registry import chosen_models, plan_of
from signal_log.capture.model.secret_names import PUBLIC_NAMES
from signal_log.conf import conf
from signal_log.management.command import SignalCommand


class Command(SignalCommand):
    """``signal_log_masks``."""

    help = "What the log masks in this project, and why: fields of the observed models, and names everywhere."
    requires_migrations_checks = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        """One option."""
        parser.add_argument("--json", action="store_true", help="one JSON object, for programs")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the fields, then the names."""
        fields = [row for model in chosen_models() for row in masked_fields(model)]
        names = [*secret_names().entries, *secret_names().patterns]
        if options["json"]:
            self.stdout.write(json.dumps({"fields": fields, "names": names, "shown": list(PUBLIC_NAMES)}, indent=2))
            return
        width = max((len(f"{row['model']}.{row['field']}") for row in fields), default=0)
        for row in fields:
            self.stdout.write(f"{row['model'] + '.' + row['field']:<{width}}  {row['why']}")
        if not fields:
            self.stdout.write("No field of an observed model is masked.")
        self.stdout.write(f"\nMasked in JSON, arguments, labels, paths and texts: {', '.join(names)}.")
        unmasked = [f"{label}: {', '.join(given)}" for label, given in conf.UNMASK_FIELDS.items() if given]
        if unmasked:
            self.stdout.write(f"UNMASK_FIELDS: {'; '.join(unmasked)}.")


def masked_fields(model: type[models.Model]) -> Iterator[dict[str, str]]:
    """The masked fields of an observed model, each with the reason."""
    plan = plan_of(model) or Plan(model)
    label = model._meta.label
    for column in plan.columns:
        if column.masked:
            yield {"model": label, "field": column.name, "why": why_masked(column.field, model)}
    naming = ", ".join(plan.by_attname[name].name for name in plan.naming)
    for column in plan.holding:
        if not column.masked:
            yield {"model": label, "field": column.name, "why": f"in rows whose {naming} is a masked name"}
    for field in model._meta.many_to_many:
        if RelationRules([field], None, field.related_model).masked:
            yield {"model": label, "field": field.name, "why": why_masked(field, model) or "its name"}
