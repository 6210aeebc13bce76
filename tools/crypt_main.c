/* SPDX-License-Identifier: Apache-2.0 */
/* troth-he: the command of the encrypted computing library.  Options and the table of commands. */
#include <getopt.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/crypt.h"

static const struct {
	const char *name, *args, *help;
	int (*run)(const struct crypt_options *o);
	int least; /* files */
} commands[] = {
	{ "keygen", "--profile P --out DIR [--scheme bfv|bgv] [--version V]", "makes a folder of keys; secret.* never leaves its owner", crypt_keygen, 0 },
	{ "encrypt", "--keys DIR --out FILE [--symmetric] [--decimals D] [--column C] INPUT", "numbers of a CSV or JSON file, one per slot", crypt_encrypt, 1 },
	{ "decrypt", "--keys DIR [--count N] [--divide X] [--decimals D] [--zeros] [--format csv|json] FILE", "prints numbers, rounded", crypt_decrypt, 1 },
	{ "add", "--keys DIR --out FILE FILE...", "slot by slot", crypt_add, 1 },
	{ "multiply", "--keys DIR --out FILE FILE FILE", "slot by slot; relinearized when the folder has the keys", crypt_multiply, 2 },
	{ "relin", "--keys DIR --out FILE FILE", "three polynomials to two", crypt_relin, 1 },
	{ "rotate", "--keys DIR --steps K --out FILE FILE", "K slots to the left", crypt_rotate, 1 },
	{ "sum", "--keys DIR --out FILE FILE", "every slot becomes the sum of all", crypt_sum, 1 },
	{ "mean", "--keys DIR --out FILE FILE...", "over the files, slot by slot", crypt_mean, 1 },
	{ "variance", "--keys DIR --out FILE FILE...", "over the files, slot by slot", crypt_variance, 2 },
	{ "score", "--keys DIR --weights FILE [--bias X] [--squared [--centre FILE]] --out FILE FILE...",
	  "sum of w x (one weight a file), or of (w (x - c))^2", crypt_score, 1 },
	{ "match", "--keys DIR --values FILE --out FILE FILE", "0 where a slot equals the value, else random (exact)", crypt_match, 1 },
	{ "inspect", "[--keys DIR] FILE...", "what a file is", crypt_inspect, 1 },
	{ "convert", "--keys DIR [--compression none|zlib|zstd] [--version V] --out FILE FILE", "another version or compression; seeds are expanded", crypt_convert, 1 },
};

static const char help_tail[] = "\n"
				"options:\n"
				"  --keys DIR        a folder made by keygen; who only computes needs it without secret.*\n"
				"  --symmetric       encrypts with the secret key: half the size\n"
				"  --decimals D      exact profiles: values are multiplied by 10^D; printing: rounded to D decimals\n"
				"  --divide X        printed values are divided by X (a mean of exact values)\n"
				"  --version V       of SEAL that reads the file: 4.1 (default), 4.0 to 4.4, 3.7\n"
				"  --force           overwrites files\n"
				"\n"
				"profiles:\n";

static void help(void)
{
	puts("usage: troth-he COMMAND [OPTIONS] [FILE...]\n\ncommands:");
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		printf("  %s %s\n      %s\n", commands[i].name, commands[i].args, commands[i].help);
	fputs(help_tail, stdout);
	for (size_t i = 0; i < crypt_profile_count; i++)
		printf("  %-9s %s\n", crypt_profiles[i].name, crypt_profiles[i].what);
	puts("\nexit codes: 0 done, 1 refused, 2 wrong command line, 4 a file cannot be read or written, or is there already");
}

int crypt_fail(int code, const char *fmt, ...)
{
	va_list ap;

	fputs("troth-he: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return code;
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
	if (end == text || *end != '\0' || !(x >= least && x <= most))
		return crypt_fail(CRYPT_USAGE, "--%s \"%s\" is not a number of %g to %g", name, text, least, most);
	*v = x;
	return CRYPT_OK;
}

int crypt_decimals(const struct crypt_options *o, double *factor)
{
	double d = 0;

	if (crypt_number("decimals", o->decimals, 0, 15, &d) != 0)
		return CRYPT_USAGE;
	*factor = pow(10, floor(d));
	return CRYPT_OK;
}

static int parse(int argc, char **argv, struct crypt_options *o)
{
	const struct {
		const char *name;
		const char **text;
		bool *flag;
	} all[] = {
		{ "keys", &o->keys, NULL },         { "out", &o->out, NULL },           { "profile", &o->profile, NULL },
		{ "scheme", &o->scheme, NULL },     { "format", &o->format, NULL },     { "column", &o->column, NULL },
		{ "weights", &o->weights, NULL },   { "centre", &o->centre, NULL },     { "values", &o->values, NULL },
		{ "compression", &o->compression, NULL }, { "version", &o->version, NULL }, { "count", &o->count, NULL },
		{ "divide", &o->divide, NULL },     { "decimals", &o->decimals, NULL }, { "steps", &o->steps, NULL },
		{ "bias", &o->bias, NULL },         { "symmetric", NULL, &o->symmetric }, { "force", NULL, &o->force },
		{ "squared", NULL, &o->squared },   { "zeros", NULL, &o->zeros },
	};
	struct option options[ARRAY_LEN(all) + 1] = { { NULL, 0, NULL, 0 } };
	int at;

	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		options[i] = (struct option){ all[i].name, all[i].text ? required_argument : no_argument, NULL, (int)i };
	while ((at = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (at == '?')
			return CRYPT_USAGE;
		if (all[at].text)
			*all[at].text = optarg;
		else
			*all[at].flag = true;
	}
	o->file = argv + optind;
	o->files = argc - optind;
	return CRYPT_OK;
}

int main(int argc, char **argv)
{
	struct crypt_options o = { 0 };

	if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
		help();
		return argc < 2 ? CRYPT_USAGE : CRYPT_OK;
	}
	for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
		if (strcmp(argv[1], commands[i].name) != 0)
			continue;
		if (parse(argc - 1, argv + 1, &o) != 0)
			return CRYPT_USAGE;
		if (o.files < commands[i].least)
			return crypt_fail(CRYPT_USAGE, "too few files: %s %s", commands[i].name, commands[i].args);
		return commands[i].run(&o);
	}
	return crypt_fail(CRYPT_USAGE, "there is no command \"%s\"; troth-he --help lists them", argv[1]);
}
