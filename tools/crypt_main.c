/* SPDX-License-Identifier: Apache-2.0 */
/* troth-he: the command of the encrypted computing library.  The table of commands, options, help. */
#include <errno.h>
#include <getopt.h>
#include <malloc.h>
#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "config.h"
#include "tools/crypt.h"

#define RESULT " --out FILE [--version V] [--compression K] [--force]"

/* args says which options a command has, and which it needs: those without brackets. */
static const struct command {
	const char *name, *args, *help;
	int (*run)(const struct crypt_options *o);
	int least, most; /* files */
} commands[] = {
	{ "keygen", "--profile P --out DIR [--public DIR] [--scheme S] [--version V] [--compression K] [--force]",
	  "makes a folder of keys; secret.* never leaves its owner", crypt_keygen, 0, 0 },
	{ "encrypt", "--keys DIR [--symmetric] [--decimals D] [--column C]" RESULT " INPUT",
	  "numbers of a CSV or JSON file, one per slot", crypt_encrypt, 1, 1 },
	{ "decrypt", "--keys DIR [--count N] [--divide X] [--decimals D] [--zeros] [--format F] FILE", "prints numbers, rounded",
	  crypt_decrypt, 1, 1 },
	{ "add", "--keys DIR" RESULT " FILE...", "slot by slot", crypt_add, 1, INT_MAX },
	{ "multiply", "--keys DIR" RESULT " FILE FILE", "slot by slot; relinearized when the folder has the keys", crypt_multiply, 2, 2 },
	{ "relin", "--keys DIR" RESULT " FILE", "three polynomials to two", crypt_relin, 1, 1 },
	{ "rotate", "--keys DIR --steps K" RESULT " FILE", "K slots to the left", crypt_rotate, 1, 1 },
	{ "sum", "--keys DIR" RESULT " FILE", "every slot becomes the sum of all", crypt_sum, 1, 1 },
	{ "mean", "--keys DIR" RESULT " FILE...", "over the files, slot by slot", crypt_mean, 1, INT_MAX },
	{ "variance", "--keys DIR" RESULT " FILE FILE...", "over the files, slot by slot", crypt_variance, 2, INT_MAX },
	{ "score", "--keys DIR --weights FILE [--centre FILE] [--squared] [--bias X] [--decimals D]" RESULT " FILE...",
	  "the sum of w (x - c) + b (one w and c a file), or of (w (x - c))^2 + b", crypt_score, 1, INT_MAX },
	{ "match", "--keys DIR --values FILE [--decimals D] [--column C]" RESULT " FILE", "0 where a slot equals the value, else random (exact)",
	  crypt_match, 1, 1 },
	{ "inspect", "[--keys DIR] FILE...", "what a file is; with keys, whether it is valid", crypt_inspect, 1, INT_MAX },
	{ "convert", "--keys DIR" RESULT " FILE", "another version or compression; seeds are expanded", crypt_convert, 1, 1 },
};

#define AT(member) offsetof(struct crypt_options, member)
/* No argument: a flag. */
static const struct {
	const char *name, *argument, *help;
	size_t at;
} options[] = {
	{ "keys", "DIR", "a folder made by keygen; who only computes needs it without secret.*", AT(keys) },
	{ "out", "FILE", "where the result goes: a file, - for standard output; keygen: a folder", AT(out) },
	{ "public", "DIR", "a second folder, without the secret: for devices and evaluators", AT(public) },
	{ "profile", "P", "sum, exact, score or counter", AT(profile) },
	{ "scheme", "S", "bfv or bgv, for sum and exact", AT(scheme) },
	{ "symmetric", NULL, "encrypts with the secret key: half the size", AT(symmetric) },
	{ "column", "C", "of a CSV file: its name, or its number from 1 on", AT(column) },
	{ "decimals", "D", "exact profiles: numbers are multiplied by 10^D; printing: rounded to D decimals", AT(decimals) },
	{ "count", "N", "how many numbers are printed (all slots)", AT(count) },
	{ "divide", "X", "printed numbers are divided by X (a mean of exact ones)", AT(divide) },
	{ "zeros", NULL, "prints 1 where the number is 0, else 0 (after match)", AT(zeros) },
	{ "format", "F", "csv (one number a line) or json", AT(format) },
	{ "steps", "K", "by how many slots to the left; negative: to the right", AT(steps) },
	{ "weights", "FILE", "CSV or JSON, one number for each file", AT(weights) },
	{ "centre", "FILE", "the same: what is subtracted before", AT(centre) },
	{ "squared", NULL, "the squares are summed", AT(squared) },
	{ "bias", "X", "added at the end", AT(bias) },
	{ "values", "FILE", "CSV or JSON: one number for all slots, or one for each", AT(values) },
	{ "version", "V", "of SEAL that reads the file: 4.0 to 4.4, 3.6, 3.7; else the keys', the input's, or 4.1", AT(version) },
	{ "compression", "K", "none, zlib or zstd", AT(compression) },
	{ "force", NULL, "overwrites what is there", AT(force) },
};

/* Whether args names the option; *needed: without brackets. */
static bool command_has(const struct command *c, const char *option, bool *needed)
{
	size_t n = strlen(option);
	const char *p = c->args;
	int depth = 0;

	for (; *p; p++) {
		depth += *p == '[' ? 1 : *p == ']' ? -1 : 0;
		if (strncmp(p, "--", 2) == 0 && strncmp(p + 2, option, n) == 0 && strchr(" ]", p[2 + n])) {
			*needed = depth == 0;
			return true;
		}
	}
	return false;
}

static void help_options(const struct command *c)
{
	char name[40];
	bool needed;

	puts("\noptions:");
	for (size_t i = 0; i < ARRAY_LEN(options); i++)
		if (c == NULL || command_has(c, options[i].name, &needed)) {
			snprintf(name, sizeof(name), "%s %s", options[i].name, options[i].argument ? options[i].argument : "");
			printf("  --%-16s %s\n", name, options[i].help);
		}
}

static int help(const struct command *c)
{
	if (c) {
		printf("usage: troth-he %s %s\n\n%s\n", c->name, c->args, c->help);
		help_options(c);
	} else {
		puts("usage: troth-he COMMAND OPTIONS [FILE...]\n       troth-he COMMAND --help\n\ncommands:");
		for (size_t i = 0; i < ARRAY_LEN(commands); i++)
			printf("  %-9s %s\n", commands[i].name, commands[i].help);
		help_options(NULL);
	}
	if (c == NULL || c->run == crypt_keygen) {
		puts("\nprofiles:");
		for (size_t i = 0; i < crypt_profile_count; i++)
			printf("  %-9s %s\n", crypt_profiles[i].name, crypt_profiles[i].what);
	}
	puts("\nInput may be - for standard input. Also: troth-he --version.");
	puts("Exit codes: 0 done, 1 refused, 2 wrong command line, 4 a file cannot be read or written, or is there already.");
	return CRYPT_OK;
}

void crypt_say(const char *fmt, ...)
{
	char text[PATH_MAX + 512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	/* Names of files and columns are quoted in it: one line, and nothing that a terminal obeys. */
	for (char *p = text; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
	/* Over what crypt_progress has left there. */
	fprintf(stderr, "%stroth-he: %s\n", isatty(STDERR_FILENO) ? "\r\033[K" : "", text);
}

void crypt_progress(const char *what, size_t done, size_t all)
{
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r%s %zu of %zu%s", what, done, all, done == all ? "\n" : "");
}

int crypt_number(const char *name, const char *text, double least, double most, double *v)
{
	char *end;
	double x;

	if (text == NULL)
		return CRYPT_OK;
	x = strtod(text, &end);
	if (end == text || *end != '\0' || strspn(text, "+-.0123456789eE") != strlen(text) || !(x >= least && x <= most))
		return crypt_fail(CRYPT_USAGE, "--%s \"%s\" is not a number of %.15g to %.15g", name, text, least, most);
	*v = x;
	return CRYPT_OK;
}

int crypt_whole(const char *name, const char *text, double least, double most, double *v)
{
	double x = 0;
	int code = crypt_number(name, text, least, most, &x);

	if (text == NULL || code)
		return code;
	if (x != floor(x))
		return crypt_fail(CRYPT_USAGE, "--%s \"%s\" is not a whole number", name, text);
	*v = x;
	return CRYPT_OK;
}

static int parse(const struct command *c, int argc, char **argv, struct crypt_options *o)
{
	struct option list[ARRAY_LEN(options) + 2] = { { NULL, 0, NULL, 0 } };
	bool seen[ARRAY_LEN(options)] = { false }, needed = false;
	int at;

	for (size_t i = 0; i < ARRAY_LEN(options); i++)
		list[i] = (struct option){ options[i].name, options[i].argument ? required_argument : no_argument, NULL, (int)i };
	list[ARRAY_LEN(options)] = (struct option){ "help", no_argument, NULL, ARRAY_LEN(options) };
	/* The colon: getopt says nothing itself. */
	while ((at = getopt_long(argc, argv, ":", list, NULL)) != -1) {
		if (at == ':')
			return crypt_fail(CRYPT_USAGE, "%s needs a value behind it", argv[optind - 1]);
		if (at == '?')
			return crypt_fail(CRYPT_USAGE, "%s: there is no such option; troth-he %s --help lists them", argv[optind - 1], c->name);
		if (at == ARRAY_LEN(options)) {
			help(c);
			return -1;
		}
		if (!command_has(c, options[at].name, &needed))
			return crypt_fail(CRYPT_USAGE, "%s has no option --%s; troth-he %s --help lists its own", c->name, options[at].name, c->name);
		if (seen[at])
			return crypt_fail(CRYPT_USAGE, "--%s is there twice", options[at].name);
		seen[at] = true;
		if (options[at].argument)
			*(const char **)((char *)o + options[at].at) = optarg;
		else
			*(bool *)((char *)o + options[at].at) = true;
	}
	for (size_t i = 0; i < ARRAY_LEN(options); i++)
		if (!seen[i] && command_has(c, options[i].name, &needed) && needed)
			return crypt_fail(CRYPT_USAGE, "%s needs --%s %s: %s", c->name, options[i].name, options[i].argument, options[i].help);
	o->file = argv + optind;
	o->files = argc - optind;
	if (o->files < c->least)
		return crypt_fail(CRYPT_USAGE, "too few files: troth-he %s %s", c->name, c->args);
	if (o->files > c->most)
		return crypt_fail(CRYPT_USAGE, "what is %s? %s takes %d file%s", o->file[c->most], c->name, c->most, c->most == 1 ? "" : "s");
	return CRYPT_OK;
}

/* Numbers that nobody got were not printed. */
static int flushed(int code)
{
	if ((fflush(stdout) != 0 || ferror(stdout)) && code == CRYPT_OK)
		return crypt_fail(CRYPT_NOFILE, "standard output: %s", strerror(errno));
	return code;
}

static int run(const struct command *c, int argc, char **argv)
{
	struct crypt_options o = { 0 };
	int code = parse(c, argc, argv, &o);

	if (code < 0)
		return CRYPT_OK;
	if (code == 0 && o.out && c->run != crypt_keygen)
		code = crypt_may_write(&o);
	return code ? code : c->run(&o);
}

/* No core file and no other process of this user shows keys; what libraries free, inflated keys among it, is overwritten. */
static void prepare_process(void)
{
	const struct rlimit none = { 0, 0 };

	prctl(PR_SET_DUMPABLE, 0);
	setrlimit(RLIMIT_CORE, &none);
#ifdef M_PERTURB
	mallopt(M_PERTURB, 0xa5);
#endif
	/* A file that grows too large is refused with a sentence, as a full disk is. */
	signal(SIGXFSZ, SIG_IGN);
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "--help";

	prepare_process();
	if (strcmp(name, "help") == 0 && argc > 2)
		name = argv[2];
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		if (strcmp(name, commands[i].name) == 0)
			return flushed(name == argv[1] ? run(&commands[i], argc - 1, argv + 1) : help(&commands[i]));
	if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0) {
		puts("troth-he " PACKAGE_VERSION);
		return flushed(CRYPT_OK);
	}
	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
		help(NULL);
		return flushed(argc < 2 ? CRYPT_USAGE : CRYPT_OK);
	}
	return crypt_fail(CRYPT_USAGE, "there is no command \"%s\"; troth-he --help lists them", name);
}
