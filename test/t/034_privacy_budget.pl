# Budgets of private releases in servers at work: whatever ends a session or the server, no answer is there without its
# charge; many sessions together spend a budget once; a dump keeps what was spent, by the names of the columns.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use IPC::Run;

my $node = PostgreSQL::Test::Cluster->new('privacy');
$node->init;
# Commits that nobody waits for would be lost by a crash: the charge's must not be one of them.
$node->append_conf('postgresql.conf', "autovacuum = off\nfsync = off\nsynchronous_commit = off\nwal_writer_delay = 10s\nwal_writer_flush_after = 0\nmax_connections = 30\n");
$node->start;

sub sql { return $node->safe_psql('postgres', $_[0]); }
sub count_for { return qq('{"statistic":"count","mechanism":"laplace","epsilon":$_[0]}'); }
my $history = q{SELECT string_agg(charge || ' ' || release || ' ' || state, ', ' ORDER BY charge) FROM dp_history WHERE "column"::text = 'public.t.v' AND state <> 'budget'};

sub restart_after_crash
{
	# The server stays down after a crash (restart_after_crash is off in these clusters).
	my $pid_file = $node->data_dir . '/postmaster.pid';
	for (1 .. 300) { last unless -e $pid_file; select(undef, undef, undef, 0.1); }
	$node->{_pid} = undef;
	$node->start;
}

sql('CREATE EXTENSION lowdim; CREATE TABLE t (id int, v vector(3));
	INSERT INTO t SELECT i, array[i % 7, i % 5, 1]::vector FROM generate_series(1, 1000) i');
sql(q{SELECT dp_protect('t', 'v', 2, 0)});
sql('CHECKPOINT');

# --- a crash between the charge and the answer, and between the answer and its commit
for my $point (1, 2)
{
	my ($out, $err) = ('', '');
	IPC::Run::run(['psql', '-XAtq', '-d', $node->connstr('postgres'), '-c', "SET lowdim.failpoint = 'release:$point:crash'",
		'-c', "CALL dp_release('cut $point', 't', 'v', " . count_for(0.25) . ')'], '<', \undef, '>', \$out, '2>', \$err);
	like($err, qr/server closed the connection|terminating connection/, "crash at point $point");
	restart_after_crash();
	is(sql('SELECT count(*) FROM dp_releases'), '0', 'there is no answer');
	like(sql($history), qr/$point cut $point charged$/, 'there is the charge');
	is(sql(q{SELECT charges, round(spent_epsilon::numeric, 9)::float8 FROM dp_ledger}), "$point|" . 0.25 * $point, 'and it counts');
}
$node->psql('postgres', "CALL dp_release('cut 1', 't', 'v', " . count_for(0.25) . ')', stderr => \my $taken);
like($taken, qr/release "cut 1" exists already/, 'the name of a release that was cut off is taken');
sql(q{SELECT dp_drop_release('cut 1')});
sql("CALL dp_release('cut 1', 't', 'v', " . count_for(0.25) . ')');
is(sql($history), '1 cut 1 charged, 2 cut 2 charged, 3 cut 1 done', 'until it is dropped');

# --- a session that is terminated between charge and answer
my ($holder, $caller) = map { $node->background_psql('postgres') } 1 .. 2;
$holder->query_safe('SELECT pg_advisory_lock(5640)');
$caller->query_safe(q{SET lowdim.failpoint = 'release:1:pause'});
$caller->query_until(qr/start/, "\\echo start\nCALL dp_release('ended', 't', 'v', " . count_for(0.25) . ");\n");
$node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event = 'advisory'}) or die 'no wait';
sql(q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'advisory'});
$node->poll_query_until('postgres', q{SELECT count(*) = 0 FROM pg_stat_activity WHERE wait_event = 'advisory'}) or die 'no end';
$holder->quit;
like(sql($history), qr/4 ended charged$/, 'terminated: charged, no answer');
is(sql(q{SELECT count(*) FROM dp_releases WHERE release = 'ended'}), '0', 'and nothing to read');
eval { $caller->quit };

# --- many sessions at once spend a budget once
sql(q{SELECT dp_set_budget('t', 'v', 4, 0)});
my $script = $node->basedir . '/release.sql';
append_to_file($script, "\\set i random(1, 1000000000)\nCALL dp_release('r ' || :client_id || ' ' || :i, 't', 'v', " . count_for(0.1) . ");\n");
$node->command_fails(['pgbench', '-n', '-c', '8', '-j', '2', '-t', '20', '-f', $script, $node->connstr('postgres')], 'eight sessions spend until nothing is left');
is(sql(q{SELECT charges, round(spent_epsilon::numeric, 6), round(left_epsilon::numeric, 6) FROM dp_ledger}), '34|4.000000|0.000000', 'exactly the budget');
is(sql(q{SELECT count(*), count(DISTINCT charge), min(charge), max(charge) FROM dp_history WHERE state = 'done' AND release LIKE 'r %'}), '30|30|5|34', 'each release has its charge');

# --- a dump keeps the ledger, the releases and their readers, although columns that were dropped move the others
sql(q{CREATE ROLE dp_reader LOGIN; CREATE ROLE dp_keeper LOGIN; CREATE SCHEMA "Odd schema"; GRANT USAGE ON SCHEMA "Odd schema" TO PUBLIC; ALTER EXTENSION lowdim SET SCHEMA "Odd schema"});
$node->safe_psql('postgres', q{
	SET search_path = public, "Odd schema";
	CREATE TABLE wide (gone int, who int, gone_too int, v vector(2), spare vector(2));
	INSERT INTO wide SELECT i, i % 10, i, '[1,2]', '[3,4]' FROM generate_series(1, 100) i;
	ALTER TABLE wide DROP gone, DROP gone_too;
	ALTER TABLE wide OWNER TO dp_keeper;
	SELECT dp_protect('wide', 'v', 1, 1e-6, unit => 'who', max_rows_per_unit => 3);
	SELECT dp_protect('wide', 'spare', 1, 0);
	ALTER TABLE wide RENAME v TO "the v";
	ALTER TABLE wide RENAME TO "Wide.table";
	ALTER TABLE "Wide.table" DROP spare;});
$node->safe_psql('postgres', q{
	SET search_path = public, "Odd schema";
	CALL dp_release('kept', '"Wide.table"', 'the v', '{"statistic":"moments","dims":2,"radius":3,"epsilon":0.9,"delta":1e-6,"mechanism":"zcdp"}')});
# A role that is gone stays as a number; whoever has that number later, and a new role of the old name, have no right.
sql('CREATE ROLE dp_gone; CREATE ROLE dp_heir');
sql(qq{SELECT "Odd schema".dp_grant('kept', '$_')}) for 'dp_reader', 'dp_gone', 'dp_heir';
sql(q{UPDATE "Odd schema".dp_readers SET reader_name = 'dp_once' WHERE reader_name = 'dp_heir'});
sql('DROP ROLE dp_gone; CREATE ROLE dp_gone');
sub readers
{
	my $database = shift;
	return join ' ', map { "$_ " . $node->safe_psql($database, qq{SET ROLE $_; SELECT count(*) FROM "Odd schema".dp_releases}) } 'dp_reader', 'dp_gone', 'dp_heir';
}
is(readers('postgres'), 'dp_reader 1 dp_gone 0 dp_heir 0', 'rights are for a role by number and name');
my @kept = (
	q{SELECT "column", unit, max_rows_per_unit, epsilon, delta, charges, spent_epsilon, left_epsilon FROM "Odd schema".dp_ledger ORDER BY "column"::text, epsilon},
	q{SELECT "column", charge, at, who, release, options, epsilon, delta, rho, state FROM "Odd schema".dp_history ORDER BY "column"::text, state, charge, at},
	q{SELECT release, created, sketch::text, count FROM "Odd schema".dp_releases ORDER BY 1},
	q{SELECT release, reader, reader_name FROM "Odd schema".dp_readers ORDER BY 1, 2});
my @before = map { sql($_) } @kept;
for my $format ('plain', 'custom')
{
	my $file = $node->basedir . "/dump.$format";
	$node->command_ok(['pg_dump', '-F', $format, '-f', $file, $node->connstr('postgres')], "pg_dump, $format");
	sql("CREATE DATABASE copy_$format");
	$node->command_ok($format eq 'plain' ? ['psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-f', $file, $node->connstr("copy_$format")]
		: ['pg_restore', '--exit-on-error', '-d', $node->connstr("copy_$format"), $file], 'restored');
	is($node->safe_psql("copy_$format", $kept[$_]), $before[$_], "$format: the same in query $_") for 0 .. $#kept;
	is($node->safe_psql("copy_$format", q{SELECT count(*) FROM pg_attribute WHERE attrelid = '"Wide.table"'::regclass AND attname = 'the v' AND attnum = 2}), '1', 'where the column has another number');
	# The budget goes on where it was: epsilon 0.9 is spent, 0.5 does not fit, 0.3 does.
	my $ask = sub {
		my ($out, $err) = ('', '');
		IPC::Run::run(['psql', '-XAtq', '-d', $node->connstr("copy_$format"), '-c', 'SET search_path = public, "Odd schema"', '-c',
			qq(CALL dp_release('after $_[0]', '"Wide.table"', 'the v', '{"statistic":"count","epsilon":$_[0],"delta":1e-6,"mechanism":"zcdp"}'))],
			'<', \undef, '>', \$out, '2>', \$err);
		return $err;
	};
	like($ask->(0.5), qr/privacy budget of public."Wide.table"."the v" does not cover/, 'what was spent before the dump is spent');
	is($ask->(0.3), '', 'and what is left can be spent');
	is(readers("copy_$format"), 'dp_reader 1 dp_gone 0 dp_heir 0', 'readers read what they were granted');
}

# Without the table in the dump the ledger is restored all the same.
$node->command_ok(['pg_dump', '-T', 'public."Wide.table"', '-f', $node->basedir . '/part.sql', $node->connstr('postgres')], 'pg_dump without the table');
sql('CREATE DATABASE part');
$node->command_ok(['psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-f', $node->basedir . '/part.sql', $node->connstr('part')], 'restored');
is($node->safe_psql('part', q{SELECT "column", charges FROM "Odd schema".dp_ledger ORDER BY charges, epsilon}), "-|0\n-|1\npublic.t.v|34", 'a column that is not there is gone');

$node->stop;
done_testing();
