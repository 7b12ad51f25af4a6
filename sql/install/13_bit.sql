-- Distances of the server's own type bit.

CREATE FUNCTION hamming_distance(bit, bit) RETURNS double precision
  AS 'MODULE_PATHNAME', 'lowdim_hamming_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hamming_distance(bit, bit) IS
  'Number of bits that differ. Error 22000 for different lengths.';

CREATE FUNCTION jaccard_distance(bit, bit) RETURNS double precision
  AS 'MODULE_PATHNAME', 'lowdim_jaccard_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION jaccard_distance(bit, bit) IS
  '1 - common bits / bits set in either, from 0 to 1; 1 if no bit is common. Error 22000 for different lengths.';

CREATE OPERATOR <~> (LEFTARG = bit, RIGHTARG = bit, FUNCTION = hamming_distance, COMMUTATOR = <~>);
COMMENT ON OPERATOR <~> (bit, bit) IS 'Hamming distance';

CREATE OPERATOR <%> (LEFTARG = bit, RIGHTARG = bit, FUNCTION = jaccard_distance, COMMUTATOR = <%>);
COMMENT ON OPERATOR <%> (bit, bit) IS 'Jaccard distance';
