/* SPDX-License-Identifier: Apache-2.0 */
/* Writes etc/troth.conf (make update). */
#include "cse/base/conf.h"

int main(void)
{
	conf_print(stdout);
	return 0;
}
