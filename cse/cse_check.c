/* SPDX-License-Identifier: Apache-2.0 */
/* Forms of options that cse/base cannot know: names of oneM2M, hosts, addresses.  Asked before anything is made. */
#include "cse/cse_check.h"

#include "bindings/listen.h"
#include "cse/base/clock.h"
#include "cse/base/err.h"
#include "cse/base/rand.h"
#include "cse/model/url.h"
#include "security/ca.h"
#include "security/cert.h"
#include "security/file.h"
#include "security/target.h"
#include "security/who.h"

static bool is_cse_id(struct str s)
{
	return s.n > 1 && s.p[0] == '/' && who_is_name(str_from(s, 1));
}

static bool is_administrator(struct str s)
{
	return s.n > 1 && s.p[0] == 'C' && who_is_name(s);
}

/* A DNS name, or what can only be meant as an IPv6 address. */
static bool is_host(struct str s)
{
	size_t i = 0;

	if (cert_is_dns(s))
		return true;
	while (i < s.n && (s.p[i] == ':' || s.p[i] == '.' || (s.p[i] >= '0' && s.p[i] <= '9') ||
	                   ((s.p[i] | 32) >= 'a' && (s.p[i] | 32) <= 'f')))
		i++;
	return i == s.n && str_index(s, ':') < s.n;
}

static bool is_listener(struct str s)
{
	return listen_is_address(s.p);
}

static bool is_point_of_access(struct str s)
{
	struct why ignored = { .rsc = RSC_NONE };
	struct url u;

	return url_parse(s, &u, &ignored) == RSC_NONE && !url_is_plaintext(&u);
}

/* RFC 6454 6.2; a page on the developer's own machine has http. */
static bool is_origin(struct str s)
{
	struct why ignored = { .rsc = RSC_NONE };
	struct url u;

	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] >= 'A' && s.p[i] <= 'Z')
			return false;
	return url_parse(s, &u, &ignored) == RSC_NONE && (u.scheme == URL_HTTPS || u.scheme == URL_HTTP) && u.path.n == 0;
}

static const struct form {
	enum conf_id id;
	bool (*is_good)(struct str s);
	const char *mend;
} forms[] = {
	{ CONF_CSE_NAME, addr_is_rn, "write letters, digits and - . _ ~ only, and not a virtual resource's name (la, ol, fopt ..), e.g. cse-in" },
	{ CONF_CSE_ID, is_cse_id, "write a slash and letters, digits, - . _ ~, e.g. /id-in" },
	{ CONF_CSE_SP, cert_is_dns, "write a domain name, e.g. troth.example" },
	{ CONF_ACC_ADMIN, is_administrator, "write C and letters, digits, - . _ ~, e.g. CAdmin" },
	{ CONF_CSE_POA, is_point_of_access, "write https://host:port; a plaintext one is none" },
	{ CONF_HTTP_CORS, is_origin, "write what browsers send: https://host or https://host:port in small letters, without a slash behind" },
	{ CONF_HTTP_NAMES, is_host, "write DNS names and IP addresses" },
	{ CONF_HTTP_LISTEN, is_listener, "write 127.0.0.1:8443 or [::1]:8443" },
	{ CONF_NOTIFY_TARGETS, target_is_listing, "write https://host:port and an identity, e.g. https://app.example:8443 Capp" },
	{ CONF_NOTIFY_PREFIXES, target_is_prefix, "write 10.1.0.0/16 or fd00::/8, perhaps with zone=2 behind it" },
};

static int check(const struct conf *c, const struct form *f, const char *text, struct conf_why *why)
{
	if (f->is_good(str_of(text)))
		return 0;
	conf_refuse(c, f->id, why->text, sizeof(why->text), "\"%.80s\" is not good; %s", text, f->mend);
	return E_CONF;
}

/* An issuing CA that the first start would take in; afterwards the file may be gone. */
static int check_issuing(const struct conf *c, struct conf_why *why)
{
	static const char self[] = "security.issuing_ca: ";
	const char *dir = conf_str(c, CONF_CSE_STATE), *file = conf_str(c, CONF_SEC_ISSUING_CA), *h;
	struct str hosts[64];
	struct ca_opts o = { .dir = dir, .import = file, .self.sp = str_of(conf_str(c, CONF_CSE_SP)),
		.self.cse = str_from(str_of(conf_str(c, CONF_CSE_ID)), 1), .self.base = str_of(conf_str(c, CONF_CSE_NAME)),
		.server_life_us = conf_num(c, CONF_SEC_SERVER_LIFE) * 1000, .hosts = { hosts, 0 } };
	struct why w = { .rsc = RSC_NONE };
	int err;

	if (!*file || file_exists(dir, "ca/issuing.pem"))
		return 0;
	while (o.hosts.n < ARRAY_LEN(hosts) && (h = conf_item(c, CONF_HTTP_NAMES, (unsigned)o.hosts.n)))
		hosts[o.hosts.n++] = str_of(h);
	o.clock = clock_new();
	o.rnd = rnd_new();
	err = ca_check_import(&o, &w);
	rnd_free(o.rnd);
	clock_free(o.clock);
	if (err == 0)
		return 0;
	conf_refuse(c, CONF_SEC_ISSUING_CA, why->text, sizeof(why->text), "%s",
	            strncmp(w.text, self, sizeof(self) - 1) ? w.text : w.text + sizeof(self) - 1);
	return E_CONF;
}

int cse_check_conf(const struct conf *c, struct conf_why *why)
{
	for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
		const struct form *f = &forms[i];
		const char *item;
		int err = 0;

		if (conf_row(f->id)->type != CONF_T_LIST)
			err = check(c, f, conf_str(c, f->id), why);
		else
			for (unsigned k = 0; err == 0 && (item = conf_item(c, f->id, k)); k++)
				err = check(c, f, item, why);
		if (err)
			return err;
	}
	return check_issuing(c, why);
}
