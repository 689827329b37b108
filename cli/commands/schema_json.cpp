#include "cli/command.hpp"
#include "cli/command_line/options.hpp"
#include "cli/context.hpp"
#include "cli/documents/json_schemas.hpp"
#include "cli/output/command_text.hpp"
#include "cli/output/output.hpp"
#include "relay/model/error.hpp"
#include "relay/model/text.hpp"

#include <algorithm>
#include <memory>

namespace relay::cli::schema_json_command {

namespace {

struct Options {
    std::optional<std::string> kind{};
};

Document kind_list() {
    Document document{.kind = "SchemaKindList", .id_key = "name", .is_list = true};
    for (JsonSchema const &schema : json_schemas()) {
        document.items.push_back({
            {"name", "Kind", std::string(schema.kind)},
            {"description", "Description", std::string(schema.description)},
        });
    }
    return document;
}

Error unknown_kind(std::string const &given) {
    std::vector<std::string> kinds;
    std::transform(json_schemas().begin(), json_schemas().end(), std::back_inserter(kinds),
                   [](JsonSchema const &schema) { return std::string(schema.kind); });
    std::vector<std::string> meant = closest(given, kinds);
    return {ErrorKind::usage,
            "no such kind: " + quote_for_message(given),
            {.next = own_command({"schema", "json"}), .suggestions = std::move(meant)}};
}

ExitStatus run(Options const &options, Context &context) {
    if (!options.kind) {
        context.output().show(kind_list());
        return ExitStatus::ok;
    }
    auto const schemas = json_schemas();
    auto const found = std::find_if(schemas.begin(), schemas.end(),
                                    [&](JsonSchema const &schema) { return schema.kind == *options.kind; });
    if (found == schemas.end()) {
        throw unknown_kind(*options.kind);
    }
    context.output().print(found->text);
    return ExitStatus::ok;
}

Runner declare(OptionSet &set) {
    auto options = std::make_shared<Options>();
    add_positional(set, {.names = "KIND", .description = "a kind, as in the output: AgentDetails (default: list all)"},
                   options->kind);
    return [options](Context &context) { return run(*options, context); };
}

}  // namespace

extern Command const command;
Command const command{
    .path = "schema json",
    .summary = "print the JSON Schema of a kind of output",
    .doc =
        R"(Every document of -o json, every line of -o jsonl and every error in those formats names its `kind`. For
each kind there is a JSON Schema (draft 2020-12) with its keys, their types, which may be null, and what they mean.
Without KIND the command lists the kinds.

Kinds in lower case are what agents send to each other: message-envelope has the rules of an envelope.

A schema is valid for all of relay-admin/v1: keys are only ever added, and each key is always present, null if it is
empty. So ignore keys and words that you do not know. A document of an older version may lack a key that a newer
schema describes.

A schema needs no other file and no network. The same files are installed in share/relay-admin/json. The command needs
no database. With KIND it always prints plain JSON, whatever --output says.

Exit 0: printed. 2: no such kind.

EXAMPLES
  # list the kinds
  relay-admin schema json
  # what agent show -o json prints
  relay-admin schema json AgentDetails
  # the error on stderr when a command fails
  relay-admin schema json Error)",
    .declare = declare,
};

}  // namespace relay::cli::schema_json_command
