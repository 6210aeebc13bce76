/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random rules, contexts and requests: the compiled rules against an evaluator that is written plainly after TS-0003
 * 7.1.3 to 7.1.5 and security-model 1.6, on JSON, with the C library's regular expressions, calendar and addresses.
 */
#include <arpa/inet.h>
#include <math.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "cse/base/rand.h"
#include "cse/model/prim.h"
#include "security/acp.h"
#include "tests/unit/security/rules.h"

enum { CASES = 100000 };

static const struct addr_self self = { { "m2m.sp", 6 }, { "id-in", 5 }, { "cse-in", 6 } };

struct request {
	unsigned acop, target_ty, create_ty;
	const char *from; /* absolute */
	bool authenticated, has_ip, has_location, doubtful;
	char ip[64];
	double lat, lon;
	const char *country, *cnd;
	time_t now;
};

/* --- the reference -------------------------------------------------------------------------------------------------- */

static bool like(const char *text, const char *regex)
{
	char anchored[1200];
	regex_t re;
	bool yes;

	snprintf(anchored, sizeof(anchored), "^(%s)$", regex);
	ck_assert_int_eq(regcomp(&re, anchored, REG_EXTENDED | REG_NOSUB), 0);
	yes = regexec(&re, text, 0, NULL, 0) == 0;
	regfree(&re);
	return yes;
}

#define U "[A-Za-z0-9._~-]"
#define V "[A-Za-z0-9._~*-]"

/* The absolute form of an AE-ID or CSE-ID with wildcards, as a regular expression; false: it is none. */
static bool entity_regex(const char *id, char *out, size_t room)
{
	char abs[600];
	size_t n = 0;

	if (like(id, "C" V "*"))
		snprintf(abs, sizeof(abs), "//m2m.sp/id-in/%s", id);
	else if (like(id, "S" V "*"))
		snprintf(abs, sizeof(abs), "//m2m.sp/%s", id);
	else if (like(id, "/id-in/S" V "*"))
		snprintf(abs, sizeof(abs), "//m2m.sp%s", id + 6);
	else if (like(id, "//m2m.sp/id-in/S" V "*"))
		snprintf(abs, sizeof(abs), "//m2m.sp%s", id + 14);
	else if (like(id, "/" V "+") || like(id, "/" V "+/C" V "*"))
		snprintf(abs, sizeof(abs), "//m2m.sp%s", id);
	else if (like(id, "//" V "+/" V "+") || like(id, "//" V "+/" V "+/C" V "*"))
		snprintf(abs, sizeof(abs), "%s", id);
	else if (strchr(id, '*') && like(id, "/" V "+/[*]" V "*"))
		snprintf(abs, sizeof(abs), "//m2m.sp%s", id);
	else if (strchr(id, '*') && like(id, "//" V "+/" V "+/[*]" V "*"))
		snprintf(abs, sizeof(abs), "%s", id);
	else
		return false;
	for (const char *p = abs; *p && n + 8 < room; p++)
		n += (size_t)snprintf(out + n, room - n, *p == '*' ? "[^/]*" : *p == '.' ? "[.]" : "%c", *p);
	return true;
}

/* 1: names the originator, 0: does not, -1: cannot be evaluated (the rule never matches). */
static int ref_originator(const char *id, const struct request *q)
{
	char regex[1024];
	size_t n = strlen(id);

	if (strcmp(id, "all") == 0)
		return 1;
	if (like(id, U "+@" U "+"))
		return 0;
	if (like(id, "//" U "+"))
		return strncmp(q->from, id, n) == 0 && q->from[n] == '/';
	if (entity_regex(id, regex, sizeof(regex)))
		return like(q->from, regex);
	return -1;
}

/* 1, 0, or -1 for numbers out of their range. */
static int ref_field(char *field, int value, int min, int max)
{
	char *save, *element;
	int hit = 0;

	if (strcmp(field, "*") == 0)
		return value >= min && value <= max;
	for (element = strtok_r(field, ",", &save); element; element = strtok_r(NULL, ",", &save)) {
		int first = min, last = max, step = 1;

		if (strncmp(element, "*/", 2) == 0)
			sscanf(element, "*/%d", &step);
		else if (strchr(element, '-'))
			sscanf(element, "%d-%d/%d", &first, &last, &step);
		else
			first = last = (int)strtol(element, NULL, 10);
		if (first < min || last > max || first > last || step < 1)
			return -1;
		hit |= value >= first && value <= last && (value - first) % step == 0;
	}
	return hit;
}

/* -1: no window. */
static int ref_window(const char *text, const struct request *q)
{
	char f[7][64], junk;
	int r[7], all = 1, i;
	struct tm tm;

	if (!like(text, " *(([0-9]+(-[0-9]+(/[0-9]+)?)?,)*[0-9]+(-[0-9]+(/[0-9]+)?)?|[*](/[0-9]+)?)"
	                "( +(([0-9]+(-[0-9]+(/[0-9]+)?)?,)*[0-9]+(-[0-9]+(/[0-9]+)?)?|[*](/[0-9]+)?)){6} *") ||
	    sscanf(text, "%63s %63s %63s %63s %63s %63s %63s %c", f[0], f[1], f[2], f[3], f[4], f[5], f[6], &junk) != 7)
		return -1;
	gmtime_r(&q->now, &tm);
	r[0] = ref_field(f[0], tm.tm_sec, 0, 59);
	r[1] = ref_field(f[1], tm.tm_min, 0, 59);
	r[2] = ref_field(f[2], tm.tm_hour, 0, 23);
	r[3] = ref_field(f[3], tm.tm_mday, 1, 31);
	r[4] = ref_field(f[4], tm.tm_mon + 1, 1, 12);
	r[5] = ref_field(f[5], tm.tm_wday, 0, 6);
	r[6] = ref_field(f[6], tm.tm_year + 1900, 2000, 9999);
	for (i = 0; i < 7; i++) {
		if (r[i] < 0)
			return -1;
		all &= r[i];
	}
	return all;
}

static int ref_block(const char *text, int family, const struct request *q)
{
	unsigned char block[16], peer[16];
	char address[128];
	int bits = family == AF_INET ? 32 : 128, i;
	const char *slash = strchr(text, '/');

	snprintf(address, sizeof(address), "%.*s", slash ? (int)(slash - text) : (int)strlen(text), text);
	if (inet_pton(family, address, block) != 1 || (slash && (!like(slash + 1, "0|[1-9][0-9]?[0-9]?") ||
	                                                    (int)strtol(slash + 1, NULL, 10) > bits)))
		return -1;
	if (slash)
		bits = (int)strtol(slash + 1, NULL, 10);
	if (!q->has_ip || inet_pton(family, q->ip, peer) != 1)
		return 0;
	for (i = 0; i < bits; i++) {
		if (((block[i / 8] ^ peer[i / 8]) >> (7 - i % 8)) & 1)
			return 0;
	}
	return 1;
}

/* Any element of the list; *n counts them, *bad is set by one that cannot be read. */
static bool ref_any(json_t *list, int (*fn)(const char *, const struct request *), const struct request *q, size_t *n, bool *bad)
{
	bool hit = false;
	json_t *v;
	size_t i;

	if (!json_is_array(list)) {
		*bad = true;
		return false;
	}
	json_array_foreach(list, i, v) {
		int r = json_is_string(v) ? fn(json_string_value(v), q) : -1;

		*bad |= r < 0;
		hit |= r > 0;
		(*n)++;
	}
	return hit;
}

static int ref_v4(const char *text, const struct request *q)
{
	return ref_block(text, AF_INET, q);
}

static int ref_v6(const char *text, const struct request *q)
{
	return ref_block(text, AF_INET6, q);
}

static int ref_country(const char *text, const struct request *q)
{
	return like(text, "[A-Z][A-Z]") ? q->country && strcmp(text, q->country) == 0 : -1;
}

/* Spherical law of cosines: another formula than the one under test. */
static double distance(double lat1, double lon1, double lat2, double lon2)
{
	double r = M_PI / 180, c = sin(lat1 * r) * sin(lat2 * r) + cos(lat1 * r) * cos(lat2 * r) * cos((lon1 - lon2) * r);

	return 6371008.8 * acos(c > 1 ? 1 : c < -1 ? -1 : c);
}

/* 1 holds, 0 not, -1 never; *near: too close to the edge of a circle to say. */
static int ref_circle(json_t *accr, const struct request *q, bool *near)
{
	double v[3], d;
	size_t i;

	if (!json_is_array(accr) || json_array_size(accr) != 3)
		return -1;
	for (i = 0; i < 3; i++) {
		if (!json_is_number(json_array_get(accr, i)))
			return -1;
		v[i] = json_number_value(json_array_get(accr, i));
	}
	if (fabs(v[0]) > 90 || fabs(v[1]) > 180 || v[2] < 0)
		return -1;
	if (!q->has_location)
		return 0;
	d = distance(q->lat, q->lon, v[0], v[1]);
	*near |= fabs(d - v[2]) < 10;
	return d <= v[2];
}

static bool ref_context(json_t *c, const struct request *q, bool *near)
{
	size_t n_time = 0, n_ip = 0, n_loc = 0;
	bool bad = false, time_ok = true, ip_ok = true, loc_ok = true;
	const char *name, *inner;
	json_t *v, *w;

	if (!json_is_object(c))
		return false;
	json_object_foreach(c, name, v) {
		if (strcmp(name, "actw") == 0) {
			time_ok = ref_any(v, ref_window, q, &n_time, &bad);
		} else if (strcmp(name, "acip") == 0 && json_is_object(v)) {
			ip_ok = false;
			json_object_foreach(v, inner, w) {
				if (strcmp(inner, "ipv4") == 0)
					ip_ok |= ref_any(w, ref_v4, q, &n_ip, &bad);
				else if (strcmp(inner, "ipv6") == 0)
					ip_ok |= ref_any(w, ref_v6, q, &n_ip, &bad);
				else
					bad = true;
			}
		} else if (strcmp(name, "aclr") == 0 && json_is_object(v) && json_object_size(v) <= 1) {
			json_object_foreach(v, inner, w) {
				if (strcmp(inner, "accc") == 0) {
					loc_ok = ref_any(w, ref_country, q, &n_loc, &bad);
				} else if (strcmp(inner, "accr") == 0) {
					int r = ref_circle(w, q, near);

					bad |= r < 0;
					loc_ok = r > 0;
					n_loc = 1;
				} else {
					bad = true;
				}
			}
		} else {
			bad = true;
		}
	}
	if (bad || n_time + n_ip + n_loc == 0 || (n_time && q->doubtful))
		return false;
	return (n_time == 0 || time_ok) && (n_ip == 0 || ip_ok) && (n_loc == 0 || loc_ok);
}

static bool ref_detail(json_t *d, const struct request *q)
{
	bool ok = true, child = false;
	const char *name;
	json_t *v, *e, *cnd;
	size_t i;

	if (!json_is_object(d) || !json_is_array(json_object_get(d, "chty")))
		return false;
	json_object_foreach(d, name, v) {
		if (strcmp(name, "chty") == 0) {
			json_array_foreach(v, i, e) {
				if (!json_is_integer(e) || json_integer_value(e) < 0)
					return false;
				child |= json_integer_value(e) == (json_int_t)q->create_ty;
			}
		} else if (strcmp(name, "ty") == 0) {
			ok &= json_is_integer(v) && json_integer_value(v) == (json_int_t)q->target_ty;
		} else if (strcmp(name, "spty") == 0) {
			cnd = json_object_get(v, "cnd");
			ok &= json_object_size(v) == 1 && json_is_string(cnd) && q->cnd && strcmp(json_string_value(cnd), q->cnd) == 0;
		} else {
			return false;
		}
	}
	return ok && child;
}

static bool ref_rule(json_t *r, const struct request *q, bool *near)
{
	json_t *acor = json_object_get(r, "acor"), *acop = json_object_get(r, "acop"), *acco = json_object_get(r, "acco");
	json_t *acod = json_object_get(r, "acod"), *acaf = json_object_get(r, "acaf"), *v;
	bool who = false, context = false, detail = false;
	const char *name;
	size_t i;

	json_object_foreach(r, name, v) {
		if (strcmp(name, "acor") && strcmp(name, "acop") && strcmp(name, "acco") && strcmp(name, "acod") && strcmp(name, "acaf"))
			return false;
	}
	if (!json_is_array(acor) || json_array_size(acor) == 0 || !json_is_integer(acop) || (acco && !json_is_array(acco)) ||
	    (acod && !json_is_array(acod)) || (acaf && !json_is_boolean(acaf)))
		return false;
	if (json_integer_value(acop) < 1 || json_integer_value(acop) > 63 || (json_integer_value(acop) & q->acop) == 0)
		return false;
	json_array_foreach(acor, i, v) {
		int x = json_is_string(v) ? ref_originator(json_string_value(v), q) : -1;

		if (x < 0)
			return false;
		who |= x > 0;
	}
	json_array_foreach(acco, i, v)
		context |= ref_context(v, q, near);
	json_array_foreach(acod, i, v)
		detail |= ref_detail(v, q);
	return who && (!json_is_true(acaf) || q->authenticated) && (json_array_size(acco) == 0 || context) &&
	       (q->acop != ACOP_C || json_array_size(acod) == 0 || detail);
}

/* --- random cases --------------------------------------------------------------------------------------------------- */

static struct rnd *rnd;

static bool one_in(unsigned n)
{
	return rnd_below(rnd, n) == 0;
}

#define PICK(list) (list)[rnd_below(rnd, ARRAY_LEN(list))]

static const char *const originators[] = { "CDev1", "CDev2", "SDev1", "C*", "CDev*", "S*", "/id-in/CDev1", "/id-in/SDev1",
	"//m2m.sp/id-in/CDev1", "/mn1/CDev1", "/mn1", "/mn*", "/*/C*", "//*/mn1", "//m2m.sp", "//other.sp", "//other.sp/mn1/C*",
	"/*", "//*/*/*", "all", "r1@i.org", "/SDev*", "//m2m.sp/S*1", "CD*v*" };
static const char *const odd_originators[] = { "*", "grp7", "cse-in/g", "/id-in/cse-in/g", "grp*", "", "C D", "//*", "/mn1/", "a@*",
	"//", "/mn1/SDev1", "CDev1#", "//m2m.*" };
static const char *const entities[] = { "//m2m.sp/id-in/CDev1", "//m2m.sp/id-in/CDev2", "//m2m.sp/SDev1", "//m2m.sp/mn1",
	"//m2m.sp/mn1/CDev1", "//other.sp/mn1", "//other.sp/mn1/CDev1", "//m2m.sp/id-in/CX", "//m2m.sp/id-in" };
static const char *const windows[] = { "* * * * * * *", "* * 8-17 * * 1-5 *", "*/2 * * * * * *", "* 0-29 * * * * *",
	"* * * 1-15 * * *", "* * * * 1-6 * *", "* * * * * 0,6 *", "* * * * * * 2020-2025", "0-30/3 * * * * * *", "* * */6 * * * *",
	"* * * * */2 * 2000-9999/2" };
static const char *const odd_windows[] = { "", "* * * * * *", "60 * * * * * *", "nonsense", "* * * * * * * *", "5-1 * * * * * *",
	"*,1 * * * * * *", "* * * 0 * * *" };
static const char *const blocks4[] = { "10.0.0.0/8", "10.1.0.0/16", "10.1.2.3", "0.0.0.0/0", "10.1.2.0/30", "192.168.0.0/16" };
static const char *const blocks6[] = { "fd00::/8", "::/0", "fd00::1", "fd00:1::/32", "2001:db8::/33" };
static const char *const odd_blocks[] = { "10.0.0.0/33", "x", "", "10.1", "fd00:::1", "10.1.2.3/", "::/129" };
static const char *const addresses[] = { "10.1.2.3", "10.1.2.9", "10.200.0.1", "192.168.1.1", "fd00::1", "fd00:1::9", "2001:db8::5",
	"2001:db8:8000::5" };
static const char *const countries[] = { "DE", "KR", "FR" };
static const char *const odd_countries[] = { "de", "DEU", "", "D1" };
static const char *const extras[] = { "acui", "x", "aca", "ipv8", "zz" };

static json_t *texts(const char *const *good, size_t n_good, const char *const *odd, size_t n_odd)
{
	json_t *list = json_array();
	size_t n = rnd_below(rnd, 4);

	while (n--)
		json_array_append_new(list, one_in(25) ? json_null() : one_in(12) ? json_string(odd[rnd_below(rnd, n_odd)])
		                                                                    : json_string(good[rnd_below(rnd, n_good)]));
	return list;
}
#define TEXTS(good, odd) texts(good, ARRAY_LEN(good), odd, ARRAY_LEN(odd))

static void maybe_extra(json_t *o)
{
	if (one_in(25))
		json_object_set_new(o, PICK(extras), one_in(2) ? json_integer(1) : json_pack("[s]", "v"));
}

static json_t *region(void)
{
	json_t *o = json_object();

	if (one_in(2))
		json_object_set_new(o, "accc", TEXTS(countries, odd_countries));
	if (json_object_size(o) == 0 || one_in(15))
		json_object_set_new(o, "accr", one_in(15) ? json_pack("[f,f]", 1.0, 2.0)
		                                          : json_pack("[f,f,f]", (double)rnd_below(rnd, 190) - 95, (double)rnd_below(rnd, 370) - 185,
		                                                      (double)rnd_below(rnd, 12000000) - 100));
	if (one_in(20))
		json_object_clear(o);
	maybe_extra(o);
	return o;
}

static json_t *context(void)
{
	json_t *o = json_object(), *ip = json_object();

	if (one_in(2))
		json_object_set_new(o, "actw", one_in(30) ? json_string("* * * * * * *") : TEXTS(windows, odd_windows));
	if (one_in(2))
		json_object_set_new(ip, "ipv4", TEXTS(blocks4, odd_blocks));
	if (one_in(2))
		json_object_set_new(ip, "ipv6", TEXTS(blocks6, odd_blocks));
	maybe_extra(ip);
	if (one_in(2))
		json_object_set(o, "acip", ip);
	json_decref(ip);
	if (one_in(3))
		json_object_set_new(o, "aclr", region());
	maybe_extra(o);
	return o;
}

static json_t *detail(void)
{
	json_t *o = json_object(), *chty = json_array();

	while (!one_in(3))
		json_array_append_new(chty, json_integer((json_int_t)rnd_below(rnd, 5)));
	if (one_in(20))
		json_array_append_new(chty, json_string("4"));
	if (!one_in(15))
		json_object_set(o, "chty", chty);
	json_decref(chty);
	if (one_in(3))
		json_object_set_new(o, "ty", json_integer((json_int_t)rnd_below(rnd, 5)));
	if (one_in(5))
		json_object_set_new(o, "spty", one_in(5) ? json_object() : json_pack("{s:s}", "cnd", one_in(2) ? "org.x" : "org.y"));
	maybe_extra(o);
	return o;
}

static json_t *list_of(json_t *(*fn)(void))
{
	json_t *list = json_array();
	size_t n = rnd_below(rnd, 3);

	while (n--)
		json_array_append_new(list, one_in(30) ? json_null() : fn());
	return list;
}

static json_t *rule(void)
{
	json_t *o = json_object();

	if (!one_in(30))
		json_object_set_new(o, "acor", TEXTS(originators, odd_originators));
	if (!one_in(30))
		json_object_set_new(o, "acop", one_in(30) ? json_string("63") : json_integer((json_int_t)rnd_below(rnd, 66)));
	if (one_in(2))
		json_object_set_new(o, "acco", one_in(30) ? context() : list_of(context));
	if (one_in(3))
		json_object_set_new(o, "acod", list_of(detail));
	if (one_in(3))
		json_object_set_new(o, "acaf", one_in(20) ? json_integer(1) : json_boolean(one_in(2)));
	maybe_extra(o);
	return o;
}

static void make_request(struct request *q, struct acp_facts *f, struct ipaddr *ip)
{
	*q = (struct request){ .acop = 1u << rnd_below(rnd, 6), .target_ty = (unsigned)rnd_below(rnd, 5),
		.create_ty = (unsigned)rnd_below(rnd, 5), .from = PICK(entities), .authenticated = one_in(2), .has_ip = !one_in(5),
		.has_location = one_in(2), .doubtful = one_in(10), .lat = (double)rnd_below(rnd, 181) - 90,
		.lon = (double)rnd_below(rnd, 361) - 180, .country = one_in(3) ? NULL : PICK(countries),
		.cnd = one_in(2) ? NULL : one_in(2) ? "org.x" : "org.y", .now = (time_t)rnd_below(rnd, 3000000000u) };
	snprintf(q->ip, sizeof(q->ip), "%s", PICK(addresses));
	*ip = (struct ipaddr){ 0 };
	if (q->has_ip) {
		ip->family = strchr(q->ip, ':') ? 6 : 4;
		ck_assert_int_eq(inet_pton(ip->family == 4 ? AF_INET : AF_INET6, q->ip, ip->b), 1);
	}
	*f = (struct acp_facts){ .acop = q->acop, .from = str_of(q->from), .from_hash = acp_hash(str_of(q->from)),
		.authenticated = q->authenticated, .ip = ip, .has_location = q->has_location, .lat = q->lat, .lon = q->lon,
		.country = q->country ? acp_country(str_of(q->country)) : 0, .clock_doubtful = q->doubtful,
		.now_us = (int64_t)q->now * 1000000 + 123456, .target_ty = q->target_ty, .create_ty = q->create_ty,
		.cnd = str_of(q->cnd) };
}

START_TEST(same_as_reference)
{
	struct arena a;
	unsigned yes = 0, refused = 0;
	int i;

	rnd = rnd_new_seeded(20261120);
	arena_init(&a, 65536);
	for (i = 0; i < CASES; i++) {
		json_t *pv = json_array(), *root, *v;
		struct acp *p;
		struct request q;
		struct acp_facts f;
		struct ipaddr ip;
		bool want = false, near = false, got;
		size_t n = 1 + rnd_below(rnd, 3), k;

		while (n--)
			json_array_append_new(pv, rule());
		root = json_pack("{s:{s:o},s:{s:[{s:[s],s:i}]}}", "pv", "acr", pv, "pvs", "acr", "acor", "CDev1", "acop", 63);
		make_request(&q, &f, &ip);
		json_array_foreach(pv, k, v)
			want |= ref_rule(v, &q, &near);
		p = acp_new(&rules_acp_of(&a, root)->o, &self, false);
		got = acp_ask(&p->pv, &f, NULL);
		if (got != want && !near) {
			char *text = json_dumps(root, 0);

			ck_abort_msg("case %d: reference says %d: %s as %s acop %u ip %s now %lld", i, want, text, q.from, q.acop, q.ip,
			             (long long)q.now);
		}
		yes += got;
		/* What a policy that is accepted says is all evaluable, but for groups and contexts that say nothing. */
		refused += acp_validate(&rules_acp_of(&a, root)->o, &self, false, &(struct why){ 0 }) != RSC_NONE;
		acp_unref(p);
		json_decref(root);
		arena_reset(&a);
	}
	/* Both outcomes are met often. */
	ck_assert_int_gt(yes, CASES / 20);
	ck_assert_int_lt(yes, CASES - CASES / 20);
	ck_assert_int_gt(refused, CASES / 20);
	ck_assert_int_lt(refused, CASES - CASES / 20);
	arena_fini(&a);
	rnd_free(rnd);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("acp_reference");
	TCase *t = tcase_create("acp_reference");
	SRunner *r;
	int failed;

	tcase_set_timeout(t, 300);
	tcase_add_test(t, same_as_reference);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
