// SPDX-License-Identifier: GPL-2.0-only
/* The checks of an audit as JSON; docs/json.md names the members. */
#include "audit.h"
#include "json.h"

void audit_checks_json(struct json *j, const struct audit *au)
{
	int k;

	json_object(j, "checks");
	for (k = 0; k < AUDIT_NR_CHECKS; k++) {
		const struct audit_line *l = &au->check[k];
		bool checked = l->verdict != AUDIT_NOT_CHECKED;

		json_object(j, audit_check_name[k]);
		json_text(j, "verdict", audit_verdict_name(l->verdict));
		json_u64(j, "recorded", checked ? l->recorded : WEFT_UNKNOWN);
		json_u64(j, "counted", checked ? l->counted : WEFT_UNKNOWN);
		if (checked)
			json_i64(j, "explained", l->explained);
		else
			json_text(j, "explained", NULL);
		json_text(j, "why", *l->why ? l->why : NULL);
		json_end(j);
	}
	json_end(j);
}
