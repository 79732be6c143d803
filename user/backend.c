// SPDX-License-Identifier: GPL-2.0-only
/* The choice of a backend. */
#include <stdio.h>
#include <string.h>
#include "backend.h"

const struct backend_ops *backend_by_name(const char *name, char *errbuf, size_t len)
{
	static const struct backend_ops *const backends[] = { &backend_kmod, &backend_bpf };
	char why[2][512];
	int i;

	for (i = 0; i < 2; i++)
		if (!strcmp(name, backends[i]->name))
			return backends[i];
	if (strcmp(name, "auto")) {
		snprintf(errbuf, len, "there is no backend '%s'; there are auto, kmod and bpf",
			 name);
		return NULL;
	}
	for (i = 0; i < 2; i++)
		if (!backends[i]->probe(NULL, why[i], sizeof(why[i])))
			return backends[i];
	snprintf(errbuf, len, "nothing can be traced here: kmod: %s; bpf: %s", why[0], why[1]);
	return NULL;
}
