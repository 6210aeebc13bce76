/* SPDX-License-Identifier: Apache-2.0 */
/* What tests ask of the HTTPS binding beyond binding.h. */
#ifndef BINDINGS_HTTPS_H
#define BINDINGS_HTTPS_H

#include "bindings/binding.h"

/* The port of the first address: the kernel's choice when 0 was asked for. */
unsigned https_port(const struct binding *b);
/* Connections of that loop at present. */
unsigned https_connections(const struct binding *b, unsigned lane);

#endif
