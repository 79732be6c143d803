// SPDX-License-Identifier: GPL-2.0-only
/* Contexts, stacks, coroutines, channels and timers. */
#include <execinfo.h>
#include <fpu_control.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include <weft/unit.h>
#include "models/channel.h"
#include "models/context.h"
#include "models/coroutine.h"

/* What coroutines write down, in order. */
static char book[256];

static void note(char c)
{
	size_t n = strlen(book);

	assert_true(n + 1 < sizeof(book));
	book[n] = c;
	book[n + 1] = '\0';
}

static struct scheduler s;

static int setup(void **state)
{
	book[0] = '\0';
	scheduler_init(&s, SCHEDULER_FP_KEPT);
	return 0;
}

static int teardown(void **state)
{
	scheduler_destroy(&s);
	return 0;
}

static uint64_t thrice(void *arg)
{
	const char *name = arg;
	int i;

	for (i = 0; i < 3; i++) {
		note(*name);
		coroutine_yield();
	}
	return (uint64_t)*name;
}

static void test_yield_goes_round(void **state)
{
	struct coroutine *a = coroutine_create(&s, thrice, "a", "a");
	struct coroutine *b = coroutine_create(&s, thrice, "b", "b");

	assert_int_equal(scheduler_run(&s), 0);
	assert_string_equal(book, "ababab");
	assert_int_equal(coroutine_join(a), 'a');
	assert_int_equal(coroutine_join(b), 'b');
}

static uint64_t parent(void *arg)
{
	struct coroutine *child = coroutine_create(&s, thrice, "c", "child");
	uint64_t value;

	note('p');
	value = coroutine_join(child);
	note('P');
	/* One that has ended already. */
	child = coroutine_create(&s, thrice, "d", "child");
	while (!child->done)
		coroutine_yield();
	return value + coroutine_join(child);
}

static void test_join(void **state)
{
	struct coroutine *p = coroutine_create(&s, parent, NULL, "parent");

	assert_int_equal(scheduler_run(&s), 0);
	assert_string_equal(book, "pcccPddd");
	assert_int_equal(coroutine_join(p), 'c' + 'd');
	/* Three coroutines, but never more than two at a time. */
	assert_int_equal(s.stacks.nr, 2);
}

static uint64_t waits(void *arg)
{
	coroutine_suspend(WEFT_WAIT_OTHER, NULL);
	note('w');
	return 0;
}

static void test_run_tells_who_is_left(void **state)
{
	struct coroutine *c = coroutine_create(&s, waits, NULL, "waits");

	assert_int_equal(scheduler_run(&s), 1);
	assert_string_equal(book, "");
	coroutine_wake(c);
	assert_int_equal(scheduler_run(&s), 0);
	assert_string_equal(book, "w");
	coroutine_join(c);
}

static uint64_t sleeps(void *arg)
{
	uint64_t n = (uint64_t)(uintptr_t)arg, start = timer_now();

	/* So far apart that they keep their order on a busy machine. */
	coroutine_sleep(n * 20000000);
	assert_true(timer_now() - start >= n * 20000000);
	note((char)('0' + n));
	return 0;
}

static uint64_t yields_until_somebody_woke(void *arg)
{
	uint64_t end = timer_now() + 10000000000;

	while (!book[0] && timer_now() < end)
		coroutine_yield();
	note('y');
	return 0;
}

static void test_sleepers_wake_in_order(void **state)
{
	coroutine_create(&s, sleeps, (void *)3, "sleeper");
	coroutine_create(&s, sleeps, (void *)1, "sleeper");
	coroutine_create(&s, sleeps, (void *)2, "sleeper");
	assert_int_equal(scheduler_run(&s), 0);
	assert_string_equal(book, "123");
}

static void test_sleepers_wake_while_others_run(void **state)
{
	coroutine_create(&s, yields_until_somebody_woke, NULL, "busy");
	coroutine_create(&s, sleeps, (void *)1, "sleeper");
	assert_int_equal(scheduler_run(&s), 0);
	assert_string_equal(book, "1y");
}

static void test_timers(void **state)
{
	enum { NR = 1000 };
	struct timer timer[NR], *heap = NULL, *t;
	uint64_t last = 0, x = 1, nr = 0;
	int i;

	for (i = 0; i < NR; i++) {
		x = x * 6364136223846793005 + 1442695040888963407;
		timer[i].deadline = x >> 54;
		timer_add(&heap, &timer[i]);
		/* Take some in between. */
		if (i % 7 == 6 && (t = timer_expired(&heap, 100)))
			nr++;
	}
	while ((t = timer_expired(&heap, UINT64_MAX))) {
		assert_true(t->deadline >= last);
		last = t->deadline;
		nr++;
	}
	assert_int_equal(nr, NR);
	assert_null(timer_expired(&heap, UINT64_MAX));
}

static struct channel channel;
static uint64_t slots[2];

static uint64_t sends(void *arg)
{
	uint64_t i;

	for (i = 1; i <= 6; i++) {
		channel_send(&channel, i);
		note('s');
	}
	return 0;
}

static uint64_t receives(void *arg)
{
	uint64_t i;

	for (i = 1; i <= 6; i++) {
		assert_int_equal(channel_receive(&channel), i);
		note('r');
	}
	return 0;
}

static void test_channel_blocks_the_sender(void **state)
{
	channel_init(&channel, slots, 2);
	coroutine_create(&s, sends, NULL, "sender");
	assert_int_equal(scheduler_run(&s), 1);
	assert_string_equal(book, "ss");
	coroutine_create(&s, receives, NULL, "receiver");
	assert_int_equal(scheduler_run(&s), 0);
	assert_int_equal(strlen(book), 12);
}

static void test_channel_blocks_the_receiver(void **state)
{
	channel_init(&channel, slots, 2);
	coroutine_create(&s, receives, NULL, "receiver");
	assert_int_equal(scheduler_run(&s), 1);
	coroutine_create(&s, sends, NULL, "sender");
	assert_int_equal(scheduler_run(&s), 0);
	assert_int_equal(strlen(book), 12);
}

/* Rounding upwards, in all of the machine's control words. (fesetround() would take libm.) */
static void set_rounding(bool up)
{
	fpu_control_t cw;

	_FPU_GETCW(cw);
#if defined(__x86_64__)
	cw = (fpu_control_t)((cw & ~0x0c00) | (up ? 0x0800 : 0));
	_FPU_SETCW(cw);
	__builtin_ia32_ldmxcsr((__builtin_ia32_stmxcsr() & ~0x6000u) | (up ? 0x4000 : 0));
#elif defined(__aarch64__)
	cw = (cw & ~(3u << 22)) | (up ? 1u << 22 : 0);
	_FPU_SETCW(cw);
#endif
}

/* How many of the two kinds of arithmetic (SSE and x87 on x86) round upwards. */
static int rounding_up(void)
{
	volatile double d = 1, tiny = 0x1p-80;
	volatile long double ld = 1, ltiny = 0x1p-120L;

	return (d + tiny > 1) + (ld + ltiny > 1);
}

static uint64_t rounds_up(void *arg)
{
	set_rounding(true);
	coroutine_yield();
	assert_int_equal(rounding_up(), 2);
	return 0;
}

static uint64_t rounds_as_made(void *arg)
{
	assert_int_equal(rounding_up(), 0);
	coroutine_yield();
	assert_int_equal(rounding_up(), 0);
	return 0;
}

static void test_rounding_is_each_coroutines_own(void **state)
{
	coroutine_create(&s, rounds_up, NULL, "up");
	coroutine_create(&s, rounds_as_made, NULL, "nearest");
	assert_int_equal(scheduler_run(&s), 0);
	assert_int_equal(rounding_up(), 0);
}

static uint64_t sees_rounding(void *arg)
{
	return (uint64_t)rounding_up();
}

static void test_rounding_can_be_shared(void **state)
{
	struct coroutine *c;

	scheduler_init(&s, SCHEDULER_FP_SHARED);
	c = coroutine_create(&s, sees_rounding, NULL, "any");
	set_rounding(true);
	scheduler_run(&s);
	set_rounding(false);
	assert_int_equal(coroutine_join(c), 2);
}

static uint64_t knows_its_unit(void *arg)
{
	struct coroutine *self = coroutine_self();

	assert_true(self->unit != 0);
	assert_true(weft_unit_current() == self->unit);
	coroutine_yield();
	assert_true(weft_unit_current() == self->unit);
	coroutine_sleep(100000);
	assert_true(weft_unit_current() == self->unit);
	return self->unit;
}

static void test_the_unit_word_follows(void **state)
{
	struct coroutine *a = coroutine_create(&s, knows_its_unit, NULL, "a");
	struct coroutine *b = coroutine_create(&s, knows_its_unit, NULL, "b");

	assert_int_equal(weft_unit_current(), 0);
	assert_int_equal(scheduler_run(&s), 0);
	assert_int_equal(weft_unit_current(), 0);
	assert_true(coroutine_join(a) != coroutine_join(b));
}

/* Backtraces: through the frames of the coroutine, and no further. */
static __attribute__((noinline)) int trace_here(void)
{
	void *pc[64];
	int i, nr = backtrace(pc, 64);

	for (i = 0; i < nr; i++)
		assert_non_null(pc[i]);
	return nr;
}

static __attribute__((noinline)) int trace_deeper(int depth)
{
	volatile int nr = depth ? trace_deeper(depth - 1) : trace_here();

	return nr;
}

static void *outside, *inside; /* contexts */
static int shallow, deep;

static void traces(void *arg)
{
	shallow = trace_deeper(0);
	context_switch(&inside, outside);
	deep = trace_deeper(5);
	context_switch(&inside, outside);
}

static void test_backtraces_end(void **state)
{
	enum { ABOVE = 64 };
	char *stack = aligned_alloc(4096, STACK_SIZE);
	void **above = (void **)(stack + STACK_SIZE - ABOVE);
	int i;

	/* What a walk that does not stop at the first frame would take for its callers. */
	for (i = 0; i < ABOVE / (int)sizeof(*above); i++)
		above[i] = (char *)traces + 8;
	inside = context_make(above, traces, NULL);
	context_switch(&outside, inside);
	context_switch(&outside, inside);
	/* trace_here, trace_deeper, traces and the entry: sanitizers may add one. */
	assert_in_range(shallow, 3, 5);
	assert_int_equal(deep, shallow + 5);
	free(stack);
}

static __attribute__((noinline)) uint64_t use_stack(size_t bytes)
{
	volatile unsigned char frame[1024];

	memset((void *)frame, (int)bytes, sizeof(frame));
	return bytes > sizeof(frame) ? use_stack(bytes - sizeof(frame)) + frame[7] : frame[3];
}

static uint64_t overflows(void *arg)
{
	return use_stack((size_t)(uintptr_t)arg);
}

/* The stack that overflows, and how a child ends whose fault was just below it. */
static struct coroutine *small;
#define GUARDED 42

static void faulted(int sig, siginfo_t *info, void *context)
{
	char *limit = small->stack.limit, *at = info->si_addr;

	_exit(at < limit && at >= limit - 4096 ? GUARDED : 1);
}

/* The exit code of a child in which a coroutine uses so much of its stack. */
static int end_of_child(size_t bytes, bool madvise)
{
	static char handler_stack[65536];
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (!pid) {
		const stack_t alternate = {
			.ss_sp = handler_stack,
			.ss_size = sizeof(handler_stack),
		};
		struct sigaction action = {
			.sa_sigaction = faulted,
			.sa_flags = SA_SIGINFO | SA_ONSTACK,
		};

		sigaltstack(&alternate, NULL);
		sigaction(SIGSEGV, &action, NULL);
		s.stacks.guard_by_madvise = madvise;
		/* Below that stack lies this one. */
		coroutine_create(&s, thrice, "x", "below");
		small = coroutine_create(&s, overflows, (void *)bytes, "overflows");
		_exit(scheduler_run(&s) == 0 && s.stacks.unguarded == 0 ? 0 : 3);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void test_guard_pages(void **state)
{
	assert_int_equal(end_of_child(STACK_SIZE / 2, true), 0);
	assert_int_equal(end_of_child(STACK_SIZE, true), GUARDED);
	assert_int_equal(end_of_child(STACK_SIZE / 2, false), 0);
	assert_int_equal(end_of_child(STACK_SIZE, false), GUARDED);
}

static void test_stacks_without_guard_are_counted(void **state)
{
	int i;

	s.stacks.guard_by_madvise = false;
	s.stacks.guard_max = 10;
	for (i = 0; i < 50; i++)
		assert_non_null(coroutine_create(&s, thrice, "u", "u"));
	assert_int_equal(s.stacks.unguarded, 40);
	assert_int_equal(s.stacks.nr, 50);
}

static void test_stacks_are_used_again(void **state)
{
	struct coroutine *c;
	int i;

	for (i = 0; i < 1000; i++) {
		book[0] = '\0';
		c = coroutine_create(&s, thrice, "z", "z");
		scheduler_run(&s);
		coroutine_join(c);
	}
	assert_int_equal(s.stacks.nr, 1);
}

/* A context that goes on on another thread than it began on. */
static pthread_t begun_on, ended_on;

static void migrant(void *arg)
{
	begun_on = pthread_self();
	context_switch(&inside, outside);
	ended_on = pthread_self();
	context_switch(&inside, outside);
}

static void *resume_here(void *arg)
{
	context_switch(&outside, inside);
	return NULL;
}

/* AddressSanitizer is not told of these switches, so it must not look at them either. */
static void test_contexts_migrate(void **state)
{
	void *stack = aligned_alloc(4096, STACK_SIZE);
	pthread_t a, b;

	inside = context_make((char *)stack + STACK_SIZE, migrant, NULL);
	assert_int_equal(pthread_create(&a, NULL, resume_here, NULL), 0);
	pthread_join(a, NULL);
	assert_int_equal(pthread_create(&b, NULL, resume_here, NULL), 0);
	pthread_join(b, NULL);
	assert_true(pthread_equal(begun_on, a));
	assert_true(pthread_equal(ended_on, b));
	free(stack);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(yield_goes_round),
		TEST(join),
		TEST(run_tells_who_is_left),
		TEST(sleepers_wake_in_order),
		TEST(sleepers_wake_while_others_run),
		TEST(timers),
		TEST(channel_blocks_the_sender),
		TEST(channel_blocks_the_receiver),
		TEST(rounding_is_each_coroutines_own),
		TEST(rounding_can_be_shared),
		TEST(the_unit_word_follows),
		TEST(backtraces_end),
		TEST(guard_pages),
		TEST(stacks_without_guard_are_counted),
		TEST(stacks_are_used_again),
		TEST(contexts_migrate),
	};

	return cmocka_run_group_tests_name("coroutine", tests, NULL, NULL);
}
