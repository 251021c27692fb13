"""The shop's own signals; a test names those it wants recorded."""

from django.dispatch import Signal

order_paid = Signal()
cached = Signal(use_caching=True)
not_a_signal = object()
