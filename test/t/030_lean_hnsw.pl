# The access method lean_hnsw in servers that crash: whatever was cut, lowdim_check finds no error and every row of the
# table is found once. A standby that answers as its primary does, builds beside writers, cancelled builds, dump and
# restore, damaged pages.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use IPC::Run;

my $node = PostgreSQL::Test::Cluster->new('hnsw');
$node->init(allows_streaming => 1);
# Enough buffers that pages which were not logged are not on disk by chance.
$node->append_conf('postgresql.conf', "autovacuum = off\nfsync = off\njit = off\nmax_parallel_workers_per_gather = 0\nshared_buffers = 32MB\n");
$node->start;

sub sql { return $node->safe_psql('postgres', $_[0]); }

# Points near a curved surface, without random numbers.
sql('CREATE EXTENSION lowdim;
	CREATE FUNCTION place(i int) RETURNS vector LANGUAGE sql IMMUTABLE AS $$
	SELECT array_agg((sin(i * 0.618034 + j) * 2 + cos(i * 0.0137 * j) + sin(i * 1.414 * j * j) * 0.3)::real ORDER BY j)::vector
	FROM generate_series(1, 12) j $$');
my $by_index = 'SET enable_seqscan = off; SET enable_sort = off';

# The index of `table` on v must be without errors and give every row of the table once.
sub whole
{
	my ($table, $what, $database) = @_;
	$database //= 'postgres';
	my $scan = $node->safe_psql($database, "$by_index;
		SELECT count(*), count(DISTINCT id), sum(id) FROM (SELECT id FROM $table ORDER BY v <-> place(77) OFFSET 0) x;
		SELECT lowdim_last_scan() ->> 'index'");
	is($scan, $node->safe_psql($database, "SELECT count(*), count(DISTINCT id), sum(id) FROM $table; SELECT '${table}_v'"),
		"$what: every row once");
	is($node->safe_psql($database, "SELECT * FROM lowdim_check('${table}_v', true) WHERE severity = 'error'"), '', "$what: no damage");
	return;
}

sub info { return sql("SELECT lowdim_info('$_[0]') ->> '$_[1]'"); }

# After a crash the server stays down (restart_after_crash is off in these clusters).
sub start_again
{
	my $pid_file = $node->data_dir . '/postmaster.pid';
	for (1 .. 600) { last unless -e $pid_file; select(undef, undef, undef, 0.05); }
	$node->{_pid} = undef;
	$node->start;
	return;
}

# psql in the background, which is fed the lines of a file; what it prints goes to another.
sub writer
{
	my ($name, $lines) = @_;
	my ($in, $out) = map { $node->basedir . "/$name.$_" } 'sql', 'out';
	unlink $in, $out;
	append_to_file($in, $lines);
	return { out => $out, handle => IPC::Run::start(['psql', '-XAtq', '-d', $node->connstr('postgres'), '-f', $in], '<', \undef, '>', $out, '2>', "$out.err") };
}

# --- crashes while two sessions insert, and a third deletes and vacuums
sql('CREATE TABLE t (id int, v vector(12)); INSERT INTO t SELECT i, place(i) FROM generate_series(1, 1500) i;
	CREATE INDEX t_v ON t USING lean_hnsw (v)');
sql('CREATE UNLOGGED TABLE u (id int, v vector(12)); CREATE INDEX u_v ON u USING lean_hnsw (v);
	INSERT INTO u SELECT i, place(i) FROM generate_series(1, 1300) i');
whole('u', 'unlogged');
is(info('u_v', 'trained'), 'true', 'unlogged: links');
for my $round (1 .. 3)
{
	my @writers = map {
		my $w = $_;
		writer("insert$w", join('', map { my $id = $round * 100000 + $w * 10000 + $_; "INSERT INTO t VALUES ($id, place($id)) RETURNING id;\n" } 1 .. 9000))
	} 1, 2;
	push @writers, writer('vacuum', join('', map { "DELETE FROM t WHERE id IN (SELECT min(id) FROM t WHERE id < 10000) OR id % 100 = $_ AND id < 10000;\nVACUUM t;\n" } 1 .. 500));
	ok($node->poll_query_until('postgres', "SELECT count(*) > 100 FROM t WHERE id > $round * 100000"), "round $round: rows come");
	select(undef, undef, undef, 0.3 * $round);
	if ($round == 1) { $node->stop('immediate'); }
	else
	{
		my $which = $round == 2 ? 'INSERT' : 'VACUUM';
		my $pid = sql("SELECT coalesce(min(pid) FILTER (WHERE query LIKE '$which%'), min(pid)) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()");
		is(kill('KILL', $pid), 1, "round $round: a backend is killed");
	}
	$_->{handle}->finish for @writers;
	start_again();
	my @told = map { split /\n/, slurp_file($_->{out}) } @writers[0, 1];
	cmp_ok(scalar(@told), '>', 100, "round $round: rows were committed");
	is(sql("SELECT count(*) FROM unnest('{" . join(',', @told) . "}'::int[]) id WHERE NOT EXISTS (SELECT FROM t WHERE t.id = id)"), '0', "round $round: and are there");
	whole('t', "round $round");
	if ($round == 1)
	{
		whole('u', 'unlogged after a crash');
		is(sql('SELECT count(*) FROM u'), '0', 'empty after a crash');
		sql('INSERT INTO u SELECT i, place(i) FROM generate_series(1, 1300) i');
		whole('u', 'unlogged, filled again');
		is(info('u_v', 'trained'), 'true', 'unlogged, filled again: links');
	}
}
sql('VACUUM t');
whole('t', 'vacuumed after three crashes');

# --- a crash right after the n-th record of one statement
sub crash_at
{
	my ($n, $statement) = @_;
	my ($out, $err) = ('', '');
	IPC::Run::run(['psql', '-XAtq', '-d', $node->connstr('postgres'), '-c', "LOAD 'lowdim'", '-c', "SET lowdim.failpoint = 'commit:$n:crash'", '-c', $statement],
		'<', \undef, '>', \$out, '2>', \$err);
	return fail("crash after record $n of: $statement $err") unless $err =~ /server closed the connection|terminating connection/;
	start_again();
	return 1;
}

my $id = 1000000;
for my $n (1, 2, 3, 6, 25)
{
	my $rows = sql('SELECT count(*) FROM t');
	crash_at($n, "INSERT INTO t SELECT i, place(i) FROM generate_series($id, $id + 19) i");
	is(sql('SELECT count(*) FROM t'), $rows, "insert cut after record $n: no row is visible");
	whole('t', "insert cut after record $n");
	sql("INSERT INTO t SELECT i, place(i) FROM generate_series($id, $id + 19) i");
	$id += 20;
}
for my $n (1, 4, 30)
{
	sql("DELETE FROM t WHERE id IN (SELECT id FROM t ORDER BY id LIMIT 60)");
	crash_at($n, 'VACUUM t');
	whole('t', "vacuum cut after record $n");
}
sql('VACUUM t');
whole('t', 'vacuumed again');

# The insert that trains the index and links all its nodes.
for my $n (30, 60, 100)
{
	sql('DROP TABLE IF EXISTS g; CREATE TABLE g (id int, v vector(12)); CREATE INDEX g_v ON g USING lean_hnsw (v);
		INSERT INTO g SELECT i, place(i) FROM generate_series(1, 1000) i');
	crash_at($n, 'INSERT INTO g SELECT i, place(i) FROM generate_series(1001, 1200) i');
	whole('g', "training cut after record $n");
	sql('INSERT INTO g SELECT i, place(i) FROM generate_series(1001, 1200) i');
	whole('g', "training cut after record $n, then done");
	is(info('g_v', 'trained'), 'true', "training cut after record $n: done later");
}

# --- a standby
$node->backup('copy');
my $standby = PostgreSQL::Test::Cluster->new('hnsw_standby');
$standby->init_from_backup($node, 'copy', has_streaming => 1);
$standby->append_conf('postgresql.conf', "hot_standby_feedback = on\nmax_standby_streaming_delay = -1\n");
$standby->start;

my $answers = "$by_index; " . join('; ', map { "SELECT string_agg(id::text, ' ') FROM (SELECT id FROM t ORDER BY v <-> place($_) LIMIT 20) x" } 3, 500, 110500, 120100, 999)
	. "; SELECT lowdim_last_scan() ->> 'index'";

sub alike
{
	my ($what) = @_;
	$node->wait_for_catchup($standby);
	my $here = sql($answers);
	like($here, qr/^((\d+ ){19}\d+\n){5}t_v$/, "$what: the index gives 20 rows");
	is($standby->safe_psql('postgres', $answers), $here, "$what: the standby gives the same");
	return;
}
sql('DROP TABLE t; CREATE TABLE t (id int, v vector(12)); INSERT INTO t SELECT i, place(i) FROM generate_series(1, 2000) i; CREATE INDEX t_v ON t USING lean_hnsw (v)');
alike('standby, a build');
sql('INSERT INTO t SELECT i, place(i) FROM generate_series(110000, 110999) i');
alike('standby, inserts');
sql('DELETE FROM t WHERE id % 3 = 0');
alike('standby, deletes');
sql('VACUUM t');
alike('standby, vacuum');
sql('INSERT INTO t SELECT i, place(i) FROM generate_series(120000, 120499) i');
alike('standby, slots used again');

my $queries = $node->basedir . '/standby.sql';
append_to_file($queries, "\\set i random(1, 2000)\nSELECT count(*) FROM (SELECT id FROM t ORDER BY v <-> place(:i) LIMIT 20) x;\n"
	. "SELECT 1 / (count(*) = count(DISTINCT id))::int FROM (SELECT id FROM t ORDER BY v <-> place(:i) OFFSET 0) x;\n");
my ($out, $err) = ('', '');
my $readers = IPC::Run::start(
	['env', 'PGOPTIONS=-c enable_seqscan=off -c enable_sort=off', 'pgbench', '-n', '-c', '2', '-T', '4', '-f', $queries, '-d', '-h', $standby->host, '-p', $standby->port, 'postgres'],
	'<', \undef, '>', \$out, '2>', \$err);
my $turns = 0;
for (my $until = time + 4; time < $until; ++$turns)
{
	sql("DELETE FROM t WHERE id % 10 = $turns % 10 AND id < 110000");
	sql('VACUUM (TRUNCATE off) t');
	sql("INSERT INTO t SELECT i, place(i) FROM generate_series(1, 2000) i WHERE i % 10 = $turns % 10");
}
$readers->finish;
cmp_ok($turns, '>', 1, "the primary vacuums ($turns times)");
is($readers->result(0), 0, 'and the standby goes on answering') or diag($err);
unlike($err, qr/ERROR|aborted/, 'without an error');
like($out, qr/number of transactions actually processed: [1-9]\d+/, 'many times');
alike('standby, after all that');
whole('t', 'the primary after all that');
$standby->stop;

# --- built beside writers
sql('CREATE SEQUENCE ids START 3000; CREATE TABLE w (id int PRIMARY KEY, v vector(12)); INSERT INTO w SELECT i, place(i) FROM generate_series(1, 2000) i');
my $script = $node->basedir . '/writer.sql';
append_to_file($script, <<'SQL');
\set old random(1, 2000)
INSERT INTO w SELECT i, place(i) FROM nextval('ids') n, LATERAL (SELECT n::int) x(i);
UPDATE w SET v = place(:old + 5000) WHERE id = :old;
DELETE FROM w WHERE id = :old + 1;
SQL
($out, $err) = ('', '');
my $writers = IPC::Run::start(['pgbench', '-n', '-c', '2', '-T', '3', '-f', $script, '-h', $node->host, '-p', $node->port, 'postgres'], '<', \undef, '>', \$out, '2>', \$err);
ok($node->poll_query_until('postgres', "SELECT count(*) > 20 FROM w WHERE id >= 3000"), 'writers are at work');
sql('CREATE INDEX CONCURRENTLY w_v ON w USING lean_hnsw (v)');
my $during = sql('SELECT last_value FROM ids');
$node->poll_query_until('postgres', "SELECT last_value > $during + 20 FROM ids");
sql('REINDEX INDEX CONCURRENTLY w_v');
$writers->finish;
is($writers->result(0), 0, 'the writers end well');
unlike($err, qr/ERROR|aborted/, 'and met no error');
cmp_ok(sql('SELECT last_value FROM ids'), '>', $during, 'and were at work until after the build');
whole('w', 'built beside writers');
sql('VACUUM w');
whole('w', 'and vacuumed');

# --- cancelled builds
my $files = q{CHECKPOINT; SELECT count(*) FROM pg_database d, pg_ls_dir('base/' || d.oid) WHERE datname = 'postgres'};
sql('CREATE TABLE b (id int, v vector(12)); INSERT INTO b SELECT i, place(i) FROM generate_series(1, 5000) i');
my $before = sql($files);
for my $workers (0, 2)
{
	my $parallel = "SET max_parallel_maintenance_workers = $workers; SET min_parallel_table_scan_size = 0";
	my $cancelled = 0;
	my $ms = 5;
	for (; $ms < 20000; $ms = int($ms * 1.8))
	{
		my ($ret, $stdout, $stderr) = $node->psql('postgres', "$parallel; SET statement_timeout = $ms; CREATE INDEX b_v ON b USING lean_hnsw (v)");
		last if $ret == 0;
		like($stderr, qr/canceling statement due to statement timeout/, "$workers workers: cancelled after $ms ms");
		++$cancelled;
	}
	cmp_ok($cancelled, '>=', 2, "$workers workers: builds were cancelled");
	whole('b', "$workers workers: the build after them");
	my ($ret, $stdout, $stderr) = $node->psql('postgres', "$parallel; LOAD 'lowdim'; SET statement_timeout = 20; REINDEX INDEX b_v");
	like($stderr, qr/canceling statement due to statement timeout/, "$workers workers: REINDEX is cancelled");
	whole('b', "$workers workers: the old index after a cancelled REINDEX");
	sql('DROP INDEX b_v');
	is(sql($files), $before, "$workers workers: no file is left behind");
}
# Cut before the index is in the catalog there is nothing to see: later, then.
for (my $ms = 20; $ms < 20000; $ms = int($ms * 1.5))
{
	$node->psql('postgres', "SET statement_timeout = $ms; CREATE INDEX CONCURRENTLY b_v ON b USING lean_hnsw (v)");
	last if sql("SELECT to_regclass('b_v') IS NOT NULL") eq 't';
}
is(sql("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('b_v')"), 'f', 'CONCURRENTLY, cancelled, leaves an index that is not valid');
sql('INSERT INTO b SELECT i, place(i) FROM generate_series(5001, 5100) i; DELETE FROM b WHERE id % 50 = 0; VACUUM b; REINDEX INDEX b_v');
whole('b', 'CONCURRENTLY cancelled, then built anew');

# --- dump and restore
sql('CREATE TABLE d (id int, v vector(12)); INSERT INTO d SELECT i, place(i) FROM generate_series(1, 2000) i;
	CREATE INDEX d_v ON d USING lean_hnsw (v) WITH (m = 8, ef_construction = 100, ef_search = 55, code = leanvec, code_dims = 7, rerank = int8);
	CREATE INDEX d_h ON d USING lean_hnsw ((v::halfvec(12)) halfvec_cosine_ops) WITH (code_bytes = 4) WHERE id > 100');
my $dump = $node->basedir . '/dump.sql';
$node->command_ok(['pg_dump', '-t', 'd', '-f', $dump, $node->connstr('postgres')], 'dump');
sql('CREATE DATABASE restored');
$node->safe_psql('restored', 'CREATE EXTENSION lowdim; CREATE FUNCTION place(i int) RETURNS vector LANGUAGE sql IMMUTABLE AS $$
	SELECT array_agg((sin(i * 0.618034 + j) * 2 + cos(i * 0.0137 * j) + sin(i * 1.414 * j * j) * 0.3)::real ORDER BY j)::vector FROM generate_series(1, 12) j $$');
$node->command_ok(['psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-f', $dump, $node->connstr('restored')], 'restore');
my $options = q{SELECT indexrelid::regclass, pg_get_indexdef(indexrelid), lowdim_info(indexrelid) - '{hops,pages,predicted_recall}'::text[] FROM pg_index WHERE indrelid = 'd'::regclass ORDER BY 2};
like(sql($options), qr/ef_search='55'.*code_dims='7'/, 'there are options');
is($node->safe_psql('restored', $options), sql($options), 'they are restored');
# A beam as wide as the table, so that the answer is exact whatever graph was built.
my $nearest = "SET lowdim.ef_search = 2000; SELECT string_agg(id::text, ' ') FROM (SELECT id FROM d ORDER BY v <-> place(700) LIMIT 20) x;
	SELECT string_agg(id::text, ' ') FROM (SELECT id FROM d WHERE id > 100 ORDER BY v::halfvec(12) <=> place(900)::halfvec(12) LIMIT 20) x";
is($node->safe_psql('restored', "$by_index; $nearest; SELECT lowdim_last_scan() ->> 'index'"), sql("SET enable_indexscan = off; $nearest; SELECT 'd_h'"), 'and the answers');
whole('d', 'restored', 'restored');

# --- a damaged page
# Changes bits of one byte of the first link of a node, so that it leads to what is no neighbour; returns block and slot.
sub damage
{
	my ($index, $skip, $byte, $bits) = @_;
	my $file = $node->data_dir . '/' . sql("SELECT pg_relation_filepath('$index')");
	my ($slot_bytes, $slots) = (info($index, 'slot_bytes'), info($index, 'slots_per_page'));
	my $kind = 16;
	$node->stop;
	open my $pages, '+<', $file or die "$file: $!";
	binmode $pages;
	for (my $block = 1; sysseek($pages, $block * 8192, 0) && sysread($pages, my $page, 8192) == 8192; ++$block)
	{
		next unless unpack('v', substr($page, 8180, 2)) == $kind;
		my $at = 24 + $slot_bytes;    # the second slot
		my ($state, undef, $count) = unpack('CCC', substr($page, $at, 3));
		next unless $state == 1 && $count > 0;
		my @links = unpack('V*', substr($page, $at + 32, 4 * ($count < 32 ? $count : 32)));
		my $wrong = $links[0] ^ $bits << 8 * $byte;
		next if grep { $_ == $wrong } @links, $block * $slots + 1;
		next if $skip-- > 0;
		sysseek $pages, $block * 8192 + $at + 32 + $byte, 0;
		syswrite $pages, chr(ord(substr($page, $at + 32 + $byte, 1)) ^ $bits);
		close $pages;
		$node->start;
		return "$block|1";
	}
	die 'no node has links';
}
whole('w', 'before damage');
my $rows = sql('SELECT count(*), count(DISTINCT id), sum(id) FROM w');
my $first = damage('w_v', 3, 3, 0x40);
my $second = damage('w_v', 30, 0, 0x01);
my $found = sql("SELECT block, item, what FROM lowdim_check('w_v') WHERE severity = 'error'");
is($found, "$first|a link leads to a node that does not exist", 'a link to nowhere is found');
$found = sql("SELECT block, item, what FROM lowdim_check('w_v', true) WHERE severity = 'error' ORDER BY block");
like($found, qr/^\Q$second\E\|/m, 'and in full a link to the wrong node') or diag($found);
is(sql("$by_index; SELECT count(*), count(DISTINCT id), sum(id) FROM (SELECT id FROM w ORDER BY v <-> place(77) OFFSET 0) x"), $rows, 'a scan gives all rows all the same');
is(sql("$by_index; SELECT count(*) FROM generate_series(1, 2000, 40) i, LATERAL (SELECT id FROM w ORDER BY v <-> place(i) LIMIT 20) x"), '1000', 'and searches their answers');
sql('INSERT INTO w SELECT i, place(i) FROM generate_series(900001, 900200) i; DELETE FROM w WHERE id % 7 = 0; VACUUM w');
is(sql("$by_index; SELECT count(*), count(DISTINCT id), sum(id) FROM (SELECT id FROM w ORDER BY v <-> place(77) OFFSET 0) x"),
	sql('SELECT count(*), count(DISTINCT id), sum(id) FROM w'), 'inserts and vacuum go on');
sql('REINDEX INDEX w_v');
whole('w', 'REINDEX mends it');

$node->stop;
done_testing();
