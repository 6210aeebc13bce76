/* SPDX-License-Identifier: Apache-2.0 */
/* Both libraries in one program: what the files of seal_random share. */
#ifndef TESTS_INTEROP_SEAL_RANDOM_H
#define TESTS_INTEROP_SEAL_RANDOM_H

#include <algorithm>
#include <cmath>
#include <complex>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <numeric>
#include <sstream>
#include <string>
#include <vector>

#define _Noreturn [[noreturn]]
extern "C" {
#include "cse/base/rand.h"
#include "he/seal_io.h"
#include "he/secret.h"
}
#include <seal/seal.h>

using namespace seal;
using std::string;

enum { CTS = 5, PTS = 4, STEPS = 16, MOST = 256 * 1024 * 1024 };
static const struct seal_style style = { 4, 4, SEAL_NONE };

// splitmix64
struct dice {
	uint64_t state;

	uint64_t next()
	{
		uint64_t z = state += 0x9e3779b97f4a7c15;
		z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
		z = (z ^ z >> 27) * 0x94d049bb133111eb;
		return z ^ z >> 31;
	}
	uint64_t below(uint64_t n) { return next() % n; }
	bool one_in(uint64_t n) { return below(n) == 0; }
	uint64_t range(uint64_t a, uint64_t b) { return a + below(b - a + 1); }
	template <typename T> const T &of(const std::vector<T> &v) { return v[below(v.size())]; }
};

// What all cases counted.
struct tally {
	std::map<string, uint64_t> done, refused, stricter;
	uint64_t sets = 0, weak = 0, steps = 0, reads = 0, encodings = 0, same_encodings = 0, loads = 0;
};

// A difference, which ends the case.
struct difference {
	string text;
};
[[noreturn]] inline void fail(const string &text) { throw difference{ text }; }

// true: SEAL did it.
template <typename F> bool theirs_does(F f, string *why)
{
	try {
		f();
		return true;
	} catch (const std::exception &e) {
		*why = e.what();
		return false;
	}
}

template <typename T> string bytes_of(const T &object)
{
	std::stringstream s;
	object.save(s, compr_mode_type::none);
	return s.str();
}

inline string taken(struct buf *b)
{
	string s(b->p ? b->p : "", b->n);
	buf_fini(b);
	return s;
}

inline string bytes_of_ours(const struct he_ct *ct, const struct he_seed *seed = nullptr)
{
	struct buf b;
	buf_init(&b, MOST);
	if (seal_save_ct(ct, seed, &style, &b) != 0)
		fail("our ciphertext was not written");
	return taken(&b);
}

inline string bytes_of_ours(const struct he_pt *pt)
{
	struct buf b;
	buf_init(&b, MOST);
	if (seal_save_pt(pt, &style, &b) != 0)
		fail("our plaintext was not written");
	return taken(&b);
}

inline struct str str_of(const string &s) { return { s.data(), s.size() }; }

template <typename T> void load_theirs(const SEALContext &context, T &object, const string &s)
{
	object.load(context, reinterpret_cast<const seal_byte *>(s.data()), s.size());
}

// One ciphertext or plaintext in both libraries.
struct cipher {
	struct he_ct ours;
	Ciphertext theirs;
};
struct plain {
	struct he_pt ours;
	Plaintext theirs;
};

struct world {
	dice d;
	tally &count;
	struct he_why w = { "" };
	string log;
	struct he_params params = {};
	struct he_ctx *c = nullptr;
	struct rnd *rnd = nullptr;
	std::unique_ptr<SEALContext> context;
	std::unique_ptr<Evaluator> eval;
	std::unique_ptr<Encryptor> encryptor;
	std::unique_ptr<Decryptor> decryptor;
	std::unique_ptr<BatchEncoder> batch;
	std::unique_ptr<CKKSEncoder> ckks;
	struct he_sk sk;
	struct he_pk pk;
	struct he_ksk relin, galois;
	PublicKey public_key;
	RelinKeys relin_keys;
	GaloisKeys galois_keys;
	std::vector<uint32_t> elements;
	std::vector<int> turns; // steps that have a key
	cipher ct[CTS];
	plain pt[PTS];

	world(uint64_t seed, uint64_t number, tally &t) : d{ seed * 0x2545f4914f6cdd1d + number }, count(t) { d.next(); }
	~world();
	size_t n() const { return size_t(1) << params.log_n; }
	bool is(enum he_scheme s) const { return params.scheme == s; }

	void draw_primes();
	void draw_plain_modulus();
	bool open();
	void init();
	void make_keys();
	void exchange_keys();
	void took(const char *what, int err);
	void new_plain(plain &p, unsigned level, double scale);
	void new_coefficients(Plaintext &p);
	void load_plain(plain &p, const string &s);
	void new_numbers(plain &p, unsigned level, double scale);
	void new_cipher(cipher &x, const plain &p);
	void new_crafted(cipher &x);
	void check_values(const struct he_pt &ours, const Plaintext &theirs);
	void run();
	void step();
	void check(const cipher &x);
	void reload(cipher &x);
	parms_id_type level_id(unsigned primes) const;
	string stricter(const string &op, const cipher &a, int steps) const;
	template <typename O, typename T> void both(const string &op, cipher &to, const cipher &a, int steps, O ours, T theirs);
	void unary(unsigned op, cipher &to, const cipher &a);
	void binary(unsigned op, cipher &to, const cipher &a, const cipher &b);
	void with_plain(unsigned op, cipher &to, const cipher &a);
	void turn(unsigned op, cipher &to, const cipher &a);
	const cipher &partner(const cipher &a);
};

#endif
