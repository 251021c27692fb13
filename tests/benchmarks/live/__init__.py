"""What a live tail delivers, beside a textbook Channels consumer and beside bare daphne: ``make bench-live``."""
