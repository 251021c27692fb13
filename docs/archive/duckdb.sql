-- The roots over each whole tile of 256 leaves, from nothing but the archived bytes (DuckDB).
--
-- Each row's digest is computed again from header, subject, payload and salts (of a part that was erased, its hash was
-- kept), its leaf as RFC 6962 has it, and the root over each 256 leaves. `altered` are rows that do not give the digest
-- or the leaf beside them. The roots in the order of `tile` are the hashes of tile/1/… that `signal_seal --publish` writes.
--
-- First:  CREATE VIEW archive AS FROM iceberg_scan('/srv/archive/signal_log/events');
-- or:     CREATE VIEW archive AS FROM read_parquet('/srv/archive/signal_log/events/data/**/*.parquet',
--                                                  hive_partitioning = false);
WITH parts AS (
    SELECT
        generation, leaf_index, leaf, id, digest, header,
        CASE WHEN kept_hashes IS NOT NULL AND salt[1:16] = repeat('\x00'::BLOB, 16)
             THEN kept_hashes[1:32] ELSE unhex(sha256(salt[1:16] || subject)) END AS subject_hash,
        CASE WHEN kept_hashes IS NOT NULL AND salt[17:32] = repeat('\x00'::BLOB, 16)
             THEN kept_hashes[33:64] ELSE unhex(sha256(salt[17:32] || payload)) END AS payload_hash
    FROM archive
),
digests AS (
    SELECT
        generation, leaf_index, leaf, id, digest,
        unhex(sha256('signal_log/event/2\x0A'::BLOB || header || '\x0A'::BLOB || subject_hash || payload_hash)) AS computed
    FROM parts
),
leaves AS (
    SELECT
        generation, leaf_index, leaf, id, digest, computed,
        CASE WHEN id IS NULL THEN leaf ELSE unhex(sha256('\x00'::BLOB || computed)) END AS computed_leaf
    FROM digests
),
tiles AS (
    SELECT
        generation, leaf_index // 256 AS tile,
        list(computed_leaf ORDER BY leaf_index) AS level0,
        count(*) FILTER (computed_leaf <> leaf OR computed <> digest) AS altered
    FROM leaves GROUP BY ALL
),
level1 AS (SELECT generation, tile, altered, list_transform(range(1, 257, 2), lambda i: unhex(sha256('\x01'::BLOB || level0[i] || level0[i + 1]))) AS h FROM tiles WHERE len(level0) = 256),
level2 AS (SELECT generation, tile, altered, list_transform(range(1, 129, 2), lambda i: unhex(sha256('\x01'::BLOB || h[i] || h[i + 1]))) AS h FROM level1),
level3 AS (SELECT generation, tile, altered, list_transform(range(1, 65, 2), lambda i: unhex(sha256('\x01'::BLOB || h[i] || h[i + 1]))) AS h FROM level2),
level4 AS (SELECT generation, tile, altered, list_transform(range(1, 33, 2), lambda i: unhex(sha256('\x01'::BLOB || h[i] || h[i + 1]))) AS h FROM level3),
level5 AS (SELECT generation, tile, altered, list_transform(range(1, 17, 2), lambda i: unhex(sha256('\x01'::BLOB || h[i] || h[i + 1]))) AS h FROM level4),
level6 AS (SELECT generation, tile, altered, list_transform(range(1, 9, 2), lambda i: unhex(sha256('\x01'::BLOB || h[i] || h[i + 1]))) AS h FROM level5),
level7 AS (SELECT generation, tile, altered, list_transform(range(1, 5, 2), lambda i: unhex(sha256('\x01'::BLOB || h[i] || h[i + 1]))) AS h FROM level6)
SELECT generation, tile, lower(sha256('\x01'::BLOB || h[1] || h[2])) AS root, altered
FROM level7 ORDER BY generation, tile
