#include "cli/documents/whoami.hpp"
#include "cli/command.hpp"
#include "cli/documents/stamp.hpp"
#include "cli/output/output.hpp"

#include <cstdlib>

namespace relay::cli::commands {

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

extern Command const whoami;
Command const whoami{
    .path = "whoami",
    .summary = "tell which database, role, TLS and actor are in force",
    .doc =
        R"(Connects and tells where it came out: the database and its server, whether that is the primary or a read-only standby, as which role it
is logged in and what the role may do here, how the connection is protected, who stands in the audit trail as the actor, and how
the schema stands to this program. Look here first when a command says denied, or when one is not sure which database one is about
to change.

It works with any schema or none, on a standby, and as a role without any right. It changes nothing. The actor is claimed, by the flag
or the environment; the role beside it is proven by the server. Where each setting came from, `config show` tells.

EXAMPLES
  relay-admin whoami
  # in a script, before it changes anything
  relay-admin whoami -o json)",
    .declare = declare,
    .audience = Audience::other,
};

}  // namespace relay::cli::commands
