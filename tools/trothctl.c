/* SPDX-License-Identifier: Apache-2.0 */
/* trothctl: the administrator's command.  Speaks admin/admin.h over the UNIX socket of the state folder. */
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "tools/ctl.h"

static const struct ctl_command commands[] = {
	{ "ca issue", "--name STEM (--ae ID | --app ID | --cse ID)... --out DIR [...]",
	  "makes a key here, has its certificate issued, writes DIR/STEM.key, DIR/STEM.crt (chain) and DIR/ca.crt", ctl_ca_issue },
	{ "ca show", "", "the certification authority: names, life, fingerprints, permitted names", ctl_ca_show },
	{ "credential list", "", "every credential with its state and names", ctl_credential_list },
	{ "credential suspend", "ID", "refuses it from now on, until it is resumed", ctl_credential_change },
	{ "credential resume", "ID", "accepts a suspended credential again", ctl_credential_change },
	{ "credential revoke", "ID", "refuses it for good", ctl_credential_change },
	{ "zone list", "", "every zone and the zones that it reaches", ctl_zone_list },
	{ "zone make", "N", "a zone (2 to 65535) that ca issue --zone may name", ctl_zone_make },
	{ "conduit open", "A B", "originators of zone A reach what is in zone B, as far as its access rules permit", ctl_conduit },
	{ "conduit close", "A B", "zone B looks empty to zone A again", ctl_conduit },
	{ "acp why", "ORIGINATOR OPERATION TARGET [TYPE]",
	  "which access rule permits or denies it; create, retrieve, update, delete, notify, discover; TYPE with create: cnt", ctl_acp_why },
	{ "status", "", "what the server holds and has done", ctl_status },
	{ "events verify", "", "reads the whole log and says whether its chain is whole", ctl_events_verify },
	{ "events", "[--from N] [--follow] [--reveal]", "security events; --reveal shows names instead of pseudonyms", ctl_events },
	{ "clock accept", "", "says that the wall clock is right when the server doubts it", ctl_clock_accept },
};

static const char help_head[] = "usage: trothctl [--state DIR | --socket PATH] [--json] COMMAND [ARGUMENTS]\n"
				"\n"
				"  --state DIR    state folder of trothd (default: $TROTH_CSE_STATE, else /var/lib/troth)\n"
				"  --socket PATH  its administrator's socket (default: DIR/admin.sock)\n"
				"  --json         prints answers as they come\n"
				"\n"
				"commands:\n";
static const char help_issue[] = "\n"
				 "ca issue:\n"
				 "  --name STEM    stem of the file names\n"
				 "  --out DIR      where they go\n"
				 "  --ae ID        AE-ID stem (CDev1, Sdev); a gateway's may end with *; may be repeated, as --app and --cse\n"
				 "  --app ID       App-ID (N..., R...) that may register\n"
				 "  --cse ID       CSE-ID (/mn1), with --kind cse or gateway\n"
				 "  --kind KIND    device (default), gateway, admin or cse\n"
				 "  --zone N       zone (default 1)\n"
				 "  --life TIME    90s, 15m, 24h, 30d (default: security.certificate_life of the server)\n"
				 "  --max-ae N     AEs that may be registered with it (default 1)\n"
				 "  --random-stems the server may give it AE-IDs that are not listed\n"
				 "  --location LAT,LON  where it is, for access rules by place\n"
				 "  --country CC   the same by country\n"
				 "  --replace      new key for a credential that there is; the old key is refused from then on\n"
				 "  --force        overwrites files\n";
static const char help_exit[] = "\n"
				"exit codes: 0 done, 1 trothd refused, 2 wrong command line, 3 trothd cannot be reached,\n"
				"            4 a file cannot be read or written, or is there already\n";

static int help(void)
{
	fputs(help_head, stdout);
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		printf("  %s %s\n      %s\n", commands[i].name, commands[i].args, commands[i].help);
	fputs(help_issue, stdout);
	fputs(help_exit, stdout);
	return CTL_OK;
}

int ctl_fail(int code, const char *fmt, ...)
{
	va_list ap;

	fputs("trothctl: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return code;
}

/* The command of one or two words at argv; *words of them. */
static const struct ctl_command *find(int argc, char **argv, int *words)
{
	for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
		struct str rest = str_of(commands[i].name);
		bool more;
		struct str first = str_cut(&rest, ' ', &more);
		if (argc < 1 || !str_eqz(first, argv[0]))
			continue;
		if (more && (argc < 2 || !str_eqz(rest, argv[1])))
			continue;
		*words = more ? 2 : 1;
		return &commands[i];
	}
	return NULL;
}

static int run(struct ctl *c, int argc, char **argv)
{
	int words;

	if (argc == 0)
		return ctl_fail(CTL_USAGE, "which command? trothctl --help lists them");
	const struct ctl_command *cmd = find(argc, argv, &words);
	if (!cmd)
		return ctl_fail(CTL_USAGE, "no such command: %s%s%s; trothctl --help lists them", argv[0], argc > 1 ? " " : "",
		                argc > 1 ? argv[1] : "");
	c->fd = -1;
	buf_init(&c->in, 64 << 20);
	optind = 0;
	int code = cmd->run(c, argc - words + 1, argv + words - 1);
	ctl_close(c);
	buf_fini(&c->in);
	return code;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "state", required_argument, NULL, 's' }, { "socket", required_argument, NULL, 'S' },
		{ "json", no_argument, NULL, 'j' },        { "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct ctl c = { .fd = -1 };
	const char *state = getenv("TROTH_CSE_STATE");
	char path[4096];
	int o;

	while ((o = getopt_long(argc, argv, "+hj", options, NULL)) != -1) {
		switch (o) {
		case 's':
			state = optarg;
			break;
		case 'S':
			c.socket = optarg;
			break;
		case 'j':
			c.json = true;
			break;
		case 'h':
			return help();
		default:
			return CTL_USAGE;
		}
	}
	if (!c.socket) {
		int n = snprintf(path, sizeof(path), "%s/admin.sock", state ? state : "/var/lib/troth");
		if (n < 0 || n >= (int)sizeof(path))
			return ctl_fail(CTL_USAGE, "the path of the state folder is too long");
		c.socket = path;
	}
	return run(&c, argc - optind, argv + optind);
}
