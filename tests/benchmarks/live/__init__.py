"""What a live tail delivers, compared with a textbook Channels consumer and bare daphne: ``make bench-live``."""
