-- lid(table, column) by an index beside the exact values: times, how they agree, and what the index finds at the
-- width that lid searches with (4 (k + 1) candidates). The column needs a lean_hnsw index of vector_l2_ops.
--   psql -d bench_lowdim -v table=glove -v column=emb -v index=glove_emb_idx -f bench/sql/lid.sql
\timing on
SET work_mem = '64MB';
SET enable_indexscan = off;
CREATE TEMP TABLE lid_exact AS SELECT * FROM lid(:'table', :'column');
RESET enable_indexscan;
CREATE TEMP TABLE lid_index AS SELECT * FROM lid(:'table', :'column');
\timing off
SELECT count(*) AS rows, round(corr(i.lid, e.lid)::numeric, 3) AS correlation, round((avg(i.lid) / avg(e.lid))::numeric, 3) AS ratio_of_means,
       percentile_cont(ARRAY[0.01, 0.05, 0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY i.lid / e.lid) AS ratios
FROM lid_index i JOIN lid_exact e USING (tid);
SELECT ef_search, recall FROM lowdim_recall(:'index', 200, 20) WHERE ef_search = 80;
