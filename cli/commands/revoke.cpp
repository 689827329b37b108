#include "cli/command.hpp"
#include "cli/command_line/options.hpp"
#include "cli/context.hpp"
#include "cli/incident/clean.hpp"
#include "cli/incident/report.hpp"
#include "cli/incident/targets.hpp"
#include "cli/incident/wait.hpp"
#include "cli/incident/whose_document.hpp"
#include "cli/input/prompt.hpp"
#include "cli/output/output.hpp"
#include "cli/scan/scan_files.hpp"
#include "cli/scan/scan_report.hpp"
#include "relay/inspect/inspect.hpp"
#include "relay/model/error.hpp"

#include <algorithm>
#include <memory>

namespace relay::cli::revoke_command {

namespace {

struct Options {
    IncidentTargets targets{};
    std::vector<std::string> keys{};
    std::optional<std::string> scan{};
    std::optional<std::string> clean{};
    bool force = false;
    Waits waits{};
};

/// Asks at a terminal, because a revocation is permanent; a script that says revoke means it. The question shows which
/// database this is; for one subject it appears soon even if the database is slow, without that line. `many` names several
/// keys.
void confirm_end(Context &context, std::vector<std::string> const &subjects, std::string const &many = "keys") {
    if (context.globals().dry_run || subjects.empty()) {
        return;
    }
    bool const is_one = subjects.size() == 1;
    is_one ? context.glance_at_database() : context.ask_for_label();
    bool const agents = subjects.front().starts_with("agent ");
    std::string const what =
        is_one ? subjects.front() : std::to_string(subjects.size()) + ' ' + (agents ? "agents" : many);
    std::string const question = agents ? "Revoke every key of " + what + " permanently? (block keeps the keys)"
                                        : "Revoke " + what + " permanently?";
    is_one ? context.prompt().confirm_at_terminal(question) : context.prompt().confirm_final_at_terminal(question);
}

/// Returns the clean-up that --clean asks for.
std::unique_ptr<Clean> clean_up(Options const &options, Context &context, OfIncident const &what) {
    return options.clean ? std::make_unique<Clean>(context, *options.clean, what) : nullptr;
}

ExitStatus revoke_ids(Options const &options, Context &context) {
    std::vector<KeyId> keys;
    std::vector<std::string> subjects;
    for (std::string const &text : options.keys) {
        keys.push_back(KeyId::parse(text));
        subjects.push_back("key " + text);
    }
    auto const clean = clean_up(options, context, {.keys = keys});
    confirm_end(context, subjects);
    return show_incident(
        context, IncidentVerb::revoke, subjects,
        [&] { return revoke_keys(context.database(), keys, context.write_options()); }, options.waits, nullptr,
        clean.get());
}

/// Shows what was found, if a person can see it, and asks about the live keys. What cannot be read in time does not delay
/// the revocation.
void confirm_found(Context &context, FileScan const &scan, std::vector<std::string> const &subjects) {
    bool const asks = context.prompt().can_ask() && !context.globals().yes && !context.globals().dry_run;
    if (!asks && (context.globals().format != OutputFormat::table || context.globals().quiet)) {
        return;
    }
    std::vector<std::string> live;
    try {
        constexpr std::chrono::milliseconds patience{500};
        WhoseAll const all = whose_found(context.database(), scan.keys(), scan.cut_ids(), patience);
        Document document = whose_document(all.items, &scan);
        document.at = all.at;
        context.output().preview(document);
        for (Whose const &whose : all.items) {
            if (whose.live() && whose.proof == Proof::whole_key) {
                live.push_back(std::string(text_of(whose.thing)) + ' ' + whose.key_id->text());
            }
        }
    } catch (Error const &error) {
        context.output().warn("cannot show whose keys they are: " + error.message());
        live = subjects;
    }
    confirm_end(context, live, "live keys");
}

ExitStatus revoke_scanned(Options const &options, Context &context) {
    std::string const &path = *options.scan;
    FileScan const scan = scan_files(context, path, "--scan");
    auto const found = scan.keys();
    std::vector<std::string> subjects;
    std::vector<KeyId> ids;
    for (auto const &[key, what] : found) {
        subjects.push_back(std::string(text_of(thing_of(what.type))) + ' ' + key.text());
        ids.push_back(key);
    }
    if (found.empty()) {
        context.output().note(nothing_found_text(scan, path));
        return report_incident(context, IncidentVerb::revoke, {}, {}, &scan);
    }
    auto const clean = clean_up(options, context, {.keys = ids});
    confirm_found(context, scan, subjects);
    try {
        return show_incident(
            context, IncidentVerb::revoke, subjects,
            [&] { return revoke_found(context.database(), found, context.write_options()); }, options.waits, &scan,
            clean.get());
    } catch (Error const &) {
        for (std::string const &warning : scan_warnings(scan, context.globals())) {
            context.output().warn(warning);
        }
        throw;
    }
}

ExitStatus revoke_agents_of(Options const &options, Context &context) {
    std::vector<AgentId> const agents = target_agents(options.targets);
    auto const clean = clean_up(options, context, {.agents = agents});
    confirm_end(context, id_texts(agents));
    return show_incident(
        context, IncidentVerb::revoke, id_texts(agents),
        [&] { return revoke_agents(context.database(), agents, options.force, context.write_options()); },
        options.waits, nullptr, clean.get());
}

ExitStatus revoke_devices_of(Options const &options, Context &context) {
    if (options.clean) {
        throw Error(ErrorKind::usage, "--clean has no effect with --device",
                    {.next = "the owner of a device pairs it again, with a new code"});
    }
    std::vector<DeviceId> const devices = target_devices(options.targets);
    confirm_end(context, id_texts(devices), "devices");
    return show_incident(
        context, IncidentVerb::revoke, id_texts(devices),
        [&] { return revoke_devices(context.database(), devices, context.write_options()); }, options.waits);
}

ExitStatus revoke_whole_org(Options const &options, Context &context) {
    OrgId const org = OrgId::parse(*options.targets.org);
    auto const clean = clean_up(options, context, {.org = org});
    confirm_org(context, org, options.targets.confirm, "revokes", "Every key of its agents ends permanently.");
    return show_incident(
        context, IncidentVerb::revoke, {"org " + org.text()},
        [&] { return revoke_org(context.database(), org, context.write_options()); }, options.waits, nullptr,
        clean.get());
}

ExitStatus run(Options const &options, Context &context) {
    IncidentTargets const &targets = options.targets;
    exactly_one({
        {"AGENT", !targets.agents.empty()},
        {"--file", targets.file.has_value()},
        {"--org", targets.org.has_value()},
        {"--key", !options.keys.empty()},
        {"--device", !targets.devices.empty()},
        {"--scan", options.scan.has_value()},
    });
    require_org_for_confirm(targets);
    bool const by_agents = !targets.agents.empty() || targets.file;
    if (options.force && !by_agents) {
        throw Error(ErrorKind::usage, "--force has an effect only with agent ids");
    }
    if (by_agents) {
        return revoke_agents_of(options, context);
    }
    if (!options.keys.empty()) {
        return revoke_ids(options, context);
    }
    if (!targets.devices.empty()) {
        return revoke_devices_of(options, context);
    }
    return options.scan ? revoke_scanned(options, context) : revoke_whole_org(options, context);
}

Runner declare(OptionSet &set) {
    auto options = std::make_shared<Options>();
    add_values(set,
               {.names = "--key", .type = "KEY-ID", .description = "revoke single keys by their ids, comma-separated"},
               options->keys, Commas::split);
    add_value(set,
              {.names = "--scan",
               .type = "FILE",
               .description = "revoke the keys found in FILE, or in all files of a folder; - is stdin"},
              options->scan);
    add_value(set,
              {.names = "--clean", .type = "DIR", .description = "then give each agent a fresh key, in DIR/AGENT.key"},
              options->clean);
    add_flag(set, {.names = "--force", .description = "revoke ids even if no such agent exists"}, options->force);
    declare_waits(set, options->waits);
    declare_targets(set, options->targets, true);
    return [options](Context &context) { return run(*options, context); };
}

}  // namespace

extern Command const command;
Command const command{
    .path = "revoke",
    .summary = "end keys permanently: of agents, or leaked ones",
    .doc =
        R"(Ends every current key of the agents permanently: nothing brings a revoked key back. `restore` accepts an
agent again, with a fresh key. To make gateways refuse an agent for a while and keep its keys, use `block`.

At a terminal the command asks first, because it cannot be undone (--yes answers yes); a script is not asked. The
command does not wait for locks on agents or for standbys. If a rotation runs at the same time, the revocation wins.
It commits first, then reads and prints the report; if the report fails, the revocation remains in force. Revoking
again changes nothing and shows who revoked first. If another session has locked the table of agents, no one can look up
the id. Then it is revoked, too, and a warning names that session.

--key revokes single keys by their ids, which are public and appear in logs. The agent keeps its other key, if it has
one.

--device revokes single devices of people (see `device list`). Their owners can pair them again, with a new code. If an
agent or an organization is revoked, its devices are, too; `restore` does not bring them back.

--scan reads any text (a log, a diff, a paste, a dump) of any size, or all files of a folder. It finds keys wherever
they are, without word borders, by their form and checksum, and revokes those that are in the database. It compares the
hash of the whole key, because anyone can copy a public key id. It prints key ids, their agents and their places, never
a key; the key reaches no argument list, no shell history and no audit row. It also finds organizations' admin tokens.
It finds the refresh tokens of devices (relay_dt_), too, and revokes their devices.

The command finds a key also behind colours and control sequences. It reads escapes of JSON, C, percent, HTML, Markdown
and quoted-printable. Tags of HTML, line ends with indentation or quote marks, and zero-width characters may cut a key.
It decodes UTF-16, base64, base32, hexadecimal digits, arrays of numbers, and dumps of xxd, hexdump, od and debuggers.
Between hexadecimal bytes there may be blanks, colons, commas or 0x. These may be one in the other. A log is also read
without what comes before the text of each line (times, hosts, containers, numbers). So a key or dump may continue in
the next line, or in the next part of a cut line. In rare cases, escapes in the text beside the numbers of a dump hide
a key. The command does not look for keys in base85, UTF-7 or pictures, nor in calls such as CHR(114). Afterwards it
shows how much it has read. It does not unpack: a file that is compressed, encrypted or in uuencode is refused, with
the command that opens it. In a folder, such a file is named and skipped, and so is a compressed part of a file, such
as a member of a tar archive: the command revokes the keys that it found, and exits 7. If a key is cut or damaged, its
id and place are named: revoke it with --key.

Before --scan asks, it shows whose keys they are, as `whois` does. The question counts only live keys. After --scan and
--key, the command names the agents that have no working key now. Each has the command that gives it one.

With --clean DIR, agents then get fresh keys, in DIR/AGENT.key. These are the agents of which this revocation ended an
active key, and which have no other. Gateways accept them with the fresh key alone; a key that was still in its grace ends, too. The fresh
key keeps the expiry of the old one. An agent that had no working key gets none, and what someone else had revoked before
stays revoked. The revocation is committed first, so fresh keys never delay it. If DIR has a file of such an agent already,
nothing is changed, because it may be the leaked key. If the command is killed, run it again with the same actor and
ticket: it finishes the work. Given agents or an organization, it then revokes the fresh keys, too, and replaces their
files. --clean needs the privileges of relay_provisioner.

--org revokes an organization with all of its agents. You must type its id, or give it again as --confirm ORG (--yes
is not enough).

With --wait-ack 5s the command then waits until every live gateway (see `gateway list`) confirms that it has dropped
its cached decisions, and prints `3/3 gateways in 0.41 s`. If a gateway does not confirm in time, the command exits
10. The revocation remains in force either way.

With --durable the command then waits, up to --timeout (10s), until the standbys have replayed the revocation, so that
a failover cannot undo it. It names each standby that has not. In that case, or if there is no standby, it exits 10.
The revocation remains in force on the primary either way. `block` describes which standbys count.

Exit 0: revoked, now or before; or the scanned text has no key. 2: the scanned file is unreadable, compressed,
encrypted or in uuencode. 3: no such agent, key, device or organization; nothing was
changed. 7: some are unknown, the others are revoked; stdout shows which. Or --scan could not read everything; what it found is revoked. Or --clean
could not give every agent a fresh key. 8: nothing was changed; run it again. 9: the
database cannot confirm whether the revocation was committed; the last line is `NOT CONFIRMED: agent X may still be
live`; run it again until it is confirmed. 10: it is revoked, but a live gateway did not acknowledge it in time
(--wait-ack), or a standby did not replay it (--durable). 11: the revocation was missing when it
was read back, before the COMMIT or after it, because a rule, a trigger or a changed view interferes; the last line is
the same as for 9. 12: --clean cannot use DIR, or a file is in the way; nothing was changed. 13: the question was answered no, or the id you typed was wrong.

EXAMPLES
  relay-admin revoke billing-bot --reason "laptop stolen" --ticket INC-43
  relay-admin revoke billing-bot --yes --wait-ack 5s --durable
  # every key that leaked into this log
  relay-admin revoke --scan build.log
  # and a fresh key for each agent
  relay-admin revoke --scan build.log --clean fresh-keys
  # all files of a folder
  relay-admin revoke --scan logs/
  # at the end of a pipe: git log -p | ...
  relay-admin revoke --scan -
  relay-admin revoke --key 9fq2mzx1b81k
  relay-admin revoke --device 4mz8q0v2h7rk --reason "laptop stolen"
  relay-admin revoke --org acme-corp --confirm acme-corp)",
    .declare = declare,
    .audience = Audience::incidents,
    .rank = 3,
    .effect = Effect::changes,
    .completes = IdFilter::live,
};

}  // namespace relay::cli::revoke_command
