/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a server's command line. */
#include "cse/base/options.h"

#include <getopt.h>
#include <unistd.h>

#include "config.h"

/* -1: the next one. */
static int take(struct options *o, const struct options_program *p, int ch)
{
	const char *name = p->table->program;

	switch (ch) {
	case 'c':
		o->conf = optarg;
		return -1;
	case 's':
		if (o->n_sets == OPTIONS_SETS) {
			fprintf(stderr, "%s: at most %d times --set; use a configuration file\n", name, OPTIONS_SETS);
			return OPTIONS_WRONG;
		}
		o->sets[o->n_sets++] = optarg;
		return -1;
	case 'C':
		o->check = true;
		return -1;
	case 'V':
		printf("%s %s\n", name, PACKAGE_VERSION);
		return 0;
	case 'h':
		p->usage(stdout);
		return 0;
	default:
		p->usage(stderr);
		return OPTIONS_WRONG;
	}
}

int options_parse(struct options *o, const struct options_program *p, int argc, char **argv)
{
	static const struct option longs[] = { { "config", required_argument, NULL, 'c' },
		{ "set", required_argument, NULL, 's' }, { "check-config", no_argument, NULL, 'C' },
		{ "version", no_argument, NULL, 'V' }, { "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 } };
	int ch, r = -1;

	*o = (struct options){ .conf = NULL };
	/* '+': what follows a command is the command's. */
	while (r < 0 && (ch = getopt_long(argc, argv, p->commands ? "+c:s:Vh" : "c:s:Vh", longs, NULL)) != -1)
		r = take(o, p, ch);
	if (r >= 0)
		return r;
	if (!p->commands && optind != argc) {
		fprintf(stderr, "%s: unexpected argument %s\n", p->table->program, argv[optind]);
		p->usage(stderr);
		return OPTIONS_WRONG;
	}
	if (!o->conf && access(p->file, R_OK) == 0)
		o->conf = p->file;
	return -1;
}

int options_read(const struct options *o, const struct conf_table *t, char *const *envp, struct conf **out, struct conf_why *why)
{
	struct conf *c;
	int r = conf_read_of(t, o->conf, envp, &c, why);

	if (r)
		return r;
	for (size_t i = 0; r == 0 && i < o->n_sets; i++)
		r = conf_set(c, o->sets[i], why);
	if (r)
		conf_unref(c);
	else
		*out = c;
	return r;
}
