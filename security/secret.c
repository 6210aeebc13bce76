/* SPDX-License-Identifier: Apache-2.0 */
/* Pages for secrets. */
#include "security/secret.h"

#include <openssl/crypto.h>
#include <sys/mman.h>

#include "cse/base/check.h"

enum { SECRET_PAGE = 4096 };

void *secret_new(size_t n)
{
	REQUIRE(n <= SECRET_PAGE);
	void *p = mmap(NULL, SECRET_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return NULL;
	/* Best effort: a small RLIMIT_MEMLOCK must not keep the server from starting. */
	(void)mlock(p, SECRET_PAGE);
	(void)madvise(p, SECRET_PAGE, MADV_DONTDUMP);
	(void)madvise(p, SECRET_PAGE, MADV_WIPEONFORK);
	return p;
}

void secret_free(void *p)
{
	if (!p)
		return;
	OPENSSL_cleanse(p, SECRET_PAGE);
	munmap(p, SECRET_PAGE);
}
