-- Distances of bit strings.
\pset null '(null)'
SELECT B'111' <~> B'110', hamming_distance(B'111', B'000'), hamming_distance(B'', B''), hamming_distance('101', NULL);
SELECT B'1111' <%> B'1110', jaccard_distance(B'1100', B'0011'), jaccard_distance(B'0000', B'0000'), jaccard_distance(B'', B''), jaccard_distance('101', NULL);
SELECT B'111' <~> B'11';
SELECT B'111' <%> B'11';
SELECT hamming_distance(repeat('10', 5000)::bit(10000), repeat('01', 5000)::bit(10000)), jaccard_distance(repeat('10', 5000)::bit(10000), repeat('11', 5000)::bit(10000));
-- Every length around the word and register sizes
SELECT count(*) FROM generate_series(1, 600) n, LATERAL (SELECT repeat('1', n)::varbit::bit(600) a, repeat('01', n)::varbit::bit(600) b) x
WHERE hamming_distance(a, b) <> length(replace((a # b)::text, '0', '')) OR
      jaccard_distance(a, b) <> 1 - length(replace((a & b)::text, '0', ''))::float8 / length(replace((a | b)::text, '0', ''));
SET lowdim.simd = baseline;
SELECT hamming_distance(repeat('10', 5000)::bit(10000), repeat('01', 5000)::bit(10000)), jaccard_distance(repeat('10', 5000)::bit(10000), repeat('11', 5000)::bit(10000));
RESET lowdim.simd;
