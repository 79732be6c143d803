// SPDX-License-Identifier: GPL-2.0-only
/* Marks of units that do not fit together, as the correlator counted them: most often a missing mark. */
#include <stddef.h>
#include "audit.h"
#include "format.h"
#include "json.h"

static const struct {
	const char *key; /* of JSON */
	const char *what;
	size_t offset;
} oddities[] = {
#define ODD(member, what)                                                                          \
	{                                                                                          \
#member, what, offsetof(struct acct_oddities, member)                              \
	}
	ODD(create_twice, "units created a second time"),
	ODD(resume_of_unknown, "resumes of units that were never created, or have ended"),
	ODD(resume_while_current, "resumes of units that were current already"),
	ODD(suspend_without_resume, "suspends of units that were not current there"),
	ODD(exit_without_create, "exits of units that were never created"),
	ODD(wake_of_unknown, "wakes of units that were never created, or have ended"),
	ODD(word_disagrees, "kernel events that read another unit than the marks say"),
	ODD(invalid, "marks without a unit, and what is no mark"),
	ODD(copies, "processes with two copies of <weft/unit.h>, whose units nest"),
#undef ODD
};
#define NR_ODDITIES (sizeof(oddities) / sizeof(oddities[0]))

static uint64_t count(const struct acct_oddities *odd, size_t i)
{
	return *(const uint64_t *)((const char *)odd + oddities[i].offset);
}

void audit_marks_print(FILE *f, const struct acct_oddities *odd)
{
	char text[FORMAT_LEN];
	bool any = false;
	size_t i;

	for (i = 0; i < NR_ODDITIES; i++) {
		if (!count(odd, i))
			continue;
		if (!any)
			fprintf(f, "marks that do not fit, see docs/units.md:\n");
		any = true;
		fprintf(f, "%10s  %s\n", format_count(text, count(odd, i)), oddities[i].what);
	}
}

void audit_marks_json(struct json *j, const struct acct_oddities *odd)
{
	size_t i;

	json_object(j, "marks");
	for (i = 0; i < NR_ODDITIES; i++)
		json_u64(j, oddities[i].key, count(odd, i));
	json_end(j);
}
