"""The log's table: rows are appended, found and followed, and nothing else knows how."""
