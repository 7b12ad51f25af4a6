# The access method lean_hnsw under adversity from outside: a disk that is full, an index of another format, recovery to a
# point in time, and 200 clients at once, for LOAD_SECONDS (10) seconds.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $load_seconds = $ENV{LOAD_SECONDS} // 10;

my $node = PostgreSQL::Test::Cluster->new('adversity');
$node->init(has_archiving => 1, allows_streaming => 1, extra => ['--wal-segsize=1']);
$node->append_conf('postgresql.conf', "autovacuum = off\nfsync = off\njit = off\nmax_parallel_workers_per_gather = 0\nshared_buffers = 64MB\nmax_connections = 220\n");
$node->start;

sub sql { return $node->safe_psql('postgres', $_[0]); }

my $functions = 'CREATE EXTENSION lowdim;
	CREATE FUNCTION place(i int) RETURNS vector LANGUAGE sql IMMUTABLE AS $$
	SELECT array_agg((sin(i * 0.618034 + j) * 2 + cos(i * 0.0137 * j) + sin(i * 1.414 * j * j) * 0.3)::real ORDER BY j)::vector
	FROM generate_series(1, 12) j $$';
sql($functions);
my $by_index = 'SET enable_seqscan = off; SET enable_sort = off';

# The index `table`_v must be without errors and give every row of the table once.
sub whole
{
	my ($server, $table, $what) = @_;
	my $scan = $server->safe_psql('postgres', "$by_index;
		SELECT count(*), count(DISTINCT id), sum(id) FROM (SELECT id FROM $table ORDER BY v <-> place(77) OFFSET 0) x;
		SELECT lowdim_last_scan() ->> 'index'");
	is($scan, $server->safe_psql('postgres', "SELECT count(*), count(DISTINCT id), sum(id) FROM $table; SELECT '${table}_v'"),
		"$what: every row once");
	is($server->safe_psql('postgres', "SELECT * FROM lowdim_check('${table}_v', true) WHERE severity = 'error'"), '', "$what: no damage");
	return;
}

# --- a full disk: no file of the server can become larger than 2 MB. Its processes inherit that from the postmaster.
my $prlimit = `sh -c 'command -v prlimit'`;
SKIP:
{
	skip 'prlimit is not installed', 1 unless $prlimit =~ /prlimit/;
	my $limit = sub {
		my $pid = (split /\n/, slurp_file($node->data_dir . '/postmaster.pid'))[0];
		system('prlimit', "--pid=$pid", "--fsize=$_[0]") == 0 or die 'prlimit failed';
	};
	sql("CREATE TABLE f (id int, v vector(12)); CREATE INDEX f_v ON f USING lean_hnsw (v) WITH (m = 64, ef_construction = 128)");
	sql('INSERT INTO f SELECT i, place(i) FROM generate_series(1, 1100) i');
	sql('CREATE TABLE h (id int, v vector(12)); INSERT INTO h SELECT i, place(i) FROM generate_series(1, 8000) i; CHECKPOINT');
	my $files = q{CHECKPOINT; SELECT count(*) FROM pg_database d, pg_ls_dir('base/' || d.oid) WHERE datname = 'postgres'};
	my $before = sql($files);
	$limit->('2097152:');
	my ($full, $rows) = ('', 1100);
	for (my $id = 2000; $id < 20000 && $full eq ''; $id += 100)
	{
		my ($ret, $out, $err) = $node->psql('postgres', "INSERT INTO f SELECT i, place(i) FROM generate_series($id, $id + 99) i");
		if ($ret == 0) { $rows += 100; } else { $full = $err; }
	}
	like($full, qr/ERROR:  could not extend file.*(File too large|No space)/, 'full disk: an insert says so');
	is(sql('SELECT count(*) FROM f'), $rows, 'full disk: nothing of that statement is there');
	whole($node, 'f', 'full disk');
	my ($ret, $out, $err) = $node->psql('postgres', 'CREATE INDEX h_v ON h USING lean_hnsw (v) WITH (m = 64, ef_construction = 128)');
	like($err, qr/ERROR:  could not (extend|write).*(File too large|No space)/, 'full disk: so does a build');
	is(sql($files), $before, 'full disk: which leaves no file behind');
	sql("DELETE FROM f WHERE id % 3 = 0; VACUUM (TRUNCATE off) f");
	whole($node, 'f', 'full disk, vacuumed');
	sql('INSERT INTO f SELECT i, place(i) FROM generate_series(50001, 50100) i');
	whole($node, 'f', 'full disk, room used again');
	$limit->('unlimited:');
	$node->stop('immediate');
	$node->start;
	whole($node, 'f', 'after the full disk');
	sql('INSERT INTO f SELECT i, place(i) FROM generate_series(60001, 61000) i; CREATE INDEX h_v ON h USING lean_hnsw (v)');
	whole($node, 'f', 'the disk has room again');
	whole($node, 'h', 'the disk has room again, a build');
}

# --- an index of a format that this library does not read
sub write_format
{
	my ($index, $format, $oldest_reader) = @_;
	my $file = $node->data_dir . '/' . sql("SELECT pg_relation_filepath('$index')");
	$node->stop;
	open my $pages, '+<', $file or die "$file: $!";
	binmode $pages;
	sysseek $pages, 24 + 4, 0;    # after the magic in the body of the meta page
	syswrite $pages, pack('vv', $format, $oldest_reader);
	close $pages;
	$node->start;
	return;
}
sql('CREATE TABLE o (id int, v vector(12)); INSERT INTO o SELECT i, place(i) FROM generate_series(1, 2000) i; CREATE INDEX o_v ON o USING lean_hnsw (v)');
for my $case ([0, 0, 'older'], [99, 99, 'newer'])
{
	my ($format, $reader, $what) = @$case;
	write_format('o_v', $format, $reader);
	for my $statement ("$by_index; SELECT id FROM o ORDER BY v <-> place(3) LIMIT 5", 'INSERT INTO o VALUES (0, place(0))', 'DELETE FROM o WHERE id = 7; VACUUM o')
	{
		my ($ret, $out, $err) = $node->psql('postgres', $statement, on_error_stop => 1);
		like($err, qr/ERROR:.*o_v.*\n(.*\n)?HINT:.*(REINDEX|pdate|pgrade)/, "$what format: $statement") or diag($err);
	}
	is(sql('SET enable_indexscan = off; SELECT count(*) FROM (SELECT id FROM o ORDER BY v <-> place(3) LIMIT 5) x'), '5', "$what format: the table can be read");
	sql('REINDEX INDEX o_v');
	whole($node, 'o', "$what format, REINDEX");
	sql('INSERT INTO o VALUES (3000, place(3000)); VACUUM o');
	whole($node, 'o', "$what format, in use again");
}

# --- a base backup while rows come and go, and recovery to a point in time
sql('CREATE TABLE p (id int, v vector(12)); INSERT INTO p SELECT i, place(i) FROM generate_series(1, 1500) i; CREATE INDEX p_v ON p USING lean_hnsw (v)');
my $script = $node->basedir . '/p.sql';
append_to_file($script, "\\set i random(10000, 1000000)\nINSERT INTO p VALUES (:i, place(:i));\nDELETE FROM p WHERE id = (SELECT min(id) FROM p);\n");
my ($out, $err) = ('', '');
my $load = IPC::Run::start(['pgbench', '-n', '-c', '2', '-T', '5', '-f', $script, '-h', $node->host, '-p', $node->port, 'postgres'], '<', \undef, '>', \$out, '2>', \$err);
ok($node->poll_query_until('postgres', 'SELECT count(*) > 50 FROM p WHERE id >= 10000'), 'rows come');
$node->backup('base');
sql('VACUUM p');
$load->finish;
unlike($err, qr/ERROR|aborted/, 'the writers met no error');
my $then = sql('SELECT count(*), sum(id) FROM p');
sql("SELECT pg_create_restore_point('here')");
sql('DELETE FROM p WHERE id % 2 = 0; VACUUM p; INSERT INTO p SELECT i, place(i) FROM generate_series(5000, 5500) i; DROP INDEX p_v; SELECT pg_switch_wal()');
my $back = PostgreSQL::Test::Cluster->new('back');
$back->init_from_backup($node, 'base', has_restoring => 1, standby => 0);
$back->append_conf('postgresql.conf', "recovery_target_name = 'here'\nrecovery_target_action = 'promote'\n");
$back->start;
ok($back->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery()'), 'recovered to the point');
is($back->safe_psql('postgres', 'SELECT count(*), sum(id) FROM p'), $then, 'the rows of then');
whole($back, 'p', 'recovered');
$back->safe_psql('postgres', 'INSERT INTO p SELECT i, place(i) FROM generate_series(5000, 5500) i; DELETE FROM p WHERE id % 5 = 0; VACUUM p');
whole($back, 'p', 'recovered, then written to');
$back->stop;

# --- 200 clients that search, insert, update and delete, and one that vacuums
sql('CREATE SEQUENCE ids START 3000; CREATE TABLE c (id int, v vector(12)); INSERT INTO c SELECT i, place(i) FROM generate_series(1, 2000) i;
	CREATE INDEX c_id ON c (id); CREATE INDEX c_v ON c USING lean_hnsw (v)');
my %scripts = (
	read => "\\set i random(1, 5000)\nSELECT 1 / (count(*) = 10 AND count(DISTINCT id) = 10)::int FROM (SELECT id FROM c ORDER BY v <-> place(:i) LIMIT 10) x;\n",
	write => "\\set old random(1, 2000)\nINSERT INTO c SELECT i, place(i) FROM nextval('ids') n, LATERAL (SELECT n::int) x(i);\n"
		. "UPDATE c SET v = place(:old + 5000) WHERE id = :old;\nDELETE FROM c WHERE id = 3000 + :old;\n",
	vacuum => "VACUUM c;\n\\sleep 500 ms\n");
for my $name (keys %scripts)
{
	append_to_file($node->basedir . "/$name.sql", $scripts{$name});
	$scripts{$name} = $node->basedir . "/$name.sql";
}
my @to = ('-h', $node->host, '-p', $node->port, 'postgres');
my $vacuum = IPC::Run::start(['pgbench', '-n', '-c', '1', '-T', $load_seconds, '-f', $scripts{vacuum}, @to], '<', \undef, '>', \my $vacuum_out, '2>', \my $vacuum_err);
($out, $err) = ('', '');
my $mix = IPC::Run::start(['pgbench', '-n', '-c', '200', '-j', '2', '-T', $load_seconds, '-f', "$scripts{read}\@3", '-f', "$scripts{write}\@1", @to], '<', \undef, '>', \$out, '2>', \$err);
$mix->finish;
$vacuum->finish;
is($mix->result(0), 0, '200 clients end well');
unlike($err, qr/ERROR|aborted/, 'and met no error');
is($vacuum->result(0), 0, 'so does the vacuum beside them');
unlike($vacuum_err, qr/ERROR|aborted/, 'without an error');
my ($many) = $out =~ /number of transactions actually processed: (\d+)/;
cmp_ok($many // 0, '>', 200, 'each has done something');
note($out);
whole($node, 'c', '200 clients');
sql('VACUUM c');
whole($node, 'c', '200 clients, vacuumed');

$node->stop;
done_testing();
