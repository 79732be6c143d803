#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-only
#
# alike.pl REPORT...: do both backends give the same accounts of units? Reads what `weft report --by unit --json`
# printed of several recordings of one deterministic program, some by each backend, and prints a line for each
# figure of each group of units; ends with 1 if one is not alike.
#
# A count that the program determines is one number in all recordings. Other counts and times differ from run to
# run: there the two ranges, of each backend's smallest to its largest, must touch if each is stretched at both ends
# by its own width. So the recordings themselves say how much noise there is, however fast or busy the machine. What is
# no noise is that one backend's probes cost more than the other's, and some kernel costs lie in the units' time:
# ranges are stretched by $own_cost of their middle on top.
use strict;
use warnings;
use JSON::PP;

my $own_cost = 0.1;
my @exact = qw(units resumes unit_wakes_taken unit_wakes_given maps unmaps mapped_bytes unmapped_bytes map_calls
	forks suspends blocks);
my @noisy = qw(switches_voluntary life_ns oncpu_ns blocked_ns ready_ns suspended_ns);
# Who is preempted and waits is up to the rest of the machine: compared if it happened in each recording.
my @chance = qw(switches_involuntary runqueue_wait_ns);

# What happened how often, by name: "read x10 nanosleep x3".
sub by_name { my ($key, $list) = @_; join ' ', sort map { "$_->{$key} x$_->{count}" } @$list }

# Of the first program, which has its code locked into memory. Others fault in what of theirs nobody did before.
my @faults = qw(faults faults_major);

my %value; # of group, figure, backend: a list
my $bad = 0;
for my $file (@ARGV) {
	open my $f, '<', $file or die "$file: $!\n";
	my $report = decode_json(do { local $/; <$f> });
	my ($nth, %process) = (0);
	die "$file: records lost\n" if $report->{lost} || $report->{units_lost};
	for my $g (sort { $a->{tgid} <=> $b->{tgid} } @{$report->{unit_groups}}) {
		# Processes have other ids in each recording, in the same order.
		my $group = ($process{$g->{tgid}} //= ++$nth) . ":$g->{name}";

		$g->{suspends} = by_name(reason => $g->{suspended});
		$g->{blocks} = by_name(in => $g->{blocked});
		# Where a kernel tells of faults by the exception only.
		$g->{faults} = $g->{faults_minor} // $g->{faults_unclassified};
		push @{$value{$group}{$_}{$report->{backend}}}, $g->{$_} for @exact, @noisy, @chance, @faults;
	}
}

sub range { my @v = sort { $a <=> $b } @_; ($v[0], $v[-1]) }
sub stretched { my ($min, $max) = @_; my $by = $max - $min + $own_cost * ($min + $max) / 2; ($min - $by, $max + $by) }

sub line {
	my ($ok, $group, $figure, @text) = @_;
	printf "%-6s %-12s %-22s %-28s %s\n", $ok ? 'ok' : 'NOT', $group, $figure, @text;
	$bad ||= !$ok;
}

for my $group (sort keys %value) {
	my $locked = $group =~ /^1:/;

	for my $figure (@exact, $locked ? @faults : ()) {
		my %seen = map { ($_ // '-') => 1 } map { @$_ } values %{$value{$group}{$figure}};
		line(keys %seen == 1, $group, $figure, join(', ', sort keys %seen), '');
	}
	for my $figure (@noisy, @chance) {
		my ($kmod, $bpf) = @{$value{$group}{$figure}}{qw(kmod bpf)};

		next if grep({ $_ eq $figure } @chance) && grep { !$_ } @$kmod, @$bpf;
		die "$group: not seen by both backends equally often\n" unless $kmod && $bpf && @$kmod == @$bpf;
		my @k = range(@$kmod);
		my @b = range(@$bpf);
		my ($k, $b) = ([stretched(@k)], [stretched(@b)]);

		line($k->[0] <= $b->[1] && $b->[0] <= $k->[1], $group, $figure, "kmod $k[0]..$k[1]", "bpf $b[0]..$b[1]");
	}
}
die "no units\n" unless %value;
exit $bad;
