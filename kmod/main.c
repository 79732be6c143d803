// SPDX-License-Identifier: GPL-2.0-only
/*
 * weft.ko: /dev/weft, which gives sessions (session.c) of tracing scheduling, memory mapping and context
 * switches to <weft/device.h>'s interface.
 */
#include <linux/miscdevice.h>
#include <linux/module.h>
#include "hooks.h"
#include "session.h"

static struct miscdevice weft_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "weft",
	.mode = 0600,
	.fops = &session_fops,
};

static int __init weft_init(void)
{
	int err;

	hooks_find();
	err = misc_register(&weft_device);
	if (err)
		pr_err("/dev/weft cannot be registered: error %d\n", err);
	return err;
}

/* No session is open: each one holds a reference on the module. */
static void __exit weft_exit(void)
{
	misc_deregister(&weft_device);
	fault_exit();
}

module_init(weft_init);
module_exit(weft_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION(
	"Traces scheduling, memory mapping and context switches of threads and user-level units");
