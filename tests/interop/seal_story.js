// SPDX-License-Identifier: Apache-2.0
// node seal_story.js JOBS.json: Microsoft SEAL encrypts and decrypts for seal_story.py.  A job is
//   { "do": "encrypt", "keys": FOLDER, "values": [...], "out": FILE } or { "do": "decrypt", "keys": FOLDER, "file": FILE, "out": FILE }
'use strict';
const fs = require('fs');
const load = require('node-seal');

const scale = Math.pow(2, 40);
const get = (...name) => new Uint8Array(fs.readFileSync(name.join('/')));

function open(seal, folder) {
	const parms = seal.EncryptionParameters(seal.SchemeType.bfv);
	parms.loadArray(get(folder, 'params.seal'));
	const context = seal.Context(parms, true, seal.SecurityLevel.tc128);
	const is_ckks = parms.scheme.value === seal.SchemeType.ckks.value;
	return { context, is_ckks, encoder: is_ckks ? seal.CKKSEncoder(context) : seal.BatchEncoder(context) };
}

function encrypt(seal, job) {
	const { context, is_ckks, encoder } = open(seal, job.keys);
	const pk = seal.PublicKey();
	pk.loadArray(context, get(job.keys, 'public.seal'));
	const plain = is_ckks ? encoder.encode(Float64Array.from(job.values), scale) : encoder.encode(Int32Array.from(job.values));
	fs.writeFileSync(job.out, seal.Encryptor(context, pk).encrypt(plain).saveArray(seal.ComprModeType.zstd));
}

function decrypt(seal, job) {
	const { context, encoder } = open(seal, job.keys);
	const sk = seal.SecretKey(), ct = seal.CipherText();
	sk.loadArray(context, get(job.keys, 'secret.seal'));
	ct.loadArray(context, get(job.file));
	fs.writeFileSync(job.out, JSON.stringify(Array.from(encoder.decode(seal.Decryptor(context, sk).decrypt(ct)))));
}

load().then((seal) => {
	for (const job of JSON.parse(fs.readFileSync(process.argv[2])))
		(job.do === 'encrypt' ? encrypt : decrypt)(seal, job);
}).catch((e) => {
	console.error(e.message || e);
	process.exit(1);
});
