"""The tables that a statement writes to are read from SQL as people and tools write it."""

# ruff: noqa: S608

import pytest

from signal_log.capture.silent.statements import table_name, without_values, writes_in


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ('INSERT INTO "shop_item" ("name") VALUES (%s)', [("insert", "shop_item", True)]),
        ("insert or ignore into shop_item values (1)", [("insert", "shop_item", True)]),
        ("REPLACE INTO shop_item VALUES (1)", [("insert", "shop_item", True)]),
        ("  -- why\n /* how */ UPDATE ONLY public.Shop_Item SET name = ''", [("update", "shop_item", True)]),
        ('DELETE FROM "my schema"."shop_item"', [("delete", "shop_item", True)]),
        ("UPDATE [shop_item] SET x = 1", [("update", "shop_item", True)]),
        (
            "TRUNCATE TABLE shop_item, shop_book CASCADE",
            [("delete", "shop_item", False), ("delete", "shop_book", False)],
        ),
        ("COPY shop_item (name) FROM '/tmp/x'", [("insert", "shop_item", True)]),
        ("COPY shop_item TO STDOUT", []),
        ("MERGE INTO shop_item USING x ON a = b WHEN MATCHED THEN UPDATE SET y = 1", [("update", "shop_item", True)]),
        ("WITH x AS (SELECT 1) UPDATE shop_item SET a = 1", [("update", "shop_item", True)]),
        (
            "WITH gone AS (DELETE FROM shop_item RETURNING *) INSERT INTO shop_book SELECT * FROM gone",
            [("delete", "shop_item", False), ("insert", "shop_book", True)],
        ),
        ("WITH gone AS (DELETE FROM shop_item RETURNING *) SELECT * FROM gone", [("delete", "shop_item", False)]),
        ("UPDATE a SET x = 1; DELETE FROM b", [("update", "a", False), ("delete", "b", False)]),
        ("INSERT INTO a VALUES (1) ON CONFLICT (id) DO UPDATE SET x = 2", [("insert", "a", True)]),
        ("SELECT * FROM shop_item FOR NO KEY UPDATE", []),
        ("SELECT * FROM shop_item FOR UPDATE OF shop_item", []),
        ("SELECT 'DELETE FROM shop_item'", []),
        ("DO $x$ BEGIN DELETE FROM shop_item; END $x$", [("delete", "shop_item", False)]),
        ("SELECT $x$ DELETE FROM shop_item $x$", []),
        ("EXPLAIN QUERY PLAN DELETE FROM shop_item", []),
        ("explain (costs off) update shop_item SET a = 1", []),
        ("EXPLAIN (ANALYZE) UPDATE shop_item SET a = 1", [("update", "shop_item", True)]),
        ("EXPLAIN UPDATE a SET x = 1; UPDATE b SET x = 1", [("update", "b", True)]),
        ("PREPARE p AS UPDATE shop_item SET a = 1", []),
        ("CREATE TRIGGER t AFTER UPDATE ON a BEGIN UPDATE b SET x = CASE WHEN 1 THEN 2 END; DELETE FROM c; END", []),
        (
            "CREATE OR REPLACE FUNCTION f() RETURNS int BEGIN ATOMIC DELETE FROM a; END; DELETE FROM b",
            [("delete", "b", True)],
        ),
        ("CREATE RULE r AS ON UPDATE TO a DO ALSO INSERT INTO b VALUES (1); DELETE FROM a", [("delete", "a", True)]),
        ("CREATE TABLE trigger_begin (a int); DELETE FROM a", [("delete", "a", True)]),
        ("SELECT 1; UPDATE shop_item SET a = 1", [("update", "shop_item", True)]),
        ("INSERT INTO log VALUES (E'it\\'s; DELETE FROM shop_item')", [("insert", "log", True)]),
        ("INSERT INTO log VALUES ('UPDATE shop_item", [("insert", "log", True)]),
        ("CREATE TABLE x (a int REFERENCES y ON DELETE CASCADE ON UPDATE CASCADE)", []),
        ('INSERT INTO "new__shop_item" SELECT * FROM "shop_item"', [("insert", "new__shop_item", True)]),
        ("UPDATE", []),
        ("", []),
    ],
)
def test_writes(sql, expected):
    """Case, quotes, schemas, comments, strings, common table expressions and multiple statements are all understood."""
    assert [tuple(write) for write in writes_in(sql)] == expected


def test_long_statements_are_read_quickly():
    """Unclosed quotes and endless text take time linear in their length."""
    for sql in (
        "INSERT INTO a VALUES " + "('x''y', 1)," * 20_000,
        "/*" * 50_000,
        "'" * 99_999,
        "$a" * 50_000,
        "(" * 99_999,
    ):
        assert len(writes_in(sql)) <= 1


NAMES = {"t 1", "a", "b", "c", "c2", "d", "e", "f", "g", 'q"t'}
S = "s3cret"


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("UPDATE t SET a = 'se''cret', b = 1234 -- pin 99\n WHERE c = %s", "UPDATE t SET a = ?, b = ? WHERE c = %s"),
        ("UPDATE t SET a = E'x\\'y', b = $q$secret$q$, c2 = x'ff'", "UPDATE t SET a = ?, b = ?, c2 = ?"),
        ("INSERT INTO t VALUES ('never closed", "INSERT INTO t VALUES (?"),
        ('UPDATE "t 1" SET a=%(name)s', 'UPDATE "t 1" SET a=%(name)s'),
        (f'UPDATE t SET "a" = "{S}" WHERE "b" = "{S}', 'UPDATE t SET "a" = ? WHERE "b" = ?'),
        ('UPDATE "x"."y" SET "x"."z" = "y"', 'UPDATE "x"."y" SET "x"."z" = ?'),
        ('UPDATE "q""t" SET a = ?', 'UPDATE "q""t" SET a = ?'),
        ("UPDATE t SET a = 0xC0FFEE, b = 0b11, c = 1e5, d = 1.5e-7, e = 12ab, f = .5, g = 1_000",
         "UPDATE t SET a = ?, b = ?, c = ?, d = ?, e = ?, f = .?, g = ?"),
        (f"UPDATE t /* a /* b */ {S} */ SET a = 1", "UPDATE t (not shown)"),
        ("UPDATE t /* a */ /* b */ SET a = 1", "UPDATE t SET a = ?"),
        (f"UPDATE t SET a = 'it\\', b = '{S}'", "UPDATE t SET a = (not shown)"),
        (f"UPDATE t SET a = U&'{S}' UESCAPE '!', b = b'01', c = N'{S}'",
         "UPDATE t SET a = U&? UESCAPE ?, b = ?, c = ?"),
        (f"UPDATE t SET a = $${S}$$, b = $1, c = $x$ {S} $y$ $x$", "UPDATE t SET a = ?, b = $?, c = ?"),
        (f"UPDATE t SET a = $x${S}", "UPDATE t SET a = ?"),
        (f"UPDATE t SET a = 1\x00 {S}", "UPDATE t SET a = ? (not shown)"),
        (f"UPDATE t SET a = :a, b = @b, c = %s -- {S}", "UPDATE t SET a = :a, b = @b, c = %s"),
        (f"UPDATE t SET a = `{S}`", "UPDATE t SET a = ?"),
        (f"update t set a={S} where B = Lower({S}x)", "update t set a=? where B = Lower(?)"),
        (f"UPDATE public.t SET a = {S}.{S}, b = c::{S} WHERE c = true",
         "UPDATE public.? SET a = ?.?, b = c::? WHERE c = true"),
    ],
)  # fmt: skip
def test_values_are_left_out(sql, expected):
    """Literals of every kind, numbers and comments are removed; names and placeholders stay."""
    assert without_values(sql, NAMES.__contains__) == expected
    assert S not in expected


def test_a_statement_is_cut():
    """A statement is cut after a thousand characters, and a literal that is cut in two still shows nothing."""
    assert len(without_values("INSERT INTO t VALUES " + "(%s), " * 5_000, NAMES.__contains__)) == 1_000
    for quote in ("'", '"', "$$", "/*", "E'"):
        assert "secret" not in without_values(
            f"UPDATE t SET a = {quote}" + "secret" * 5_000 + quote, NAMES.__contains__
        )


def test_table_names():
    """Table names are returned as Django knows them: plain, or quoted by hand with a schema."""
    assert [table_name(name) for name in ("shop_Item", '"public"."shop_item"', '"a.b"', 's2"."t')] == [
        "shop_item", "shop_item", "a.b", "t",
    ]  # fmt: skip
