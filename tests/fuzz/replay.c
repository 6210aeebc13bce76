/* SPDX-License-Identifier: Apache-2.0 */
/* The main of a fuzz target in an ordinary build: every file of the corpus, then mutations of each for a second. */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cse/base/buf.h"
#include "cse/base/clock.h"
#include "cse/base/rand.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__asan_default_options(void);
const char *__ubsan_default_options(void);
const char *__tsan_default_options(void);

enum {
	FILES_MAX = 2000,
	FILE_BYTES_MAX = 1 << 20,
	MUTATED_BYTES_MAX = 16 * 1024, /* large files are replayed as they are */
	CHANGES_MAX = 4,
	MUTATE_MS = 1000,
	HANG_S = 120,
};

struct input {
	char name[256];
	struct buf bytes;
};

/* What runs now, for the words of a crash. */
static struct {
	const char *program, *file;
	unsigned mutation;
} current;

/* A sanitizer that found something ends by SIGABRT, so that the input is named. */
const char *__asan_default_options(void)
{
	return "abort_on_error=1";
}

const char *__ubsan_default_options(void)
{
	return "abort_on_error=1:print_stacktrace=1";
}

const char *__tsan_default_options(void)
{
	return "abort_on_error=1";
}

static void say(const char *z)
{
	if (write(STDERR_FILENO, z, strlen(z)) < 0)
		_exit(3);
}

static void on_crash(int sig)
{
	char number[16];
	size_t i = sizeof(number) - 1;
	unsigned n = current.mutation;

	number[i] = '\0';
	do {
		number[--i] = (char)('0' + n % 10);
		n /= 10;
	} while (n);
	say(sig == SIGALRM ? "hangs: repeat with  " : "fails: repeat with  ");
	say(current.program);
	say(" ");
	say(current.file ? current.file : "(no file)");
	say(" ");
	say(number + i);
	say("\n");
	signal(sig, SIG_DFL);
	raise(sig == SIGALRM ? SIGKILL : sig);
}

static void run(const struct buf *b)
{
	/* An exact copy: the byte behind the end is not ours. */
	char *copy = malloc(b->n ? b->n : 1);

	if (b->n)
		memcpy(copy, b->p, b->n);
	LLVMFuzzerTestOneInput((const uint8_t *)copy, b->n);
	free(copy);
}

static void flip_bit(struct buf *b, struct rnd *r)
{
	if (b->n)
		b->p[rnd_below(r, b->n)] ^= (char)(1u << rnd_below(r, 8));
}

static void change_byte(struct buf *b, struct rnd *r)
{
	static const unsigned char edges[] = { 0, 1, 9, 10, 13, 32, 34, 44, 47, 58, 92, 0x7f, 0x80, 0xc0, 0xfe, 0xff };

	if (b->n)
		b->p[rnd_below(r, b->n)] = (char)edges[rnd_below(r, sizeof(edges))];
}

static void truncate_end(struct buf *b, struct rnd *r)
{
	b->n = rnd_below(r, b->n + 1);
}

static void remove_part(struct buf *b, struct rnd *r)
{
	size_t from = rnd_below(r, b->n + 1), n = rnd_below(r, b->n - from + 1);

	memmove(b->p + from, b->p + from + n, b->n - from - n);
	b->n -= n;
}

static void repeat_part(struct buf *b, struct rnd *r)
{
	size_t from = rnd_below(r, b->n + 1), n = rnd_below(r, b->n - from + 1);
	char *part = malloc(n ? n : 1);

	memcpy(part, b->p + from, n);
	if (buf_room(b, n)) {
		memmove(b->p + from + n, b->p + from, b->n - from);
		memcpy(b->p + from, part, n);
		b->n += n;
	}
	free(part);
}

static void insert_byte(struct buf *b, struct rnd *r)
{
	size_t at = rnd_below(r, b->n + 1);

	if (buf_room(b, 1) == NULL)
		return;
	memmove(b->p + at + 1, b->p + at, b->n - at);
	b->p[at] = (char)rnd_u64(r);
	b->n++;
}

/* Mutation n of a file is always the same one: the numbers in the words of a crash can be repeated. */
static void mutate(struct buf *out, const struct input *in, unsigned n)
{
	static void (*const changes[])(struct buf *, struct rnd *) = { flip_bit,    change_byte, truncate_end,
		                                                       remove_part, repeat_part, insert_byte };
	struct rnd *r = rnd_new_seeded(n);

	buf_reset(out);
	buf_put(out, in->bytes.p, in->bytes.n);
	if (n <= in->bytes.n && n <= 256) {
		out->n = in->bytes.n - n; /* first, all short truncations */
	} else if (buf_room(out, 1)) {
		for (uint64_t k = 1 + rnd_below(r, CHANGES_MAX); k; k--)
			changes[rnd_below(r, sizeof(changes) / sizeof(changes[0]))](out, r);
	}
	rnd_free(r);
}

static bool read_input(const char *folder, const char *name, struct input *in)
{
	char path[4096];
	FILE *f;
	char *at;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "rb");
	if (f == NULL) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return false;
	}
	snprintf(in->name, sizeof(in->name), "%s", name);
	buf_init(&in->bytes, FILE_BYTES_MAX);
	at = buf_room(&in->bytes, FILE_BYTES_MAX);
	buf_added(&in->bytes, fread(at, 1, FILE_BYTES_MAX, f));
	fclose(f);
	return true;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_visible(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

/* The number of files read, 0 when there is nothing to read. */
static size_t read_corpus(const char *folder, struct input *inputs)
{
	struct dirent **names = NULL;
	int n = scandir(folder, &names, is_visible, by_name);
	size_t read = 0;

	for (int i = 0; i < n; i++) {
		if (read < FILES_MAX && read_input(folder, names[i]->d_name, &inputs[read]))
			read++;
		free(names[i]);
	}
	free(names);
	if (read == 0)
		fprintf(stderr, "%s: no corpus; put a few small inputs there\n", folder);
	return read;
}

static unsigned run_mutations(const struct input *inputs, size_t n)
{
	struct clock *c = clock_new();
	int64_t end = clock_mono_ns(c) + MUTATE_MS * (int64_t)1000000;
	struct buf b;
	unsigned runs = 0;

	buf_init(&b, 2 * MUTATED_BYTES_MAX);
	for (unsigned mutation = 1; clock_mono_ns(c) < end; mutation++) {
		for (size_t i = 0; i < n && clock_mono_ns(c) < end; i++) {
			if (inputs[i].bytes.n > MUTATED_BYTES_MAX)
				continue;
			current.file = inputs[i].name;
			current.mutation = mutation;
			mutate(&b, &inputs[i], mutation);
			run(&b);
			runs++;
		}
	}
	buf_fini(&b);
	clock_free(c);
	return runs;
}

/* One file, one mutation (0: as it is), as the words of a crash say. */
static int run_one(const char *folder, const char *name, const char *number)
{
	struct input in;
	struct buf b;
	unsigned mutation = (unsigned)strtoul(number, NULL, 10);

	if (!read_input(folder, name, &in))
		return EXIT_FAILURE;
	current.file = in.name;
	current.mutation = mutation;
	buf_init(&b, 2 * FILE_BYTES_MAX);
	if (mutation)
		mutate(&b, &in, mutation);
	else
		buf_put(&b, in.bytes.p, in.bytes.n);
	run(&b);
	buf_fini(&b);
	buf_fini(&in.bytes);
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	const char *program = strrchr(argv[0], '/') ? strrchr(argv[0], '/') + 1 : argv[0];
	const char *top = getenv("TOP_SRCDIR");
	struct input *inputs;
	char folder[4096];
	size_t n;

	if (strncmp(program, "fuzz_", 5) != 0)
		return EXIT_FAILURE;
	snprintf(folder, sizeof(folder), "%s/tests/fuzz/corpus/%s", top ? top : TOP_SRCDIR, program + 5);
	current.program = argv[0];
	signal(SIGABRT, on_crash);
	signal(SIGALRM, on_crash);
	alarm(HANG_S);
	if (argc == 3)
		return run_one(folder, argv[1], argv[2]);
	inputs = calloc(FILES_MAX, sizeof(*inputs));
	n = read_corpus(folder, inputs);
	for (size_t i = 0; i < n; i++) {
		current.file = inputs[i].name;
		run(&inputs[i].bytes);
	}
	if (n)
		printf("%s: %zu files, %u mutations\n", program, n, run_mutations(inputs, n));
	for (size_t i = 0; i < n; i++)
		buf_fini(&inputs[i].bytes);
	free(inputs);
	return n ? EXIT_SUCCESS : EXIT_FAILURE;
}
