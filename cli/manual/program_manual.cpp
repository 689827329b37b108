#include "cli/manual/program_manual.hpp"

#include <array>

namespace relay::cli {

namespace {

constexpr std::string_view doc =
    R"doc(Gives every agent behind a multi-tenant relay a key of its own. Organizations, agents, hashed keys and the audit trail stand in PostgreSQL;
gateways check keys against the same database, over a few SQL functions. The database is the only moving part.

Flags stand anywhere on the line, as --flag VALUE or --flag=VALUE, in full; -- ends them. Durations carry a unit (90d, 24h, 10m, 30s, 0), times are
RFC 3339 in UTC. An id is 1 to 63 of a-z, 0-9, - and _, and begins with a letter or digit.

Every change is one transaction, its rows in the audit trail included. What is already as asked is left alone, which is no error
("changed": false, exit 0), so a command can always be run again. What exists with other content is never overwritten. With
--dry-run the same transaction runs and is rolled back.

EXAMPLES
  # to try it out: a private PostgreSQL, started on demand
  relay-admin --sandbox init --org-id acme-corp --org-name "Acme Corp" --agent-name "Payment Processor"
  # a new agent, its key in a file that only its owner can read
  relay-admin agent create billing-bot --org acme-corp --name "Billing" --secret-file billing-bot.key
  # every day from cron or CI: a new key each 80 days, the old one accepted for one more
  relay-admin rotate-key billing-bot --if-older-than 80d --grace 24h --no-input --replace --secret-file billing-bot.key
  # at 3 a.m.: shut an agent out, and let it in again
  relay-admin block billing-bot --reason "key seen in a log" --ticket INC-42
  relay-admin unblock billing-bot --yes
)doc";

constexpr std::array sections{
    ManualEntry{
        "SECRETS",
        R"doc(A new key leaves by exactly one way, named by a flag: --secret-file, --secrets-dir, --secret-fd or --secret-stdout. Without one it is
shown, if stdout is a terminal; otherwise the command stops with exit 2 before it touches the database, because a pipe or a CI log
would keep the key. No secret is ever an argument, a row of the audit trail or part of an error.

The key is delivered first and goes live afterwards. A place that cannot take it is exit 12, and nothing was changed. The database
holds a hash alone, so a key cannot be shown again.)doc"},
    ManualEntry{
        "OUTPUT",
        R"doc(Data goes to stdout, talk to stderr. Tables are for people and may change with any version; for scripts there is --output:

  json   one document: {"schema":"relay-admin/v1","kind":...,"changed":...,"data":{...}}
  jsonl  one object a line, the last one a summary
  csv    a table with a header
  id     ids alone, one a line
  env    NAME=value lines

In JSON mode an error leaves stdout empty and is one object in the last line of stderr, with the name and number of its exit code and
with "changed", which tells what became of the database. Within relay-admin/v1 fields are only added.)doc"},
    ManualEntry{
        "DATABASE",
        R"doc(The place is that of --dsn, --dsn-file, --service or --sandbox; else of RELAY_ADMIN_DSN; else of libpq's own settings. A password on the
command line is refused, since every user can read it. Over TCP to another host the server has to prove who it is
(sslmode=verify-full), unless another sslmode is asked for by name. Several hosts in a connection string are tried for the one that
can be written to. Every command has an end, whatever the network does: see --timeout.)doc"},
};

constexpr std::array environment{
    ManualEntry{"RELAY_ADMIN_DSN", "database to use, if no flag names one; may hold a password"},
    ManualEntry{"RELAY_ADMIN_OUTPUT", "format of stdout, if there is no --output"},
    ManualEntry{"RELAY_ADMIN_TIMEOUT", "longest wait for the database, if there is no --timeout"},
    ManualEntry{"PGHOST, PGSERVICE, PGSSLMODE, PG*",
                "libpq's own, as psql reads them; what a flag or RELAY_ADMIN_DSN says comes first"},
    ManualEntry{"NO_COLOR", "set and not empty: no color"},
    ManualEntry{"CLICOLOR_FORCE", "set and not 0: color on stderr even if it is no terminal; NO_COLOR comes first"},
    ManualEntry{"TERM", "dumb: no color, no pager"},
    ManualEntry{"RELAY_ADMIN_PAGER, PAGER",
                "what shows lists and texts that are taller than the screen (default: less); empty or cat: nothing"},
    ManualEntry{"LESS", "how less does it (default: FRX)"},
    ManualEntry{"COLUMNS, LINES", "size of a terminal that does not tell it"},
    ManualEntry{"GITHUB_ACTIONS, GITHUB_ACTOR, GITHUB_REPOSITORY, GITHUB_RUN_ID",
                "who asks, for the audit trail, if there is no --actor; in GitHub Actions a secret that goes to stdout "
                "is masked in the log"},
    ManualEntry{"GITLAB_USER_LOGIN, CI_PROJECT_PATH, CI_JOB_ID", "the same for GitLab CI"},
    ManualEntry{"SUDO_USER", "who asks, outside CI; else the login name"},
    ManualEntry{"TRACEPARENT", "trace of the caller (W3C Trace Context), kept with each change"},
    ManualEntry{"XDG_STATE_HOME, HOME",
                "where the sandbox keeps its data and its socket; a place that cannot be used is refused"},
    ManualEntry{"XDG_RUNTIME_DIR, TMPDIR", "where its socket is, if the other path is too long for one"},
    ManualEntry{"PATH", "where the sandbox looks for PostgreSQL's programs"},
};

constexpr std::array files{
    ManualEntry{"~/.pgpass, ~/.pg_service.conf", "libpq's password and service files"},
    ManualEntry{
        "~/.local/state/relay-admin/sandbox",
        "data, log and socket of the sandbox; for root /var/lib/relay-admin/sandbox, if the server's user cannot "
        "enter the home folder and XDG_STATE_HOME is not set"},
    ManualEntry{
        "FILE.new",
        "a secret on its way into FILE; left over by a killed run, it is settled by the next run, or by `recover`"},
};

}  // namespace

std::string_view program_summary() { return "real identities for the agents behind a relay"; }
std::string_view program_doc() { return doc; }
std::span<ManualEntry const> program_sections() { return sections; }
std::span<ManualEntry const> environment_variables() { return environment; }
std::span<ManualEntry const> program_files() { return files; }

}  // namespace relay::cli
