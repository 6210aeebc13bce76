/* SPDX-License-Identifier: Apache-2.0 */
/* Which kernels this processor has.  The processor is asked each time; there is nothing to keep. */
#include "he/ntt_priv.h"

#include "cse/base/check.h"

#if defined(__x86_64__)
const struct he_kernels *he_kernels_of(enum he_isa isa)
{
	bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
	              __builtin_cpu_supports("avx512vl");

	switch (isa) {
	case HE_SCALAR:
		return &he_kern_scalar;
	case HE_AVX2:
		return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? &he_kern_avx2 : NULL;
	case HE_AVX512:
		return avx512 ? &he_kern_avx512 : NULL;
	case HE_IFMA:
		return avx512 && __builtin_cpu_supports("avx512ifma") ? &he_kern_ifma : NULL;
	}
	UNREACHABLE();
}
#else
const struct he_kernels *he_kernels_of(enum he_isa isa)
{
	return isa == HE_SCALAR ? &he_kern_scalar : NULL;
}
#endif

const struct he_kernels *he_kernels_best(void)
{
	static const enum he_isa order[] = { HE_IFMA, HE_AVX512, HE_AVX2 };
	const struct he_kernels *k;
	size_t i;

	for (i = 0; i < ARRAY_LEN(order); i++)
		if ((k = he_kernels_of(order[i])) != NULL)
			return k;
	return &he_kern_scalar;
}
