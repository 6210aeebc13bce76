/* SPDX-License-Identifier: Apache-2.0 */
/* BLAKE2b against RFC 7693 and Python's hashlib; BLAKE2Xb is tested with the seeds (test_seed). */
#include "he/blake2.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "cse/base/check.h"

/* Messages and keys count: byte i is i modulo 251; the key is 0, 1, 2, ...  Digests by hashlib.blake2b. */
static const struct {
	size_t n;
	unsigned key, out;
	const char *hex;
} cases[] = {
	/* clang-format off */
	{ 0, 0, 32, "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8" },
	{ 0, 0, 64, "786a02f742015903c6c6fd852552d272912f4740e15847618a86e217f71f5419d25e1031afee585313896444934eb04b903a685b1448b755d56f701afe9be2ce" },
	{ 0, 64, 32, "2fa9fbd9be36437de204e139e97d402bce68c828f43391608c891b5faed8a98a" },
	{ 0, 64, 64, "10ebb67700b1868efb4417987acf4690ae9d972fb7a590c2f02871799aaa4786b5e996e8f0f4eb981fc214b005f42d2ff4233499391653df7aefcbc13fc51568" },
	{ 1, 0, 32, "03170a2e7597b7b7e3d84c05391d139a62b157e78786d8c082f29dcf4c111314" },
	{ 1, 0, 64, "2fa3f686df876995167e7c2e5d74c4c7b6e48f8068fe0e44208344d480f7904c36963e44115fe3eb2a3ac8694c28bcb4f5a0f3276f2e79487d8219057a506e4b" },
	{ 1, 64, 32, "34758b647135628297fb09c7930cd04e9528e5669112f5b1318493e14de77e55" },
	{ 1, 64, 64, "961f6dd1e4dd30f63901690c512e78e4b45e4742ed197c3c5e45c549fd25f2e4187b0bc9fe30492b16b0d0bc4ef9b0f34c7003fac09a5ef1532e69430234cebd" },
	{ 3, 0, 32, "3d8c3d594928271f44aad7a04b177154806867bcf918e1549c0bc16f9da2b09b" },
	{ 3, 0, 64, "40a374727302d9a4769c17b5f409ff32f58aa24ff122d7603e4fda1509e919d4107a52c57570a6d94e50967aea573b11f86f473f537565c66f7039830a85d186" },
	{ 3, 64, 32, "3e57c5ab79418defd6e252719a380096d9abf1901db38e0be7d404eb7206c0dc" },
	{ 3, 64, 64, "33d0825dddf7ada99b0e7e307104ad07ca9cfd9692214f1561356315e784f3e5a17e364ae9dbb14cb2036df932b77f4b292761365fb328de7afdc6d8998f5fc1" },
	{ 64, 0, 32, "10d8e6d534b00939843fe9dcc4dae48cdf008f6b8b2b82b156f5404d874887f5" },
	{ 64, 0, 64, "2fc6e69fa26a89a5ed269092cb9b2a449a4409a7a44011eecad13d7c4b0456602d402fa5844f1a7a758136ce3d5d8d0e8b86921ffff4f692dd95bdc8e5ff0052" },
	{ 64, 64, 32, "28c89a7c58f807ae33bc5aae78340e9c565290597436632f4613dbe33192c5db" },
	{ 64, 64, 64, "65676d800617972fbd87e4b9514e1c67402b7a331096d3bfac22f1abb95374abc942f16e9ab0ead33b87c91968a6e509e119ff07787b3ef483e1dcdccf6e3022" },
	{ 127, 0, 32, "f2fe67ff342e21b8f45e8f2e0bcd1d9243245d50ee6c78042e9c491388791c72" },
	{ 127, 0, 64, "b6292669ccd38d5f01caae96ba272c76a879a45743afa0725d83b9ebb26665b731f1848c52f11972b6644f554c064fa90780dbbbf3a89d4fc31f67df3e5857ef" },
	{ 127, 64, 32, "7c0bfe069b3ba04e2c88bac200999e2b1c9ef2f96f9ffa69b665efca9230c9ab" },
	{ 127, 64, 64, "76d2d819c92bce55fa8e092ab1bf9b9eab237a25267986cacf2b8ee14d214d730dc9a5aa2d7b596e86a1fd8fa0804c77402d2fcd45083688b218b1cdfa0dcbcb" },
	{ 128, 0, 32, "c3582f71ebb2be66fa5dd750f80baae97554f3b015663c8be377cfcb2488c1d1" },
	{ 128, 0, 64, "2319e3789c47e2daa5fe807f61bec2a1a6537fa03f19ff32e87eecbfd64b7e0e8ccff439ac333b040f19b0c4ddd11a61e24ac1fe0f10a039806c5dcc0da3d115" },
	{ 128, 64, 32, "6a591b356f19ca93ae2bcc7406653ff34aea53cea58bec62803e571d94944165" },
	{ 128, 64, 64, "72065ee4dd91c2d8509fa1fc28a37c7fc9fa7d5b3f8ad3d0d7a25626b57b1b44788d4caf806290425f9890a3a2a35a905ab4b37acfd0da6e4517b2525c9651e4" },
	{ 129, 0, 32, "f7f3c46ba2564ff4c4c162da1f5b605f9f1c4aa6a20652a9f9a337c1a2f5b9c9" },
	{ 129, 0, 64, "f59711d44a031d5f97a9413c065d1e614c417ede998590325f49bad2fd444d3e4418be19aec4e11449ac1a57207898bc57d76a1bcf3566292c20c683a5c4648f" },
	{ 129, 64, 32, "20f607da31ed9652deecf4ef78905d4916ba6f5df37bfc4b610d50ba5447623a" },
	{ 129, 64, 64, "64475dfe7600d7171bea0b394e27c9b00d8e74dd1e416a79473682ad3dfdbb706631558055cfc8a40e07bd015a4540dcdea15883cbbf31412df1de1cd4152b91" },
	{ 255, 0, 32, "d9ef0fc521b4266d16df662bec231bc2ec3989e7adeaf63169c295dc239dbbea" },
	{ 255, 0, 64, "fe2c02da499516b0e9fb2dd70c49eb3629039f632e20a880946fb7bc97a7ab09deb7d48774d7f0648141c9d9ede19ae6e0dbf07863a128cf4b00195f0f179f74" },
	{ 255, 64, 32, "c16fbc44c81f17cf5793b8f26324a315896ebd8b41fb35fac38fc2cd0ec050c9" },
	{ 255, 64, 64, "8e1e2c579262b7c01966c3133c2bb704a165be2308ff8925a2f070dec7275740fa9fe004ee25c8e1a3dd57317065ee744f0821c4e911eee8e484e770f21dd958" },
	{ 256, 0, 32, "582f782226018ec33076bd8d1c42413530ac7e1126260ffc0f306ba3befc3f24" },
	{ 256, 0, 64, "93463ac058b6163eb43be3f5bb32b28541498f4e3366f1effe253ad44e1e076e41c3616046027c82a7124f8f4746668ad10b12e8e25a95ac8f3151df01cd5a93" },
	{ 256, 64, 32, "5c73ab0067eed3fbff21ea081698f37a1420623e07e033305fec788ebd36c6ab" },
	{ 256, 64, 64, "38efcfc158f8057f5365285db9184c77ddf4d53090fd89ef261815370fd994a1b23b3e3336d7ff97823271e7e50042576ce14feadab1e8357346ffa335a3e97e" },
	{ 257, 0, 32, "227e15ed64ee8e93eb7bc53828f76eed974f2c4ab1408c3d08f212b7f8d69904" },
	{ 257, 0, 64, "9ca40e2ddee9436dbbd08efc65dbaf4870059f5eb3d76efd20241ae5bf13c60f250b882ea5c564838257a3fc95c496819ace2c6490b55b268535208dfc31822c" },
	{ 257, 64, 32, "42744b5cb233ba363c32253312cb72f789e2036dc614159703d5ba415036f929" },
	{ 257, 64, 64, "ff833e8a5f6a82b773e5a74fb802c4bf33aa6fb85b3f618a199f9046ac7d3765452f7591b68939802d3aefbf0c46db92653df0613c1d34ce8c3f7fac8ee559a6" },
	{ 1000, 0, 32, "b372d0608f720c8c3dd41e9c8eecb10143b41abe520b616607e754bf79c08331" },
	{ 1000, 0, 64, "c11e1c0340bd7e5a1b275f1230c962fad215ecb1391486e74e31b960a2f2996381a5fad092da06841d5f26e38f6ecfeaf441acbcd1c2de61aef121e7927175f5" },
	{ 1000, 64, 32, "c3159507ea5f870ec11f0b2192472e3eed43ceab71f09c782ffd52c64601eab1" },
	{ 1000, 64, 64, "715377e0611515b904d259ce52fc8e5d2c50468b1680b2984786b6949cc571f453d28cfb6969cb523ec84e06bf2a4465f3f37511db7792228d038942935750c1" },
	/* clang-format on */
};

static void to_hex(const unsigned char *p, size_t n, char *hex)
{
	for (size_t i = 0; i < n; i++)
		snprintf(hex + 2 * i, 3, "%02x", p[i]);
}

START_TEST(hashes)
{
	unsigned char text[1000], key[64], out[64], param[BLAKE2B_PARAM] = { 0, 0, 1, 1 };
	char hex[129];
	size_t i;

	for (i = 0; i < sizeof(text); i++)
		text[i] = (unsigned char)(i % 251);
	for (i = 0; i < sizeof(key); i++)
		key[i] = (unsigned char)i;
	param[0] = (unsigned char)cases[_i].out;
	param[1] = (unsigned char)cases[_i].key;
	blake2b_hash(param, key, text, cases[_i].n, out);
	to_hex(out, cases[_i].out, hex);
	ck_assert_str_eq(hex, cases[_i].hex);
	if (cases[_i].key == 0) {
		blake2b_plain(text, cases[_i].n, out, cases[_i].out);
		to_hex(out, cases[_i].out, hex);
		ck_assert_str_eq(hex, cases[_i].hex);
	}
}
END_TEST

START_TEST(rfc_7693)
{
	unsigned char out[64];
	char hex[129];

	blake2b_plain("abc", 3, out, 64);
	to_hex(out, 64, hex);
	ck_assert_str_eq(hex, "ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d1"
	                      "7d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("he/blake2");
	TCase *t = tcase_create("blake2");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_loop_test(t, hashes, 0, ARRAY_LEN(cases));
	tcase_add_test(t, rfc_7693);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
