#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-only
#
# witness.pl CHECK[:ARGUMENT,...]... <TRACE.bt: reads a trace as babeltrace2 has printed it (--clock-cycles),
# knows nothing of weft's own readers, and holds it against what others counted. Prints what it found; exits
# with 1 and says so if that is not equal.
#
#	types:FILE		the number of events of each type, into FILE; time must never go back
#	books			every thread's events against its exit record: an audit of our own
#	known:OUT		what tests/progs/witness_counts says that it did
#	rusage:OUT		what wait4(2) told it of its children
#	storm:OUT		what tests/progs/witness_threads says, and that no thread has another's account
#	time:OUT,NS		what tests/progs/witness_time did lies where it says, within so much (--clock-seconds)
#	perf:COMM,CSV,N,EVENT...	perf stat's counters of a program, from its exec on; N % of the switches may
#				have escaped perf
#	bpftrace:OUT,EVENT...	bpftrace's maps @EVENT[tid], for each thread created in the trace
#	absent:TID,...		nothing is recorded that these threads did
#	idle:TID,...		of everything; nothing of the idle task and these threads (the recorder's)
#	loss:N,FILE		N records are told to be lost; how many switches are missing goes into FILE
use strict;
use warnings;
no warnings 'portable';

use constant {
	SWITCH_PREEMPT => 0x1, THREAD_TRACED => 0x1, CLONE_THREAD => 0x10000, SYS_READ => 0, SYS_EXECVE => 59, SWITCH_DEAD => 0x4,
	FAULT_MAJOR => 0x8, FAULT_RETRY => 0x10, FAULT_ERROR => 0x20, FAULT_REMOTE => 0x40, FAULT_ENTRY_ONLY => 0x80,
};

# The next event: its type in _type, its time in _time, each field by its name; numbers as numbers.
sub next_event {
	while (my $line = <STDIN>) {
		my ($time, $type, $rest) = $line =~ /^\[([^\]]+)\] \([^)]*\) (?:\S+ )?(\w+): (.*)/ or
			die "babeltrace2 printed what is no event: $line";
		my %e = $rest =~ /(\w+) = ("(?:[^"\\]|\\.)*"|[-\w]+)/g;
		for (values %e) {
			$_ = substr($_, 0, 1) eq '"' ? substr($_, 1, -1) : substr($_, 0, 2) eq '0x' ? hex : $_;
		}
		@e{'_time', '_type'} = ($time, $type);
		return \%e;
	}
	return undef;
}

# "KEY NUMBER" lines, as the programs write them.
sub values_of {
	my ($name) = @_;
	open(my $f, '<', $name) or die "$name: $!\n";
	return map { /^(\w+) (\d+)$/ ? ($1 => $2) : () } <$f>;
}

my $bad = 0;
sub equal {
	my ($what, $got, $wanted) = @_;
	print "$what: $got", $got == $wanted ? "\n" : ", NOT $wanted\n";
	$bad++ if $got != $wanted;
}

# As include/weft/event.h says; the thread's nvcsw before this switch decides where state is 0, if it is known.
sub voluntary {
	my ($e, $nvcsw) = @_;
	return 0 if $e->{flags} & SWITCH_PREEMPT;
	return 1 if $e->{state};
	return defined $nvcsw && $e->{nvcsw} == (($nvcsw + 1) & 255);
}
sub counted_fault { my ($e) = @_; return !($e->{flags} & (FAULT_RETRY | FAULT_ERROR | FAULT_ENTRY_ONLY)) }

# Each check gives two functions: one that sees every event and one for the end.
my %checks = (
	types => sub {
		my ($file) = @_;
		my ($last, %n) = ('');
		return (sub {
			my ($e, $type) = @_;
			$n{$type}++;
			equal("time goes back from $last to $e->{_time}", 1, 0) if $e->{_time} lt $last;
			$last = $e->{_time};
		}, sub {
			open(my $f, '>', $file) or die "$file: $!\n";
			print $f "$n{$_} $_\n" for sort keys %n;
			close($f) or die "$file: $!\n";
		});
	},

	# The events of a thread that begins and ends within the trace are all that its final books count; of one
	# that existed before, those after its opening books. An id that comes again is another thread.
	#
	# If another thread than the leader calls exec, the two exchange their ids while the leader is on its way out, some
	# time before the event of the exec: from then on it is a system call number, or its end, that tells who it is.
	books => sub {
		my ($threads, $unequal, $switches, $faults, %t) = (0, 0, 0, 0);
		my $exchange = sub {
			my ($tid, $exited) = @_;
			my $tgid = $t{$tid} ? $t{$tid}{tgid} : $tid;
			my @other = grep { $_ != $tid && $t{$_}{tgid} == $tgid && $t{$_}{exited} == $exited } keys %t;
			return if @other != 1;
			my ($mine, $theirs) = (delete $t{$tid}, delete $t{$other[0]});
			$t{$tid} = $theirs;
			$t{$other[0]} = $mine if $mine;
		};
		return (sub {
			my ($e, $type, $tid) = @_;
			my $r = $t{$tid};
			if ($type eq 'task_newtask') {
				$t{$e->{child_tid}} = { tgid => $e->{child_tgid}, exited => 0, nv => 0, ni => 0, mi => 0, ma => 0,
							nswitch => 0 };
			} elsif ($type eq 'thread_stat' && $e->{when} == 1) {
				$t{$tid} = { tgid => $e->{tgid}, exited => 0, nv => $e->{nvcsw}, ni => $e->{nivcsw},
					     mi => $e->{min_flt}, ma => $e->{maj_flt}, nswitch => $e->{nvcsw} + $e->{nivcsw} };
			} elsif ($type eq 'sched_process_exit' && $r) {
				$r->{exited} = 1;
			} elsif ($type eq 'sched_switch' && $tid) {
				if ($e->{flags} & SWITCH_DEAD) {
					$exchange->($tid, 1) if $r && !$r->{exited};
				} elsif ($e->{syscall} == SYS_EXECVE && (!$r || $r->{exited})) {
					$exchange->($tid, 0);
				}
				$r = $t{$tid} or return;
				return if $e->{nswitch} <= $r->{nswitch}; # in the opening books
				$r->{voluntary($e, $r->{nv}) ? 'nv' : 'ni'}++;
				$switches++;
			} elsif ($type eq 'page_fault' && counted_fault($e)) {
				$exchange->($tid, 0) if !$r || $r->{exited};
				$r = $t{$tid} or return;
				$r->{$e->{flags} & FAULT_MAJOR ? 'ma' : 'mi'}++;
				$faults++;
			} elsif ($type eq 'sched_process_exec' && (!$r || $r->{exited})) {
				$exchange->($tid, 0);
			} elsif ($type eq 'thread_stat' && $e->{when} == 2 && $r) {
				delete $t{$tid};
				$threads++;
				# Without a single fault recorded this kernel has no event for them.
				return if $r->{nv} == $e->{nvcsw} && $r->{ni} == $e->{nivcsw} &&
					  (!$faults || ($r->{mi} == $e->{min_flt} && $r->{ma} == $e->{maj_flt}));
				print "thread $tid: recorded $r->{nv}+$r->{ni} switches, $r->{mi}+$r->{ma} faults; ",
				      "counted $e->{nvcsw}+$e->{nivcsw}, $e->{min_flt}+$e->{maj_flt}\n" if $unequal++ < 10;
			}
		}, sub {
			print "$threads threads ended, $switches switches, $faults faults: $unequal unequal\n";
			$bad++ if $unequal || !$threads;
		});
	},

	# Threads named n<number> make number % 13 mappings of 73 pages each.
	storm => sub {
		my %v = values_of($_[0]);
		my %n = map { $_ => 0 } qw(threads processes exits named wrong);
		my %t;
		my $close = sub {
			my $r = delete $t{$_[0]} or return;
			my ($number) = $r->{comm} =~ /^n(\d+)$/ or return;
			$n{named}++;
			print "$r->{comm}: $r->{maps} maps\n" if $r->{maps} != $number % 13 && $n{wrong}++ < 10;
		};
		return (sub {
			my ($e, $type, $tid) = @_;
			if ($type eq 'task_newtask') {
				$n{$e->{clone_flags} & CLONE_THREAD ? 'threads' : 'processes'}++;
				$close->($e->{child_tid});
				$t{$e->{child_tid}} = { comm => '', maps => 0 };
			} elsif ($type eq 'task_rename' && $t{$e->{target}}) {
				$t{$e->{target}}{comm} = $e->{comm};
			} elsif ($type eq 'mmap' && $t{$tid} && $e->{length} == 73 * 4096) {
				$t{$tid}{maps}++;
			} elsif ($type eq 'sched_process_exit') {
				$n{exits}++;
			}
		}, sub {
			$close->($_) for keys %t;
			equal('threads', $n{threads}, $v{threads});
			equal('processes', $n{processes}, $v{processes});
			equal('exits', $n{exits}, 1 + $v{threads} + $v{processes});
			equal('accounts of another', $n{wrong}, 0);
			$bad++ if !$n{named};
		});
	},

	# Each fork and each new name lies between the two times that the program has read; the trace in seconds of CLOCK_REALTIME.
	time => sub {
		my ($out, $slack_ns) = @_;
		my ($n, $worst, $room, %did) = (0, 0, 0);
		open(my $f, '<', $out) or die "$out: $!\n";
		while (<$f>) {
			my ($before, $after, $what) = /^(\d+) (\d+) (\w+)$/ or next;
			$did{$what} = [$before, $after];
			$room = $after - $before if !$room || $after - $before < $room;
		}
		return (sub {
			my ($e, $type) = @_;
			my $r = $type eq 'task_newtask' ? $did{$e->{child_tid}} :
				$type eq 'task_rename' ? $did{$e->{comm}} : undef;
			return if !$r;
			my ($s, $ns) = $e->{_time} =~ /^(\d+)\.(\d{9})$/ or die "no time in seconds: $e->{_time}\n";
			my $time = $s * 1000000000 + $ns;
			my $off = $time < $r->[0] ? $r->[0] - $time : $time > $r->[1] ? $time - $r->[1] : 0;
			$worst = $off if $off > $worst;
			$n++;
		}, sub {
			equal('forks and names', $n, scalar(keys %did));
			print "at worst $worst ns outside, the shortest took $room ns\n";
			$bad++ if !$n || $worst > $slack_ns;
		});
	},

	known => sub {
		my %v = values_of($_[0]);
		my %n = map { $_ => 0 } qw(threads forks mmap munmap first second);
		my %page;
		return (sub {
			my ($e, $type, $tid) = @_;
			# A token's wait: a voluntary switch inside read(2) by a real-time thread.
			if ($type eq 'sched_switch' && voluntary($e) && $e->{syscall} == SYS_READ && $e->{prio} < 100) {
				$n{first}++ if $tid == $v{first};
				$n{second}++ if $tid == $v{second};
			}
			return if $tid != $v{first};
			$n{$e->{clone_flags} & CLONE_THREAD ? 'threads' : 'forks'}++ if $type eq 'task_newtask';
			$n{$type}++ if $type =~ /^m(un)?map$/ && $e->{length} == $v{map_length};
			return if $type ne 'page_fault' || $e->{address} < $v{page_base};
			my $page = int(($e->{address} - $v{page_base}) / 4096);
			$page{$page} = 1 if $page < $v{pages};
		}, sub {
			equal('waits of the first', $n{first}, $v{rounds});
			equal('waits of the second', $n{second}, $v{rounds} - 1);
			equal('threads', $n{threads}, $v{threads});
			equal('forks', $n{forks}, $v{forks} + 1); # and the second one
			equal('mmap', $n{mmap}, $v{maps});
			equal('munmap', $n{munmap}, $v{maps});
			equal('pages touched', scalar(keys %page), $v{pages});
		});
	},

	rusage => sub {
		my %v = values_of($_[0]);
		my %n = map { $_ => 0 } qw(nvcsw nivcsw minflt majflt);
		my (%child, %own); # own: nvcsw of each child
		return (sub {
			my ($e, $type, $tid) = @_;
			$child{$e->{child_tid}} = 1 if $type eq 'task_newtask' && $tid == $v{first} &&
						       !($e->{clone_flags} & CLONE_THREAD);
			return if !$child{$tid};
			if ($type eq 'sched_switch') {
				my $voluntary = voluntary($e, $own{$tid} // 0);
				$own{$tid}++ if $voluntary;
				$n{$voluntary ? 'nvcsw' : 'nivcsw'}++;
			}
			$n{$e->{flags} & FAULT_MAJOR ? 'majflt' : 'minflt'}++ if $type eq 'page_fault' && counted_fault($e);
		}, sub {
			# A child can be waited for before its last switch, which is a voluntary one.
			my $early = $n{nvcsw} - $v{children_nvcsw};
			print "voluntary switches: $n{nvcsw}, $early of them after the wait\n";
			$bad++ if $early < 0 || $early > keys %child;
			equal("involuntary switches", $n{nivcsw}, $v{children_nivcsw});
			return if !$n{minflt};
			equal("children's $_", $n{$_}, $v{"children_$_"}) for qw(minflt majflt);
		});
	},

	# perf begins as the program is executed, at which place the kernel also gives it its new name, and closes a
	# thread's counters while it ends: the switches after that, one at least, it does not see. Nor does it see faults
	# that the kernel takes on a process's behalf.
	perf => sub {
		my ($comm, $csv, $percent, @events) = @_;
		my (%in, %ending);
		my %n = map { $_ => 0 } qw(switches late minor-faults major-faults page-faults);
		return (sub {
			my ($e, $type, $tid) = @_;
			$in{$tid} = 1 if $type eq 'task_rename' && !%in && $e->{comm} eq substr($comm, 0, 15);
			return if !$in{$tid};
			$in{$e->{child_tid}} = 1 if $type eq 'task_newtask';
			$ending{$tid} = 1 if $type eq 'sched_process_exit';
			$n{switches}++ if $type eq 'sched_switch';
			$n{late}++ if $type eq 'sched_switch' && $ending{$tid};
			return if $type ne 'page_fault';
			$n{'page-faults'}++ if $e->{flags} & FAULT_ENTRY_ONLY;
			return if !counted_fault($e) || $e->{flags} & FAULT_REMOTE;
			$n{$e->{flags} & FAULT_MAJOR ? 'major-faults' : 'minor-faults'}++;
		}, sub {
			open(my $f, '<', $csv) or die "$csv: $!\n";
			my %theirs = map { my @c = split /,/; @c > 2 ? ($c[2] => $c[0]) : () } <$f>;
			equal($_, $n{$_}, $theirs{$_}) for @events;
			my ($low, $high) = ($n{switches} - $n{late}, $n{switches} - keys %ending);
			my $got = $theirs{'context-switches'};
			print "context-switches: $got by perf, from $low to $high by us\n";
			$low -= $low * $percent / 100;
			$bad++ if $got < $low || $got > $high || !%ending;
		});
	},

	bpftrace => sub {
		my ($out, @events) = @_;
		my (%ours, %child, %loading);
		return (sub {
			my ($e, $type, $tid) = @_;
			$child{$e->{child_tid}} = 1 if $type eq 'task_newtask';
			# What the kernel maps while it executes a program is no system call.
			$loading{$tid} = 1 if $type eq 'task_rename' && $e->{target} == $tid;
			delete $loading{$tid} if $type eq 'sched_process_exec';
			$ours{$type}{$tid}++ if !$loading{$tid} || $type !~ /^m(un)?map|^brk/;
		}, sub {
			my %theirs;
			open(my $f, '<', $out) or die "$out: $!\n";
			while (<$f>) {
				$theirs{$1}{$2} = $3 if /^@(\w+)\[(\d+)\]: (\d+)$/;
			}
			for my $event (@events) {
				my ($total, $differ) = (0, 0);
				for my $tid (sort keys %child) {
					my ($us, $them) = ($ours{$event}{$tid} || 0, $theirs{$event}{$tid} || 0);
					$total += $us;
					next if $us == $them;
					print "thread $tid: $us $event, bpftrace $them\n" if $differ++ < 10;
				}
				printf "%s: %d in %d threads, %d threads differ\n", $event, $total, scalar(keys %child), $differ;
				$bad++ if $differ || !$total;
			}
			my $again = grep { ($theirs{births}{$_} || 0) != 1 } keys %child;
			equal('ids that were not born once', $again, 0);
		});
	},

	# A recording of everything. The idle task is no thread: it has no books, and nothing is recorded that it did but to
	# make way for a thread. On each CPU who leaves is who had come: only what the recorder does (and idling) in between is
	# left out. No number is what is left when something is taken from less.
	#
	# Threads come into a recording one by one as it begins, and go out one by one as it ends, each with its books: a switch
	# between two that are out has no record. So what a CPU ran is a chain from the last opening books to the first closing
	# ones of a thread that lives on, but those of a recorder, which another one leaves out as soon as it begins.
	idle => sub {
		my %unseen = map { $_ => 1 } 0, @_;
		my %n = map { $_ => 0 } qw(idle chain wrapped);
		my ($ending, $links, %on, %cpus) = (0, 0);
		return (sub {
			my ($e, $type, $tid) = @_;
			my $cpu = $e->{cpu_id};
			%on = () if $type eq 'thread_stat' && $e->{when} == 1;
			$ending = 1 if $type eq 'thread_stat' && $e->{when} == 3 && !$unseen{$tid};
			if (!$tid && $type !~ /^(sched_(switch|wak|migrate)|context_switch|tlb_flush)/) {
				print "the idle task: $type\n" if $n{idle}++ < 10;
			}
			if ($type eq 'sched_switch' && !$ending) {
				$cpus{$cpu}++;
				my $before = $on{$cpu};
				$links++ if defined $before;
				if (defined $before && $before != $tid && !($unseen{$before} && $unseen{$tid})) {
					print "CPU $cpu: $before had come, and $tid leaves at $e->{_time}\n" if $n{chain}++ < 10;
				}
				$on{$cpu} = $e->{next_tid};
			}
			for my $field (keys %$e) {
				next if $field =~ /^(result|length|unit|address|ip|start|_.*)$/ || $e->{$field} !~ /^\d+$/;
				next if $e->{$field} < 9223372036854775808 || $e->{$field} == 18446744073709551615;
				print "$type: $field = $e->{$field}\n" if $n{wrapped}++ < 10;
			}
		}, sub {
			equal("events of the idle task", $n{idle}, 0);
			equal("breaks in what a CPU ran", $n{chain}, 0);
			print "$links switches after another on their CPU\n";
			$bad++ if !$links;
			equal("numbers below zero", $n{wrapped}, 0);
			equal("CPUs seen", keys(%cpus) > 1 ? 1 : 0, 1);
		});
	},

	# Losses: the lost records tell them all, each within its interval and before anything that follows; and what is
	# missing of a thread's numbered switches is not more than was lost.
	loss => sub {
		my ($told, $file) = @_;
		my ($lost, $records, $missing, $threads, %t) = (0, 0, 0, 0);
		return (sub {
			my ($e, $type, $tid) = @_;
			if ($type eq 'lost') {
				$records++;
				$lost += $e->{count};
				equal("a loss that ends before it begins", 1, 0) if $e->{first} > $e->{last} || !$e->{count};
			} elsif ($type eq 'task_newtask') {
				$t{$e->{child_tid}} = 0;
			} elsif ($type eq 'thread_stat' && $e->{when} == 1) {
				$t{$tid} = $e->{nvcsw} + $e->{nivcsw};
			} elsif ($type eq 'sched_switch' && defined $t{$tid} && $e->{nswitch} > $t{$tid}) {
				$missing += $e->{nswitch} - $t{$tid} - 1;
				$t{$tid} = $e->{nswitch};
			} elsif ($type eq 'thread_stat' && defined $t{$tid}) {
				my $counted = $e->{nvcsw} + $e->{nivcsw};
				$missing += $counted - $t{$tid} if $counted > $t{$tid};
				delete $t{$tid} if $e->{when} == 2;
				$threads++;
			}
		}, sub {
			equal("records told to be lost", $lost, $told);
			print "$records lost records; $missing switches of $threads threads are missing\n";
			$bad++ if !$records || !$missing || $missing > $lost;
			open(my $f, '>', $file) or die "$file: $!\n";
			print $f "$missing\n";
		});
	},

	# Others wake, move and name them, make way for them, and they for others; of what they do themselves nothing is recorded.
	absent => sub {
		my %them = map { $_ => 1 } @_;
		my ($n, $theirs) = (0, 0);
		return (sub {
			my ($e, $type, $tid) = @_;
			$n++;
			return if !$them{$tid} || $type =~ /^(sched_(wak|migrate)|task_rename|context_switch)/ ||
				  ($type eq 'thread' && !($e->{flags} & THREAD_TRACED)) ||
				  ($type eq 'sched_switch' && $e->{next_tid} && !$them{$e->{next_tid}});
			print "thread $tid: $type\n" if $theirs++ < 10;
		}, sub {
			equal('events of threads that should not be there', $theirs, 0);
			$bad++ if !$n;
		});
	},
);

my (@on_event, @at_end);
for (@ARGV) {
	my ($name, $args) = split /:/, $_, 2;
	die "there is no check '$name'\n" if !$checks{$name};
	my ($event, $end) = $checks{$name}->(split /,/, $args // '');
	push @on_event, $event;
	push @at_end, $end;
}
die "usage: witness.pl CHECK[:ARGUMENT,...]... <TRACE.bt\n" if !@on_event;
while (my $e = next_event()) {
	$_->($e, $e->{_type}, $e->{tid}) for @on_event;
}
$_->() for @at_end;
exit($bad ? 1 : 0);
