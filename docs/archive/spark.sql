-- The roots over each whole tile of 256 leaves, from nothing but the archived bytes (Apache Spark SQL).
--
-- What it computes is said in duckdb.sql. First, with the Iceberg catalog of the archive, or its files:
-- CREATE OR REPLACE TEMPORARY VIEW archive AS SELECT * FROM signal_log.events
-- CREATE OR REPLACE TEMPORARY VIEW archive AS SELECT * FROM parquet.`/srv/archive/signal_log/events/data`
WITH parts AS (
    SELECT
        generation, leaf_index, leaf, id, digest, header,
        CASE WHEN kept_hashes IS NOT NULL AND substring(salt, 1, 16) = unhex(repeat('00', 16))
             THEN substring(kept_hashes, 1, 32) ELSE unhex(sha2(concat(substring(salt, 1, 16), subject), 256)) END AS subject_hash,
        CASE WHEN kept_hashes IS NOT NULL AND substring(salt, 17, 16) = unhex(repeat('00', 16))
             THEN substring(kept_hashes, 33, 32) ELSE unhex(sha2(concat(substring(salt, 17, 16), payload), 256)) END AS payload_hash
    FROM archive
),
digests AS (
    SELECT
        generation, leaf_index, leaf, id, digest,
        unhex(sha2(concat(CAST('signal_log/event/2' AS BINARY), X'0A', header, X'0A', subject_hash, payload_hash), 256)) AS computed
    FROM parts
),
leaves AS (
    SELECT
        generation, leaf_index, leaf, id, digest, computed,
        CASE WHEN id IS NULL THEN leaf ELSE unhex(sha2(concat(X'00', computed), 256)) END AS computed_leaf
    FROM digests
),
tiles AS (
    SELECT
        generation, leaf_index DIV 256 AS tile,
        transform(array_sort(collect_list(struct(leaf_index, computed_leaf))), one -> one.computed_leaf) AS h,
        count_if(computed_leaf <> leaf OR computed <> digest) AS altered
    FROM leaves GROUP BY generation, leaf_index DIV 256 HAVING count(*) = 256
),
level1 AS (SELECT generation, tile, altered, transform(sequence(0, 127), i -> unhex(sha2(concat(X'01', h[2 * i], h[2 * i + 1]), 256))) AS h FROM tiles),
level2 AS (SELECT generation, tile, altered, transform(sequence(0, 63), i -> unhex(sha2(concat(X'01', h[2 * i], h[2 * i + 1]), 256))) AS h FROM level1),
level3 AS (SELECT generation, tile, altered, transform(sequence(0, 31), i -> unhex(sha2(concat(X'01', h[2 * i], h[2 * i + 1]), 256))) AS h FROM level2),
level4 AS (SELECT generation, tile, altered, transform(sequence(0, 15), i -> unhex(sha2(concat(X'01', h[2 * i], h[2 * i + 1]), 256))) AS h FROM level3),
level5 AS (SELECT generation, tile, altered, transform(sequence(0, 7), i -> unhex(sha2(concat(X'01', h[2 * i], h[2 * i + 1]), 256))) AS h FROM level4),
level6 AS (SELECT generation, tile, altered, transform(sequence(0, 3), i -> unhex(sha2(concat(X'01', h[2 * i], h[2 * i + 1]), 256))) AS h FROM level5),
level7 AS (SELECT generation, tile, altered, transform(sequence(0, 1), i -> unhex(sha2(concat(X'01', h[2 * i], h[2 * i + 1]), 256))) AS h FROM level6)
SELECT generation, tile, lower(sha2(concat(X'01', h[0], h[1]), 256)) AS root, altered
FROM level7 ORDER BY generation, tile
