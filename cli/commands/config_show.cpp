#include "cli/command.hpp"
#include "cli/documents/whoami.hpp"
#include "cli/output/output.hpp"

#include <cstdlib>

namespace relay::cli::commands {

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

extern Command const config_show;
Command const config_show{
    .path = "config show",
    .summary = "list the settings in force and where each came from",
    .doc =
        R"(Lists every setting that is in force, and who said so: a flag, RELAY_ADMIN_DSN or another variable of this program, a PG* variable, the
service file, a rule of relay-admin's own, or a default. A flag wins over RELAY_ADMIN_*, and that over libpq's service file, PG* variables
and defaults. There is no configuration file of this program.

It does not connect, and works with the database down. A password is never shown, only where it comes from; one that stands in a passfile
is looked up by libpq when it connects. With --sandbox nothing is started.

The rules of relay-admin: over TCP to another host sslmode is verify-full unless less is asked for by name; several hosts get
target_session_attrs=read-write; UTF-8 always; PGOPTIONS is not heard.

EXAMPLES
  relay-admin config show
  relay-admin --service relay config show
  # what a script would use
  relay-admin config show -o json)",
    .declare = declare,
};

}  // namespace relay::cli::commands
