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

namespace relay::cli::commands {

namespace {

struct Options {
    std::vector<std::string> checks{};
    std::optional<std::string> env_file{};
};

/// Ids, and for the first part of one (`legacy`) all that begin so.
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

/// What is seen from here without a database.
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

ExitStatus run(Options const &options, Context &context) {
    Examine request{.checks = chosen_checks(options.checks), .patience = 2 * context.globals().timeout};
    std::optional<RelaySettings> relay;
    if (options.env_file) {
        relay = read_env_file(context, *options.env_file, "--env-file");
    }
    db::Database &database = context.database();  // first of all: with --sandbox it is there from now on
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
    return examination.any(CheckStatus::error) ? ExitStatus::check_no : ExitStatus::ok;
}

Runner declare(OptionSet &set) {
    auto options = std::make_shared<Options>();
    add_positionals(set, {.names = "CHECK", .description = "only these: an id, or the first part of several, as in db"},
                    options->checks);
    add_value(set,
              {.names = "--env-file",
               .type = "FILE",
               .description = "the relay's settings, NAME=VALUE lines; no value is ever shown"},
              options->env_file);
    return [options](Context &context) { return run(*options, context); };
}

}  // namespace

extern Command const doctor;
Command const doctor{
    .path = "doctor",
    .summary = "look the database and its surroundings over",
    .doc =
        R"(Looks at what can go wrong around a relay's database, one line a check: "ok", "warn" (works, but weaker than it should be, or not for long),
"error", or "skipped" with the reason. Below what is not as it should be stands what to do. It changes nothing, waits for nobody, and
shows no secret. Name checks to have only these; the id of a check is an interface, and stays.

  db.connection     a server answers, and lets this login in
  db.tls            the connection is encrypted, and the server has proven who it is
  db.password       files with passwords (.pgpass, service file) are for their owner alone
  db.role           the login has the rights that are needed, and no more
  server.version    PostgreSQL 13 to 18
  server.primary    no standby, and no read-only session
  server.durability what was acknowledged outlives a crash
  server.passwords  passwords of logins are not kept as md5
  server.logging    digests of keys do not get into the server's log
  server.standbys   the standbys for which a commit waits are there
  clock             this machine and the database agree on the time (2 s apart: warn, 60 s: error)
  schema.version    the schema is this program's
  schema.drift      nobody has changed the schema since
  grants.foreign    nobody has rights in the schema but our groups; PUBLIC has none
  grants.gateways   gateways have logins, which can do nothing but check keys
  grants.tenants    tenants' logins see one organization
  audit.months      the audit trail is maintained
  keys.due          no key is past its due date
  gateways          those that follow the change feed are live, and not behind
  legacy.window     no window for the shared secret is open past its date
  legacy.pace       at this pace the fleet is through before the window closes
  legacy.refused    no imported agent had to be refused in the last 24 hours
  legacy.env_file   the relay's settings are for their owner alone
  legacy.fallback   ALLOW_LEGACY_GLOBAL_AGENT_SECRET is what the window asks for
  legacy.secret     AGENT_SECRET does not outlive the window

The last three are made of --env-file: the file from which the relay takes its environment (systemd, docker and shell spelling are
read). While a window lets agents in, ALLOW_LEGACY_GLOBAL_AGENT_SECRET has to be true; when it is over, false, and AGENT_SECRET goes.

A database that does not answer is an error like another: what rests on it is skipped, and the exit code is 10. A check on which others
rest (db.connection, db.role, schema.version) is told when it is an error, also if it was not asked for. The login wants the rights of
relay_auditor; a standby will do.

Exit 0: no check is an error. 10: at least one is.

EXAMPLES
  relay-admin doctor
  relay-admin doctor --env-file /etc/relay/relay.env
  # in the pipeline that deploys the relay
  relay-admin doctor legacy schema.version --env-file relay.env -o json
)",
    .declare = declare,
    .audience = Audience::set_up,
    .rank = 4,
};

}  // namespace relay::cli::commands
