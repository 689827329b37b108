#include "cli/command.hpp"
#include "cli/command_line/id_flags.hpp"
#include "cli/command_line/options.hpp"
#include "cli/documents/browse.hpp"
#include "cli/documents/fields.hpp"
#include "cli/documents/stamp.hpp"
#include "cli/fleet/agent_rows.hpp"
#include "cli/fleet/second_connection.hpp"
#include "cli/input/input_file.hpp"
#include "cli/input/row_reader.hpp"
#include "cli/output/list_output.hpp"
#include "cli/output/output.hpp"
#include "cli/output/progress.hpp"
#include "cli/sink/batch_sink.hpp"
#include "cli/sink/command/around_delivery.hpp"
#include "cli/sink/database_judge.hpp"
#include "relay/fleet/import_agents.hpp"
#include "relay/model/error.hpp"
#include "relay/model/text.hpp"

#include <memory>

namespace relay::cli::agent_import_command {

namespace {

struct Options {
    std::optional<std::string> file{};
    std::vector<std::string> map{};
    std::optional<std::string> org{};
    std::optional<std::int64_t> batch{};
    std::optional<std::int64_t> limit{};
    std::optional<std::int64_t> expect{};
    std::optional<std::string> on_error{};
    BatchSinkOptions sink{};
};

/// Reads all rows of FILE. Returns what the user must know about the source.
std::vector<std::string> read_file(Options const &options, Context &context, AgentImport &import, bool with_progress) {
    ColumnMap const map = parse_column_map(options.map, agent_columns());
    auto const org = options.org ? std::optional(OrgId::parse(*options.org)) : std::nullopt;
    std::string const name = input_name(*options.file);
    OpenText text = open_text(*options.file, "");
    std::optional<Progress> progress;
    if (with_progress) {
        progress.emplace(context.output().progress_stream(), "importing " + name, true, text.size);
    }
    std::vector<std::string> warnings;
    for (std::string const &column :
         read_rows(text.source, name, map, agent_columns(), "agent_id", [&](InputRow const &row) {
             add_agent_row(import, row, org);
             if (progress) {
                 progress->report(text.source.taken());
             }
         })) {
        warnings.push_back("--map: no row has " + quote_for_message(column));
    }
    return warnings;
}

ImportAgents make_request(Options const &options) {
    at_most_one({{"FILE -", options.file == "-"},
                 {"--seal-keys -", options.sink.seal_keys == "-"},
                 {"--seal-key -", options.sink.sink.seal_key == "-"}});
    if (options.batch && options.sink.sink.deliver) {
        throw Error(ErrorKind::usage, "--batch and --deliver cannot be used together",
                    {.why = "with --deliver, a batch has one key per job", .next = "use --deliver-jobs N instead"});
    }
    if (options.expect && options.file == "-") {
        throw Error(ErrorKind::usage, "--expect cannot be used with stdin",
                    {.why = "the rows must be counted before the first one is imported", .next = "give a FILE"});
    }
    ImportAgents request{.limit = options.limit, .stop_on_fault = options.on_error == "stop"};
    if (options.batch) {
        request.batch = static_cast<std::size_t>(*options.batch);
    }
    return request;
}

/// Throws Error (conflict) unless exactly as many agents would be created as --expect says.
void check_count(Options const &options, Context &context, ImportAgents request, BatchSink &sink) {
    request.only_count = true;
    AgentImport counting(context.database(), request, context.write_options(), sink);
    read_file(options, context, counting, false);
    std::int64_t const found = counting.finish().created;
    if (found != *options.expect) {
        throw Error(ErrorKind::conflict,
                    std::to_string(found) + " agents would be created, not " + std::to_string(*options.expect) +
                        "; nothing was done",
                    {.next = advise(Act::try_without_change)});
    }
}

Record row_record(ImportedAgent const &row) {
    return {
        {"line", "Line", static_cast<std::int64_t>(row.line)},
        {"agent_id", "Agent ID", row.agent_id},
        {"org_id", "Org ID", row.org_id, {.leaves = 2}},
        {"owner", "Owner", row.owner, {.leaves = 3, .cut = true}},
        {"outcome", "Outcome", row.outcome},
        {"key_id", "Key ID", row.key_id},
        {"reason", "Reason", or_null(row.reason), {.cut = true}},
    };
}

Record totals_record(ImportedAgents const &done) {
    return {
        machine_only("read", done.read),
        machine_only("created", done.created),
        machine_only("unchanged", done.unchanged),
        machine_only("failed", done.failed),
        machine_only("complete", done.complete),
        machine_only("batches", done.batches),
        machine_only("delivered_to", or_null(done.delivered_to)),
    };
}

std::string conclusion(ImportedAgents const &done) {
    std::string text = "created " + counted(static_cast<std::size_t>(done.created), "agent");
    text += done.unchanged > 0 ? ", " + std::to_string(done.unchanged) + " existed already" : "";
    text += done.failed > 0
                ? ", " + std::to_string(done.failed) + " failed: correct them and run the same command again"
                : "";
    return text + (done.complete ? "" : "; rows may be left: run the same command again");
}

ExitStatus run(Options const &options, Context &context) {
    ImportAgents request = make_request(options);
    auto const beside = second_connection(context);
    request.beside = beside.get();
    WriteOptions const by = context.write_options();
    auto const sink = open_batch_sink(options.sink, context.output());
    if (!by.dry_run) {
        sink->settle(database_judge(context));
    }
    if (options.expect) {
        check_count(options, context, request, *sink);
        request.expect = options.expect;
    }
    ListOutput output(
        context.output(),
        {.kind = "AgentImportList", .id_key = "agent_id", .is_list = true, .columns = blank(row_record({}))},
        ListOutput::Of::changes);
    request.each = [&](ImportedAgent const &row) {
        if (row.outcome != ImportOutcome::unchanged) {
            output.add(row_record(row));
        }
    };
    if (options.sink.sink.after) {
        request.after = [&](ImportedAgent const &row) {
            return after_delivery_to(options.sink.sink, AgentId::parse(row.agent_id.value()), row.org_id.value(),
                                     row.key_id.value());
        };
    }
    try {
        AgentImport import(context.database(), request, by, *sink);
        output.list().warnings = read_file(options, context, import, true);
        ImportedAgents const done = import.finish();
        bool const some_failed = done.failed + done.not_followed > 0;
        output.list().some_failed = some_failed;
        output.list().totals = totals_record(done);
        stamp(output.list(), context, done);
        output.finish();
        context.output().note(conclusion(done));
        return some_failed ? ExitStatus::partial : ExitStatus::ok;
    } catch (...) {
        fail_list(output, std::current_exception());
    }
}

Runner declare(OptionSet &set) {
    auto const options = std::make_shared<Options>();
    add_positional(set, {.names = "FILE", .description = "CSV with a header, or JSON; - is stdin", .required = true},
                   options->file);
    add_values(set,
               {.names = "--map",
                .type = "COLUMNS",
                .description = "names of the columns in the source: agent_id=id,org_id=tenant; name= leaves one out"},
               options->map, Commas::split);
    add_org_flag(set, "organization of rows without an org_id", options->org);
    add_integer(set, {.names = "--limit", .type = "N", .description = "create at most N agents in this run"},
                {.min = 1, .max = 100'000'000}, options->limit);
    add_integer(
        set, {.names = "--expect", .type = "N", .description = "do nothing unless exactly N agents would be created"},
        {.min = 0, .max = 100'000'000}, options->expect);
    add_integer(set, {.names = "--batch", .type = "N", .description = "agents per transaction (default: 1000)"},
                {.min = 1, .max = 2'000}, options->batch);
    add_choice(set,
               {.names = "--on-error",
                .description = "after a row fails, stop or continue with the others (default: continue)"},
               {"stop", "continue"}, options->on_error);
    declare_batch_sink(set, options->sink);
    return [options](Context &context) { return run(*options, context); };
}

}  // namespace

extern Command const command;
Command const command{
    .path = "agent import",
    .summary = "create many agents from a file, each with its first key",
    .doc =
        R"(Creates an agent for each row of FILE, with its first key. FILE is CSV with a header, or JSON. It has these
columns, in any order; other columns are ignored:

  agent_id     required; as for `agent create`
  org_id       required, unless you give --org for rows without one
  name         a display name; without it, the agent_id
  permissions  provider:method; a JSON or PostgreSQL array, or separated by commas
  owner        a person, a team or an address
  labels       NAME=VALUE, separated by commas, or a JSON object or array
  key_max_age  such as 90d; without it, that of the organization

--map gives the source's own names for these columns. An empty name leaves a column out: `--map permissions=`.

The keys go to --secrets-dir, one file each. Or they go to one --secret-file, one line each (--secret-format json or
sealed), or to --deliver, as with `migrate-legacy issue`. The rows are imported in batches. Each batch is first
delivered and made durable, and then committed. Into files, the server writes two batches at the same time, over two
connections. Such a batch has at most 1000 agents. FILE may be of any size.

If the command is killed, run it again. An agent that exists as its row says is left as it is, and gets no other key. A
row that contradicts an existing agent fails, and so does a row that cannot be read. The others are imported, and the
command exits 7. The output lists the agents that were created and the rows that failed, with their lines. --on-error
stop ends the run after the first failure. If a delivery of --deliver failed, the agent has a staged key. Run the
command again: it delivers another one.

--expect N changes nothing unless exactly N agents would be created. --limit N ends the run after N agents; run it again
to continue.

Exit 0: all rows were imported, or their agents existed. 2: no such file or column, or no place for the keys was given.
5: the number of agents differs from --expect. 7: some rows failed. 12: not delivered; earlier batches remain in effect.

EXAMPLES
  relay-admin agent import agents.csv --org acme-corp --secrets-dir keys --dry-run
  relay-admin agent import agents.csv --secret-file keys.jsonl --secret-format json --expect 5000
  relay-admin agent import bots.csv --map permissions= --deliver 'vault kv put "secret/$RELAY_AGENT_ID" key=-'
)",
    .declare = declare,
    .effect = Effect::changes,
};

}  // namespace relay::cli::agent_import_command
