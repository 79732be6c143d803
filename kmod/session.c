// SPDX-License-Identifier: GPL-2.0-only
/*
 * A session's life: open, ioctls, mmap, read, poll, release.
 */
#include <linux/capability.h>
#include <linux/compat.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/pid_namespace.h>
#include <linux/poll.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>
#include <linux/uaccess.h>
#include "compat.h"
#include "hooks.h"
#include "session.h"

DEFINE_MUTEX(sessions_lock);
LIST_HEAD(sessions);

bool session_is_recorder(pid_t tgid)
{
	struct session *s;
	bool found = false;

	rcu_read_lock();
	list_for_each_entry_rcu(s, &sessions, list)
		if (s->recorder == tgid)
			found = true;
	rcu_read_unlock();
	return found;
}

void session_wake(struct session *s)
{
	wake_up_interruptible(&s->wait);
}

static int session_open(struct inode *inode, struct file *file)
{
	struct session *s, *other;
	int err;

	if (!perfmon_capable())
		return -EACCES;
	s = kzalloc(sizeof(*s), GFP_KERNEL_ACCOUNT);
	if (!s)
		return -ENOMEM;
	mutex_init(&s->lock);
	init_waitqueue_head(&s->wait);
	s->recorder = current->tgid;
	s->pid_ns = get_pid_ns(task_active_pid_ns(current));
	err = notices_init(&s->notices);
	if (err)
		goto free_session;
	err = filter_init(s);
	if (err)
		goto free_notices;

	/* From now on no other session sees this process. */
	mutex_lock(&sessions_lock);
	list_add_rcu(&s->list, &sessions);
	list_for_each_entry(other, &sessions, list)
		if (other != s)
			filter_exclude(other, s->recorder);
	mutex_unlock(&sessions_lock);
	file->private_data = s;
	return stream_open(inode, file);

free_notices:
	notices_free(&s->notices);
free_session:
	put_pid_ns(s->pid_ns);
	kfree(s);
	return err;
}

static int session_release(struct inode *inode, struct file *file)
{
	struct session *s = file->private_data;

	hooks_off(s);
	mutex_lock(&sessions_lock);
	list_del_rcu(&s->list);
	mutex_unlock(&sessions_lock);
	synchronize_rcu();
	rings_free(s);
	filter_free(s);
	notices_free(&s->notices);
	put_pid_ns(s->pid_ns);
	kfree(s);
	return 0;
}

/* ---- ioctls; all under session.lock, with arguments copied in before and out after */

static int session_info(struct weft_info *info)
{
	unsigned long flags;

	info->abi_version = WEFT_ABI_VERSION;
	info->abi_compat = WEFT_ABI_COMPAT;
	info->tsc_khz = weft_ticks_khz();
	info->clocks = 1 << WEFT_CLOCK_MONOTONIC | (info->tsc_khz ? 1 << WEFT_CLOCK_TSC : 0);
	info->hooks = hooks_found();
	info->nr_cpus = nr_cpu_ids;
	local_irq_save(flags);
	info->clock_tsc = weft_ticks();
	info->clock_mono = ktime_get_ns();
	info->clock_boot = ktime_get_boottime_ns();
	info->clock_real = ktime_get_real_ns();
	local_irq_restore(flags);
	return 0;
}

static int session_setup(struct session *s, const struct weft_setup *setup)
{
	u64 bytes = ring_bytes(setup->sub_size, setup->nr_subs) * num_possible_cpus();
	int err;

	if (setup->flags & ~WEFT_SETUP_ALL || setup->groups & ~WEFT_GROUP_ALL)
		return -EINVAL;
	if (setup->clock != WEFT_CLOCK_MONOTONIC &&
	    (setup->clock != WEFT_CLOCK_TSC || !weft_ticks_khz()))
		return -EINVAL;
	if (!is_power_of_2(setup->sub_size) || !is_power_of_2(setup->nr_subs) ||
	    setup->sub_size < max_t(u32, WEFT_RING_MIN_SUB_SIZE, PAGE_SIZE) ||
	    setup->sub_size > WEFT_RING_MAX_SUB_SIZE || setup->nr_subs < WEFT_RING_MIN_SUBS ||
	    setup->nr_subs > WEFT_RING_MAX_SUBS)
		return -EINVAL;
	if (s->state != SESSION_NEW)
		return -EBUSY;
	if (bytes > (u64)totalram_pages() * PAGE_SIZE / 2)
		return -ENOMEM;

	memcpy(s->uuid, setup->uuid, sizeof(s->uuid));
	err = rings_alloc(s, setup->sub_size, setup->nr_subs, setup->clock, s->uuid);
	if (err)
		return err;
	s->all = setup->flags & WEFT_SETUP_ALL;
	s->tsc = setup->clock == WEFT_CLOCK_TSC;
	s->groups = setup->groups | WEFT_GROUP_META | WEFT_GROUP_TASK;
	smp_store_release(&s->state, SESSION_READY); /* mmap and poll look without the lock */
	return 0;
}

static bool session_is_open(const struct session *s)
{
	return s->state == SESSION_READY || s->state == SESSION_RECORDING;
}

static int session_filter(struct session *s, const struct weft_filter *f)
{
	int err;

	if (f->flags || f->pad)
		return -EINVAL;
	if (!session_is_open(s))
		return -EBUSY;
	/* What the process creates from now on is in, before START as well. */
	err = hooks_on(s, HOOKS_LIFE);
	return err ?: filter_add(s, f->tgid);
}

static int session_unit(struct session *s, const struct weft_unit_word *u)
{
	bool none = u->flags & WEFT_UNIT_NONE;

	if (u->flags & ~WEFT_UNIT_NONE || u->pad)
		return -EINVAL;
	if (!none && (u->tp_offset % 8 || u->tp_offset < -(1LL << 30) || u->tp_offset > 1LL << 30))
		return -EINVAL;
	if (!session_is_open(s))
		return -EBUSY;
	return filter_set_unit(s, u->tgid, none, u->tp_offset);
}

static int session_start(struct session *s)
{
	int err;

	if (s->state != SESSION_READY)
		return -EBUSY;
	mutex_lock(&sessions_lock);
	err = hooks_on(s, ~0ULL);
	if (!err) {
		s->state = SESSION_RECORDING;
		WRITE_ONCE(s->recording, true);
		/* Whoever created a thread without seeing that is through: it is old enough below. */
		synchronize_rcu();
		filter_start(s);
	}
	mutex_unlock(&sessions_lock);
	return err;
}

static int session_stop(struct session *s)
{
	if (s->state != SESSION_RECORDING)
		return -EBUSY;
	filter_stop(s);
	hooks_off(s);
	s->state = SESSION_STOPPED;
	s->recording = false;
	return 0;
}

static int session_flush(struct session *s)
{
	if (s->state == SESSION_NEW)
		return -EBUSY;
	rings_flush(s);
	return 0;
}

static int session_stat(struct session *s, struct weft_stat *st)
{
	unsigned int cpu;

	if (s->state == SESSION_NEW)
		return -EBUSY;
	for_each_possible_cpu(cpu) {
		const struct ring *r = per_cpu_ptr(s->rings, cpu);

		st->events += READ_ONCE(r->events);
		st->lost += READ_ONCE(r->ctl->lost);
	}
	st->missed = hooks_missed(s);
	st->threads = filter_count(s);
	return 0;
}

union session_arg {
	u32 size;
	struct weft_info info;
	struct weft_setup setup;
	struct weft_filter filter;
	struct weft_unit_word unit;
	struct weft_stat stat;
};

/* Size of the structure by number of the ioctl; 0: it has none. */
static const u32 arg_size[] = {
	[_IOC_NR(WEFT_IOC_INFO)] = sizeof(struct weft_info),
	[_IOC_NR(WEFT_IOC_SETUP)] = sizeof(struct weft_setup),
	[_IOC_NR(WEFT_IOC_FILTER)] = sizeof(struct weft_filter),
	[_IOC_NR(WEFT_IOC_UNIT)] = sizeof(struct weft_unit_word),
	[_IOC_NR(WEFT_IOC_START)] = 0,
	[_IOC_NR(WEFT_IOC_STOP)] = 0,
	[_IOC_NR(WEFT_IOC_FLUSH)] = 0,
	[_IOC_NR(WEFT_IOC_STAT)] = sizeof(struct weft_stat),
};

static int session_call(struct session *s, unsigned int nr, union session_arg *arg)
{
	switch (nr) {
	case _IOC_NR(WEFT_IOC_INFO):
		return session_info(&arg->info);
	case _IOC_NR(WEFT_IOC_SETUP):
		return session_setup(s, &arg->setup);
	case _IOC_NR(WEFT_IOC_FILTER):
		return session_filter(s, &arg->filter);
	case _IOC_NR(WEFT_IOC_UNIT):
		return session_unit(s, &arg->unit);
	case _IOC_NR(WEFT_IOC_START):
		return session_start(s);
	case _IOC_NR(WEFT_IOC_STOP):
		return session_stop(s);
	case _IOC_NR(WEFT_IOC_FLUSH):
		return session_flush(s);
	default:
		return session_stat(s, &arg->stat);
	}
}

/*
 * The number names the call; how long the structure is, and so which version of it the caller knows,
 * the structure's first field says.
 */
static long session_ioctl(struct file *file, unsigned int cmd, unsigned long argp)
{
	struct session *s = file->private_data;
	unsigned int nr = _IOC_NR(cmd), dir = _IOC_DIR(cmd);
	void __user *uarg = (void __user *)argp;
	union session_arg arg = {};
	u32 size, usize;
	int err;

	if (_IOC_TYPE(cmd) != WEFT_IOC_MAGIC || nr >= ARRAY_SIZE(arg_size))
		return -ENOTTY;
	size = arg_size[nr];
	if (size) {
		if (get_user(usize, (u32 __user *)uarg))
			return -EFAULT;
		if (usize < sizeof(arg.size))
			return -EINVAL;
		if (usize > PAGE_SIZE)
			return -E2BIG;
		err = copy_struct_from_user(&arg, size, uarg, usize);
		if (err)
			return err;
	}
	if (mutex_lock_interruptible(&s->lock))
		return -ERESTARTSYS;
	err = session_call(s, nr, &arg);
	mutex_unlock(&s->lock);
	if (err || !(dir & _IOC_READ) || !size)
		return err;

	arg.size = size;
	if (copy_to_user(uarg, &arg, min(size, usize)))
		return -EFAULT;
	return 0;
}

/* ---- the reader's side */

static int session_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct session *s = file->private_data;
	u64 offset = (u64)vma->vm_pgoff << PAGE_SHIFT;
	u64 cpu = offset / WEFT_MMAP_STRIDE;
	struct page *user;
	struct ring *r;
	int err = -EINVAL;

	if (!(vma->vm_flags & VM_SHARED) || vma->vm_flags & VM_EXEC)
		return -EINVAL;
	/* Not session.lock: mmap_lock is held, and ioctls fault under that one. */
	if (smp_load_acquire(&s->state) == SESSION_NEW)
		return -EBUSY;
	if (cpu >= nr_cpu_ids || !cpu_possible(cpu))
		return -EINVAL;
	r = per_cpu_ptr(s->rings, cpu);
	offset -= cpu * WEFT_MMAP_STRIDE;
	if (offset == WEFT_MMAP_USER(0)) {
		vm_flags_mod(vma, VM_DONTCOPY | VM_DONTEXPAND, VM_MAYEXEC);
		user = virt_to_page(r->user);
		err = vm_map_pages_zero(vma, &user, 1);
	} else if (offset == WEFT_MMAP_CTL(0)) {
		if (vma->vm_flags & VM_WRITE)
			return -EPERM;
		vm_flags_mod(vma, VM_DONTCOPY | VM_DONTEXPAND, VM_MAYEXEC | VM_MAYWRITE);
		err = vm_map_pages_zero(vma, r->pages, r->nr_pages);
	}
	return err;
}

static ssize_t session_read(struct file *file, char __user *buf, size_t len, loff_t *pos)
{
	struct session *s = file->private_data;
	struct weft_notice n;
	ssize_t done = 0;
	int err;

	if (len < sizeof(n))
		return -EINVAL;
	while (len - done >= sizeof(n)) {
		if (notice_take(&s->notices, &n)) {
			if (copy_to_user(buf + done, &n, sizeof(n)))
				return -EFAULT;
			done += sizeof(n);
			continue;
		}
		if (done)
			break;
		if (file->f_flags & O_NONBLOCK)
			return -EAGAIN;
		err = wait_event_interruptible(s->wait, notices_waiting(&s->notices));
		if (err)
			return err;
	}
	return done;
}

static __poll_t session_poll(struct file *file, poll_table *wait)
{
	struct session *s = file->private_data;
	unsigned int cpu;

	poll_wait(file, &s->wait, wait);
	if (notices_waiting(&s->notices))
		return EPOLLIN | EPOLLRDNORM;
	if (smp_load_acquire(&s->state) == SESSION_NEW)
		return 0;
	for_each_possible_cpu(cpu)
		if (ring_complete(per_cpu_ptr(s->rings, cpu)))
			return EPOLLIN | EPOLLRDNORM;
	return 0;
}

const struct file_operations session_fops = {
	.owner = THIS_MODULE,
	.open = session_open,
	.release = session_release,
	.unlocked_ioctl = session_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.mmap = session_mmap,
	.read = session_read,
	.poll = session_poll,
};
