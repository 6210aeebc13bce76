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
// Of ciphertexts.
const levels = { 4096: 2, 8192: 4, 16384: 8 }[n];
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

// Of what the product's scale fits every level.
const small = Math.pow(2, 17);

// Every operation at one level.  a, b: two polynomials; c = a b: three.
function evaluate(seal, context, ev, { relin, galois }, level, a, b, plain, save) {
	const write = (name, object) => save(`l${level}.${name}`, object);
	const turn = (x, k) => (is_ckks ? ev.rotateVector(x, k, galois) : ev.rotateRows(x, k, galois));
	const columns = (x) => (is_ckks ? ev.complexConjugate(x, galois) : ev.rotateColumns(x, galois));
	const to = ev.cipherTransformToNtt, from = ev.cipherTransformFromNtt;
	const c = ev.multiply(a, b);
	// CKKS: of the scale of c, and where that may grow.
	const wide = is_ckks ? ev.multiplyPlain(a, plain) : a;
	const grows = !is_ckks || level < levels - 1;

	write('multiply', c);
	write('square', ev.square(a));
	write('multiply_plain', ev.multiplyPlain(a, plain));
	if (grows) {
		write('square3', ev.square(c));
		write('multiply3', ev.multiply(a, c));
		write('multiply_plain3', ev.multiplyPlain(c, plain));
	}
	for (const [tail, x, y] of [['', a, b], ['23', wide, c], ['32', c, wide], ['33', c, ev.negate(c)]]) {
		write('add' + tail, ev.add(x, tail === '33' ? c : y));
		write('sub' + tail, ev.sub(x, y));
	}
	for (const [tail, x] of [['', a], ['3', c]]) {
		write('negate' + tail, ev.negate(x));
		const p = is_ckks && tail ? ev.plainModSwitchTo(seal.CKKSEncoder(context).encode(Float64Array.from(values), small * small),
			a.parmsId) : plain;
		write('pt' + tail, p);
		write('add_plain' + tail, ev.addPlain(x, p));
		write('sub_plain' + tail, ev.subPlain(x, p));
		write('form' + tail, scheme === 'bfv' ? to(x) : from(x));
		write('back' + tail, scheme === 'bfv' ? from(to(x)) : to(from(x)));
	}
	write('relinearize', ev.relinearize(c, relin));
	write('rotate1', turn(a, 1));
	write('rotate3', turn(a, 3));
	write('rotate_right', turn(a, -1));
	write('columns', columns(a));
	if (is_ckks) {
		if (level < levels - 1) {
			write('rescale', ev.rescaleToNext(a));
			write('rescale3', ev.rescaleToNext(c));
		}
	} else {
		const same = seal.BatchEncoder(context).encode(Int32Array.from(values, () => -3));
		const ntt = ev.plainTransformToNtt(plain, a.parmsId);
		write('pt.ntt', ntt);
		write('pt.same', same);
		write('multiply_same', ev.multiplyPlain(a, same));
		write('multiply_ntt', ev.multiplyPlain(a, ntt));
		if (scheme === 'bfv')
			write('multiply_in_ntt', from(ev.multiplyPlain(to(a), ntt)));
	}
	if (level === 0) {
		let sum = a;
		for (let k = 1; k < n / 2; k *= 2)
			sum = ev.add(sum, turn(sum, k));
		write('sum_slots', is_ckks ? sum : ev.add(sum, columns(sum)));
	}
	if (level < levels - 1)
		write('switch3', ev.cipherModSwitchToNext(c));
	return c;
}

function make(seal) {
	const { none, zlib, zstd } = seal.ComprModeType;
	const write = (name, object, mode) => fs.writeFileSync(file(name), object.saveArray(mode || none));
	const [parms, context] = open(seal);
	const keys = seal.KeyGenerator(context);
	const ev = seal.Evaluator(context);
	const own = { relin: seal.RelinKeys(), galois: seal.GaloisKeys() }, budgets = [];
	let plain = is_ckks ? seal.CKKSEncoder(context).encode(Float64Array.from(values), small) : encode(seal, context);
	const encryptor = seal.Encryptor(context, keys.createPublicKey(), keys.secretKey());
	const decryptor = seal.Decryptor(context, keys.secretKey());

	write('params', parms, zlib);
	write('params.none', parms, none);
	write('params.zstd', parms, zstd);
	write('sk', keys.secretKey(), none);
	write('pk', keys.createPublicKeySerializable(), zstd);
	write('pk.full', keys.createPublicKey(), zlib);
	write('relin', keys.createRelinKeysSerializable(), none);
	const steps = Array.from({ length: Math.log2(n) - 1 }, (_, i) => 1 << i);
	write('galois', keys.createGaloisKeysSerializable(Int32Array.from([...steps, -1, 0])), none);
	own.relin.loadArray(context, get('relin'));
	own.galois.loadArray(context, get('galois'));
	write('relin.full', own.relin, zlib);
	write('galois.few', keys.createGaloisKeysSerializable(Int32Array.from([1, 0])), zstd);
	write('pt', encode(seal, context), zstd);
	let a = encryptor.encrypt(plain), b = seal.CipherText();
	write('ct', a, zlib);
	write('other', encryptor.encryptSymmetricSerializable(plain), zstd);
	b.loadArray(context, get('other'));
	for (let level = 0; level < levels; level++) {
		const c = evaluate(seal, context, ev, own, level, a, b, plain, write);
		for (const [name, x] of [['a', a], ['c', c]]) {
			write(`l${level}.read_${name}`, decryptor.decrypt(x));
			budgets.push(is_ckks ? 0 : decryptor.invariantNoiseBudget(x));
		}
		if (level === levels - 1)
			break;
		[a, b] = [ev.cipherModSwitchToNext(a), ev.cipherModSwitchToNext(b)];
		write(`l${level}.switch`, a);
		if (is_ckks)
			plain = ev.plainModSwitchToNext(plain);
	}
	fs.writeFileSync(file('budgets'), budgets.join('\n') + '\n');
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
	const [parms, context] = open(seal);
	const theirs = seal.EncryptionParameters();
	const sk = seal.SecretKey(), pk = seal.PublicKey(), relin = seal.RelinKeys(), galois = seal.GaloisKeys();
	const ct = {};

	for (const mode of ['none', 'zlib', 'zstd']) {
		theirs.loadArray(get('our.params.' + mode));
		if (Buffer.compare(Buffer.from(theirs.saveArray(seal.ComprModeType.none)), Buffer.from(parms.saveArray(seal.ComprModeType.none))))
			throw new Error('our.params.' + mode);
		console.log('ok our.params.' + mode);
		for (const name of ['pk', 'pk.seeded', 'relin', 'relin.seeded', 'galois.few', 'galois.few.seeded', 'pt', 'public', 'seeded']) {
			const kind = name.split('.')[0];
			const object = { pk: seal.PublicKey, relin: seal.RelinKeys, galois: seal.GaloisKeys, pt: seal.PlainText }[kind] || seal.CipherText;
			object().loadArray(context, get(`our.${name}.${mode}`));
			console.log(`ok our.${name}.${mode}`);
		}
	}
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
