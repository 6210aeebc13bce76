// SPDX-License-Identifier: Apache-2.0
// The library of he/ beside Microsoft SEAL, linked into one program: random parameters, keys and chains of operations, each done by
// both.  Results equal byte for byte, what SEAL refuses we refuse, decryptions and noise budgets are the same.  Built by
// `make check-seal-random SEAL=...`, never part of the product.
//   seal_random SEED CASES [FIRST]   a case depends on SEED and its number only
#include "tests/interop/seal_random.h"

// What both decode of one plaintext.
void world::check_values(const struct he_pt &ours, const Plaintext &theirs)
{
	std::vector<uint64_t> a(n()), b;
	std::vector<std::complex<double>> x(n() / 2), y;
	string why;

	if (batch) {
		batch->decode(theirs, b);
		if (he_decode_batch(a.data(), n(), &ours, &w) != 0 || a != b)
			fail("batches read differ");
	}
	if (!is(HE_CKKS))
		return;
	bool done = he_decode_ckks(reinterpret_cast<double *>(x.data()), n() / 2, true, &ours, &w) == 0;
	bool does = theirs_does([&] { ckks->decode(theirs, y); }, &why);
	double most = 0, far = 0;
	for (size_t i = 0; done && does && i < n() / 2; i++) {
		most = std::max(most, std::abs(y[i]));
		far = std::max(far, std::abs(x[i] - y[i]));
	}
	/* SEAL takes a negative number word by word from the modulus, and loses what 2^64 loses as a double. */
	if (done != does || far > most * 1e-12 + 0x1p12 * std::sqrt(double(n())) / theirs.scale())
		fail("numbers read: " + (done != does ? done ? why : string(w.text) : std::to_string(far) + " of " + std::to_string(most)));
}

// Same bytes, same decryption, same budget.
void world::check(const cipher &x)
{
	unsigned bits = 0;
	struct he_pt read;
	Plaintext want;
	int budget = 0;
	string why;

	if (bytes_of_ours(&x.ours) != bytes_of(x.theirs))
		fail("other bytes");
	if (!d.one_in(2))
		return;
	he_pt_init(&read, c);
	bool done = he_decrypt(&read, &x.ours, &sk, &w) == 0, does = theirs_does([&] { decryptor->decrypt(x.theirs, want); }, &why);
	string got = done ? bytes_of_ours(&read) : "";
	if (done != does || (done && got != bytes_of(want))) {
		he_pt_fini(&read);
		fail("decryption: " + (done == does ? "other bytes" : done ? why : string(w.text)));
	}
	std::unique_ptr<struct he_pt, void (*)(struct he_pt *)> owner(&read, he_pt_fini);
	if (done)
		check_values(read, want);
	done = he_noise_budget(&bits, &x.ours, &sk, &w) == 0;
	does = theirs_does([&] { budget = decryptor->invariant_noise_budget(x.theirs); }, &why);
	if (done != does || int(bits) != budget)
		fail("noise budget " + std::to_string(bits) + ", SEAL's " + std::to_string(budget));
	count.reads++;
}

// What one wrote the other reads.
void world::reload(cipher &x)
{
	string s = bytes_of(x.theirs);
	bool in_form = x.ours.ntt == (params.scheme != HE_BFV);

	if (x.ours.size > SEAL_MAX_POLYS || !in_form) {
		struct he_ct r;
		he_ct_init(&r, c);
		int err = seal_load_ct(c, str_of(s), &r, nullptr, &w);
		he_ct_fini(&r);
		if (err == 0)
			fail("we load what we say we do not");
		count.stricter[in_form ? "load: more than 3 polynomials" : "load: not in the form of its scheme"]++;
		return;
	}
	load_theirs(*context, x.theirs, bytes_of_ours(&x.ours));
	took("result", seal_load_ct(c, str_of(s), &x.ours, nullptr, &w));
	if (bytes_of_ours(&x.ours) != s)
		fail("reading changes bytes");
}

// Why we may refuse what SEAL does; empty when there is no reason.
string world::stricter(const string &op, const cipher &a, int steps) const
{
	bool in_form = a.ours.ntt == (params.scheme != HE_BFV);

	if (!in_form && (op == "relinearize" || (op == "rotate" && steps == 0)))
		return op + ": nothing to do, yet not in the form of its scheme";
	if (!in_form && is(HE_CKKS) && op == "multiply_plain")
		return op + ": CKKS out of NTT form";
	return "";
}

// Both do it or both refuse; our result goes to a new ciphertext or over an operand.
template <typename O, typename T> void world::both(const string &op, cipher &to, const cipher &a, int steps, O ours, T theirs)
{
	cipher r;
	string why;

	log += op + " of " + std::to_string(a.ours.size) + " at " + std::to_string(a.ours.primes) + (a.ours.ntt ? " ntt" : "") + "\n";
	he_ct_init(&r.ours, c);
	bool in_place = d.one_in(2) && a.ours.size && he_ct_copy(&r.ours, &a.ours) == 0;
	bool done = ours(&r.ours, in_place ? &r.ours : &a.ours) == 0;
	bool does = theirs_does([&] { theirs(r.theirs); }, &why);
	string reason = does && !done ? stricter(op, a, steps) : "";
	string unlike = done == does || !reason.empty() ? "" : "we " + string(done ? "do it" : w.text) + ", SEAL " + (does ? "does it" : why);
	count.steps++;
	if (!unlike.empty() || !done || !does) {
		he_ct_fini(&r.ours);
		if (!unlike.empty())
			fail(unlike);
		count.refused[op]++;
		if (!reason.empty())
			count.stricter[reason]++;
		return;
	}
	std::swap(to.ours, r.ours);
	he_ct_fini(&r.ours);
	to.theirs = r.theirs;
	count.done[op]++;
	check(to);
}

void world::unary(unsigned op, cipher &to, const cipher &a)
{
	switch (op) {
	case 0:
		return both("negate", to, a, 0, [&](auto r, auto x) { return he_negate(r, x, &w); },
		            [&](auto &r) { eval->negate(a.theirs, r); });
	case 1:
		return both("square", to, a, 0, [&](auto r, auto x) { return he_square(r, x, &w); },
		            [&](auto &r) { eval->square(a.theirs, r); });
	case 2:
		return both("mod_switch", to, a, 0, [&](auto r, auto x) { return he_mod_switch(r, x, &w); },
		            [&](auto &r) { eval->mod_switch_to_next(a.theirs, r); });
	case 3:
		return both("rescale", to, a, 0, [&](auto r, auto x) { return he_rescale(r, x, &w); },
		            [&](auto &r) { eval->rescale_to_next(a.theirs, r); });
	case 4:
		return both("to_ntt", to, a, 0, [&](auto r, auto x) { return he_to_ntt(r, x, &w); },
		            [&](auto &r) { eval->transform_to_ntt(a.theirs, r); });
	case 5:
		return both("from_ntt", to, a, 0, [&](auto r, auto x) { return he_from_ntt(r, x, &w); },
		            [&](auto &r) { eval->transform_from_ntt(a.theirs, r); });
	default:
		return both("relinearize", to, a, 0, [&](auto r, auto x) { return he_relinearize(r, x, &relin, &w); },
		            [&](auto &r) { eval->relinearize(a.theirs, relin_keys, r); });
	}
}

void world::binary(unsigned op, cipher &to, const cipher &a, const cipher &b)
{
	/* Now and then the second operand is the result. */
	bool second = d.one_in(3);
	auto ours = [&](auto f, auto r, auto x) {
		if (second && x == r && &a == &b)
			return f(r, r, r, &w);
		if (!second || b.ours.size == 0 || x == r || he_ct_copy(r, &b.ours) != 0)
			return f(r, x, &b.ours, &w);
		return f(r, x, r, &w);
	};

	if (op == 0)
		return both("add", to, a, 0, [&](auto r, auto x) { return ours(he_add_ct, r, x); },
		            [&](auto &r) { eval->add(a.theirs, b.theirs, r); });
	if (op == 1)
		return both("sub", to, a, 0, [&](auto r, auto x) { return ours(he_sub_ct, r, x); },
		            [&](auto &r) { eval->sub(a.theirs, b.theirs, r); });
	return both("multiply", to, a, 0, [&](auto r, auto x) { return ours(he_multiply, r, x); },
	            [&](auto &r) { eval->multiply(a.theirs, b.theirs, r); });
}

// A new plaintext, most often of the ciphertext's level and scale, now and then in NTT form.
void world::with_plain(unsigned op, cipher &to, const cipher &a)
{
	plain &p = pt[d.below(PTS)];
	unsigned level = a.ours.size && !d.one_in(12) ? a.ours.primes : unsigned(d.range(1, he_ctx_data_primes(c)));
	double scale = op < 2 && !d.one_in(8) ? a.ours.scale : std::pow(2.0, double(d.range(5, 60)));

	if (is(HE_CKKS) || d.one_in(2))
		new_plain(p, level, scale);
	if (!is(HE_CKKS) && p.ours.primes == 0 && p.ours.count && d.one_in(6)) {
		Plaintext theirs;
		string why;
		auto at = context->get_context_data(level_id(level));
		bool done = he_pt_to_ntt(&p.ours, &p.ours, level, &w) == 0;
		/* SEAL's chain may end above that level. */
		bool does = at->parms().coeff_modulus().size() == level &&
		            theirs_does([&] { eval->transform_to_ntt(p.theirs, at->parms_id(), theirs); }, &why);
		if (done != does || (done && bytes_of_ours(&p.ours) != bytes_of(theirs)))
			fail("plaintext to NTT form: " + (done ? why : string(w.text)));
		if (done)
			p.theirs = theirs;
	}
	if (p.ours.count == 0)
		return;
	if (op == 0)
		return both("add_plain", to, a, 0, [&](auto r, auto x) { return he_add_plain(r, x, &p.ours, &w); },
		            [&](auto &r) { eval->add_plain(a.theirs, p.theirs, r); });
	if (op == 1)
		return both("sub_plain", to, a, 0, [&](auto r, auto x) { return he_sub_plain(r, x, &p.ours, &w); },
		            [&](auto &r) { eval->sub_plain(a.theirs, p.theirs, r); });
	return both("multiply_plain", to, a, 0, [&](auto r, auto x) { return he_multiply_plain(r, x, &p.ours, &w); },
	            [&](auto &r) { eval->multiply_plain(a.theirs, p.theirs, r); });
}

void world::turn(unsigned op, cipher &to, const cipher &a)
{
	bool real = is(HE_CKKS);
	int half = int(n() / 2), steps = d.of(turns);

	uint32_t g = d.one_in(4) ? uint32_t(d.below(2 * n() + 8)) : d.of(elements);

	if (d.one_in(5))
		steps = int(d.below(n() + 8)) - half - 4;
	else if (d.one_in(4))
		steps = int(d.below(17)) - 8;
	log += " steps " + std::to_string(steps) + " element " + std::to_string(g) + " ";
	auto sum = [&](Ciphertext &r) {
		Ciphertext turned;
		r = a.theirs;
		for (int i = 1; i < half; i *= 2) {
			real ? eval->rotate_vector(r, i, galois_keys, turned) : eval->rotate_rows(r, i, galois_keys, turned);
			eval->add_inplace(r, turned);
		}
		if (!real) {
			eval->rotate_columns(r, galois_keys, turned);
			eval->add_inplace(r, turned);
		}
	};
	if (op == 0)
		return both("apply_galois", to, a, 0, [&](auto r, auto x) { return he_apply_galois(r, x, g, &galois, &w); },
		            [&](auto &r) { eval->apply_galois(a.theirs, g, galois_keys, r); });
	if (op == 1)
		return both("columns", to, a, 0, [&](auto r, auto x) { return he_rotate_columns(r, x, &galois, &w); }, [&](auto &r) {
			real ? eval->complex_conjugate(a.theirs, galois_keys, r) : eval->rotate_columns(a.theirs, galois_keys, r);
		});
	if (op == 2 && elements.size() > 8)
		return both("sum_slots", to, a, 0, [&](auto r, auto x) { return he_sum_slots(r, x, &galois, &w); }, sum);
	return both("rotate", to, a, steps, [&](auto r, auto x) { return he_rotate(r, x, steps, &galois, &w); }, [&](auto &r) {
		real ? eval->rotate_vector(a.theirs, steps, galois_keys, r) : eval->rotate_rows(a.theirs, steps, galois_keys, r);
	});
}

// Most often one of the same level and form.
const cipher &world::partner(const cipher &a)
{
	unsigned at = unsigned(d.below(CTS));

	for (unsigned i = 0; i < CTS && !d.one_in(10); i++) {
		const cipher &b = ct[(at + i) % CTS];
		if (b.ours.size && b.ours.primes == a.ours.primes && b.ours.ntt == a.ours.ntt && b.ours.size + a.ours.size < 8)
			return b;
	}
	return ct[at];
}

void world::step()
{
	cipher &a = ct[d.below(CTS)], &to = ct[d.below(CTS)];
	unsigned kind = unsigned(d.below(20));

	if (kind == 0 && d.one_in(3))
		return new_crafted(to);
	if (kind == 0) {
		new_plain(pt[0], unsigned(d.range(1, he_ctx_data_primes(c))), std::pow(2.0, double(d.range(3, 60)) + double(d.below(2)) / 3));
		return new_cipher(to, pt[d.below(PTS)]);
	}
	if (is(HE_CKKS) && a.ours.scale > 0x1p40 && a.ours.primes > 1 && d.one_in(3))
		return unary(3, to, a);
	if (a.ours.size > 2 && d.one_in(3))
		return unary(6, to, a);
	/* Back to the form of its scheme, else most of what follows is refused. */
	if (a.ours.size && a.ours.ntt == is(HE_BFV) && d.one_in(3))
		return unary(is(HE_BFV) ? 5 : 4, a, a);
	if (kind < 6)
		return unary(unsigned(d.below(7)), to, a);
	if (kind < 12) {
		const cipher &b = partner(a);
		return binary(unsigned(d.below(a.ours.size + b.ours.size > 8 && !d.one_in(8) ? 2 : 3)), to, a, b);
	}
	if (kind < 16)
		return with_plain(unsigned(d.below(3)), to, a);
	if (kind == 19 && a.ours.size)
		return reload(a);
	turn(unsigned(d.below(4)), to, a);
}

void world::run()
{
	if (!open())
		return;
	count.sets++;
	make_keys();
	exchange_keys();
	for (int i = 0; i < CTS - 1; i++) {
		unsigned level = d.one_in(4) ? unsigned(d.range(1, he_ctx_data_primes(c))) : he_ctx_data_primes(c);
		new_plain(pt[i % PTS], level, std::pow(2.0, double(i % 2 ? 30 : d.range(10, 50))));
		new_cipher(ct[i], pt[i % PTS]);
		if (ct[i].ours.size)
			check(ct[i]);
	}
	if (d.one_in(4))
		new_crafted(ct[CTS - 1]);
	for (int i = 0; i < STEPS; i++)
		step();
}

static void print(const char *what, const std::map<string, uint64_t> &m)
{
	for (auto &e : m)
		std::printf("%s %s: %llu\n", what, e.first.c_str(), static_cast<unsigned long long>(e.second));
}

int main(int argc, char **argv)
{
	if (argc < 3) {
		std::fputs("usage: seal_random SEED CASES [FIRST]\n", stderr);
		return 2;
	}
	uint64_t seed = std::strtoull(argv[1], nullptr, 0), cases = std::strtoull(argv[2], nullptr, 0), bad = 0;
	uint64_t first = argc > 3 ? std::strtoull(argv[3], nullptr, 0) : 0;
	tally count;
	for (uint64_t i = first; i < first + cases; i++) {
		world one(seed, i, count);
		try {
			one.run();
		} catch (const difference &e) {
			bad++;
			std::printf("NOT OK  seed %llu case %llu: %s\n%s\n", static_cast<unsigned long long>(seed),
			            static_cast<unsigned long long>(i), e.text.c_str(), one.log.c_str());
		} catch (const std::exception &e) {
			bad++;
			std::printf("NOT OK  seed %llu case %llu: SEAL does not read or make: %s\n%s\n", static_cast<unsigned long long>(seed),
			            static_cast<unsigned long long>(i), e.what(), one.log.c_str());
		}
		std::fflush(stdout);
	}
	print("done", count.done);
	print("refused by both", count.refused);
	print("stricter than SEAL:", count.stricter);
	std::printf("%llu cases (%llu sets refused by both), %llu steps, %llu decryptions, %llu objects read, %llu of %llu CKKS encodings "
	            "with the same bytes, %llu differences\n",
	            static_cast<unsigned long long>(cases), static_cast<unsigned long long>(count.weak),
	            static_cast<unsigned long long>(count.steps), static_cast<unsigned long long>(count.reads),
	            static_cast<unsigned long long>(count.loads), static_cast<unsigned long long>(count.same_encodings),
	            static_cast<unsigned long long>(count.encodings), static_cast<unsigned long long>(bad));
	return bad ? 1 : 0;
}
