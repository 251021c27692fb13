-- The roots over each whole tile of 256 leaves, from nothing but the archived bytes (ClickHouse).
--
-- What it computes is said in duckdb.sql. `concat(…, '')` makes a text of a hash without losing zeros at its end. First, with the Iceberg catalog of the archive, or its files:
-- CREATE VIEW archive AS SELECT * FROM icebergLocal('/srv/archive/signal_log/events')
-- CREATE VIEW archive AS SELECT * FROM file('/srv/archive/signal_log/events/data/**/*.parquet', 'Parquet')
WITH
    leaves AS (
        SELECT
            generation, leaf_index, leaf AS stated, id, digest,
            if(kept_hashes IS NOT NULL AND substring(salt, 1, 16) = repeat(char(0), 16),
               substring(kept_hashes, 1, 32), concat(SHA256(concat(substring(salt, 1, 16), subject)), '')) AS subject_hash,
            if(kept_hashes IS NOT NULL AND substring(salt, 17, 16) = repeat(char(0), 16),
               substring(kept_hashes, 33, 32), concat(SHA256(concat(substring(salt, 17, 16), payload)), '')) AS payload_hash,
            concat(SHA256(concat('signal_log/event/2\n', header, '\n', subject_hash, payload_hash)), '') AS computed,
            if(id IS NULL, stated, concat(SHA256(concat(char(0), assumeNotNull(computed))), '')) AS computed_leaf
        FROM archive
    ),
    tiles AS (
        SELECT
            generation, intDiv(leaf_index, 256) AS tile,
            arrayMap(one -> one.2, arraySort(one -> one.1, groupArray((leaf_index, assumeNotNull(computed_leaf))))) AS level0,
            countIf(computed_leaf != stated OR (id IS NOT NULL AND computed != digest)) AS altered
        FROM leaves GROUP BY generation, tile HAVING count() = 256
    ),
    roots AS (
        SELECT
            generation, tile, altered,
            arrayMap(i -> concat(SHA256(concat(char(1), level0[i], level0[i + 1])), ''), range(1, 257, 2)) AS level1,
            arrayMap(i -> concat(SHA256(concat(char(1), level1[i], level1[i + 1])), ''), range(1, 129, 2)) AS level2,
            arrayMap(i -> concat(SHA256(concat(char(1), level2[i], level2[i + 1])), ''), range(1, 65, 2)) AS level3,
            arrayMap(i -> concat(SHA256(concat(char(1), level3[i], level3[i + 1])), ''), range(1, 33, 2)) AS level4,
            arrayMap(i -> concat(SHA256(concat(char(1), level4[i], level4[i + 1])), ''), range(1, 17, 2)) AS level5,
            arrayMap(i -> concat(SHA256(concat(char(1), level5[i], level5[i + 1])), ''), range(1, 9, 2)) AS level6,
            arrayMap(i -> concat(SHA256(concat(char(1), level6[i], level6[i + 1])), ''), range(1, 5, 2)) AS level7
        FROM tiles
    )
SELECT generation, tile, lower(hex(SHA256(concat(char(1), level7[1], level7[2])))) AS root, altered
FROM roots ORDER BY generation, tile
