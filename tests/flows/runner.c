/* SPDX-License-Identifier: Apache-2.0 */
/* Plays flows:  runner [--way NAME] [--check] [--verbose] [--part i/n] [file.flow | folder] ... */
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "tests/flows/play.h"

struct options {
	const struct way *way; /* NULL: all */
	bool check, verbose;
	unsigned part, parts;
};

struct files {
	char **v;
	size_t n;
};

static void add_file(struct files *fs, char *path)
{
	fs->v = realloc(fs->v, (fs->n + 1) * sizeof(*fs->v));
	if (!fs->v)
		abort();
	fs->v[fs->n++] = path;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int add_path(struct files *fs, const char *path)
{
	struct stat st;
	if (stat(path, &st) < 0) {
		fprintf(stderr, "%s: not there\n", path);
		return -1;
	}
	if (!S_ISDIR(st.st_mode)) {
		add_file(fs, strdup(path));
		return 0;
	}
	DIR *d = opendir(path);
	if (!d)
		return -1;
	size_t first = fs->n;
	for (struct dirent *e; (e = readdir(d)) != NULL;) {
		size_t n = strlen(e->d_name);
		char *full;
		if (n < 6 || strcmp(e->d_name + n - 5, ".flow") != 0)
			continue;
		if (asprintf(&full, "%s/%s", path, e->d_name) < 0)
			abort();
		add_file(fs, full);
	}
	closedir(d);
	qsort(fs->v + first, fs->n - first, sizeof(*fs->v), by_name);
	return 0;
}

static double seconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static const char *base_name(const char *path)
{
	const char *s = strrchr(path, '/');
	return s ? s + 1 : path;
}

/* All files through one way; the number that did not hold. */
static unsigned play_all(const struct files *fs, const struct way *way, const struct options *o)
{
	unsigned checks = 0, failures = 0, errors = 0, skips = 0, expectations = 0;
	const char *name = way ? way->name : "text";
	double begin = seconds();
	for (size_t i = 0; i < fs->n; i++) {
		struct script sc;
		struct play_result r = { .outcome = PLAY_ERROR };
		if (o->parts && i % o->parts != o->part - 1)
			continue;
		double at = seconds();
		if (script_load(fs->v[i], &sc, &r.why) == 0) {
			if (o->verbose && way)
				printf("  %s\n", fs->v[i]);
			play(&sc, way, o->verbose, &r);
			script_free(&sc);
		}
		expectations += r.expectations;
		skips += r.outcome == PLAY_SKIPPED;
		checks += r.outcome != PLAY_SKIPPED;
		failures += r.outcome == PLAY_FAILED;
		errors += r.outcome == PLAY_ERROR;
		if (r.outcome == PLAY_FAILED || r.outcome == PLAY_ERROR)
			printf("%s: %s\n", name, r.why.text);
		else if (o->verbose)
			printf("%s: %s %s (%.0f ms)%s%s\n", name, r.outcome == PLAY_HELD ? "held" : "skipped", base_name(fs->v[i]),
			       (seconds() - at) * 1e3, r.outcome == PLAY_SKIPPED ? ": " : "",
			       r.outcome == PLAY_SKIPPED ? r.why.text : "");
		fflush(stdout);
	}
	unsigned good = checks - failures - errors;
	printf("flows, %s: %u expectations, %u flows skipped, %.1f s\n", name, expectations, skips, seconds() - begin);
	printf("%u%%: Checks: %u, Failures: %u, Errors: %u\n", checks ? good * 100 / checks : 0, checks, failures, errors);
	fflush(stdout);
	return failures + errors + (checks == 0);
}

static int usage(void)
{
	fprintf(stderr, "usage: runner [--way memory|sqlite|https] [--check] [--verbose] [--part i/n] [file.flow|folder]...\n"
	                "--check reads the flows without playing them\n");
	return 2;
}

int main(int argc, char **argv)
{
	static const struct way *const ways[] = { &way_memory, &way_sqlite, &way_https };
	struct options o = { 0 };
	struct files fs = { 0 };
	unsigned bad = 0;
	/* A connection that the server has closed is an outcome, not a reason to end. */
	signal(SIGPIPE, SIG_IGN);
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--check") == 0)
			o.check = true;
		else if (strcmp(argv[i], "--verbose") == 0)
			o.verbose = true;
		else if (strcmp(argv[i], "--part") == 0 && i + 1 < argc &&
		         sscanf(argv[i + 1], "%u/%u", &o.part, &o.parts) == 2 && o.part >= 1 && o.part <= o.parts)
			i++;
		else if (strcmp(argv[i], "--way") == 0 && i + 1 < argc) {
			i++;
			for (size_t w = 0; w < sizeof(ways) / sizeof(ways[0]); w++)
				if (strcmp(ways[w]->name, argv[i]) == 0)
					o.way = ways[w];
			if (!o.way)
				return usage();
		} else if (argv[i][0] == '-' || add_path(&fs, argv[i]) < 0)
			return usage();
	}
	if (!fs.n && add_path(&fs, TOP_SRCDIR "/tests/flows") < 0)
		return 2;
	if (o.check)
		bad = play_all(&fs, NULL, &o);
	for (size_t w = 0; !o.check && w < sizeof(ways) / sizeof(ways[0]); w++)
		if (!o.way || o.way == ways[w])
			bad += play_all(&fs, ways[w], &o);
	for (size_t i = 0; i < fs.n; i++)
		free(fs.v[i]);
	free(fs.v);
	return bad ? 1 : 0;
}
