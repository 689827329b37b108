#include "cli/command.hpp"
#include "cli/command_line/options.hpp"
#include "cli/context.hpp"
#include "cli/documents/fields.hpp"
#include "cli/input/input_file.hpp"
#include "cli/json/json_value.hpp"
#include "cli/output/command_text.hpp"
#include "cli/output/output.hpp"
#include "relay/model/error.hpp"
#include "relay/model/text.hpp"
#include "relay/registry/card_judge.hpp"

#include <algorithm>
#include <memory>

namespace relay::cli::registry_check_command {

namespace {

/// Of a file. A card has 64 KiB at most, and the rest may be blanks.
constexpr std::size_t most_bytes = 1024 * 1024;
/// What an error shows of a long list.
constexpr std::size_t most_shown = 20;

struct Options {
    std::optional<std::string> file{};
};

std::string read_card(std::string const &path) {
    OpenText input = open_text(path, "FILE");
    std::string text;
    while (!input.source.ended() || !input.source.view().empty()) {
        text += input.source.view();
        input.source.take(input.source.view().size());
        if (text.size() > most_bytes) {
            throw Error(ErrorKind::usage, input_name(path) + " is larger than 1 MiB",
                        {.why = "a card has at most 64 KiB"});
        }
        input.source.read_on();
    }
    return text;
}

/// Problems of the text come in the words of problems of the card, because for the registry they are that.
std::vector<std::string> problems_of(std::string const &text, std::string const &name) {
    ReadJsonValue const read = read_json_value(text);
    if (read.value) {
        return card_problems(*read.value);
    }
    if (read.fault.starts_with("it is not JSON")) {
        throw Error(ErrorKind::usage, name + ": " + read.fault);
    }
    return {"/: " + read.fault.substr(std::string_view("it ").size())};
}

Error refused(std::string const &name, std::vector<std::string> const &problems, bool has_key) {
    std::string why;
    for (std::size_t at = 0; at < std::min(problems.size(), most_shown); ++at) {
        why += (at == 0 ? "" : "\n") + problems[at];
    }
    if (problems.size() > most_shown) {
        why += "\nand " + std::to_string(problems.size() - most_shown) + " more; -o json has all";
    }
    Advice next;
    if (has_key && name != "stdin") {
        next = own_command({"revoke", "--scan", name}).noting("ends the key that the card has published");
    } else if (has_key) {
        next = "end the key that the card has published: revoke --scan FILE";
    }
    return {ErrorKind::check_no,
            name + " is not an A2A agent card: " + counted(problems.size(), "problem"),
            {.why = std::move(why), .next = std::move(next)}};
}

ExitStatus run(Options const &options, Context &context) {
    std::string const name = input_name(*options.file);
    std::vector<std::string> const problems = problems_of(read_card(*options.file), name);
    bool const has_key =
        std::find(problems.begin(), problems.end(), "/: has a key of this relay in it") != problems.end();
    if (!problems.empty() && context.globals().format == OutputFormat::table) {
        throw refused(name, problems, has_key);
    }
    Document document{.kind = "CardCheck", .id_key = "file"};
    document.data = {
        {"file", "File", name},
        people_only("Card", "accepted"),
        machine_only("ok", problems.empty()),
        machine_only("problems", problems),
    };
    document.trace_id = context.attribution().trace_id;
    document.actor = context.attribution().actor.text();
    context.output().show(document);
    return problems.empty() ? ExitStatus::ok : ExitStatus::check_no;
}

Runner declare(OptionSet &set) {
    auto const options = std::make_shared<Options>();
    add_positional(set, {.names = "FILE", .description = "the card as JSON; - is stdin", .required = true},
                   options->file);
    return [options](Context &context) { return run(*options, context); };
}

}  // namespace

extern Command const command;
Command const command{
    .path = "registry check",
    .summary = "check whether a file is an agent card",
    .doc =
        R"(Judges a card by the rules by which the registry judges it, before an agent sends it. It accepts the shapes of
A2A 0.2, 0.3 and 1.0, and fields that it does not know. The command reports all problems together, each with the path of
the field. It shows at most 20 of them; -o json has all. It needs no database.

The rules, in short:

  name, description, version  texts, not empty
  url                         https://, without blanks; http:// only for localhost, 127.0.0.1 and [::1]
  supportedInterfaces         instead of url: 1 to 16, each with url, protocolBinding and protocolVersion
  capabilities                an object
  defaultInputModes           a list of texts, as is defaultOutputModes
  skills                      at most 100, each with id, name, description and tags; no two with the same id
  tags                        at most 500 of all skills together
  everything                  at most 64 KiB, and no key, admin token or refresh token in any text
  each object                 no name twice

Names, ids, tags and versions have at most 255 characters, and lists have at most 100 entries. `schema json agent-card`
prints the rules as a JSON Schema. A field that may be missing may also be null.

A card is read by every agent of its organization. If a key is in it, revoke the key.

Exit 0: accepted. 2: the file cannot be read, or is not JSON. 10: it is not a card that the registry accepts.

EXAMPLES
  relay-admin registry check card.json
  # all problems, for a program
  relay-admin registry check card.json -o json
)",
    .declare = declare,
};

}  // namespace relay::cli::registry_check_command
