// SPDX-License-Identifier: Apache-2.0
// Microsoft SEAL 4.1.2 (node-seal) as the other side of he/:
//   node seal.js make DIR SCHEME DEGREE   keys, ciphertexts and what SEAL's evaluator makes of them
//   node seal.js read DIR SCHEME DEGREE   what he_peer made: its keys, ciphertexts and results are read and used
'use strict';
const fs = require('fs');
const path = require('path');
const load = require('node-seal');

const [, , what, dir, scheme, degree] = process.argv;
const n = Number(degree);
const is_ckks = scheme === 'ckks';
const values = Array.from({ length: is_ckks ? n / 2 : n }, (_, i) => (is_ckks ? (i % 100) * 0.25 - 5 : (i % 500) - 250));
const scale = Math.pow(2, 30);
const file = (name) => path.join(dir, name);
const get = (name) => new Uint8Array(fs.readFileSync(file(name)));

function open(seal) {
	const parms = seal.EncryptionParameters(seal.SchemeType[scheme]);
	parms.setPolyModulusDegree(n);
	parms.setCoeffModulus(seal.CoeffModulus.BFVDefault(n, seal.SecurityLevel.tc128));
	if (!is_ckks)
		parms.setPlainModulus(seal.PlainModulus.Batching(n, 20));
	return [parms, seal.Context(parms, true, seal.SecurityLevel.tc128)];
}

const encode = (seal, context) => (is_ckks ? seal.CKKSEncoder(context).encode(Float64Array.from(values), scale)
	: seal.BatchEncoder(context).encode(Int32Array.from(values)));
const decode = (seal, context, plain) => (is_ckks ? seal.CKKSEncoder(context).decode(plain)
	: seal.BatchEncoder(context).decode(plain));

function make(seal) {
	const { none, zlib, zstd } = seal.ComprModeType;
	const write = (name, object, mode) => fs.writeFileSync(file(name), object.saveArray(mode));
	const [parms, context] = open(seal);
	const keys = seal.KeyGenerator(context);
	const ev = seal.Evaluator(context);
	const relin = seal.RelinKeys(), galois = seal.GaloisKeys(), other = seal.CipherText();
	const plain = encode(seal, context);
	const encryptor = seal.Encryptor(context, keys.createPublicKey(), keys.secretKey());
	const decryptor = seal.Decryptor(context, keys.secretKey());
	// Steps of a sum over all slots only where the keys are small.
	const sums = n <= 4096 ? Array.from({ length: Math.log2(n) - 1 }, (_, i) => 1 << i) : [];

	write('params', parms, zlib);
	write('sk', keys.secretKey(), none);
	write('pk', keys.createPublicKeySerializable(), zstd);
	write('relin', keys.createRelinKeysSerializable(), none);
	write('galois', keys.createGaloisKeysSerializable(Int32Array.from([...new Set([1, -1, 4, ...sums]), 0])), none);
	relin.loadArray(context, get('relin'));
	galois.loadArray(context, get('galois'));
	write('pt', plain, none);
	const ct = encryptor.encrypt(plain);
	write('ct', ct, zlib);
	write('other', encryptor.encryptSymmetricSerializable(plain), zstd);
	other.loadArray(context, get('other'));

	const product = ev.multiply(ct, other);
	const low = ev.cipherModSwitchToNext(ct);
	const turn = (a, k) => (is_ckks ? ev.rotateVector(a, k, galois) : ev.rotateRows(a, k, galois));
	write('add', ev.add(ct, other), none);
	write('sub', ev.sub(ct, other), none);
	write('negate', ev.negate(ct), none);
	write('add_plain', ev.addPlain(ct, plain), none);
	write('sub_plain', ev.subPlain(ct, plain), none);
	write('multiply', product, none);
	write('square', ev.square(ct), none);
	write('multiply_plain', ev.multiplyPlain(ct, plain), none);
	write('relinearize', ev.relinearize(product, relin), none);
	write('low', low, none);
	// CKKS at 4096 has one prime there, too small for the product's scale.
	if (!is_ckks || n > 4096)
		write('low_multiply', ev.multiply(low, low), none);
	write('low_add', ev.add(low, low), none);
	write('rotate3', turn(ct, 3), none);
	write('low_rotate', turn(low, -1), none);
	write('columns', is_ckks ? ev.complexConjugate(ct, galois) : ev.rotateColumns(ct, galois), none);
	if (is_ckks)
		write('rescale', ev.rescaleToNext(product), none);
	if (scheme === 'bfv')
		write('from_ntt', ev.cipherTransformFromNtt(ev.multiplyPlain(ev.cipherTransformToNtt(ct),
			ev.plainTransformToNtt(plain, ct.parmsId))), none);
	if (sums.length && !is_ckks) {
		let sum = ct;
		for (const k of sums)
			sum = ev.add(sum, turn(sum, k));
		write('sum_slots', ev.add(sum, ev.rotateColumns(sum, galois)), none);
	}
	write('read', decryptor.decrypt(ct), none);
	write('product.read', decryptor.decrypt(product), none);
	write('low.read', decryptor.decrypt(low), none);
	if (!is_ckks)
		fs.writeFileSync(file('budgets'), [ct, product, low].map((c) => decryptor.invariantNoiseBudget(c)).join('\n') + '\n');
}

// f: what a slot must hold.
function expect(seal, context, decryptor, ct, name, f) {
	const got = decode(seal, context, decryptor.decrypt(ct));
	const t = is_ckks ? 0 : Number(context.firstContextData.parms.plainModulus.value);
	for (let i = 0; i < values.length; i++) {
		const want = f(i);
		const ok = is_ckks ? Math.abs(got[i] - want) < 1e-2 : (got[i] - want) % t === 0;
		if (!ok)
			throw new Error(`${name}: slot ${i} is ${got[i]} instead of ${want}`);
	}
	console.log('ok', name);
}

function read(seal) {
	const [, context] = open(seal);
	const sk = seal.SecretKey(), pk = seal.PublicKey(), relin = seal.RelinKeys(), galois = seal.GaloisKeys();
	const ct = {};

	sk.loadArray(context, get('our.sk'));
	pk.loadArray(context, get('our.pk'));
	relin.loadArray(context, get('our.relin'));
	galois.loadArray(context, get('our.galois'));
	for (const name of ['public', 'seeded', 'sum', 'product', 'turned']) {
		ct[name] = seal.CipherText();
		ct[name].loadArray(context, get('our.' + name));
	}
	const decryptor = seal.Decryptor(context, sk);
	const ev = seal.Evaluator(context);
	const half = n / 2, row = (i, k) => values[Math.floor(i / half) * half + ((i % half) + k) % half];
	const turn = (a, k) => (is_ckks ? ev.rotateVector(a, k, galois) : ev.rotateRows(a, k, galois));
	const try_ = (c, name, f) => expect(seal, context, decryptor, c, name, f);
	try_(ct.public, 'our public-key ciphertext', (i) => values[i]);
	try_(ct.seeded, 'our seeded ciphertext', (i) => values[i]);
	try_(ct.sum, 'our sum', (i) => 2 * values[i]);
	try_(ct.product, 'our relinearized product', (i) => values[i] * values[i]);
	try_(ct.turned, 'our rotation', (i) => row(i, 3));
	try_(ev.relinearize(ev.multiply(ct.public, ct.seeded), relin), 'product under our keys', (i) => values[i] * values[i]);
	try_(turn(ct.public, 1), 'rotation under our keys', (i) => row(i, 1));
	fs.writeFileSync(file('theirs'), seal.Encryptor(context, pk).encrypt(encode(seal, context)).saveArray(seal.ComprModeType.zstd));
}

load().then((seal) => (what === 'make' ? make(seal) : read(seal))).catch((e) => {
	console.error(e.message || e);
	process.exit(1);
});
