#include "cli/command.hpp"
#include "cli/documents/whoami.hpp"
#include "cli/output/output.hpp"

#include <cstdlib>

namespace relay::cli::config_show_command {

namespace {

ExitStatus run(Context &context) {
    auto const place = settings_without_starting(context.globals());
    Document document = config_document(context.globals(),
                                        place ? db::describe_connection(*place) : std::vector<db::ConnectionSetting>(),
                                        claimed_actor(context.globals(), std::getenv));
    document.actor = context.attribution().actor.text();
    document.trace_id = context.attribution().trace_id;
    context.output().show(document);
    return ExitStatus::ok;
}

Runner declare(OptionSet &) { return run; }

}  // namespace

extern Command const command;
Command const command{
    .path = "config show",
    .summary = "list the settings in effect and where each comes from",
    .doc =
        R"(Lists every setting in effect and where it comes from: a flag, RELAY_ADMIN_DSN or another RELAY_ADMIN_*
variable, a PG* variable, the service file, a rule of relay-admin, or a default. A flag overrides RELAY_ADMIN_*, which
overrides libpq's service file, PG* variables and defaults. relay-admin has no configuration file.

The database itself has a name, too: `config name` and `whoami` show it. This command does not connect, and works while the database is down. It never shows a password, only where it comes
from. If the password is in a passfile, libpq looks it up when it connects. With --sandbox, nothing is started.

The rules of relay-admin: over TCP to another host, sslmode is verify-full unless you set a weaker mode explicitly. If
there are several hosts, target_session_attrs is read-write. The client encoding is always UTF-8. PGOPTIONS is
ignored.

EXAMPLES
  relay-admin config show
  relay-admin --service relay config show
  # for a script
  relay-admin config show -o json)",
    .declare = declare,
};

}  // namespace relay::cli::config_show_command
