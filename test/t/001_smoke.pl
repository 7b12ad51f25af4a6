# A server of its own: the extension can be created in any schema, dropped, dumped and restored; every object has a
# comment; every function is safe in parallel workers; the shipped sample loads and its neighbours make sense.
use strict;
use warnings;

use FindBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->start;

# --- the extension's objects
$node->safe_psql('postgres', 'CREATE SCHEMA "Other schema"; CREATE EXTENSION lowdim SCHEMA "Other schema"');
is( $node->safe_psql(
		'postgres',
		q{SELECT '[1,2]'::"Other schema".vector OPERATOR("Other schema".<->) '[4,6]'::"Other schema".vector}),
	'5',
	'works in a schema that is not on the search_path');
$node->safe_psql('postgres', 'ALTER EXTENSION lowdim SET SCHEMA public');
is($node->safe_psql('postgres', q{SELECT '[1,2]'::vector <-> '[4,6]'}), '5', 'and after a move to another');
is( $node->safe_psql(
		'postgres', q{
	SELECT pg_describe_object(classid, objid, 0)
	FROM pg_depend d
	WHERE refclassid = 'pg_extension'::regclass AND deptype = 'e'
	  AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'lowdim')
	  -- what PostgreSQL makes on its own: array types, row types of tables, families of operator classes
	  AND NOT (classid = 'pg_type'::regclass AND EXISTS (SELECT 1 FROM pg_type t WHERE t.typarray = objid))
	  AND NOT (classid = 'pg_type'::regclass AND EXISTS (SELECT 1 FROM pg_class c WHERE c.reltype = objid AND c.relkind <> 'c'))
	  AND classid <> 'pg_opfamily'::regclass
	  AND obj_description(objid, classid::regclass::name) IS NULL
	ORDER BY 1}),
	'',
	'every object has a comment');
cmp_ok(
	$node->safe_psql(
		'postgres', q{
	SELECT count(*) FROM pg_depend
	WHERE refclassid = 'pg_extension'::regclass AND deptype = 'e'
	  AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'lowdim')}),
	'>', 100, 'and there are objects');
is( $node->safe_psql(
		'postgres', q{
	SELECT p.oid::regprocedure FROM pg_depend d JOIN pg_proc p ON p.oid = objid
	WHERE refclassid = 'pg_extension'::regclass AND deptype = 'e' AND classid = 'pg_proc'::regclass
	  AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'lowdim') AND proparallel <> 's'
	  AND provolatile <> 'v' AND 'regclass'::regtype <> ALL (p.proargtypes)}),
	'',
	'every function is parallel safe but those that read a table, which may be temporary');

# --- the sample
my $rows = "$FindBin::Bin/../../sample/glove_words.tsv.gz";
my $copy = PostgreSQL::Test::Utils::tempdir() . '/words.tsv';
system("gzip -dc '$rows' >'$copy'") == 0 or die "cannot read $rows";
$node->safe_psql(
	'postgres', qq{
	CREATE TABLE words (rank int PRIMARY KEY, word text, embedding vector(100));
	COPY words FROM '$copy'});
is($node->safe_psql('postgres', 'SELECT count(*), count(DISTINCT embedding) FROM words'), '5000|5000', 'sample loads');
is( $node->safe_psql(
		'postgres', q{
	SELECT string_agg(word, ' ') FROM (
	  SELECT word FROM words WHERE word <> 'coffee'
	  ORDER BY embedding <=> (SELECT embedding FROM words WHERE word = 'coffee') LIMIT 3) n}),
	'tea beer wine',
	'neighbours of coffee');
is( $node->safe_psql(
		'postgres', q{
	SELECT n.word FROM words a, words b, words c, LATERAL (
	  SELECT word FROM words WHERE word NOT IN ('king', 'man', 'woman')
	  ORDER BY embedding <=> (a.embedding - b.embedding + c.embedding) LIMIT 1) n
	WHERE a.word = 'king' AND b.word = 'man' AND c.word = 'woman'}),
	'queen',
	'king - man + woman');

# The same answer from parallel workers.
my $nearest = q{SELECT string_agg(word, ' ') FROM (
	SELECT word FROM words ORDER BY embedding <-> (SELECT embedding FROM words WHERE word = 'river') LIMIT 10) n};
my $serial = $node->safe_psql('postgres', "SET max_parallel_workers_per_gather = 0; $nearest");
my $force = q{SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0;};
like($node->safe_psql('postgres', "$force EXPLAIN (COSTS OFF) $nearest"), qr/Parallel Seq Scan/, 'a parallel plan');
is($node->safe_psql('postgres', "$force $nearest"), $serial, 'parallel and serial scans agree');

# --- dump and restore
my $dump = PostgreSQL::Test::Utils::tempdir() . '/dump.sql';
$node->command_ok([ 'pg_dump', '-f', $dump, $node->connstr('postgres') ], 'dump');
$node->safe_psql('postgres', 'CREATE DATABASE copy');
$node->command_ok([ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-f', $dump, $node->connstr('copy') ], 'restore');
my $digest = q{SELECT md5(string_agg(rank || word || embedding, ',' ORDER BY rank)) FROM words};
is($node->safe_psql('copy', $digest), $node->safe_psql('postgres', $digest), 'the restored rows are the same');

# --- an end without residue
my ($status, $stdout, $stderr) = $node->psql('postgres', 'DROP EXTENSION lowdim');
like($stderr, qr/cannot drop extension lowdim because other objects depend on it/, 'a used extension stays');
$node->safe_psql('postgres', 'DROP TABLE words; DROP EXTENSION lowdim; CREATE EXTENSION lowdim; DROP EXTENSION lowdim');
is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_type WHERE typname IN ('vector', 'halfvec', 'sparsevec')}),
	'0', 'dropped, and so after a second creation');

done_testing();
