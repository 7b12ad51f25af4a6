# The page store inside the server, through the access method of test/modules/store_test: every crash, errors, gates,
# temporary and unlogged relations, damage, and the containers in a memory context. No row may be lost or doubled.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use IPC::Run;

my $node = PostgreSQL::Test::Cluster->new('store');
$node->init;
$node->append_conf('postgresql.conf', "autovacuum = off\nenable_seqscan = off\nfsync = off\n");
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION store_test');

sub sql { return $node->safe_psql('postgres', $_[0]); }

# The index must know every row of the table that the heap knows, once, and find no damage in itself.
sub whole
{
	my ($table, $what) = @_;
	like(sql("EXPLAIN SELECT * FROM $table WHERE k >= bigint '0'"), qr/Index Scan using ${table}_index/, "$what: the index is used");
	is(sql("SELECT count(*), count(DISTINCT k), sum(k) FROM $table WHERE k >= bigint '0'"),
		sql("SET enable_indexscan = off; SET enable_seqscan = on; SELECT count(*), count(DISTINCT k), sum(k) FROM $table WHERE k >= bigint '0'"),
		"$what: index and table agree");
	my $check = sql("SELECT store_test_check('${table}_index')");
	like($check, qr/^values \d+, pages [^\n]*$/, "$what: no damage");
	return $check;
}

# Build without log, inserts, vacuum, reuse of pages.
sql('CREATE TABLE t (k bigint); INSERT INTO t SELECT generate_series(1, 1000);
	 CREATE INDEX t_index ON t USING store_test (k)');
like(whole('t', 'after a build'), qr/^values 1000, pages 11 live 10 free 0 lost 0$/, '1000 rows on 10 pages');
sql('INSERT INTO t SELECT generate_series(1001, 1500)');
like(whole('t', 'after inserts'), qr/^values 1500, pages 16 live 15 free 0 lost 0$/, '1500 rows on 15 pages');
sql('DELETE FROM t WHERE k BETWEEN 301 AND 800');
sql('VACUUM (INDEX_CLEANUP on) t');
like(whole('t', 'after vacuum'), qr/^values 1000, pages 16 live 10 free 5 lost 0$/, 'five pages are free');
sql('INSERT INTO t SELECT generate_series(2001, 2500)');
like(whole('t', 'after reuse'), qr/^values 1500, pages 16 live 15 free 0 lost 0$/, 'and used again');

# A build and inserts survive a crash without a checkpoint in between.
sql('CREATE TABLE b (k bigint); INSERT INTO b SELECT generate_series(1, 500);
	 CREATE INDEX b_index ON b USING store_test (k); INSERT INTO b SELECT generate_series(501, 700)');
my $before = whole('b', 'before a crash');
$node->stop('immediate');
$node->start;
is(whole('b', 'after a crash'), $before, 'the same after replay');

# Every crash: an insert that needs a new page is two records, and a vacuum many. The process is killed right after the
# n-th, the server recovers, and what was committed is there; room that was lost comes back with a vacuum.
sub crash_at
{
	my ($n, $statement) = @_;
	my ($out, $err) = ('', '');
	IPC::Run::run(['psql', '-XAtq', '-d', $node->connstr('postgres'), '-c', "SET store_test.failpoint = 'commit:$n:crash'", '-c', $statement],
		'<', \undef, '>', \$out, '2>', \$err);
	return 0 unless $err =~ /server closed the connection|terminating connection/;
	# The server stays down after a crash (restart_after_crash is off in these clusters).
	my $pid_file = $node->data_dir . '/postmaster.pid';
	for (1 .. 300) { last unless -e $pid_file; select(undef, undef, undef, 0.1); }
	$node->{_pid} = undef;
	$node->start;
	return 1;
}

my $crashes = 0;
sql('CREATE TABLE c (k bigint); CREATE INDEX c_index ON c USING store_test (k); INSERT INTO c SELECT generate_series(1, 100)');
for my $n (1 .. 3)
{
	my $rows = sql('SELECT count(*) FROM c');
	my $crashed = crash_at($n, 'INSERT INTO c VALUES (1000)');
	$crashes += $crashed;
	is($crashed, $n <= 2 ? 1 : 0, "insert that grows the chain: crash after record $n");
	my $check = whole('c', "insert cut after record $n");
	is(sql('SELECT count(*) FROM c'), $rows + !$crashed, 'the row of the cut insert is not visible');
	# The dead row's address leaves the index, and so does its page.
	sql('VACUUM (INDEX_CLEANUP on) c');
	like(whole('c', "vacuumed after cut $n"), qr/ lost 0$/, 'nothing is lost for good');
	if ($crashed)
	{
		like($check, qr/^values 101, pages 3 live 2 free 0 lost 0/, 'the record was on disk');
		like(sql("SELECT store_test_check('c_index')"), qr/^values 100, pages 3 live 1 free 1 lost 0/, 'its page is free again');
	}
}

for (my $n = 1; ; $n++)
{
	sql("DROP TABLE IF EXISTS v; CREATE TABLE v (k bigint) WITH (autovacuum_enabled = off);
		 INSERT INTO v SELECT generate_series(1, 400); CREATE INDEX v_index ON v USING store_test (k);
		 DELETE FROM v WHERE k BETWEEN 50 AND 300");
	my $crashed = crash_at($n, 'VACUUM (INDEX_CLEANUP on) v');
	$crashes += $crashed;
	whole('v', "vacuum cut after record $n");
	sql('VACUUM (INDEX_CLEANUP on) v');
	like(whole('v', "vacuumed again after cut $n"), qr/^values 149, pages 5 live 2 free 2 lost 0$/, 'all as without the crash');
	last unless $crashed;
	if ($n > 20) { fail('vacuum does not end'); last; }
}
is($crashes, 2 + 7, 'the failure points fired: 2 in inserts, 7 in vacuums (3 pages cut, 2 unlinked, 2 freed)');

# Errors: the statement fails, the session goes on, in a subtransaction too.
my ($ret, $out, $err) = $node->psql('postgres', "SET store_test.failpoint = 'commit:5:error'; INSERT INTO t SELECT generate_series(3001, 3100)");
like($err, qr/failure point "commit:5:error"/, 'an error at a commit');
whole('t', 'after an error');
$out = sql("SET store_test.failpoint = 'commit:3:error';
	DO \$\$ BEGIN INSERT INTO t SELECT generate_series(3001, 3100); EXCEPTION WHEN internal_error THEN NULL; END \$\$;
	INSERT INTO t SELECT generate_series(4001, 4100); SELECT count(*) FROM t WHERE k > 3000");
is($out, '100', 'the session goes on after a caught error');
whole('t', 'after a caught error');
($ret, $out, $err) = $node->psql('postgres', "LOAD 'store_test'; SET store_test.failpoint = 'commit:0:error'");
like($err, qr/invalid value for parameter "store_test.failpoint"/, 'a count of 0 is refused');
($ret, $out, $err) = $node->psql('postgres', "LOAD 'store_test'; SET store_test.failpoint = 'commit:1:nothing'");
like($err, qr/invalid value for parameter "store_test.failpoint"/, 'an unknown action is refused');
is(sql("LOAD 'store_test'; SELECT count(*) FROM pg_settings WHERE name LIKE 'store_test%'"), '0', 'the setting is hidden');
sql('CREATE ROLE somebody');
($ret, $out, $err) = $node->psql('postgres', "LOAD 'store_test'; SET ROLE somebody; SET store_test.failpoint = 'commit:1:crash'");
like($err, qr/permission denied to set parameter/, 'only superusers may set it');

# Broken rules are errors, not deadlocks or broken pages.
for my $case (['order', 'pages are locked out of order'], ['pages', 'too many pages in one record'], ['header', 'broken header'])
{
	my ($rule, $message) = @$case;
	($ret, $out, $err) = $node->psql('postgres', "SELECT store_test_break('t_index', '$rule')");
	like($err, qr/$message/, "rule broken: $rule");
}
whole('t', 'after broken rules');

# Gates: vacuum waits for an insert that is inside, and goes on when it has left.
sql("DROP TABLE IF EXISTS g; CREATE TABLE g (k bigint); INSERT INTO g SELECT generate_series(1, 300);
	 CREATE INDEX g_index ON g USING store_test (k); DELETE FROM g WHERE k BETWEEN 101 AND 200");
sub background
{
	my $result = '';
	my $h = IPC::Run::start(['psql', '-XAtq', '-d', $node->connstr('postgres'), map { ('-c', $_) } @_],
		'<', \undef, '>', \$result, '2>&1');
	return { handle => $h, result => \$result };
}
my $holder = background('SELECT pg_advisory_lock(5640)', 'SELECT pg_sleep(1000)');
ok($node->poll_query_until('postgres', "SELECT count(*) = 1 FROM pg_locks WHERE locktype = 'advisory' AND granted"), 'the pause lock is held');
my $inserter = background("SET store_test.failpoint = 'commit:1:pause'", "INSERT INTO g VALUES (1000)");
ok($node->poll_query_until('postgres', "SELECT count(*) = 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"), 'an insert pauses inside the gate');
my $vacuum = background('VACUUM (INDEX_CLEANUP on) g');
ok($node->poll_query_until('postgres', "SELECT count(*) = 1 FROM pg_locks WHERE locktype = 'page' AND NOT granted"), 'vacuum waits for it at the gate');
like(sql("SELECT store_test_check('g_index')"), qr/ free 0 lost 1$/, 'the page is unlinked and not free yet');
sql("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted");
$inserter->{handle}->finish;
$vacuum->{handle}->finish;
eval { $holder->{handle}->finish };
is(${ $inserter->{result} }, '', 'the insert went through');
is(${ $vacuum->{result} }, '', 'and so did the vacuum');
like(whole('g', 'after the gate'), qr/^values 201, pages 5 live 3 free 1 lost 0$/, 'the page is free');

# Who waits at a gate can be cancelled. (The rows die before the insert begins: its snapshot would keep them.)
sql('DELETE FROM g WHERE k < 50');
$holder = background('SELECT pg_advisory_lock(5640)', 'SELECT pg_sleep(1000)');
$node->poll_query_until('postgres', "SELECT count(*) = 1 FROM pg_locks WHERE locktype = 'advisory' AND granted");
$inserter = background("SET store_test.failpoint = 'commit:1:pause'", "INSERT INTO g VALUES (1001)");
$node->poll_query_until('postgres', "SELECT count(*) = 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted");
($ret, $out, $err) = $node->psql('postgres', "SET statement_timeout = '300ms'; VACUUM (INDEX_CLEANUP on) g");
like($err, qr/canceling statement due to statement timeout/, 'a wait at a gate is cancelled');
sql("SELECT pg_cancel_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted");
$inserter->{handle}->finish;
like(${ $inserter->{result} }, qr/canceling statement due to user request/, 'so is a pause');
sql("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted");
eval { $holder->{handle}->finish };
sql('VACUUM (INDEX_CLEANUP on) g');
whole('g', 'after cancels');

# Sessions at once: inserts, deletes, vacuums.
sql('CREATE TABLE s (k bigserial); CREATE INDEX s_index ON s USING store_test (k)');
my $script = $node->basedir . '/storm.sql';
append_to_file($script, <<'SQL');
\set what random(1, 40)
INSERT INTO s SELECT nextval('s_k_seq') FROM generate_series(1, 20);
DELETE FROM s WHERE ctid IN (SELECT ctid FROM s LIMIT 15 FOR UPDATE SKIP LOCKED);
SELECT count(*) FROM s WHERE k >= bigint '0';
\if :what = 1
VACUUM (INDEX_CLEANUP on) s;
\endif
SQL
$node->command_ok(['pgbench', '-n', '-c', '6', '-j', '2', '-t', '150', '-f', $script, '-h', $node->host, '-p', $node->port, 'postgres'], 'six sessions at once');
sql('VACUUM (INDEX_CLEANUP on) s');
like(whole('s', 'after six sessions'), qr/ lost 0$/, 'nothing is lost');

# Temporary (local buffers) and unlogged (init fork after a crash).
is(sql("CREATE TEMP TABLE x (k bigint); CREATE INDEX x_index ON x USING store_test (k);
	INSERT INTO x SELECT generate_series(1, 1000); DELETE FROM x WHERE k <= 500; VACUUM (INDEX_CLEANUP on) x;
	INSERT INTO x SELECT generate_series(1, 200);
	SELECT count(*), sum(k) FROM x WHERE k >= bigint '0'; SELECT store_test_check('x_index')"),
	"700|395350\nvalues 700, pages 11 live 8 free 2 lost 0", 'a temporary table');
sql('CREATE UNLOGGED TABLE u (k bigint); CREATE INDEX u_index ON u USING store_test (k); INSERT INTO u SELECT generate_series(1, 1000)');
whole('u', 'unlogged');
$node->stop('immediate');
$node->start;
like(whole('u', 'unlogged after a crash'), qr/^values 0, pages 2 live 1 free 0 lost 0$/, 'empty after a crash');
sql('INSERT INTO u SELECT generate_series(1, 300)');
like(whole('u', 'unlogged, filled again'), qr/^values 300, /, 'and good for work');

# Damage is reported, and the scan goes on without raising.
my $file = $node->data_dir . '/' . sql("SELECT pg_relation_filepath('b_index')");
$node->stop;
open my $page, '+<', $file or die "$file: $!";
binmode $page;
sysseek $page, 3 * 8192 + 8180, 0;
syswrite $page, pack('v', 99);    # the kind of page 3
close $page;
$node->start;
like(sql("SELECT store_test_check('b_index')"), qr/^block 3: a page of the chain is not a live page\n.*\nvalues 200, pages 8 live 2 /, 'a damaged page is found');
is(sql('SELECT count(*) FROM b WHERE k >= 0::bigint'), '200', 'and a scan skips what lies behind it');

# Arena, vector, heap and set in a memory context: 0 + 1 + ... + 1999999, the smallest on the heap, 1000000 in the set.
is(sql('SELECT store_test_arena(2000000)'), 1999999 * 1000000 + 1 + 1000000, 'containers in a memory context');

$node->stop;
done_testing();
