#include "cli/manual/program_manual.hpp"

#include <array>

namespace relay::cli {

namespace {

constexpr std::string_view doc =
    R"doc(Gives every agent behind a multi-tenant relay its own key. Organizations, agents, hashes of keys and the
audit trail are stored in PostgreSQL. Gateways check keys with SQL functions of the same database. Nothing else needs
to run.

An agent is a program that calls a relay. A gateway is the part of the relay that receives its calls, checks its key,
and asks the database whether to accept them.

Flags may appear anywhere on the command line, as --flag VALUE or --flag=VALUE, and cannot be abbreviated; -- ends
them. Durations have a unit (90d, 24h, 10m, 30s, 0). Times are RFC 3339 in UTC. An id has 1 to 63 characters from a-z,
0-9, - and _, and begins with a letter or digit.

Every change is one transaction, which includes its rows in the audit trail. If everything is already as requested,
nothing changes and the command succeeds ("changed": false, exit 0). So you can always run a command again. Nothing
that exists with other content is ever overwritten. With --dry-run the same transaction runs and is rolled back.

EXAMPLES
  # try it out with a private PostgreSQL
  relay-admin --sandbox init --org-id acme-corp --org-name "Acme Corp" --agent-name "Payment Processor"
  # a new agent; its key goes to a file that only you can read
  relay-admin agent create billing-bot --org acme-corp --name "Billing" --secret-file billing-bot.key
  # daily from cron or CI: a new key every 80 days; the old key works for one more day
  relay-admin rotate-key billing-bot --if-older-than 80d --grace 72h --no-input --replace --secret-file billing-bot.key
  # at 3 a.m.: block an agent; later, unblock it
  relay-admin block billing-bot --reason "key seen in a log" --ticket INC-42
  relay-admin unblock billing-bot --yes
)doc";

constexpr std::array sections{
    ManualEntry{"SECRETS",
                R"doc(A new key goes to exactly one place. Choose it with --secret-file, --secrets-dir, --secret-fd or
--secret-stdout. Without such a flag the key is shown if stdout is a terminal. Otherwise the command stops with exit 2
before it touches the database, because a pipe or a CI log would keep the key. A secret is never an argument, a row of
the audit trail, or part of an error.

The folder of a secret file must belong to you or to root, and no one else may write to it, except in a folder with the
sticky bit, such as /tmp. The same holds for all folders above it. Otherwise another user could replace the file, and the
command exits 12. The rule is also for --manifest and `recover --dir`, and for --secrets-dir without that exception. Files that decide where secrets go (--dsn-file, --key-from,
--seal-key, --seal-keys) must be safe in the same way; otherwise the command exits 2.

The key is delivered first and becomes live afterwards. If it cannot be delivered, the command exits 12 and nothing is
changed. The database stores only a hash, so a key cannot be shown again.)doc"},
    ManualEntry{
        "OUTPUT",
        R"doc(Results go to stdout, messages to stderr. Tables are for people and may change with any version. Scripts
should use --output:

  json   one document: {"schema":"relay-admin/v1","kind":...,"changed":...,"data":{...}}
  jsonl  one object per line; the last one is a summary
  csv    a table with a header
  id     only ids, one per line
  env    NAME=value lines

With json and jsonl, an error prints nothing on stdout. The last line of stderr is then one object with the name and
number of the exit code, and with "changed", which says what happened to the database. Within relay-admin/v1, fields
are only added.)doc"},
    ManualEntry{
        "DATABASE",
        R"doc(The database is the one that --dsn, --dsn-file, --service or --sandbox names; otherwise RELAY_ADMIN_DSN;
otherwise libpq's own settings. A password on the command line is refused, because every user of the machine can read
it. Over TCP to another host the server must prove its identity (sslmode=verify-full), unless you set another sslmode
explicitly. If a connection string has several hosts, relay-admin uses one that accepts writes. Every command ends in
bounded time, whatever the network does: see --timeout.)doc"},
};

constexpr std::array environment{
    ManualEntry{"RELAY_ADMIN_DSN", "database to use if no flag names one; may include a password"},
    ManualEntry{"RELAY_ADMIN_OUTPUT", "output format if --output is not given"},
    ManualEntry{"RELAY_ADMIN_TIMEOUT", "longest wait for the database if --timeout is not given"},
    ManualEntry{"RELAY_ADMIN_REGISTRY_URL", "registry, for `agent env`"},
    ManualEntry{"PGHOST, PGSERVICE, PGSSLMODE, PG*",
                "libpq's variables, as for psql; flags and RELAY_ADMIN_DSN override them"},
    ManualEntry{"CREDENTIALS_DIRECTORY",
                "systemd's folder for LoadCredential=: --dsn-file accepts a file in it, whatever its mode shows"},
    ManualEntry{"NO_COLOR", "if set and not empty, use no color"},
    ManualEntry{"CLICOLOR_FORCE",
                "if set and not 0, use color on stderr even if it is not a terminal; NO_COLOR overrides it"},
    ManualEntry{"TERM", "if dumb, use no color and no pager"},
    ManualEntry{"RELAY_ADMIN_PAGER, PAGER",
                "pager for output that is longer than the screen (default: less); empty or cat: no pager"},
    ManualEntry{"LESS", "options of less (default: FRX)"},
    ManualEntry{"COLUMNS, LINES", "size of the terminal, if it does not report its size"},
    ManualEntry{"GITHUB_ACTIONS, GITHUB_ACTOR, GITHUB_REPOSITORY, GITHUB_RUN_ID",
                "actor for the audit trail if --actor is not given; in GitHub Actions, a secret on stdout is masked in "
                "the log"},
    ManualEntry{"GITLAB_USER_LOGIN, CI_PROJECT_PATH, CI_JOB_ID", "the same for GitLab CI"},
    ManualEntry{"SUDO_USER", "actor outside CI; otherwise the login name"},
    ManualEntry{"TRACEPARENT", "trace of the caller (W3C Trace Context), recorded with each change"},
    ManualEntry{"XDG_STATE_HOME, HOME",
                "where the sandbox has its data and socket; a directory that cannot be used is refused"},
    ManualEntry{"XDG_RUNTIME_DIR, TMPDIR", "where its socket is, if the path above is too long for a socket"},
    ManualEntry{"PATH", "where the sandbox looks for PostgreSQL's programs"},
};

constexpr std::array files{
    ManualEntry{"~/.pgpass, ~/.pg_service.conf", "libpq's password and service files"},
    ManualEntry{
        "~/.local/state/relay-admin/sandbox",
        "data, log and socket of the sandbox; for root /var/lib/relay-admin/sandbox, if the server's user cannot "
        "enter root's home directory and XDG_STATE_HOME is not set"},
    ManualEntry{"FILE.new",
                "a secret on its way to FILE; if a killed run leaves one, the next run or `recover` settles it"},
};

}  // namespace

std::string_view program_summary() { return "give every agent behind a relay its own key"; }
std::string_view program_doc() { return doc; }
std::span<ManualEntry const> program_sections() { return sections; }
std::span<ManualEntry const> environment_variables() { return environment; }
std::span<ManualEntry const> program_files() { return files; }

}  // namespace relay::cli
