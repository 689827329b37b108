#include "cli/documents/whoami.hpp"
#include "cli/command.hpp"
#include "cli/documents/stamp.hpp"
#include "cli/output/output.hpp"

#include <cstdlib>

namespace relay::cli::whoami_command {

namespace {

ExitStatus run(Context &context) {
    WhoAmI const who = who_am_i(context.database());
    Document document =
        whoami_document(who, db::describe_connection(settings_without_starting(context.globals()).value()),
                        claimed_actor(context.globals(), std::getenv));
    stamp(document, context, who.at, who.session_user);
    context.output().show(document);
    return ExitStatus::ok;
}

Runner declare(OptionSet &) { return run; }

}  // namespace

extern Command const command;
Command const command{
    .path = "whoami",
    .summary = "show the database, role, TLS and actor in use",
    .doc =
        R"(Connects, and shows where the connection leads: the database and its server, whether it is the primary or a
read-only standby, the role it is logged in as and what that role may do, how the connection is protected, who will be
recorded in the audit trail as the actor, and whether the schema fits this program. Start here if a command reports
"denied", or if you are not sure which database you are about to change.

The command works with any schema or none, on a standby, and with a role that has no privileges. It changes nothing.
The actor is as claimed by the flag or the environment; the role beside it is proven by the server. `config show`
shows where each setting comes from.

EXAMPLES
  relay-admin whoami
  # in a script, before it changes anything
  relay-admin whoami -o json)",
    .declare = declare,
    .audience = Audience::other,
};

}  // namespace relay::cli::whoami_command
