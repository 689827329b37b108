#include "cli/command.hpp"

namespace relay::cli::migrate_legacy_command {

extern Command const command;
Command const command{
    .path = "migrate-legacy",
    .summary = "move a fleet from a shared secret to one key per agent",
    .doc =
        R"(Moves a running fleet from one shared secret to one key per agent, without downtime. The shared secret
itself is never stored: the relay has it, and the database knows which agents may still use it, and until when. All
progress is in the database, so you can continue in a week, on another machine, or let a colleague continue.

  import  read the list of agents from a file, or from a table of the old relay
  start   open the window, always with a deadline, for all agents or a wave of them
  issue   issue each agent its own key, in batches
  status  show how far each agent is, when it was last seen, and what is left to do
  extend  move the deadline
  finish  close the window when no agent needs it any more
  abort   call the migration off; with --deny-all, close the shared secret immediately

An agent leaves the list automatically and permanently when it first uses its own key. From then on, knowing the
shared secret is not enough to impersonate that agent. After the deadline the shared secret is refused, whether or not
you ran a command.

A gateway itself compares the secret of a call with the shared one. Then it calls
relay_api.authenticate_legacy(agent_id, org_id, ip_address, trace_id). The whole procedure, day by day, with what can
go wrong and how to go back, is in relay-admin-migration(7): man 7 relay-admin-migration.

EXAMPLES
  relay-admin migrate-legacy import agents.csv --create-orgs
  relay-admin migrate-legacy start --deadline 14d
  relay-admin migrate-legacy issue --next 100 --secrets-dir out --secret-format env
  relay-admin migrate-legacy status
)",
    .audience = Audience::legacy,
};

}  // namespace relay::cli::migrate_legacy_command
