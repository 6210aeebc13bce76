/* SPDX-License-Identifier: Apache-2.0 */
/* A reload: everything is read, checked and made first; then all of it is swapped in, or nothing. */
#include "cse/reload.h"

#include <stdlib.h>

#include "bindings/binding.h"
#include "cse/base/clock.h"
#include "cse/base/err.h"
#include "cse/base/sd.h"
#include "cse/cse_check.h"
#include "security/enrol.h"
#include "security/rotate.h"
#include "security/ca.h"
#include "security/tls.h"

int reload_read(const struct cse *c, struct conf **out, struct why *why)
{
	struct conf_why cw = { "" };
	struct conf *conf = NULL;
	int r = conf_read(c->conf_path, c->envp, &conf, &cw);
	for (size_t i = 0; r == 0 && i < c->n_sets; i++)
		r = conf_set(conf, c->sets[i], &cw);
	for (size_t i = 0; r == 0 && i < CONF_COUNT; i++)
		if (c->set_since[i])
			r = conf_set_from(conf, c->set_since[i], "administrator", &cw);
	if (r == 0)
		r = cse_check_conf(conf, &cw);
	if (r) {
		conf_unref(conf);
		why_set(why, RSC_INTERNAL_SERVER_ERROR, "%s", cw.text);
		return r;
	}
	*out = conf;
	return 0;
}

enum log_level reload_log_level(const char *name)
{
	for (int i = LOG_ERROR; i <= LOG_DEBUG; i++)
		if (strcmp(name, log_level_name((enum log_level)i)) == 0)
			return (enum log_level)i;
	UNREACHABLE();
}

static int may_change(const struct cse *c, const struct conf *fresh, struct why *why)
{
	for (unsigned id = 0; id < CONF_COUNT; id++) {
		const struct conf_row *row = conf_row((enum conf_id)id);
		if (row->reload || conf_same(c->conf, fresh, id))
			continue;
		why_set(why, RSC_INTERNAL_SERVER_ERROR, "%s: %s.%s cannot change while trothd runs; restart it", conf_origin(fresh, id),
		        row->section, row->name);
		return E_CONF;
	}
	return 0;
}

struct strs reload_names(const struct conf *conf, struct str v[RELOAD_NAMES])
{
	const char *name;
	size_t n = 0;

	for (; n < RELOAD_NAMES && (name = conf_item(conf, CONF_HTTP_NAMES, (unsigned)n)) != NULL; n++)
		v[n] = str_of(name);
	return (struct strs){ v, n };
}

/* The server's certificate as that set wants it. */
static int rename_server(struct cse *c, const struct conf *conf, struct why *why)
{
	struct str names[RELOAD_NAMES];

	return ca_server_rename(c->ca, reload_names(conf, names), conf_num(conf, CONF_SEC_SERVER_LIFE) * 1000, why);
}

/* What can fail and is no matter of the set alone: the certificate, and contexts for all loops or for none. */
static int make_certificates(struct cse *c, const struct conf *fresh, struct why *why)
{
	struct why other = { 0 };
	bool same = conf_same(c->conf, fresh, CONF_HTTP_NAMES) && conf_same(c->conf, fresh, CONF_SEC_SERVER_LIFE);
	int r = same ? 0 : rename_server(c, fresh, why);

	if (r)
		return r;
	r = tls_renew(c->tls, why);
	if (r && !same && rename_server(c, c->conf, &other) != 0)
		log_write(c->log, LOG_CERT_EXPIRY, "the server's certificate has names of a refused reload: %s", other.text);
	return r;
}

static int reload(struct cse *c, struct why *why)
{
	struct conf *fresh = NULL;
	int r = reload_read(c, &fresh, why);
	if (r)
		return r;
	r = may_change(c, fresh, why);
	if (r == 0)
		r = make_certificates(c, fresh, why);
	if (r) {
		conf_unref(fresh);
		return r;
	}
	gate_reload(c->gate, fresh);
	rotate_reload(c->rotate, fresh);
	enrol_reload(c->enrol, fresh);
	binding_https.reload(c->https, fresh, c->tls);
	log_set_level(c->log, reload_log_level(conf_str(fresh, CONF_LOG_LEVEL)));
	conf_unref(c->conf);
	c->conf = fresh;
	return 0;
}

int cse_reload(struct cse *c, struct why *why)
{
	if (c->sd)
		sd_reloading(c->sd, clock_mono_ns(c->clock));
	int r = reload(c, why);
	if (c->sd)
		sd_ready(c->sd, r ? "serving; the last reload was refused, see the log" : "serving");
	return r;
}

int cse_set_options(struct cse *c, const struct cse_option *v, size_t n, struct why *why)
{
	char *before[CONF_COUNT];

	memcpy(before, c->set_since, sizeof(before));
	for (size_t i = 0; i < n; i++)
		c->set_since[v[i].id] = v[i].assignment ? strdup(v[i].assignment) : NULL;
	int r = cse_reload(c, why);
	/* What is no longer needed: the old ones, or the new ones. */
	for (size_t i = 0; i < CONF_COUNT; i++) {
		if (c->set_since[i] == before[i])
			continue;
		free(r ? c->set_since[i] : before[i]);
		if (r)
			c->set_since[i] = before[i];
	}
	return r;
}
