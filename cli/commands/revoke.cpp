#include "cli/command.hpp"
#include "cli/command_line/options.hpp"
#include "cli/context.hpp"
#include "cli/incident/report.hpp"
#include "cli/incident/targets.hpp"
#include "cli/incident/wait.hpp"
#include "cli/input/input_file.hpp"
#include "cli/input/prompt.hpp"
#include "cli/output/output.hpp"
#include "relay/model/error.hpp"

#include <memory>

namespace relay::cli::commands {

namespace {

struct Options {
    IncidentTargets targets{};
    std::vector<std::string> keys{};
    std::optional<std::string> scan{};
    bool force = false;
    Waits waits{};
};

/// For good is asked about, where there is somebody to ask; a script that says revoke means it. Nothing is read first: the question must
/// stand there at once, whatever the database does.
void confirm_end(Context &context, std::vector<std::string> const &subjects) {
    if (context.globals().dry_run || subjects.empty()) {
        return;
    }
    bool const agents = subjects.front().starts_with("agent ");
    std::string const what =
        subjects.size() == 1 ? subjects.front() : std::to_string(subjects.size()) + (agents ? " agents" : " keys");
    context.prompt().confirm_at_terminal(agents ? "Kill every key of " + what +
                                                      " for good? (block shuts out and keeps the keys)"
                                                : "Kill " + what + " for good?");
}

ExitStatus revoke_ids(Options const &options, Context &context) {
    std::vector<KeyId> keys;
    std::vector<std::string> subjects;
    for (std::string const &text : options.keys) {
        keys.push_back(KeyId::parse(text));
        subjects.push_back("key " + text);
    }
    confirm_end(context, subjects);
    return show_incident(
        context, IncidentVerb::revoke, subjects,
        [&] { return revoke_keys(context.database(), keys, context.write_options()); }, options.waits);
}

ExitStatus revoke_scanned(Options const &options, Context &context) {
    std::string const &path = *options.scan;
    auto const found = scan_input(path, "--scan", context.output());
    std::vector<std::string> subjects;
    for (auto const &[key, what] : found) {
        subjects.push_back("key " + key.text());
    }
    if (found.empty()) {
        context.output().note("no API key stands in " + input_name(path));
        return report_incident(context, IncidentVerb::revoke, {});
    }
    confirm_end(context, subjects);
    return show_incident(
        context, IncidentVerb::revoke, subjects,
        [&] { return revoke_found(context.database(), found, context.write_options()); }, options.waits);
}

ExitStatus run(Options const &options, Context &context) {
    IncidentTargets const &targets = options.targets;
    exactly_one({
        {"AGENT", !targets.agents.empty()},
        {"--file", targets.file.has_value()},
        {"--org", targets.org.has_value()},
        {"--key", !options.keys.empty()},
        {"--scan", options.scan.has_value()},
    });
    require_org_for_confirm(targets);
    bool const by_agents = !targets.agents.empty() || targets.file;
    if (options.force && !by_agents) {
        throw Error(ErrorKind::usage, "--force is for agent ids that nobody knows: it says nothing here");
    }
    WriteOptions const by = context.write_options();
    if (by_agents) {
        std::vector<AgentId> const agents = target_agents(targets);
        confirm_end(context, id_texts(agents));
        return show_incident(
            context, IncidentVerb::revoke, id_texts(agents),
            [&] { return revoke_agents(context.database(), agents, options.force, by); }, options.waits);
    }
    if (!options.keys.empty()) {
        return revoke_ids(options, context);
    }
    if (options.scan) {
        return revoke_scanned(options, context);
    }
    OrgId const org = OrgId::parse(*targets.org);
    confirm_org(context, org, targets.confirm, "revokes", "Every key of its agents is dead then, for good.");
    return show_incident(
        context, IncidentVerb::revoke, {"org " + org.text()}, [&] { return revoke_org(context.database(), org, by); },
        options.waits);
}

Runner declare(OptionSet &set) {
    auto options = std::make_shared<Options>();
    add_values(set, {.names = "--key", .type = "KEY-ID", .description = "single keys by their ids, comma-separated"},
               options->keys, Commas::split);
    add_value(set, {.names = "--scan", .type = "FILE", .description = "the keys that stand in a text; - is stdin"},
              options->scan);
    add_flag(set, {.names = "--force", .description = "also keep out ids that nobody knows"}, options->force);
    declare_waits(set, options->waits);
    declare_targets(set, options->targets, true);
    return [options](Context &context) { return run(*options, context); };
}

}  // namespace

extern Command const revoke;
Command const revoke{
    .path = "revoke",
    .summary = "kill keys for good: of agents, an org, or leaked ones",
    .doc =
        R"(Kills every key that the agents have now, for good: no undoing brings a key back to life. `restore` lets an agent in again, with a
fresh key. To shut an agent out for a while and keep its keys there is `block`.

A person at a terminal is asked y/N, since it is for good (--yes answers); a script is not asked. It waits for no lock on an agent, and
commits on the primary without waiting for standbys; a rotation that runs at the same time loses. First it commits, then it reads and prints the context; a failing report undoes nothing. Revoking again
changes nothing and tells who was first.

--key kills single keys by their ids, which are public and stand in logs. The agent is left with its other key, or with none.

--scan reads any text (a log, a diff, a paste) of any size, finds keys by their form and checksum, and kills those that are really in
the database: a key's hash is compared, since anybody can write down a public key id. It prints key ids and owners, never a key; the key
reaches no argument list, no history, no audit row. Organizations' admin tokens are found as well.

--org revokes an organization with all of its agents. Its id has to be typed, or given again as --confirm ORG (--yes is not enough).

--wait-ack 5s then waits until every live gateway (see `gateway list`) has acknowledged that it forgot what it had cached, and prints
`3/3 gateways in 0.41 s`; 10 if not all of them did. The revocation stands either way.

--durable then waits until the standbys have replayed it, so that a failover cannot undo it, at most as long as --timeout says (10s), and
names those that have not; 10 then, and also if there is none. The revocation stands either way, on the primary. `block` tells which standbys count.

Exit 0: revoked, now or before; or a scanned text that holds no key. 3: no such agent, key or organization; nothing was changed. 7: some
are not known, the others are dead, and stdout says which. 8: nothing was changed, run it again. 9: the database cannot be asked whether
it was done; the last line is `NOT CONFIRMED: agent X may still be live`; run it again until it is confirmed. 10: it is revoked, but
with --wait-ack not every live gateway acknowledged it in time, or with --durable not every standby replayed it. 13: the question was
answered no, or the typed id was wrong.

EXAMPLES
  relay-admin revoke billing-bot --reason "laptop stolen" --ticket INC-43
  relay-admin revoke billing-bot --yes --wait-ack 5s --durable
  # whatever leaked in this log
  relay-admin revoke --scan build.log
  # at the end of a pipe: git log -p | ...
  relay-admin revoke --scan -
  relay-admin revoke --key 9fq2mzx1b81k
  relay-admin revoke --org acme-corp --confirm acme-corp)",
    .declare = declare,
    .audience = Audience::incidents,
    .rank = 3,
    .effect = Effect::changes,
    .completes = IdFilter::live,
};

}  // namespace relay::cli::commands
