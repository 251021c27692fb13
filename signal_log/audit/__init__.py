"""What writes events of its own: reads, reasons and alerts, redaction and retention."""
