"""Keeps the admin's lists to the filters that they list."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ERROR_FLAG
from django.contrib.admin.widgets import url_params_from_lookup_dict
from django.db import DataError
from django.db.models.constants import LOOKUP_SEP
from django.http import HttpRequest

if TYPE_CHECKING:
    AnyAdmin = admin.ModelAdmin[Any]
else:  # generic only in the stubs
    AnyAdmin = object

# What Django's own filters put into the address, after a field's name or a relation's target.
COMPARISONS: Final = ("exact", "isnull", "isempty", "gte", "lt", "year", "month", "day")


class ListedFiltersMixin(AnyAdmin):
    """For a ``ModelAdmin``: its list takes only the filters that it lists from the address, and answers 400 to others.

    Django lets anybody who may see a list filter by any lookup of any of the model's own columns: a regular expression
    (``?name__regex=^(a+)+$``) stops the process for as long as it takes to fail, and a comparison tells a column that
    no page shows, one character at a time.
    """

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        """Whether a filter in the address is one of ``list_filter``, of ``date_hierarchy``, or of a related popup."""
        if not super().lookup_allowed(lookup, value, request):
            return False
        if any(lookup == name or _compares(lookup, name) for name in self._listed_filters(request)):
            return True
        limits = (limit() if callable(limit) else limit for limit in self.model._meta.related_fkey_lookups)
        return any((lookup, value) in url_params_from_lookup_dict(limit).items() for limit in limits)

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """The list; of a value in the address that no row can have (``?occurred_at__year=99999``), as of any bad one.

        Django notices some of them only when it asks the database, and answers 500.
        """
        try:
            return super().get_changelist_instance(request)
        except (ValueError, OverflowError, DataError) as error:
            if {*request.GET} <= {ERROR_FLAG}:  # then it is not the address
                raise
            raise IncorrectLookupParameters(error) from error

    def _listed_filters(self, request: HttpRequest) -> set[str]:
        found = {self.date_hierarchy} if self.date_hierarchy else set()
        for one in self.get_list_filter(request):
            if isinstance(one, type) and issubclass(one, admin.SimpleListFilter):
                found.add(str(one.parameter_name))
            else:
                found.add(str(one[0] if isinstance(one, (list, tuple)) else one))
        return found


def _compares(lookup: str, name: str) -> bool:
    """Whether a lookup is a plain comparison of the field ``name``, or of the key that it leads to."""
    *target, comparison = lookup.removeprefix(name + LOOKUP_SEP).split(LOOKUP_SEP)
    return lookup.startswith(name + LOOKUP_SEP) and comparison in COMPARISONS and len(target) <= 1
