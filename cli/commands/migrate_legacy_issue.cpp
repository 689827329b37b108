#include "cli/command.hpp"
#include "cli/command_line/id_flags.hpp"
#include "cli/command_line/options.hpp"
#include "cli/documents/fields.hpp"
#include "cli/documents/stamp.hpp"
#include "cli/incident/targets.hpp"
#include "cli/output/output.hpp"
#include "cli/output/progress.hpp"
#include "cli/sink/batch/manifest.hpp"
#include "cli/sink/batch_sink.hpp"
#include "cli/sink/database_judge.hpp"
#include "relay/legacy/issue.hpp"
#include "relay/legacy/issued_keys.hpp"
#include "relay/model/error.hpp"
#include "relay/model/text.hpp"

#include <memory>

namespace relay::cli::commands {

namespace {

struct Options {
    std::vector<std::string> agents{};
    std::optional<std::string> file{};
    std::optional<std::int64_t> next{};
    bool all = false;
    std::optional<std::string> org{};
    std::optional<std::int64_t> batch{};
    std::optional<std::int64_t> expect{};
    std::optional<std::string> manifest{};
    BatchSinkOptions sink{};
};

IssueLegacy make_request(Options const &options) {
    exactly_one({{"AGENT", !options.agents.empty()},
                 {"--file", options.file.has_value()},
                 {"--next", options.next.has_value()},
                 {"--all", options.all}});
    at_most_one({{"--file -", options.file == "-"},
                 {"--seal-keys -", options.sink.seal_keys == "-"},
                 {"--seal-key -", options.sink.sink.seal_key == "-"}});
    IssueLegacy request{.next = options.next, .expect = options.expect};
    if (!options.agents.empty() || options.file) {
        if (options.org) {
            throw Error(ErrorKind::usage, "--org goes with --next and --all: named agents say where they are");
        }
        request.agents = target_agents({.agents = options.agents, .file = options.file});
    }
    if (options.org) {
        request.org = OrgId::parse(*options.org);
    }
    if (options.batch && options.sink.deliver) {
        throw Error(ErrorKind::usage, "--batch and --deliver exclude each other",
                    {.why = "a batch is as large as there are commands at once", .next = "give --deliver-jobs N"});
    }
    if (options.batch) {
        request.batch = static_cast<std::size_t>(*options.batch);
    }
    return request;
}

/// What is issued is issued: a report that cannot be written is a warning, and the next run makes it.
std::optional<std::string> write_manifest(Context &context, Manifest const &manifest, BatchSink const &sink,
                                          std::optional<OrgId> const &org) {
    try {
        manifest.write([&](Manifest::Take const &take) {
            read_issued_legacy(context.database(), org, [&](IssuedLegacyKey const &key) {
                take(key, sink.find({key.org_id, key.agent_id, key.owner}).value_or(""));
            });
        });
        return std::nullopt;
    } catch (Error const &error) {
        return "the manifest was not written: " + error.message().substr(0, error.message().find("; nothing was")) +
               "; run the same command again";
    }
}

/// Gives out the keys, and makes the manifest also when it failed half-way: earlier batches stay.
IssuedLegacy issue_all(Context &context, IssueLegacy const &request, BatchSink &sink,
                       std::optional<Manifest> const &manifest, IssueObserver const &observer) {
    try {
        return issue_legacy(context.database(), request, context.write_options(), sink, observer);
    } catch (Error const &error) {
        if (manifest && error.hint().changed == Changed::partly) {
            if (auto const warning = write_manifest(context, *manifest, sink, request.org)) {
                context.output().warn(*warning);
            }
        }
        throw;
    }
}

Document issue_document(Context &context, IssuedLegacy const &done, std::optional<std::string> const &manifest) {
    std::vector<Record> faults;
    for (IssuedLegacy::Fault const &fault : done.faults) {
        faults.push_back({{"agent_id", "Agent ID", fault.agent_id}, {"reason", "Reason", fault.reason}});
    }
    Document document{.kind = "LegacyIssue", .id_key = "issued"};
    document.data = {
        {"issued", "Issued", static_cast<std::int64_t>(done.issued)},
        {"batches", "Batches", static_cast<std::int64_t>(done.batches)},
        {"delivered_to", done.delivered_to.empty() ? "" : "Delivered to", or_null(done.delivered_to)},
        unless_empty("unchanged", "Had one already", done.unchanged),
        {"manifest", manifest ? "Manifest" : "", or_null(manifest.value_or(""))},
        {"waiting", "Still waiting", done.waiting},
        {"faults", done.faults.empty() ? "" : "Failed", std::move(faults)},
    };
    stamp(document, context, done);
    return document;
}

ExitStatus run(Options const &options, Context &context) {
    IssueLegacy const request = make_request(options);
    WriteOptions const by = context.write_options();
    auto const sink = open_batch_sink(options.sink, context.output());
    std::optional<Manifest> manifest;
    if (options.manifest) {
        if (options.manifest == options.sink.sink.secret_file) {
            throw Error(ErrorKind::usage, "--manifest and --secret-file name the same file",
                        {.next = "give one of them another name"});
        }
        manifest.emplace(*options.manifest, options.sink.sink.secrets_dir);
    }
    if (!by.dry_run) {
        sink->settle(database_judge(context));
    }
    std::optional<Progress> progress;
    IssueObserver observer;
    observer.starting = [&](std::size_t total) {
        if (total > 0) {
            context.output().note(counted(total, "agent") + (total == 1 ? " is" : " are") + " to be given a key");
        }
    };
    observer.progress = [&](std::size_t done, std::size_t total) {
        if (!progress) {
            progress.emplace(context.output().progress_stream(), "issuing keys", false, total);
        }
        progress->report(done);
    };
    IssuedLegacy const done = issue_all(context, request, *sink, by.dry_run ? std::nullopt : manifest, observer);
    progress.reset();
    std::optional<std::string> warning;
    if (manifest && !by.dry_run) {
        warning = write_manifest(context, *manifest, *sink, request.org);
    }
    Document document = issue_document(context, done, by.dry_run || warning ? std::nullopt : options.manifest);
    if (warning) {
        document.warnings.push_back(*warning);
    }
    context.output().show(document);
    if (!done.changed && done.faults.empty()) {
        context.output().note("nothing changed: nobody who was asked for is without a key of its own");
    }
    return done.faults.empty() && !warning ? ExitStatus::ok : ExitStatus::partial;
}

Runner declare(OptionSet &set) {
    auto const options = std::make_shared<Options>();
    add_integer(set, {.names = "--next", .type = "N", .description = "the next so many of the list"},
                {.min = 1, .max = 100'000'000}, options->next);
    add_flag(set, {.names = "--all", .description = "all of the list"}, options->all);
    add_org_flag(set, "with --next, --all: of this organization", options->org);
    add_value(set,
              {.names = "-f,--file", .type = "FILE", .description = "agent ids from a file, one a line; - is stdin"},
              options->file);
    add_integer(set, {.names = "--batch", .type = "N", .description = "keys of one transaction (default: 1000)"},
                {.min = 1, .max = 10'000}, options->batch);
    add_integer(set,
                {.names = "--expect", .type = "N", .description = "so many are to be given a key, or nothing is done"},
                {.min = 0, .max = 100'000'000}, options->expect);
    add_value(set,
              {.names = "--manifest",
               .type = "FILE",
               .description = "list in a CSV which key was issued to whom, without the secrets"},
              options->manifest);
    declare_batch_sink(set, options->sink);
    add_positionals(set, {.names = "AGENT", .description = "these agents"}, options->agents);
    return [options](Context &context) { return run(*options, context); };
}

}  // namespace

extern Command const migrate_legacy_issue;
Command const migrate_legacy_issue{
    .path = "migrate-legacy issue",
    .summary = "give agents of the list a key of their own",
    .doc =
        R"(Gives agents of the list a key of their own: the named ones, the next so many (--next), or all. Until an agent first uses its own key it
may use either; from then on the shared secret is closed to it.

The keys go to one place: to --secrets-dir, one file each; with --secret-format json or sealed to one --secret-file, one line each, where a
file of an earlier run is continued; or to the command of --deliver. They are given out in batches: each is delivered first, made durable,
and committed then. Killed at any instant, the same command run again first settles what was left, and goes on with the agents that have no
key yet: that is read from the database alone, so another machine or another person can go on as well. Two of them at once share the work,
and no agent is ever given two keys.

Agents that have a key already, or are off the list, are left as they are. An agent that the database refuses, or to whom nothing can be
delivered, fails alone. Revoked agents are left out. With --expect N nothing is done if another number of agents is to be given a key.

With --group-by org or owner the files lie in a folder for each, DIR/ORG/AGENT or DIR/OWNER/AGENT, of mode 0700. An owner of small letters, digits
and . _ @ + - is the folder's name; any other is told apart by a hash behind what can be read of it ("Team A" is team-a~ and 20 digits), so
that no two owners share one. Agents without an owner are in _no-owner. A symbolic link in the place of such a folder is refused.

--manifest FILE lists what was issued to whom: agent_id, org_id, owner, wave, key_id, issued_at, and file (where it lies in --secrets-dir, if
it does). It is made anew by each run, from the database: every key that an agent got since its import is in it exactly once, whoever issued
it and however often a run was killed, with --org those of the organization. A run with nothing left to issue makes it, too.

Sealed to its owner: --secret-format sealed with --seal-keys FILE seals each key to the public key of the agent's owner, or else of its
organization, or else to that of the owner "*". FILE is CSV with a header, or JSON lines: owner (or org_id), key_id and key, the latter two as
the GitHub secrets API gives them. Who has none of the three fails alone.

--deliver CMD is run by sh for each agent, with the secret on its stdin, in the shape of --secret-format, and RELAY_AGENT_ID, RELAY_ORG_ID,
RELAY_OWNER (empty if there is none) and RELAY_KEY_ID in its environment. Delivered means that it has read all of its stdin and ended with 0.
If it does not, or takes longer than --deliver-timeout, that agent gets no key; twenty such in a row end the run. What it says goes to stderr,
without the secret, should it say that. It ends when relay-admin does. The key is committed after it: if that fails, as when relay-admin is
killed in between, the key handed over is dead and the next run hands over another, so the receiver must keep the latest. --deliver-jobs N
runs N of them at once; the database keeps the rows of these agents locked meanwhile, which no agent and no block has to wait for.

Exit 0: issued, or nobody is without a key. 2: no sink, or a bad file of keys to seal to. 5: no window is open, or another count than
expected. 7: some agents failed, or the manifest could not be written; stdout says which; run it again. 8, 9: the database went away; run it
again. 12: not delivered; batches before it stay.

EXAMPLES
  relay-admin migrate-legacy issue --next 10 --secrets-dir out --secret-format env
  relay-admin migrate-legacy issue billing-2 CRM.sync --secrets-dir out
  relay-admin migrate-legacy issue --all --secret-file keys.jsonl --secret-format json
  relay-admin migrate-legacy issue --all --secrets-dir out --group-by owner --manifest issued.csv
  relay-admin migrate-legacy issue --all --expect 2310 --secrets-dir out --secret-format sealed --seal-keys owners.jsonl
  relay-admin migrate-legacy issue --all --deliver 'vault kv put "secret/$RELAY_OWNER/$RELAY_AGENT_ID" key=-' --deliver-jobs 8
  relay-admin migrate-legacy issue --all --org acme-corp --dry-run --secrets-dir out
)",
    .declare = declare,
    .effect = Effect::changes,
    .completes = IdFilter::live,
};

}  // namespace relay::cli::commands
