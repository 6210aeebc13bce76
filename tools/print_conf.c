/* SPDX-License-Identifier: Apache-2.0 */
/* Writes etc/troth.conf, or with the argument "agent" etc/troth-agent.conf (make update). */
#include <string.h>

#include "agent/conf.h"
#include "cse/base/conf.h"

int main(int argc, char **argv)
{
	conf_print_of(argc > 1 && strcmp(argv[1], "agent") == 0 ? &conf_agent : &conf_troth, stdout);
	return 0;
}
