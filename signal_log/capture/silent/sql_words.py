"""The words of SQL that a statement may be shown with: keywords, common types and functions of both databases."""

from __future__ import annotations

from typing import Final

_TEXT: Final = """
    main pg_catalog public u uescape
    abort action add after all alter always analyze and any array as asc asymmetric at atomic attach
    autoincrement before begin between both by call cascade case cast check collate column commit concurrently
    conflict constraint constraints continue copy create cross csv current current_catalog current_date
    current_role current_schema current_time current_timestamp current_user cursor cycle data database
    deallocate declare default deferrable deferred delete delimiter desc detach discard distinct do drop each
    else encoding end escape except exclude excluded exclusive execute exists explain extension fail false fetch
    filter first following for force foreign format freeze from full function generated glob grant group
    grouping groups having header identity if ignore ilike immediate immutable in increment index indexed
    inherit initially inner insert instead intersect interval into is isnull isolation join key language last
    lateral leading left level like limit listen local lock locked low_priority match matched materialized merge
    minvalue maxvalue mode natural new next no not nothing notify notnull nowait null nulls of off offset old on
    only option or order others out outer over overriding owner partition plan policy pragma preceding prepare
    primary procedure program query quote raise range read recursive references refresh regexp reindex release
    rename repeatable replace restart restrict returning revoke right role rollback row rows savepoint schema
    security select sequence serializable session set sets share show similar skip some start statement stdin
    stdout stored strict symmetric system table tables tablespace temp temporary then ties to trailing
    transaction trigger true truncate type unbounded uncommitted union unique unlogged update using vacuum
    values verbose view virtual volatile when where window with within without work write zone bigint bigserial
    bit blob bool boolean bytea char character cidr citext clob date decimal double float hstore inet int int2
    int4 int8 integer json jsonb money name numeric oid precision real serial smallint text time timestamp
    timestamptz tinyint tsquery tsvector uuid varchar varying xml abs age array_agg avg ceil ceiling char_length
    coalesce concat concat_ws count date_part date_trunc datetime exp extract floor generate_series
    gen_random_uuid greatest hex ifnull iif instr json_extract json_object json_set jsonb_build_object jsonb_set
    julianday least length lower lpad ltrim max md5 min mod nextval now nullif pg_advisory_lock
    pg_advisory_xact_lock position power random randomblob rank reverse round row_number rpad rtrim setval
    sha256 sign sqrt strftime string_agg strpos substr substring sum to_char to_date to_timestamp to_tsvector
    total trim trunc typeof unixepoch unnest upper plpgsql found rowid
"""
WORDS: Final = frozenset(_TEXT.split())
