// SPDX-License-Identifier: Apache-2.0
// The library of he/ beside Microsoft SEAL, linked into one program: random parameters, keys and chains of operations, each done by
// both.  Results equal byte for byte, what SEAL refuses we refuse, decryptions and noise budgets are the same.  Built by
// `make check-seal-random SEAL=...`, never part of the product.
//   seal_random SEED CASES [FIRST]   a case depends on SEED and its number only
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#define _Noreturn [[noreturn]]
extern "C" {
#include "cse/base/rand.h"
#include "he/seal_io.h"
#include "he/secret.h"
}
#include "seal/seal.h"

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
[[noreturn]] static void fail(const string &text) { throw difference{ text }; }

// true: SEAL did it.
template <typename F> static bool theirs_does(F f, string *why)
{
	try {
		f();
		return true;
	} catch (const std::exception &e) {
		*why = e.what();
		return false;
	}
}

template <typename T> static string bytes_of(const T &object)
{
	std::stringstream s;
	object.save(s, compr_mode_type::none);
	return s.str();
}

static string taken(struct buf *b)
{
	string s(b->p ? b->p : "", b->n);
	buf_fini(b);
	return s;
}

static string bytes_of_ours(const struct he_ct *ct, const struct he_seed *seed = nullptr)
{
	struct buf b;
	buf_init(&b, MOST);
	if (seal_save_ct(ct, seed, &style, &b) != 0)
		fail("our ciphertext was not written");
	return taken(&b);
}

static string bytes_of_ours(const struct he_pt *pt)
{
	struct buf b;
	buf_init(&b, MOST);
	if (seal_save_pt(pt, &style, &b) != 0)
		fail("our plaintext was not written");
	return taken(&b);
}

static struct str str_of(const string &s) { return { s.data(), s.size() }; }

template <typename T> static void load_theirs(const SEALContext &context, T &object, const string &s)
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
	void make_keys();
	void exchange_keys();
	void took(const char *what, int err);
	void new_plain(plain &p, unsigned level, double scale);
	void new_coefficients(Plaintext &p);
	void load_plain(plain &p, const string &s);
	void new_numbers(plain &p, unsigned level, double scale);
	void new_cipher(cipher &x, const plain &p);
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

world::~world()
{
	if (c) {
		for (auto &x : ct)
			he_ct_fini(&x.ours);
		for (auto &p : pt)
			he_pt_fini(&p.ours);
		he_sk_fini(&sk);
		he_ct_fini(&pk.ct);
		he_ksk_fini(&relin);
		he_ksk_fini(&galois);
	}
	he_ctx_free(c);
	rnd_free(rnd);
}

// Defaults, or primes of any size within the table for 128 bits; one set in forty is beyond it.
void world::draw_primes()
{
	static const unsigned most[] = { 27, 54, 109, 218 };
	unsigned left = most[params.log_n - 10] + (d.one_in(40) ? 60 : 0), lo = params.log_n + 3, want = unsigned(d.range(1, 8));
	std::vector<unsigned> bits;
	std::vector<int> theirs;
	std::vector<Modulus> made;
	string why;

	if (d.one_in(4)) {
		auto defaults = CoeffModulus::BFVDefault(n());
		params.k = unsigned(defaults.size());
		for (unsigned i = 0; i < params.k; i++)
			params.q[i] = defaults[i].value();
		return;
	}
	while (bits.size() < want && left >= lo) {
		unsigned top = std::min(60u, left), b = unsigned(d.range(d.one_in(3) || top < 30 ? lo : 30, top));
		bits.push_back(b);
		theirs.push_back(int(b));
		left -= b;
	}
	bool is_made = theirs_does([&] { made = CoeffModulus::Create(n(), theirs); }, &why);
	if ((he_params_create(&params, params.log_n, bits.data(), unsigned(bits.size()), &w) == 0) != is_made)
		fail("primes: " + why + w.text);
	if (!is_made)
		return draw_primes();
	for (unsigned i = 0; i < params.k; i++)
		if (made[i].value() != params.q[i])
			fail("primes differ");
}

void world::draw_plain_modulus()
{
	unsigned kind = unsigned(d.below(8)), lo = params.log_n + 2;

	params.t = 0;
	if (is(HE_CKKS))
		return;
	if (kind < 5)
		params.t = he_params_batching(params.log_n, unsigned(kind < 4 ? d.range(lo, 32) : d.range(lo, 60)));
	else if (kind == 5)
		params.t = uint64_t(1) << d.range(1, d.one_in(3) ? 59 : 30);
	else if (kind == 6)
		params.t = d.range(2, uint64_t(1) << d.range(2, 59));
	if (params.t == 0)
		params.t = 65537;
}

// Both contexts, or none.
bool world::open()
{
	static const unsigned degrees[] = { 10, 11, 11, 12, 12, 12, 13, 13 };
	std::vector<Modulus> primes;
	EncryptionParameters p;

	params.scheme = d.of(std::vector<enum he_scheme>{ HE_BFV, HE_BFV, HE_BGV, HE_CKKS });
	params.log_n = degrees[d.below(8)];
	draw_primes();
	draw_plain_modulus();
	for (unsigned i = 0; i < params.k; i++)
		primes.push_back(params.q[i]);
	p = EncryptionParameters(scheme_type(params.scheme));
	p.set_poly_modulus_degree(n());
	p.set_coeff_modulus(primes);
	if (!is(HE_CKKS))
		p.set_plain_modulus(params.t);
	prng_seed_type seed;
	for (auto &s : seed)
		s = d.next();
	p.set_random_generator(std::make_shared<Blake2xbPRNGFactory>(seed));
	context = std::make_unique<SEALContext>(p);
	std::vector<struct he_kernels const *> kernels;
	for (int isa = HE_SCALAR; isa <= HE_IFMA; isa++)
		if (he_kernels_of(he_isa(isa)))
			kernels.push_back(he_kernels_of(he_isa(isa)));
	struct he_ctx_opts o = { d.of(kernels), false };
	log += "scheme " + std::to_string(int(params.scheme)) + " n " + std::to_string(n()) + " t " + std::to_string(params.t) + " kernels " +
	       std::to_string(int(o.kern->isa)) + " primes";
	for (auto q : primes)
		log += " " + std::to_string(q.value());
	log += "\n";
	bool ours = he_ctx_new(&params, &o, &c, &w) == 0, theirs = context->parameters_set();
	if (!ours)
		c = nullptr;
	if (ours != theirs && !(theirs && params.k > 1 && context->first_parms_id() == context->key_parms_id()))
		fail(string("the set is refused by one: ") + (ours ? context->parameter_error_message() : w.text));
	if (ours != theirs)
		count.stricter["set: the plain modulus is not below the primes of ciphertexts"]++;
	count.weak += !ours;
	return ours;
}

// Elements of a few rotations, so that others are composed or refused.
void world::make_keys()
{
	KeyGenerator keygen(*context);
	std::map<uint32_t, bool> set;
	uint32_t all[2 * HE_MAX_LOG_N];
	size_t many = he_galois_default(c, all), want = d.range(1, 4);

	for (size_t i = 0; i < want; i++) {
		uint64_t g = 1;
		int steps = d.one_in(2) ? int(d.below(8)) + 1 : int(1 + d.below(n() / 2 - 1));
		for (int j = 0; j < steps; j++)
			g = g * 3 % (2 * n());
		turns.push_back(d.one_in(2) ? steps : steps - int(n() / 2));
		set[uint32_t(g)] = true;
	}
	if (d.one_in(4))
		set[uint32_t(2 * d.below(n()) + 1)] = true;
	if (d.one_in(4) && params.log_n < 13)
		for (size_t i = 0; i < many; i++)
			set[all[i]] = true;
	if (d.one_in(2))
		set[uint32_t(2 * n() - 1)] = true;
	for (auto &e : set)
		elements.push_back(e.first);
	he_sk_init(&sk, c);
	he_ct_init(&pk.ct, c);
	he_ksk_init(&relin, c, false);
	he_ksk_init(&galois, c, true);
	for (auto &x : ct)
		he_ct_init(&x.ours, c);
	for (auto &p : pt)
		he_pt_init(&p.ours, c);
	rnd = rnd_new_seeded(d.next());
}

void world::took(const char *what, int err)
{
	if (err)
		fail(string("we do not load SEAL's ") + what + ": " + w.text);
	count.loads++;
}

// Keys of one side, seeded or not, read by the other.
void world::exchange_keys()
{
	SecretKey secret;
	struct buf b;
	bool seeded = d.one_in(2), has_keys = params.k > 1;
	string s;

	if (d.one_in(2)) {
		KeyGenerator keygen(*context);
		secret = keygen.secret_key();
		s = bytes_of(secret);
		took("secret key", seal_load_sk(c, str_of(s), &sk, nullptr, &w));
		s = seeded ? bytes_of(keygen.create_public_key()) : (keygen.create_public_key(public_key), bytes_of(public_key));
		load_theirs(*context, public_key, s);
		took("public key", seal_load_pk(c, str_of(s), &pk, nullptr, &w));
		if (has_keys) {
			s = seeded ? bytes_of(keygen.create_relin_keys()) : (keygen.create_relin_keys(relin_keys), bytes_of(relin_keys));
			load_theirs(*context, relin_keys, s);
			took("relinearization keys", seal_load_ksk(c, false, str_of(s), &relin, nullptr, &w));
			s = seeded ? bytes_of(keygen.create_galois_keys(elements))
			           : (keygen.create_galois_keys(elements, galois_keys), bytes_of(galois_keys));
			load_theirs(*context, galois_keys, s);
			took("Galois keys", seal_load_ksk(c, true, str_of(s), &galois, nullptr, &w));
		}
	} else {
		std::vector<struct he_seed> seeds(elements.size() * params.k);
		struct he_seed seed;
		bool made = he_keygen_secret(&sk, rnd, &w) == 0 && he_keygen_public(&pk, &sk, rnd, &seed, &w) == 0;
		buf_init(&b, MOST);
		made = made && seal_save_sk(&sk, &style, &b) == 0;
		load_theirs(*context, secret, taken(&b));
		load_theirs(*context, public_key, bytes_of_ours(&pk.ct, seeded ? &seed : nullptr));
		if (made && has_keys) {
			buf_init(&b, MOST);
			made = he_keygen_relin(&relin, &sk, rnd, seeds.data(), &w) == 0 &&
			       seal_save_ksk(&relin, seeded ? seeds.data() : nullptr, &style, &b) == 0;
			load_theirs(*context, relin_keys, taken(&b));
			buf_init(&b, MOST);
			made = made && he_keygen_galois(&galois, &sk, elements.data(), elements.size(), rnd, seeds.data(), &w) == 0 &&
			       seal_save_ksk(&galois, seeded ? seeds.data() : nullptr, &style, &b) == 0;
			load_theirs(*context, galois_keys, taken(&b));
		}
		if (!made)
			fail(string("our keys: ") + w.text);
		count.loads += 4;
	}
	eval = std::make_unique<Evaluator>(*context);
	encryptor = std::make_unique<Encryptor>(*context, public_key, secret);
	decryptor = std::make_unique<Decryptor>(*context, secret);
	if (is(HE_CKKS))
		ckks = std::make_unique<CKKSEncoder>(*context);
	else if (context->first_context_data()->qualifiers().using_batching != he_ctx_can_batch(c))
		fail("one can batch");
	else if (he_ctx_can_batch(c))
		batch = std::make_unique<BatchEncoder>(*context);
}

parms_id_type world::level_id(unsigned primes) const
{
	auto data = context->first_context_data();
	while (data->parms().coeff_modulus().size() > primes && data->next_context_data())
		data = data->next_context_data();
	return data->parms_id();
}

// Zeros, 1, t - 1, constants, monomials, a few, all the same, all, and shorter ones.
void world::new_coefficients(Plaintext &p)
{
	unsigned kind = unsigned(d.below(12));
	uint64_t t = params.t, edge[] = { 0, 1, t - 1, t / 2, (t + 1) / 2, t / 2 + 1, d.below(t) }, v = edge[d.below(7)] % t;
	size_t size = d.one_in(3) ? d.range(1, n()) : n();

	p = Plaintext();
	p.resize(kind < 2 ? 1 : size);
	std::memset(p.data(), 0, p.coeff_count() * sizeof(uint64_t));
	if (kind < 2)
		p[0] = v;
	else if (kind < 4)
		p[d.below(size)] = v;
	else if (kind == 4)
		p[size - 1] = d.below(t);
	else if (kind < 7)
		for (size_t i = d.range(1, 6); i; i--)
			p[d.below(size)] = edge[d.below(7)] % t;
	else
		for (size_t i = 0; i < size; i++)
			p[i] = kind == 7 ? v : kind == 8 ? d.below(std::min<uint64_t>(t, 16)) : d.below(t);
	log += " plain " + std::to_string(kind) + (kind < 4 ? ":" + std::to_string(v) : "") + "/" + std::to_string(size);
}

void world::load_plain(plain &p, const string &s)
{
	int err = seal_load_pt(c, str_of(s), &p.ours, nullptr, &w);

	p.theirs = Plaintext();
	load_theirs(*context, p.theirs, s);
	if (err && params.k == 1 && p.theirs.is_ntt_form() && p.theirs.scale() == 1.0)
		count.stricter["load: a plaintext at scale 1 of a set of one prime, which has the shape of a secret key"]++;
	else
		took("plaintext", err);
}

// CKKS: encoded by one, read by the other; both encode or none.
void world::new_numbers(plain &p, unsigned level, double scale)
{
	double size = std::pow(2.0, double(d.range(0, 20)) - 10), edge[] = { 0, 1, -1, size };
	bool is_real = d.one_in(2), one = d.one_in(6);
	std::vector<std::complex<double>> v(d.one_in(3) ? d.range(1, n() / 2) : n() / 2);
	struct he_pt ours;
	Plaintext theirs;
	string why;

	for (auto &x : v) {
		double re = one ? edge[d.below(4)] : (double(d.below(2000001)) / 1e6 - 1) * size;
		x = { re, is_real ? 0.0 : (double(d.below(2000001)) / 1e6 - 1) * size };
	}
	he_pt_init(&ours, c);
	bool done = he_encode_ckks(&ours, reinterpret_cast<double *>(v.data()), v.size(), true, scale, level, &w) == 0;
	bool does = theirs_does([&] { ckks->encode(v, level_id(level), scale, theirs); }, &why);
	log += " numbers at " + std::to_string(level) + " by 2^" + std::to_string(std::log2(scale));
	if (done != does) {
		he_pt_fini(&ours);
		fail("encode CKKS: we " + string(done ? "do" : w.text) + ", SEAL " + (does ? "does" : why));
	}
	if (done) {
		count.encodings++;
		count.same_encodings += bytes_of_ours(&ours) == bytes_of(theirs);
		string s = d.one_in(2) ? bytes_of_ours(&ours) : bytes_of(theirs);
		load_plain(p, s);
	}
	he_pt_fini(&ours);
}

void world::new_plain(plain &p, unsigned level, double scale)
{
	std::vector<uint64_t> slots(n());

	if (is(HE_CKKS))
		return new_numbers(p, level, scale);
	/* SEAL writes into none that is in NTT form. */
	p.theirs = Plaintext();
	if (batch && d.one_in(3)) {
		struct he_pt ours;
		for (auto &x : slots)
			x = d.below(params.t);
		slots.resize(d.one_in(2) ? n() : d.range(1, n()));
		batch->encode(slots, p.theirs);
		he_pt_init(&ours, c);
		bool same = he_encode_batch(&ours, slots.data(), slots.size(), &w) == 0 && bytes_of_ours(&ours) == bytes_of(p.theirs);
		he_pt_fini(&ours);
		if (!same)
			fail("batches differ");
	} else {
		new_coefficients(p.theirs);
	}
	load_plain(p, bytes_of(p.theirs));
}

// Encrypted by either, with either key, seeded or not, and read by both.
void world::new_cipher(cipher &x, const plain &p)
{
	struct he_seed seed;
	struct he_ct ours;
	unsigned how = unsigned(d.below(5));
	string s;

	if (p.ours.count == 0 || (p.ours.primes != 0) != is(HE_CKKS))
		return;
	if (how < 3) {
		Ciphertext theirs;
		if (how == 0)
			encryptor->encrypt(p.theirs, theirs);
		else if (how == 1)
			encryptor->encrypt_symmetric(p.theirs, theirs);
		s = how < 2 ? bytes_of(theirs) : bytes_of(encryptor->encrypt_symmetric(p.theirs));
	} else {
		he_ct_init(&ours, c);
		int err = how == 3 ? he_encrypt(&ours, &p.ours, &pk, rnd, &w) : he_encrypt_symmetric(&ours, &p.ours, &sk, rnd, &seed, &w);
		s = err ? "" : bytes_of_ours(&ours, how == 4 && d.one_in(2) ? &seed : nullptr);
		he_ct_fini(&ours);
		if (err)
			fail(string("encrypt: ") + w.text);
	}
	load_theirs(*context, x.theirs, s);
	took("ciphertext", seal_load_ct(c, str_of(s), &x.ours, nullptr, &w));
	log += " encrypted " + std::to_string(how) + "\n";
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
	he_pt_fini(&read);
	if (done != does || (done && got != bytes_of(want)))
		fail("decryption: " + (done == does ? "other bytes" : done ? why : string(w.text)));
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

	if (kind == 0 && !d.one_in(3)) {
		new_plain(pt[0], unsigned(d.range(1, he_ctx_data_primes(c))), std::pow(2.0, double(d.range(3, 60)) + double(d.below(2)) / 3));
		return new_cipher(to, pt[0]);
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
		return binary(a.ours.size + b.ours.size > 17 || (a.ours.size + b.ours.size > 8 && !d.one_in(8)) ? unsigned(d.below(2))
		                                                                                            : unsigned(d.below(3)), to, a, b);
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
