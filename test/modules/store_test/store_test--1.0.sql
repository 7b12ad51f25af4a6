\echo Use "CREATE EXTENSION store_test" to load this file. \quit

CREATE FUNCTION store_test_handler(internal) RETURNS index_am_handler
  AS 'MODULE_PATHNAME', 'store_test_handler' LANGUAGE C;
CREATE ACCESS METHOD store_test TYPE INDEX HANDLER store_test_handler;

-- The index holds the rows' addresses and no keys; a scan returns them all and has the executor look.
CREATE OPERATOR CLASS int8_ops DEFAULT FOR TYPE bigint USING store_test AS OPERATOR 1 >= ;

-- What the index holds, and what is wrong with it: "values N, pages N live N free N lost N", then one line a damage.
CREATE FUNCTION store_test_check(index regclass) RETURNS SETOF text
  AS 'MODULE_PATHNAME', 'store_test_check' LANGUAGE C STRICT;
-- Breaks a rule of the store on purpose: order, pages or header.
CREATE FUNCTION store_test_break(index regclass, rule text) RETURNS void
  AS 'MODULE_PATHNAME', 'store_test_break' LANGUAGE C STRICT;
-- Grows an ArenaVec, an ArenaHeap and a FlatSet to n elements in a memory context; what they hold, summed up.
CREATE FUNCTION store_test_arena(n bigint) RETURNS bigint
  AS 'MODULE_PATHNAME', 'store_test_arena' LANGUAGE C STRICT;
