/* SPDX-License-Identifier: Apache-2.0 */
/* troth-bench: options in, one JSON line out. */
#include <getopt.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "tools/bench.h"

static const char *const op_names[BENCH_OPS] = { "null", "create", "retrieve", "latest", "oldest", "container", "delete",
	"idle", "sink" };

static const char usage[] =
    "usage: troth-bench --ca FILE --cert FILE --key FILE [options]\n"
    "  --host NAME --port N        server (localhost, 8443)\n"
    "  --originator ID             (CBench)\n"
    "  --base PATH                 AE below which the containers are (cse-in/CBench)\n"
    "  --op OP                     create, retrieve, latest, oldest, container, delete, null, idle;\n"
    "                              sink: takes notifications, says its port, then for each line how many\n"
    "  --second OP --share X       another operation on this part of the connections (0..1)\n"
    "  --connections N             (256)\n"
    "  --containers N --first K    containers c<K> ... used in turn (1, 0)\n"
    "  --size N                    bytes of content (200)\n"
    "  --mni N                     of containers that are made\n"
    "  --more MEMBERS              of every resource that is made, as in JSON: '\"lbl\":[\"a\"]'\n"
    "  --seconds S --warm S        measured time and time before it (3, 0.5); --seconds 0: until --count\n"
    "  --count N                   stop after N answers\n"
    "  --serial N                  first serial number, in request identifiers and content\n"
    "  --pid N                     process of the server, for its CPU time\n"
    "  --journal FILE              acknowledged creates, one a line; the server may die\n"
    "exit status: 0 done, 1 failed or refused, 2 options are wrong\n";

void hist_add(struct hist *h, int64_t ns)
{
	if (ns < 1)
		ns = 1;
	unsigned e = 63u - (unsigned)__builtin_clzll((unsigned long long)ns);
	unsigned step = e >= 5 ? (unsigned)((ns >> (e - 5)) & (HIST_STEPS - 1)) : 0;
	unsigned i = e * HIST_STEPS + step;
	h->n[i < HIST_BUCKETS ? i : HIST_BUCKETS - 1]++;
	h->count++;
}

double hist_ms(const struct hist *h, double p)
{
	uint64_t want = (uint64_t)ceil((double)h->count * p), seen = 0;
	for (unsigned i = 0; i < HIST_BUCKETS; i++) {
		seen += h->n[i];
		if (seen >= want && seen)
			return ldexp(1.0 + (i % HIST_STEPS + 0.5) / HIST_STEPS, (int)(i / HIST_STEPS)) / 1e6;
	}
	return 0;
}

static int op_of(const char *s, enum bench_op *out)
{
	for (int i = 0; i < BENCH_OPS; i++) {
		if (strcmp(s, op_names[i]) == 0) {
			*out = (enum bench_op)i;
			return 0;
		}
	}
	fprintf(stderr, "troth-bench: no operation %s\n%s", s, usage);
	return -1;
}

enum { OPT_HOST = 1000, OPT_PORT, OPT_CA, OPT_CERT, OPT_KEY, OPT_ORIG, OPT_BASE, OPT_OP, OPT_SECOND, OPT_SHARE, OPT_CONNS,
	OPT_CNTS, OPT_FIRST, OPT_SIZE, OPT_MNI, OPT_SECS, OPT_WARM, OPT_COUNT, OPT_SERIAL, OPT_PID, OPT_JOURNAL, OPT_MORE, OPT_HELP };

static const struct option longs[] = { { "host", 1, NULL, OPT_HOST }, { "port", 1, NULL, OPT_PORT },
	{ "ca", 1, NULL, OPT_CA }, { "cert", 1, NULL, OPT_CERT }, { "key", 1, NULL, OPT_KEY },
	{ "originator", 1, NULL, OPT_ORIG }, { "base", 1, NULL, OPT_BASE }, { "op", 1, NULL, OPT_OP },
	{ "second", 1, NULL, OPT_SECOND }, { "share", 1, NULL, OPT_SHARE }, { "connections", 1, NULL, OPT_CONNS },
	{ "containers", 1, NULL, OPT_CNTS }, { "first", 1, NULL, OPT_FIRST }, { "size", 1, NULL, OPT_SIZE },
	{ "mni", 1, NULL, OPT_MNI }, { "seconds", 1, NULL, OPT_SECS }, { "warm", 1, NULL, OPT_WARM },
	{ "count", 1, NULL, OPT_COUNT }, { "serial", 1, NULL, OPT_SERIAL }, { "pid", 1, NULL, OPT_PID },
	{ "journal", 1, NULL, OPT_JOURNAL }, { "more", 1, NULL, OPT_MORE }, { "help", 0, NULL, OPT_HELP }, { NULL, 0, NULL, 0 } };

static int take(struct bench_opts *o, int ch, const char *v)
{
	switch (ch) {
	case OPT_HOST: o->host = v; return 0;
	case OPT_PORT: o->port = v; return 0;
	case OPT_CA: o->ca = v; return 0;
	case OPT_CERT: o->cert = v; return 0;
	case OPT_KEY: o->key = v; return 0;
	case OPT_ORIG: o->originator = v; return 0;
	case OPT_BASE: o->base = v; return 0;
	case OPT_OP: return op_of(v, &o->op);
	case OPT_SECOND: return op_of(v, &o->second);
	case OPT_SHARE: o->share = strtod(v, NULL); return 0;
	case OPT_CONNS: o->connections = (unsigned)strtoul(v, NULL, 10); return 0;
	case OPT_CNTS: o->containers = (unsigned)strtoul(v, NULL, 10); return 0;
	case OPT_FIRST: o->first = (unsigned)strtoul(v, NULL, 10); return 0;
	case OPT_SIZE: o->size = (unsigned)strtoul(v, NULL, 10); return 0;
	case OPT_MNI: o->mni = (unsigned)strtoul(v, NULL, 10); return 0;
	case OPT_SECS: o->seconds = strtod(v, NULL); return 0;
	case OPT_WARM: o->warm = strtod(v, NULL); return 0;
	case OPT_COUNT: o->count = strtoull(v, NULL, 10); return 0;
	case OPT_SERIAL: o->serial = strtoull(v, NULL, 10); return 0;
	case OPT_PID: o->pid = (int)strtol(v, NULL, 10); return 0;
	case OPT_MORE: o->more = v; return 0;
	case OPT_JOURNAL:
		o->journal = fopen(v, "we");
		o->journal_stop = true;
		return o->journal ? 0 : -1;
	case OPT_HELP: fputs(usage, stdout); exit(0);
	default: fputs(usage, stderr); return -1;
	}
}

static void print_half(const char *op, const struct hist *h, uint64_t done, double seconds)
{
	printf("\"%s\":{\"done\":%llu,\"per_s\":%.0f,\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"p999_ms\":%.3f},", op,
	       (unsigned long long)done, seconds > 0 ? (double)done / seconds : 0, hist_ms(h, 0.5), hist_ms(h, 0.99),
	       hist_ms(h, 0.999));
}

int main(int argc, char **argv)
{
	struct bench_opts o = { .host = "localhost", .port = "8443", .originator = "CBench", .base = "cse-in/CBench",
		.op = BENCH_CREATE, .second = BENCH_RETRIEVE, .connections = 256, .containers = 1, .size = 200, .seconds = 3,
		.warm = 0.5 };
	int ch;
	while ((ch = getopt_long(argc, argv, "", longs, NULL)) != -1)
		if (take(&o, ch, optarg))
			return 2;
	if (!o.ca || !o.cert || !o.key || !o.connections || !o.containers || optind != argc) {
		fputs(usage, stderr);
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	struct rlimit rl;
	if (getrlimit(RLIMIT_NOFILE, &rl) == 0) {
		rl.rlim_cur = rl.rlim_max;
		setrlimit(RLIMIT_NOFILE, &rl);
	}
	if (o.op == BENCH_SINK)
		return bench_sink(&o) ? 1 : 0;
	struct bench_result *r = calloc(1, sizeof *r);
	if (!r)
		return 1;
	int failed = bench_run(&o, r);
	if (o.journal && fclose(o.journal))
		failed = -1;
	printf("{");
	print_half(op_names[o.op], &r->first, r->done_first, r->seconds);
	if (o.share > 0)
		print_half(op_names[o.second], &r->second, r->done_second, r->seconds);
	printf("\"seconds\":%.3f,\"cpu_us\":%.3f,\"refused\":%llu,\"lost\":%llu,\"connections\":%u,\"connect_s\":%.3f}\n",
	       r->seconds, r->cpu_us, (unsigned long long)r->refused, (unsigned long long)r->lost, r->connected,
	       r->connect_seconds);
	int bad = failed || (r->refused && !o.journal_stop);
	free(r);
	return bad ? 1 : 0;
}
