// SPDX-License-Identifier: Apache-2.0
// CPU microseconds of Microsoft SEAL for what bench_he measures of ours: lines "name degree us".  Built by `make bench-he
// SEAL=...`, never part of the product.
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <sstream>
#include <string>

#include "seal/seal.h"
#include "seal/util/ntt.h"

using namespace seal;

static double cpu_us()
{
	timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return double(t.tv_sec) * 1e6 + double(t.tv_nsec) / 1e3;
}

// As bench_he: the least of up to 400 repetitions, in at most a tenth of a second but five of them.
static void say(const std::string &name, size_t n, const std::function<void()> &call)
{
	double best = 1e12, all = 0;
	for (int rep = 0; rep < 400 && (rep < 5 || all < 1e5); rep++) {
		double us = cpu_us();
		call();
		us = cpu_us() - us;
		all += us;
		if (us < best)
			best = us;
	}
	std::printf("%s %zu %.2f\n", name.c_str(), n, best);
	std::fflush(stdout);
}

static void transforms(size_t n)
{
	auto q = CoeffModulus::BFVDefault(n)[0];
	int log_n = 0;
	while ((size_t(1) << log_n) < n)
		log_n++;
	util::NTTTables tables(log_n, q);
	std::vector<std::uint64_t> a(n);
	for (size_t i = 0; i < n; i++)
		a[i] = i * 0x9e3779b97f4a7c15u % q.value();
	say("ntt.forward", n, [&] { util::ntt_negacyclic_harvey(util::CoeffIter(a.data()), tables); });
	say("ntt.inverse", n, [&] { util::inverse_ntt_negacyclic_harvey(util::CoeffIter(a.data()), tables); });
}

static void scheme(const char *prefix, scheme_type type, size_t n)
{
	std::string s = prefix;
	bool ckks = type == scheme_type::ckks;
	EncryptionParameters parms(type);
	parms.set_poly_modulus_degree(n);
	parms.set_coeff_modulus(CoeffModulus::BFVDefault(n));
	if (!ckks)
		parms.set_plain_modulus(PlainModulus::Batching(n, 20));
	SEALContext context(parms);
	KeyGenerator keygen(context);
	auto secret = keygen.secret_key();
	PublicKey pk;
	RelinKeys relin;
	GaloisKeys galois;
	keygen.create_public_key(pk);
	keygen.create_relin_keys(relin);
	keygen.create_galois_keys(std::vector<int>{ 1 }, galois);
	Encryptor encryptor(context, pk, secret);
	Decryptor decryptor(context, secret);
	Evaluator eval(context);
	Plaintext pt, out;
	std::vector<std::uint64_t> slots(n);
	std::vector<double> reals(n / 2), zero(n / 2), back;
	for (size_t i = 0; i < n; i++)
		slots[i] = i * 7 % 1000;
	for (size_t i = 0; i < n / 2; i++)
		reals[i] = double(i) / 100;
	if (ckks)
		CKKSEncoder(context).encode(reals, double(1 << 30), pt);
	else
		BatchEncoder(context).encode(slots, pt);
	Ciphertext x, y, product, r;
	encryptor.encrypt(pt, x);
	encryptor.encrypt(pt, y);
	eval.multiply(x, y, product);

	say(s + ".add", n, [&] { eval.add_inplace(x, y); });
	say(s + ".multiply", n, [&] { eval.multiply(x, y, r); });
	say(s + ".square", n, [&] { eval.square(x, r); });
	say(s + ".relinearize", n, [&] { eval.relinearize(product, relin, r); });
	if (ckks)
		say(s + ".rotate", n, [&] { eval.rotate_vector(x, 1, galois, r); });
	else
		say(s + ".rotate", n, [&] { eval.rotate_rows(x, 1, galois, r); });
	say(s + ".multiply_plain", n, [&] { eval.multiply_plain(x, pt, r); });
	if (!ckks)
		say(s + ".add_plain", n, [&] { eval.add_plain_inplace(x, pt); });
	say(s + ".mod_switch", n, [&] { ckks ? eval.rescale_to_next(x, r) : eval.mod_switch_to_next(x, r); });
	say(s + ".encrypt", n, [&] { encryptor.encrypt(pt, r); });
	say(s + ".encrypt_seeded", n, [&] { auto seeded = encryptor.encrypt_symmetric(pt); });
	encryptor.encrypt(pt, y);
	say(s + ".decrypt", n, [&] { decryptor.decrypt(y, out); });
	std::stringstream file;
	encryptor.encrypt_symmetric(pt).save(file, compr_mode_type::none);
	std::string bytes = file.str();
	say(s + ".load_seeded_add", n, [&] {
		r.load(context, reinterpret_cast<const seal_byte *>(bytes.data()), bytes.size());
		eval.add_inplace(y, r);
	});
	if (ckks) {
		CKKSEncoder encoder(context);
		say(s + ".encode", n, [&] { encoder.encode(zero, double(1 << 30), out); });
		say(s + ".decode", n, [&] { encoder.decode(pt, back); });
	}
	say(s + ".keygen_relin", n, [&] { keygen.create_relin_keys(relin); });
}

int main()
{
	for (size_t n = 4096; n <= 16384; n *= 2) {
		transforms(n);
		scheme("bfv", scheme_type::bfv, n);
		scheme("ckks", scheme_type::ckks, n);
		scheme("bgv", scheme_type::bgv, n);
	}
}
