/* SPDX-License-Identifier: Apache-2.0 */
/* The serializations there are, by media type (TS-0004 6.7). */
#include "cse/codec/codec.h"

/* As the options limits.json_depth and limits.json_values. */
const struct codec_limits codec_limits_default = { .depth = 32, .values = 20000 };

static const struct codec *const codecs[] = { &codec_json };

const struct codec *codec_by_media(struct str media)
{
	static const char *const families[] = { "application/vnd.onem2m-res+", "application/vnd.onem2m-ntfy+",
		                                "application/vnd.onem2m-preq+", "application/vnd.onem2m-prsp+" };

	for (size_t i = 0; i < ARRAY_LEN(codecs); i++) {
		struct str suffix = str_of(codecs[i]->suffix);

		if (str_eq_nocase(media, str_of(codecs[i]->media)))
			return codecs[i];
		for (size_t k = 0; k < ARRAY_LEN(families); k++) {
			struct str family = str_of(families[k]);

			if (media.n == family.n + suffix.n && str_eq_nocase(str_first(media, family.n), family) &&
			    str_eq_nocase(str_from(media, family.n), suffix))
				return codecs[i];
		}
	}
	return NULL;
}
