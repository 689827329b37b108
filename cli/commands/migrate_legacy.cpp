#include "cli/command.hpp"

namespace relay::cli::commands {

extern Command const migrate_legacy;
Command const migrate_legacy{
    .path = "migrate-legacy",
    .summary = "move a running fleet off its one shared secret",
    .doc =
        R"(Gives each agent of a running fleet a key of its own, without a night in which everything stops. The shared secret itself is never
stored: the relay holds it, and the database says which agents may still use it, and until when. Everything is kept in the database: come
back in a week, on another machine, as another person.

  import  who there is: from a file, or from a table of the old relay
  start   opens the window, always with a deadline; all agents, or a wave of them
  issue   an own key for each, a batch in each transaction
  status  who is how far, who was seen when, what is left
  extend  moves the deadline
  finish  closes the window, once nobody needs it
  abort   calls it off; with --deny-all the shared secret is closed at once

An agent leaves the list by itself, and for good, in the moment in which it first uses its own key: from then on nobody who knows the
shared secret can pretend to be that agent. After the deadline the shared secret opens nothing, whether or not anybody ran anything.

A gateway matches the shared secret by itself, and then asks relay_api.authenticate_legacy(agent_id, org_id, ip_address, trace_id).

The whole way, day by day, with what can go wrong and the way back, is told in relay-admin-migration(7): man 7 relay-admin-migration.

EXAMPLES
  relay-admin migrate-legacy import agents.csv --create-orgs
  relay-admin migrate-legacy start --deadline 14d
  relay-admin migrate-legacy issue --next 100 --secrets-dir out --secret-format env
  relay-admin migrate-legacy status
)",
    .audience = Audience::legacy,
};

}  // namespace relay::cli::commands
