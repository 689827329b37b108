#include "cli/command.hpp"
#include "cli/command_line/id_flags.hpp"
#include "cli/command_line/options.hpp"
#include "cli/input/input_file.hpp"
#include "cli/input/row_reader.hpp"
#include "cli/legacy/import_document.hpp"
#include "cli/legacy/legacy_rows.hpp"
#include "cli/legacy/revoked_value.hpp"
#include "cli/legacy/state_column.hpp"
#include "cli/output/output.hpp"
#include "cli/output/progress.hpp"
#include "relay/legacy/import.hpp"
#include "relay/legacy/old_table.hpp"
#include "relay/model/error.hpp"
#include "relay/model/text.hpp"

#include <memory>

namespace relay::cli::migrate_legacy_import_command {

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

/// Reads one line of text; a line end after it does not count.
LegacySecret read_shared_secret(Context &context, std::string const &path) {
    SecretBuffer text = read_secret_text(context, path, "--match-secret", longest_secret + 1);
    if (text.size() > longest_secret) {
        throw Error(ErrorKind::usage, "--match-secret: the secret is longer than 4096 bytes");
    }
    for (char const end : {'\n', '\r'}) {
        text.truncate(text.size() - (text.reveal().ends_with(end) ? 1 : 0));
    }
    if (text.size() == 0 || text.reveal().find('\0') != std::string_view::npos) {
        throw Error(ErrorKind::usage, "--match-secret: the file must have the shared secret and nothing else");
    }
    if (text.reveal().starts_with("AGENT_SECRET=")) {
        throw Error(ErrorKind::usage, "--match-secret: the file has NAME=VALUE; it must have the secret alone");
    }
    return LegacySecret(std::move(text));
}

/// Imports all rows. Returns what the user must know about the source, beyond its rows.
std::vector<std::string> read_source(Options const &options, Context &context, LegacyImport &import) {
    std::vector<std::string> pairs = options.map;
    LegacyRows rows(take_revoked_words(pairs));
    ColumnMap const map = parse_column_map(pairs, legacy_columns(), is_state_column);
    if (options.from_table) {
        Progress progress(context.output().progress_stream(), "importing " + *options.from_table, false, std::nullopt);
        std::size_t row = 0;
        read_legacy_table(context.database(), {.name = *options.from_table, .columns = map, .also = is_state_column},
                          [&](LegacyRows::Columns columns) {
                              import.add(rows.make(++row, std::move(columns)));
                              progress.report(row);
                          });
        return rows.warnings();
    }
    std::string const name = input_name(*options.file);
    OpenText text = open_text(*options.file, "");
    Progress progress(context.output().progress_stream(), "importing " + name, true, text.size);
    auto const take = [&](InputRow row) {
        import.add(rows.make(std::move(row)));
        progress.report(text.source.taken());
    };
    auto const unused = read_rows(text.source, name, map, legacy_columns(), "agent_id", take, is_state_column);
    return rows.warnings(unused);
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
    std::vector<std::string> const warnings = read_source(options, context, import);
    ImportedLegacy const done = import.finish();
    Document document = import_document(context, source, done);
    document.warnings.insert(document.warnings.end(), warnings.begin(), warnings.end());
    for (auto const &[column, count] : done.ends_later) {
        document.warnings.push_back("the column " + quote_for_message(column) + " has a time to come in " +
                                    counted(count, "row") + ": it is not imported, so these agents do not end then");
    }
    bool const compared = done.unchanged + done.own_key > 0;
    if (!done.changed && !compared && done.refused == 0) {
        document.warnings.push_back(unchanged_text(done, request.shared_secret != nullptr));
    }
    context.output().show(document);
    if (!done.changed && (compared || done.refused > 0)) {
        context.output().note(unchanged_text(done, request.shared_secret != nullptr));
    }
    if (!done.orgs_missing.empty()) {
        context.output().note(counted(done.orgs_missing.size(), "organization") +
                              " missing; --create-orgs creates them");
    }
    return done.refused == 0 ? ExitStatus::ok : ExitStatus::partial;
}

Runner declare(OptionSet &set) {
    auto const options = std::make_shared<Options>();
    add_positional(set, {.names = "FILE", .description = "CSV with a header, or JSON; - is stdin"}, options->file);
    add_value(set,
              {.names = "--from-table",
               .type = "SCHEMA.TABLE",
               .description = "read a table of the old relay in the same database"},
              options->from_table);
    add_values(set,
               {.names = "--map",
                .type = "COLUMNS",
                .description = "names of the columns in the source: agent_id=id,org_id=tenant; name= leaves one out"},
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

extern Command const command;
Command const command{
    .path = "migrate-legacy import",
    .summary = "import the agents that use the shared secret",
    .doc =
        R"(Imports the list of agents of a running fleet. It creates each agent that does not exist yet, without a
key, and records that the agent uses the shared secret. Nothing changes for the agents until `migrate-legacy start`.

FILE is CSV with a header, or JSON. It has these columns, in any order:

  agent_id     required; taken as it is, capitals and dots included, up to 127 characters
  org_id       required, unless you give --org for rows without one
  name         a display name; without it, the agent_id
  owner        who will receive its key: a team, an address
  permissions  provider:method; a JSON or PostgreSQL array, or separated by commas
  revoked      a yes or a no, or a time: the agent is created as revoked, and stays refused
  revoked_at   the same
  secret_hash  for --match-secret; api_key_hash means the same

Columns that say whether a row is in use, such as `status`, `enabled`, `deleted_at` or `expires_at`, are read, too. If such
a column says that a row is not in use, the row is refused. A row that is revoked anyway is imported. Map the column to
revoked or revoked_at, or leave it out: `--map status=`.

CSV may be separated by commas, semicolons, tabs or bars, with any line ends, in UTF-8 or UTF-16: what spreadsheets
write. JSON is one list, or objects one after the other. Names of columns may differ in case, blanks, `-` and `_`. Other
files, such as spreadsheets, archives and dumps, are refused with the command that converts them. Rows with only blanks,
and comments (#) before the header, are ignored. `\N` and `NULL` mean no value.

A yes is true, t, yes, y, on or 1; a no is false, f, no, n, off, 0 or nothing. A time is RFC 3339, a date such as
2024-01-31, or seconds or milliseconds since 1970. `infinity` and the zero times of Go, MySQL and Unix mean never. A row
with any other word, or with a time to come, is refused: a revocation cannot be undone by importing again.

--map gives the source's own names for these columns. An empty name leaves a column out: `--map permissions=`. After the
name for revoked, words that mean revoked can follow: `--map revoked=status:SUSPENDED,DELETED` or `revoked=enabled:false`;
any other word then means not revoked. --from-table reads a table or view of the old relay in the same database, with
the privileges of your login. If row level security would hide rows from your login, nothing is read (exit 4).
--create-orgs creates missing organizations (plan paid; named as in --orgs-table, otherwise by their id).

--match-secret FILE takes only rows that still use the shared secret. It recognizes the kind of each secret_hash by
its form: SHA-256 in hexadecimal or base64, bcrypt, or argon2. A secret in a file is never stored. Slow hashes that
differ from row to row take up to a second each.

Good rows are imported, a thousand in each transaction. Bad rows are listed with their line and the reason; after the
first thousand, each further one is reported by a warning instead. FILE may be of any size. Running the command again
imports the rows that you corrected, and changes nothing else. An agent that already exists is never changed: a row
that contradicts it is refused.

Exit 0: all rows were imported, or there was nothing to import (a warning says why). 2: no such file or column, or
a file of another kind. 3: no such table. 4: the login cannot read the table, or not all its rows. 7: some rows were
refused (stdout shows which), the others were imported.

EXAMPLES
  relay-admin migrate-legacy import agents.csv --create-orgs --dry-run
  relay-admin migrate-legacy import agents.csv --org acme-corp --match-secret agent-secret.txt
  relay-admin migrate-legacy import --from-table public.agents --orgs-table public.organizations --create-orgs
  relay-admin migrate-legacy import --from-table old.bots --map agent_id=id,org_id=tenant,secret_hash=hash -o json
)",
    .declare = declare,
    .effect = Effect::changes,
};

}  // namespace relay::cli::migrate_legacy_import_command
