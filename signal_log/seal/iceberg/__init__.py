"""The archive as an Apache Iceberg table: whole stretches of sealed leaves, with their events' exact canonical bytes.

``place`` reads a URL; ``opening`` is the only way in, as the rest needs the packages of the extra ``archive``.
"""
