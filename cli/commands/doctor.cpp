#include "relay/health/doctor.hpp"
#include "cli/command.hpp"
#include "cli/command_line/options.hpp"
#include "cli/documents/health.hpp"
#include "cli/documents/stamp.hpp"
#include "cli/input/env_file.hpp"
#include "cli/output/command_text.hpp"
#include "cli/output/output.hpp"
#include "relay/model/text.hpp"

#include <sys/stat.h>
#include <algorithm>
#include <cstdlib>
#include <memory>

namespace relay::cli::doctor_command {

namespace {

struct Options {
    std::vector<std::string> checks{};
    std::optional<std::string> env_file{};
    std::optional<std::string> fail_on{};
};

/// Returns the checks that `words` name: a whole id, or its first part (`legacy`) for all checks that begin with it.
std::vector<std::string> chosen_checks(std::vector<std::string> const &words) {
    std::vector<std::string> chosen;
    for (std::string const &word : words) {
        std::size_t const before = chosen.size();
        std::vector<std::string> all;
        for (std::string_view const known : known_checks()) {
            all.emplace_back(known);
            if (known == word || known.starts_with(word + '.')) {
                chosen.emplace_back(known);
            }
        }
        if (chosen.size() == before) {
            throw Error(ErrorKind::usage, "no check is called " + quote_for_message(word),
                        {.next = own_command({"help", "doctor"}), .suggestions = closest(word, all)});
        }
    }
    return chosen;
}

std::optional<SecretFile> secret_file(std::string const &path) {
    struct stat status {};
    if (path.empty() || ::stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) {
        return std::nullopt;
    }
    return SecretFile{.path = path, .mode = status.st_mode & 07777U};
}

std::string variable_or_home(char const *variable, std::string const &name) {
    char const *const set = std::getenv(variable);
    char const *const home = std::getenv("HOME");
    return set != nullptr && *set != '\0' ? set : home != nullptr ? home + ("/" + name) : "";
}

/// Collects what can be checked on this machine without a database.
Surroundings look_around(std::vector<db::ConnectionSetting> const &settings) {
    auto const find = [&](std::string_view keyword) {
        auto const found = std::find_if(settings.begin(), settings.end(),
                                        [&](auto const &setting) { return setting.keyword == keyword; });
        return found == settings.end() ? db::ConnectionSetting() : *found;
    };
    Surroundings around{.sslmode = find("sslmode").value.value_or(""), .sslmode_origin = find("sslmode").origin};
    db::ConnectionSetting const password = find("password");
    if (password.is_set) {
        around.password_origin = password.origin;
    }
    around.passfile = secret_file(find("passfile").value.value_or(variable_or_home("PGPASSFILE", ".pgpass")));
    if (around.password_origin == "service file") {
        around.service_file = secret_file(variable_or_home("PGSERVICEFILE", ".pg_service.conf"));
    }
    return around;
}

/// A pipeline must not take silence about a check that it named for "ok".
void require_env_file(Options const &options) {
    for (std::string const &check : options.checks) {
        if (!options.env_file && (check == "relay" || check.starts_with("relay."))) {
            throw Error(ErrorKind::usage, "the check " + check + " reads the relay's settings, and needs --env-file",
                        {.next = "add --env-file FILE with the relay's environment"});
        }
    }
}

ExitStatus run(Options const &options, Context &context) {
    require_env_file(options);
    Examine request{.checks = chosen_checks(options.checks), .patience = 2 * context.globals().timeout};
    std::optional<RelaySettings> relay;
    if (options.env_file) {
        relay = read_env_file(context, *options.env_file, "--env-file");
    }
    db::Database &database = context.database();  // comes first: it starts the sandbox, which the next lines need
    request.around = look_around(db::describe_connection(settings_without_starting(context.globals()).value()));
    request.around.relay = std::move(relay);

    Examination const examination = examine(database, request);
    if (context.globals().format == OutputFormat::table) {
        context.output().print(health_text(examination, context.globals()));
    } else {
        Document document = health_document(examination, context.globals());
        document.at = examination.at;
        document.actor = context.attribution().actor.text();
        document.trace_id = context.attribution().trace_id;
        document.db_role = examination.db_role.empty() ? std::nullopt : std::optional(examination.db_role);
        context.output().show(document);
    }
    bool const fails = examination.any(CheckStatus::error) ||
                       (options.fail_on == text_of(CheckStatus::warn) && examination.any(CheckStatus::warn));
    return fails ? ExitStatus::check_no : ExitStatus::ok;
}

Runner declare(OptionSet &set) {
    auto options = std::make_shared<Options>();
    add_positionals(set, {.names = "CHECK", .description = "run only these checks: an id, or a prefix such as db"},
                    options->checks);
    add_value(set,
              {.names = "--env-file",
               .type = "FILE",
               .description = "the relay's settings, NAME=VALUE lines; values are never shown"},
              options->env_file);
    add_choice(set, {.names = "--fail-on", .description = "exit 10 if a check is at least this (default: error)"},
               {std::string(text_of(CheckStatus::warn)), std::string(text_of(CheckStatus::error))}, options->fail_on);
    return [options](Context &context) { return run(*options, context); };
}

}  // namespace

extern Command const command;
Command const command{
    .path = "doctor",
    .summary = "check the database and its set-up",
    .doc =
        R"(Checks what can go wrong around a relay's database, and prints one line per check: "ok", "warn" (works, but
is weaker than it should be, or will not work for long), "error", or "skipped" with the reason. Below each problem it
prints what to do. The command changes nothing, does not wait for locks, and shows no secret. To run only some checks,
name them. Scripts can rely on the ids of checks: they do not change.

  db.connection     a server answers and accepts this login
  db.tls            the connection is encrypted, and the server has proven its identity
  db.password       only their owner can read files with passwords (.pgpass, service file)
  db.role           the login has the privileges it needs, and no more
  server.version    PostgreSQL 13 to 18
  server.primary    not a standby, and not a read-only session
  server.durability committed changes survive a crash
  server.passwords  passwords of logins are not stored as md5; only a superuser can see how existing ones are stored
  server.logging    digests of keys do not get into the server's log, neither from statements that succeed nor that fail
  server.notify     the queue of NOTIFY has room (more than 10 % full: warn, more than 50 %: error)
  server.standbys   the standbys that commits wait for are connected
  clock             this machine and the database agree on the time (2 s apart: warn, 60 s: error)
  schema.version    the schema is the one this program needs
  schema.drift      the schema, its privileges and our groups are as the migrations made them
  grants.foreign    only our groups have privileges in the schema; PUBLIC has none
  grants.gateways   gateways have logins, which can only check keys
  grants.tenants    each tenant's login sees one organization
  grants.billing    the login of the billing system can only set subscriptions
  audit.months      the audit trail is maintained
  audit.seals       no event of the audit trail has waited longer than a day for a seal
  keys.due          no key is past its due date, and no agent has lost its last key
  keys.staged       no agent has a staged key that has settled: a delivery that no run has confirmed
  keys.unused       no agent's old key ends within 24 hours while its new key was never used
  policy.window     each window for signed calls is 30s to 120s
  messages.refused  no message of the last 24 hours claimed another organization; it also says that signatures are not checked
  policy.relay      the relay's settings fit the policy of the platform (with --env-file)
  policy.nonces     no signed call is refused because the clock of the database was ahead
  gateways          gateways that follow the change feed are live and not behind
  legacy.window     no window for the shared secret is open past its deadline
  legacy.pace       at the current pace, all agents are migrated before the window closes
  legacy.refused    no imported agent was refused in the last 24 hours
  legacy.env_file   only their owner can read the relay's settings
  legacy.fallback   ALLOW_LEGACY_GLOBAL_AGENT_SECRET has the value that the window needs
  legacy.secret     AGENT_SECRET is removed once the window is closed
  relay.verify_jwt     EDGE_VERIFY_JWT is on
  relay.require_hmac   EDGE_REQUIRE_HMAC is on
  relay.header_secret  EDGE_ALLOW_HEADER_SECRET is off
  relay.session        AGENT_SESSION_REQUIRED is on
  relay.nonce          AGENT_REQUIRE_NONCE is on
  relay.hmac_window    AGENT_HMAC_WINDOW_MS is 30 to 120 seconds
  relay.session_ttl    AGENT_SESSION_TTL_MS is at most an hour
  relay.secret_cache   AGENT_SECRET_CACHE_MS is at most a minute: a block takes that long to reach the relay

The checks from legacy.env_file on run only with --env-file. It names the file that sets the relay's environment, in the
syntax of systemd, docker or a shell. If a variable of relay.* is not set, that is a warning. While a window accepts agents, ALLOW_LEGACY_GLOBAL_AGENT_SECRET must be true. When it is
over, the variable must be false, and AGENT_SECRET must be removed.

If the database does not answer, that is an error like any other: the checks that need it are skipped, and the command
exits 10. If a check that others need (db.connection, db.role, schema.version) fails, it is reported even if you did
not name it. The login needs the privileges of relay_auditor. A standby is sufficient.

Exit 0: no check is an error; with --fail-on warn, none is a warning either. 10: at least one check is.

EXAMPLES
  relay-admin doctor
  relay-admin doctor --env-file /etc/relay/relay.env
  # in the pipeline that deploys the relay
  relay-admin doctor legacy relay schema.version --env-file relay.env --fail-on warn -o json
)",
    .declare = declare,
    .audience = Audience::set_up,
    .rank = 4,
};

}  // namespace relay::cli::doctor_command
