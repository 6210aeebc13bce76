// SPDX-License-Identifier: Apache-2.0
// Makes the files beside it with Microsoft SEAL 4.1.2 (node-seal 6.0.3, "npm install node-seal@6.0.3", node 20):
//   node make.js FOLDER
// Tiny parameter sets (n = 64, no security), so that files are small.
'use strict';
const fs = require('fs');
const path = require('path');
const load = require('node-seal');

async function main() {
	const seal = await load();
	const { none, zlib, zstd } = seal.ComprModeType;
	const write = (name, what, mode) => fs.writeFileSync(path.join(process.argv[2], name), what.saveArray(mode));
	const ids = [], facts = [];

	for (const [name, scheme] of Object.entries({ bfv: seal.SchemeType.bfv, ckks: seal.SchemeType.ckks, bgv: seal.SchemeType.bgv })) {
		const parms = seal.EncryptionParameters(scheme);
		parms.setPolyModulusDegree(64);
		parms.setCoeffModulus(seal.CoeffModulus.Create(64, Int32Array.from([40, 41, 42, 45])));
		if (name !== 'ckks')
			parms.setPlainModulus(seal.Modulus('257'));
		const context = seal.Context(parms, true, seal.SecurityLevel.none);
		for (let c = context.keyContextData; ; c = c.nextContextData) {
			ids.push([name, ...Array.from(c.parmsId.values).map((v) => v.toString(16).padStart(16, '0'))].join(' '));
			if (c.chainIndex === 0)
				break;
		}
		write(name + '.params', parms, none);
		write(name + '.params.zlib', parms, zlib);
		write(name + '.params.zstd', parms, zstd);

		const keys = seal.KeyGenerator(context);
		const pk = keys.createPublicKey();
		const encryptor = seal.Encryptor(context, pk, keys.secretKey());
		const values = Array.from({ length: name === 'ckks' ? 32 : 64 }, (_, i) => i * 3 - 5);
		const plain = name === 'ckks' ? seal.CKKSEncoder(context).encode(Float64Array.from(values), Math.pow(2, 30))
			: seal.BatchEncoder(context).encode(Int32Array.from(values));
		write(name + '.pt', plain, none);
		write(name + '.sk', keys.secretKey(), none);
		const ct = encryptor.encrypt(plain);
		write(name + '.ct', ct, none);
		write(name + '.ct.zlib', ct, zlib);
		write(name + '.ct.zstd', ct, zstd);
		// Seeded, and what SEAL makes of it.
		const short = encryptor.encryptSymmetricSerializable(plain);
		for (const [kind, s, full] of [['ct', short, seal.CipherText()], ['pk', keys.createPublicKeySerializable(), seal.PublicKey()],
			['relin', keys.createRelinKeysSerializable(), seal.RelinKeys()],
			['galois', keys.createGaloisKeysSerializable(Int32Array.from([1])), seal.GaloisKeys()]]) {
			const bytes = s.saveArray(none);
			fs.writeFileSync(path.join(process.argv[2], `${name}.${kind}.seeded`), bytes);
			full.loadArray(context, bytes);
			write(`${name}.${kind}.expanded`, full, none);
		}
		// What the evaluator makes of X.ct and X.ct.expanded.
		const ev = seal.Evaluator(context);
		const low = ev.cipherModSwitchToNext(ct);
		const other = seal.CipherText();
		other.loadArray(context, fs.readFileSync(path.join(process.argv[2], name + '.ct.seeded')));
		const product = ev.multiply(ct, other);
		write(name + '.ct.low', low, none);
		write(name + '.add', ev.add(ct, other), none);
		write(name + '.sub', ev.sub(ct, other), none);
		if (name !== 'ckks')
			write(name + '.add3', ev.add(ct, product), none);
		write(name + '.negate', ev.negate(ct), none);
		write(name + '.add_plain', ev.addPlain(ct, plain), none);
		write(name + '.sub_plain', ev.subPlain(ct, plain), none);
		write(name + '.multiply', product, none);
		// Keys for one step to either side, four to the left, and the columns.
		const rotate = keys.createGaloisKeysSerializable(Int32Array.from([1, -1, 4, 0])).saveArray(none);
		const galois = seal.GaloisKeys();
		const relin = seal.RelinKeys();
		fs.writeFileSync(path.join(process.argv[2], name + '.galois4.seeded'), rotate);
		galois.loadArray(context, rotate);
		relin.loadArray(context, fs.readFileSync(path.join(process.argv[2], name + '.relin.seeded')));
		write(name + '.relinearize', ev.relinearize(product, relin), none);
		if (name === 'ckks') {
			write(name + '.rotate3', ev.rotateVector(ct, 3, galois), none);
			write(name + '.columns', ev.complexConjugate(low, galois), none);
		} else {
			write(name + '.rotate3', ev.rotateRows(ct, 3, galois), none);
			write(name + '.columns', ev.rotateColumns(low, galois), none);
		}
		if (name === 'ckks')
			write('ckks.rescale', ev.rescaleToNext(product), none);
		if (name === 'bfv')
			write('bfv.ntt', ev.cipherTransformToNtt(ct), none);
		// Plaintexts multiplied in; slots summed up.
		write(name + '.multiply_plain', ev.multiplyPlain(ct, plain), none);
		if (name === 'bfv') {
			const ntt = ev.plainTransformToNtt(plain, ct.parmsId);
			write('bfv.pt.ntt', ntt, none);
			write('bfv.multiply_ntt', ev.multiplyPlain(ev.cipherTransformToNtt(ct), ntt), none);
			write('bfv.square', ev.square(ct), none);
			// 200 X^5: a constant, its only word moved.
			const words = Buffer.from(seal.BatchEncoder(context).encode(Int32Array.from({ length: 64 }, () => -57)).saveArray(none));
			const monomial = seal.PlainText();
			words.copy(words, 88 + 8 * 5, 88, 96);
			words.fill(0, 88, 96);
			monomial.loadArray(context, words);
			write('bfv.multiply_monomial', ev.multiplyPlain(ct, monomial), none);
		}
		if (name !== 'bgv') {
			const steps = keys.createGaloisKeysSerializable(Int32Array.from([1, 2, 4, 8, 16, 0])).saveArray(none);
			const all = seal.GaloisKeys();
			let sum = ct;

			fs.writeFileSync(path.join(process.argv[2], name + '.galois6.seeded'), steps);
			all.loadArray(context, steps);
			for (const k of [1, 2, 4, 8, 16])
				sum = ev.add(sum, name === 'ckks' ? ev.rotateVector(sum, k, all) : ev.rotateRows(sum, k, all));
			if (name === 'bfv')
				sum = ev.add(sum, ev.rotateColumns(sum, all));
			write(name + '.sum_slots', sum, none);
		}
		// What its owner reads, and how much noise it still stands.
		const decryptor = seal.Decryptor(context, keys.secretKey());
		for (const [kind, what] of [['ct', ct], ['low', low], ['product', product]]) {
			const read = decryptor.decrypt(what);
			write(`${name}.${kind}.read`, read, none);
			if (name === 'ckks')
				facts.push(['decoded', kind, ...seal.CKKSEncoder(context).decode(read)].join(' '));
			else
				facts.push(['budget', name, kind, decryptor.invariantNoiseBudget(what)].join(' '));
		}
		if (name !== 'ckks')
			write(name + '.multiply.low', ev.cipherModSwitchToNext(product), none);
		if (name === 'bgv') {
			// Unequal correction factors: one switched down once more than the other.
			const a = ev.multiply(low, low);
			write(name + '.add_balanced', ev.add(low, a), none);
			write(name + '.square_low', a, none);
			// Half of the modulus, rounded up, in each place: how it is read is a matter of the last bit of SEAL's doubles.
			const half = Buffer.from(ct.saveArray(none)), primes = parms.coeffModulus;
			const edge = seal.CipherText();
			for (let i = 0; i < 2 * 3 * 64; i++)
				half.writeBigUInt64LE((BigInt(primes[Math.floor(i / 64) % 3]) + 1n) / 2n, 113 + 8 * i);
			edge.loadArray(context, half);
			write('bgv.half', edge, none);
			write('bgv.half.read', decryptor.decrypt(edge), none);
			facts.push('budget bgv half ' + decryptor.invariantNoiseBudget(edge));
			write(name + '.add_plain_low', ev.addPlain(low, plain), none);
		}
	}
	fs.writeFileSync(path.join(process.argv[2], 'ids.txt'), ids.join('\n') + '\n');
	fs.writeFileSync(path.join(process.argv[2], 'facts.txt'), facts.join('\n') + '\n');
}
main().catch((e) => { console.error(e); process.exit(1); });
