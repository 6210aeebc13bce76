// SPDX-License-Identifier: Apache-2.0
// What is drawn: parameters, keys, plaintexts and ciphertexts, made by one library and read by the other.
#include "tests/interop/seal_random.h"

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
	static const unsigned most[] = { 27, 54, 109, 218, 438 };
	unsigned left = most[params.log_n - 10] + (d.one_in(40) ? 60 : 0), lo = params.log_n + 3, want = unsigned(d.one_in(8) ? d.range(9, HE_MAX_PRIMES) : d.range(1, 8));
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
		unsigned top = std::min(want > 8 ? lo + 8 : 60u, left), b = unsigned(d.range(d.one_in(3) || top < 30 ? lo : 30, top));
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

void world::init()
{
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

// Both contexts, or none.
bool world::open()
{
	static const unsigned degrees[] = { 10, 11, 11, 12, 12, 12, 13, 13 };
	std::vector<Modulus> primes;
	EncryptionParameters p;

	params.scheme = d.of(std::vector<enum he_scheme>{ HE_BFV, HE_BFV, HE_BGV, HE_CKKS });
	params.log_n = d.one_in(80) ? 14 : degrees[d.below(8)];
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
	if (ours)
		init();
	else
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

	if (p.ours.count == 0)
		return;
	if ((p.ours.primes != 0) != is(HE_CKKS)) {
		Ciphertext theirs;
		he_ct_init(&ours, c);
		bool done = he_encrypt(&ours, &p.ours, &pk, rnd, &w) == 0 || he_encrypt_symmetric(&ours, &p.ours, &sk, rnd, &seed, &w) == 0;
		he_ct_fini(&ours);
		if (done || theirs_does([&] { encryptor->encrypt(p.theirs, theirs); }, &s))
			fail("a plaintext out of its scheme's form is encrypted");
		count.refused["encrypt"]++;
		return;
	}
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

// No encryption of anything: residues at the edges and any others, two or three polynomials, any level, factor and scale.
void world::new_crafted(cipher &x)
{
	auto id = level_id(unsigned(d.range(1, he_ctx_data_primes(c))));
	auto &primes = context->get_context_data(id)->parms().coeff_modulus();
	unsigned kind = unsigned(d.below(5));
	Ciphertext y;

	y.resize(*context, id, d.range(2, 3));
	y.is_ntt_form() = !is(HE_BFV);
	if (is(HE_CKKS))
		y.scale() = std::pow(2.0, double(d.range(0, 80)));
	if (is(HE_BGV))
		for (y.correction_factor() = d.range(1, params.t - 1); std::gcd(y.correction_factor(), params.t) != 1;)
			y.correction_factor() = d.range(1, params.t - 1);
	for (size_t i = 0; i < y.size() * primes.size() * n(); i++) {
		uint64_t q = primes[i / n() % primes.size()].value(), edge[] = { q - 1, 0, 1, q / 2, q / 2 + 1, d.below(q) };
		y.data()[i] = kind == 0 ? q - 1 : kind == 1 ? q / 2 + 1 : kind == 2 ? edge[d.below(6)] : kind == 3 ? edge[d.below(2)] : d.below(q);
	}
	string s = bytes_of(y);
	load_theirs(*context, x.theirs, s);
	took("ciphertext", seal_load_ct(c, str_of(s), &x.ours, nullptr, &w));
	log += " crafted " + std::to_string(kind) + "\n";
	check(x);
}
