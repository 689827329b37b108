#include "cli/command.hpp"
#include "cli/command_line/id_flags.hpp"
#include "cli/command_line/options.hpp"
#include "cli/documents/fields.hpp"
#include "cli/documents/stamp.hpp"
#include "cli/input/input_file.hpp"
#include "cli/input/row_reader.hpp"
#include "cli/json/json.hpp"
#include "cli/output/output.hpp"
#include "cli/output/progress.hpp"
#include "relay/legacy/import.hpp"
#include "relay/legacy/old_table.hpp"
#include "relay/model/error.hpp"

#include <algorithm>
#include <memory>

namespace relay::cli::commands {

namespace {

constexpr std::size_t longest_secret = 4096;

struct Options {
    std::optional<std::string> file{};
    std::optional<std::string> from_table{};
    std::vector<std::string> map{};
    std::optional<std::string> org{};
    bool create_orgs = false;
    std::optional<std::string> orgs_table{};
    std::optional<std::string> match_secret{};
};

std::vector<std::string> const &known_columns() {
    static std::vector<std::string> const names{"agent_id",     "org_id",  "name",       "owner",      "secret_hash",
                                                "api_key_hash", "revoked", "revoked_at", "permissions"};
    return names;
}

using Columns = std::map<std::string, std::string>;

std::optional<std::string> take(Columns &columns, std::string const &name) {
    auto const found = columns.find(name);
    return found == columns.end() ? std::nullopt : std::optional(std::move(found->second));
}

/// Reads a JSON array of texts, or texts separated by commas, semicolons or blanks.
std::vector<std::string> read_permissions(std::string const &text) {
    if (text.front() == '[' || text.front() == '{') {
        auto const texts = read_json_texts(text);
        if (!texts) {
            throw Error(ErrorKind::usage, "its permissions are not a JSON array of texts");
        }
        return *texts;
    }
    std::vector<std::string> parts;
    constexpr std::string_view between = ",; \t";
    for (std::size_t at = text.find_first_not_of(between); at != text.npos;) {
        std::size_t const end = std::min(text.find_first_of(between, at), text.size());
        parts.push_back(text.substr(at, end - at));
        at = text.find_first_not_of(between, end);
    }
    return parts;
}

/// Returns true for a time or a yes, and false for what databases and people write for no.
bool says_yes(std::optional<std::string> const &text) {
    static std::vector<std::string> const no{"false", "f", "no", "n", "0", "False", "FALSE", "null", "NULL"};
    return text && std::find(no.begin(), no.end(), *text) == no.end();
}

LegacyRow make_row(std::size_t line, Columns columns, std::string fault) {
    LegacyRow row{.line = line, .fault = std::move(fault)};
    row.agent_id = take(columns, "agent_id");
    row.org_id = take(columns, "org_id");
    row.name = take(columns, "name");
    row.owner = take(columns, "owner");
    row.secret_hash = take(columns, "secret_hash");
    if (!row.secret_hash) {
        row.secret_hash = take(columns, "api_key_hash");
    }
    row.revoked = says_yes(take(columns, "revoked")) || says_yes(take(columns, "revoked_at"));
    if (auto const permissions = take(columns, "permissions"); permissions && row.fault.empty()) {
        try {
            row.permissions = read_permissions(*permissions);
        } catch (Error const &error) {
            row.fault = error.message();
        }
    }
    return row;
}

/// Reads one line of text; a newline at its end does not count.
LegacySecret read_shared_secret(Context &context, std::string const &path) {
    SecretBuffer text = read_secret(context, path, "--match-secret", longest_secret + 1);
    if (text.size() > longest_secret) {
        throw Error(ErrorKind::usage, "--match-secret: the secret is longer than 4096 bytes");
    }
    if (text.reveal().ends_with('\n')) {
        text.truncate(text.size() - 1);
    }
    if (text.reveal().ends_with('\r')) {
        text.truncate(text.size() - 1);
    }
    if (text.size() == 0 || text.reveal().find('\0') != std::string_view::npos) {
        throw Error(ErrorKind::usage, "--match-secret: the file must have the shared secret and nothing else");
    }
    return LegacySecret(std::move(text));
}

void read_source(Options const &options, Context &context, LegacyImport &import) {
    ColumnMap const map = parse_column_map(options.map, known_columns());
    if (options.from_table) {
        Progress progress(context.output().progress_stream(), "importing " + *options.from_table, false, std::nullopt);
        std::size_t row = 0;
        read_legacy_table(context.database(), {.name = *options.from_table, .columns = map}, [&](Columns columns) {
            import.add(make_row(++row, std::move(columns), {}));
            progress.report(row);
        });
        return;
    }
    std::string const name = input_name(*options.file);
    OpenText text = open_text(*options.file, "");
    Progress progress(context.output().progress_stream(), "importing " + name, true, text.size);
    read_rows(text.source, name, map, known_columns(), "agent_id", [&](InputRow row) {
        import.add(make_row(row.line, std::move(row.columns), std::move(row.fault)));
        progress.report(text.source.taken());
    });
}

std::vector<Record> fault_records(std::vector<LegacyFault> const &faults) {
    std::vector<Record> records;
    for (LegacyFault const &fault : faults) {
        records.push_back({{"line", "Line", static_cast<std::int64_t>(fault.line)},
                           {"agent_id", "Agent ID", fault.agent_id, {.cut = true}},
                           {"reason", "Reason", fault.reason}});
    }
    return records;
}

Document import_document(Context &context, std::string const &source, ImportedLegacy const &done) {
    auto const count = [](std::size_t number) { return static_cast<std::int64_t>(number); };
    auto const unless_none = [&](std::string key, char const *label, std::size_t number) {
        return Field{std::move(key), number > 0 ? label : "", count(number)};
    };
    Document document{.kind = "LegacyImport", .id_key = "source"};
    document.data = {
        {"source", "Source", source},
        {"read", "Rows", count(done.read)},
        {"imported", "Imported", count(done.imported)},
        unless_none("created", "New agents", done.created),
        unless_none("unchanged", "Unchanged", done.unchanged),
        unless_none("revoked", "Revoked before", done.revoked),
        unless_none("own_key", "Own key already", done.own_key),
        unless_none("other_secret", "Other secret", done.other_secret),
        unless_none("refused", "Refused", done.refused),
        unless_empty("orgs_created", "New orgs",
                     std::vector<OrgId>(done.orgs_created.begin(), done.orgs_created.end())),
        {"faults", done.faults.empty() ? "" : "Refused rows", fault_records(done.faults)},
    };
    stamp(document, context, done);
    if (done.refused > done.faults.size()) {
        document.warnings.push_back(std::to_string(done.refused - done.faults.size()) +
                                    " more rows were refused; stderr has a warning for each");
    }
    return document;
}

ExitStatus run(Options const &options, Context &context) {
    exactly_one({{"FILE", options.file.has_value()}, {"--from-table", options.from_table.has_value()}});
    if (options.match_secret == "-" && options.file == "-") {
        throw Error(ErrorKind::usage, "FILE and --match-secret cannot both read stdin");
    }
    if (options.orgs_table && !options.create_orgs) {
        throw Error(ErrorKind::usage, "--orgs-table has no effect without --create-orgs");
    }
    std::string const source = options.from_table ? "table:" + *options.from_table : input_name(*options.file);
    ImportLegacy request{.source = source, .create_orgs = options.create_orgs, .orgs_table = options.orgs_table};
    if (options.org) {
        request.org = OrgId::parse(*options.org);
    }
    std::optional<LegacySecret> secret;
    if (options.match_secret) {
        secret.emplace(read_shared_secret(context, *options.match_secret));
        request.shared_secret = &*secret;
    }
    if (options.orgs_table) {
        require_legacy_table(context.database(), *options.orgs_table, {"org_id", "name"});
    }
    request.refused = [&](LegacyFault const &fault) {
        context.output().warn("line " + std::to_string(fault.line) + " (" + fault.agent_id.value_or("no agent_id") +
                              "): " + fault.reason);
    };
    LegacyImport import(context.database(), request, context.write_options());
    read_source(options, context, import);
    ImportedLegacy const done = import.finish();
    context.output().show(import_document(context, source, done));
    if (!done.changed && done.faults.empty()) {
        context.output().note("nothing changed: all rows were imported before");
    }
    return done.faults.empty() ? ExitStatus::ok : ExitStatus::partial;
}

Runner declare(OptionSet &set) {
    auto const options = std::make_shared<Options>();
    add_positional(set, {.names = "FILE", .description = "CSV with a header, or JSON lines; - is stdin"},
                   options->file);
    add_value(set,
              {.names = "--from-table",
               .type = "SCHEMA.TABLE",
               .description = "read a table of the old relay in the same database"},
              options->from_table);
    add_values(set,
               {.names = "--map",
                .type = "COLUMNS",
                .description = "names of the columns in the source: agent_id=id,org_id=tenant"},
               options->map, Commas::split);
    add_org_flag(set, "organization of rows without an org_id", options->org);
    add_flag(set, {.names = "--create-orgs", .description = "create organizations that do not exist"},
             options->create_orgs);
    add_value(set,
              {.names = "--orgs-table", .type = "SCHEMA.TABLE", .description = "table with their names: org_id, name"},
              options->orgs_table);
    add_value(set,
              {.names = "--match-secret",
               .type = "FILE",
               .description = "take only rows whose hash matches the shared secret in FILE; - is stdin"},
              options->match_secret);
    return [options](Context &context) { return run(*options, context); };
}

}  // namespace

extern Command const migrate_legacy_import;
Command const migrate_legacy_import{
    .path = "migrate-legacy import",
    .summary = "import the agents that use the shared secret",
    .doc =
        R"(Imports the list of agents of a running fleet. It creates each agent that does not exist yet, without a
key, and records that the agent uses the shared secret. Nothing changes for the agents until `migrate-legacy start`.

FILE is CSV (RFC 4180, with a header) or JSON lines. It has these columns, in any order; other columns are ignored:

  agent_id     required; taken as it is, capitals and dots included, up to 127 characters
  org_id       required, unless you give --org for rows without one
  name         a display name; without it, the agent_id
  owner        who will receive its key: a team, an address
  permissions  provider:method; a JSON array, or separated by commas
  revoked      anything but false, or a time in revoked_at: the agent is created as revoked, and stays refused
  secret_hash  for --match-secret; api_key_hash means the same

--map gives the source's own names for these columns. --from-table reads a table or view of the old relay in the same
database, with the privileges of your login. --create-orgs creates missing organizations (plan paid; named as in
--orgs-table, otherwise by their id).

--match-secret FILE takes only rows that still use the shared secret. It recognizes the kind of each secret_hash by
its form: SHA-256 in hexadecimal or base64, bcrypt, or argon2. A secret in a file is never stored. Slow hashes that
differ from row to row take up to a second each.

Good rows are imported, a thousand in each transaction. Bad rows are listed with their line and the reason; after the
first thousand, each further one is reported by a warning instead. FILE may be of any size. Running the command again
imports the rows that you corrected, and changes nothing else. An agent that already exists is never changed: a row
that contradicts it is refused.

Exit 0: all rows were imported. 2: no such file or column. 3: no such table. 7: some rows were refused (stdout shows
which), the others were imported.

EXAMPLES
  relay-admin migrate-legacy import agents.csv --create-orgs --dry-run
  relay-admin migrate-legacy import agents.csv --org acme-corp --match-secret agent-secret.txt
  relay-admin migrate-legacy import --from-table public.agents --orgs-table public.organizations --create-orgs
  relay-admin migrate-legacy import --from-table old.bots --map agent_id=id,org_id=tenant,secret_hash=hash -o json
)",
    .declare = declare,
    .effect = Effect::changes,
};

}  // namespace relay::cli::commands
