# muvera_search in servers at work: every answer is that of its snapshot beside writers and VACUUM, and on a standby that of
# the primary; a search ends when it is told to, wherever it is.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use IPC::Run;
use Time::HiRes;

my $node = PostgreSQL::Test::Cluster->new('muvera');
$node->init(allows_streaming => 1);
$node->append_conf('postgresql.conf', "autovacuum = off\nfsync = off\njit = off\nmax_parallel_workers_per_gather = 0\nshared_buffers = 64MB\n");
$node->start;

sub sql { return $node->safe_psql('postgres', $_[0]); }

# Documents of one to four vectors, without random numbers.
sql('CREATE EXTENSION lowdim;
	CREATE FUNCTION tokens(i int) RETURNS multivector LANGUAGE sql IMMUTABLE AS $$
	SELECT multivector_agg(v ORDER BY t) FROM (
	  SELECT t, array_agg((sin(i * 0.618 + t * d) + cos(i * 0.0137 * d) + sin(i * 1.414 * d * d) * 0.3)::real ORDER BY d)::vector AS v
	    FROM generate_series(1, 1 + i % 4) t, generate_series(1, 8) d GROUP BY t) x $$');
my $index = q{USING lean_hnsw (fde_document(tokens, 'repetitions=8 k_sim=2') vector_ip_ops) WITH (rerank = none)};

# The scores of the k best rows, by an index that gives all rows, and by the table: equal under one snapshot. Rows may
# be equal, too, so that they are not named. A score that is not the row's is shown as NaN.
sub found
{
	my ($table, $query, $k, $candidates) = @_;
	return "(SELECT string_agg(CASE WHEN s.score = maxsim(p.tokens, $query) THEN s.score ELSE 'NaN' END::text, ' ' ORDER BY s.score DESC) FROM muvera_search('$table', 'tokens', $query, $k, $candidates) s JOIN $table p ON p.ctid = s.tid)";
}
sub exact
{
	my ($table, $query, $k) = @_;
	return "(SELECT string_agg(score::text, ' ' ORDER BY score DESC) FROM (SELECT maxsim(tokens, $query) AS score FROM $table WHERE tokens IS NOT NULL ORDER BY 1 DESC LIMIT $k) x)";
}

# --- beside writers and VACUUM
sql("CREATE TABLE t (id int PRIMARY KEY, note int DEFAULT 0, tokens multivector(8)) WITH (fillfactor = 70);
	INSERT INTO t SELECT i, 0, tokens(i) FROM generate_series(1, 2000) i; CREATE INDEX t_tokens ON t $index; CREATE SEQUENCE ids START 10000");
my @to = ('-h', $node->host, '-p', $node->port, 'postgres');
my %scripts = (
	read => "\\set i random(1, 3000)\nSELECT 1 / (" . found('t', 'tokens(:i)', 15, 1000000) . ' IS NOT DISTINCT FROM ' . exact('t', 'tokens(:i)', 15) . ")::int;\n",
	# The same rows twice, and a whole answer in between.
	stay => "\\set i random(1, 3000)\nBEGIN ISOLATION LEVEL REPEATABLE READ;\nSELECT " . exact('t', 'tokens(:i)', 15) . " AS then \\gset\n\\sleep 20 ms\n"
		. "SELECT 1 / (" . found('t', 'tokens(:i)', 15, 1000000) . " = ':then')::int;\nCOMMIT;\n",
	few => "\\set i random(1, 3000)\nSELECT 1 / (count(*) = 10 AND count(DISTINCT p.id) = 10 AND bool_and(s.score = maxsim(p.tokens, tokens(:i))))::int "
		. "FROM muvera_search('t', 'tokens', tokens(:i), 10, 40) s JOIN t p ON p.ctid = s.tid;\n",
	write => "\\set old random(1, 2000)\nUPDATE t SET note = note + 1 WHERE id = :old;\nUPDATE t SET tokens = tokens(:old + 4000 + note) WHERE id = :old + 1;\n"
		. "DELETE FROM t WHERE id = (SELECT min(id) FROM t WHERE id >= 10000 AND :old % 2 = 0);\n"
		. "INSERT INTO t SELECT i, 0, CASE WHEN i % 10 > 0 THEN tokens(i) END FROM nextval('ids') n, LATERAL (SELECT n::int) x(i);\n",
	vacuum => "VACUUM t;\n\\sleep 50 ms\n");
for my $name (keys %scripts)
{
	append_to_file($node->basedir . "/$name.sql", $scripts{$name});
	$scripts{$name} = $node->basedir . "/$name.sql";
}
my %load;
for my $part (['read', 2], ['stay', 1], ['few', 1], ['write', 2], ['vacuum', 1])
{
	my ($name, $clients) = @$part;
	my $l = $load{$name} = { out => '', err => '' };
	$l->{handle} = IPC::Run::start(['pgbench', '-n', '-M', 'simple', '-c', $clients, '-T', 6, '-f', $scripts{$name}, @to], '<', \undef, '>', \$l->{out}, '2>', \$l->{err});
}
for my $name (sort keys %load)
{
	my $l = $load{$name};
	$l->{handle}->finish;
	is($l->{handle}->result(0), 0, "$name: ends well");
	# Two writers may meet in one row, and wait; nothing else.
	unlike($l->{err}, qr/ERROR|aborted/, "$name: met no error") or diag($l->{err});
	my ($many) = $l->{out} =~ /number of transactions actually processed: (\d+)/;
	cmp_ok($many // 0, '>', 3, "$name: was at work");
	note("$name: $many");
}
cmp_ok(sql("SELECT n_tup_hot_upd > 0 FROM pg_stat_all_tables WHERE relname = 't'"), 'eq', 't', 'some updates stayed in their page');
is(sql('SELECT ' . found('t', 'tokens(5)', 100, 1000000)), sql('SELECT ' . exact('t', 'tokens(5)', 100)), 'afterwards');
is(sql("SELECT * FROM lowdim_check('t_tokens', true) WHERE severity = 'error'"), '', 'no damage');

# --- a standby
$node->backup('copy');
my $standby = PostgreSQL::Test::Cluster->new('muvera_standby');
$standby->init_from_backup($node, 'copy', has_streaming => 1);
$standby->append_conf('postgresql.conf', "hot_standby_feedback = on\nmax_standby_streaming_delay = -1\n");
$standby->start;
my $answers = join('; ', map { "SELECT string_agg(p.id || '=' || s.score, ' ' ORDER BY s.score DESC, p.id) FROM muvera_search('t', 'tokens', tokens($_), 10, 60) s JOIN t p ON p.ctid = s.tid" } 3, 500, 10500, 999);
sub alike
{
	my ($what) = @_;
	$node->wait_for_catchup($standby);
	my $here = sql($answers);
	like($here, qr/^(\d+=\S+( \d+=\S+){9}\n?){4}$/, "$what: ten rows each");
	is($standby->safe_psql('postgres', $answers), $here, "$what: the standby gives the same");
	return;
}
alike('standby');
sql('DELETE FROM t WHERE id % 3 = 0; UPDATE t SET note = -1 WHERE id % 7 = 0; INSERT INTO t SELECT i, 0, tokens(i) FROM generate_series(5000, 5300) i');
alike('standby, changes');
sql('VACUUM t');
alike('standby, vacuum');
is($standby->safe_psql('postgres', 'SELECT pg_is_in_recovery(), ' . found('t', 'tokens(8)', 50, 1000000) . ' = ' . exact('t', 'tokens(8)', 50)), 't|t', 'standby, all rows: the exact answer');

my $l = { out => '', err => '' };
my $readers = IPC::Run::start(['pgbench', '-n', '-c', '2', '-T', '5', '-f', $scripts{read}, '-f', $scripts{few}, '-h', $standby->host, '-p', $standby->port, 'postgres'],
	'<', \undef, '>', \$l->{out}, '2>', \$l->{err});
my $turns = 0;
for (my $until = time + 5; time < $until; ++$turns)
{
	sql("DELETE FROM t WHERE id % 10 = $turns % 10 AND id BETWEEN 2001 AND 9000; UPDATE t SET note = note + 1 WHERE id % 10 = $turns % 10");
	sql('VACUUM (TRUNCATE off) t');
	sql("INSERT INTO t SELECT i, 0, tokens(i + $turns) FROM generate_series(5000, 6000) i WHERE i % 10 = $turns % 10 ON CONFLICT DO NOTHING");
}
$readers->finish;
cmp_ok($turns, '>', 1, "the primary vacuums ($turns times)");
is($readers->result(0), 0, 'and the standby goes on answering') or diag($l->{err});
unlike($l->{err}, qr/ERROR|aborted/, 'without an error');
like($l->{out}, qr/number of transactions actually processed: [1-9]/, 'more than once');
alike('standby, after all that');
$standby->stop;

# --- told to end: among many rows, and within one comparison
sql("CREATE TABLE slow (id int, tokens multivector(8));
	INSERT INTO slow SELECT i, (SELECT multivector_agg(v) FROM generate_series(1, 200) j, LATERAL (SELECT array_agg(sin(i + j * d)::real)::vector v FROM generate_series(1, 8) d) x) FROM generate_series(1, 1100) i;
	CREATE INDEX ON slow $index;
	CREATE TABLE questions AS SELECT multivector_agg(array_fill(sin(i)::real, ARRAY[8])::vector) AS tokens FROM generate_series(1, 65535) i;
	CREATE TABLE long (tokens multivector(128));
	INSERT INTO long SELECT multivector_agg(array_fill(i::real, ARRAY[128])::vector) FROM generate_series(1, 65535) i;
	CREATE INDEX ON long USING lean_hnsw (fde_document(tokens, 'repetitions=1 k_sim=0 d_proj=1') vector_ip_ops)");
my %told = (
	'many rows' => "/* told */ SELECT count(*) FROM questions q, LATERAL muvera_search('slow', 'tokens', q.tokens, 1000, 1000)",
	# Four billion products of 128 dimensions, after an encoding that takes no time.
	'one comparison' => "/* told */ SELECT count(*) FROM long q, LATERAL muvera_search('long', 'tokens', q.tokens, 1, 1)");
for my $what (sort keys %told)
{
	my $start = Time::HiRes::time();
	my ($ret, $out, $err) = $node->psql('postgres', "SET statement_timeout = 1500; $told{$what};\nRESET statement_timeout; SELECT " . found('t', 'tokens(5)', 5, 5000), on_error_stop => 0);
	my $took = Time::HiRes::time() - $start;
	like($err, qr/canceling statement due to statement timeout/, "$what: the timeout ends it");
	cmp_ok($took, '<', 4, "$what: at once");
	is($out, sql('SELECT ' . exact('t', 'tokens(5)', 5)), "$what: and the session answers the next question");

	my $session = { out => '', err => '' };
	$session->{handle} = IPC::Run::start(['psql', '-XAtq', '-d', $node->connstr('postgres'), '-c', $told{$what}], '<', \undef, '>', \$session->{out}, '2>', \$session->{err});
	ok($node->poll_query_until('postgres', "SELECT count(*) = 1 FROM pg_stat_activity WHERE query LIKE '/* told */%' AND state = 'active'"), "$what: runs");
	is(sql("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query LIKE '/* told */%' AND state = 'active'"), 't', "$what: is cancelled");
	$session->{handle}->finish;
	like($session->{err}, qr/canceling statement due to user request/, "$what: and says so");
}

# --- the most candidates of a table that holds more memory than it may take, and one index fewer while a session knows it
is(sql("SET work_mem = '64kB'; SELECT count(*), count(DISTINCT tid) FROM muvera_search('t', 'tokens', tokens(1), 1000000, 1000000)"),
	sql('SELECT count(*), count(*) FROM t WHERE tokens IS NOT NULL'), 'a million candidates with little memory');
my $drop = "\\! psql -XAtq -d '" . $node->connstr('postgres') . "' -c 'DROP INDEX t_tokens'";
my ($ret, $out, $err) = $node->psql('postgres', "PREPARE search AS SELECT count(*) FROM muvera_search('t', 'tokens', tokens(1));\nEXECUTE search;\n$drop\nEXECUTE search;\n", on_error_stop => 0);
is($out, '10', 'an index found');
like($err, qr/ERROR:  no lean_hnsw index on fde_document\(tokens\) of "t"/, 'and missed, dropped by another session');

$node->stop;
done_testing();
