// A command line is read or refused as an error of usage, every value arrives whole, and no message repeats a secret.
#include "cli/command_line/cli11_parser.hpp"
#include "cli/command_line/connection_flags.hpp"
#include "cli/command_line/globals.hpp"
#include "cli/command_line/id_flags.hpp"
#include "cli/command_line/options.hpp"
#include "cli/command_line/prescan.hpp"
#include "cli/command_line/withheld.hpp"
#include "cli/output/advice_text.hpp"
#include "relay/model/text.hpp"
#include "tests/fuzz/fuzz.hpp"

#include <algorithm>
#include <array>
#include <memory>

using namespace relay;
using namespace relay::cli;
using namespace relay::fuzz;

namespace {

constexpr std::string_view secret = "postgresql://ana:Geheim4711Zx@db/relay";
constexpr std::string_view mark = "Geheim4711Zx";

/// What the commands below are given.
struct Options {
    SpelledId agent{};
    SpelledId org{};
    std::optional<std::string> name{};
    std::optional<std::string> choice{};
    std::optional<std::int64_t> number{};
    std::optional<std::chrono::seconds> grace{};
    std::optional<Instant> until{};
    std::vector<std::string> labels{};
    std::vector<std::string> permissions{};
    std::vector<std::string> words{};
    bool all = false;
};
Options given;

Runner nothing() {
    return [](Context &) { return ExitStatus::ok; };
}

/// Every kind of flag, and words that may be repeated.
Runner declare_rotate(OptionSet &set) {
    add_org_flag(set, "the organization", given.name);
    add_choice(set, {.names = "--state", .description = "the state"}, {"active", "blocked"}, given.choice);
    add_integer(set, {.names = "-n,--limit", .type = "N", .description = "at most"}, {.min = 1, .max = 1000},
                given.number);
    add_duration(set, {.names = "--grace", .description = "how long"}, given.grace);
    add_instant(set, {.names = "--until", .description = "when"}, given.until);
    add_values(set, {.names = "--label", .type = "NAME=VALUE", .description = "labels"}, given.labels);
    add_values(set, {.names = "--permissions", .type = "P", .description = "permissions"}, given.permissions,
               Commas::split);
    add_flag(set, {.names = "--all", .description = "all"}, given.all);
    add_positionals(set, {.names = "AGENT", .description = "the agents"}, given.words);
    return nothing();
}

Runner declare_show(OptionSet &set) {
    add_agent(set, given.agent);
    return nothing();
}

Runner declare_create(OptionSet &set) {
    add_new_org(set, given.org);
    add_value(set, {.names = "--name", .type = "N", .description = "its name", .required = true}, given.name);
    return nothing();
}

constexpr Command agent{.path = "agent", .summary = "agents", .doc = ""};
constexpr Command agent_show{.path = "agent show", .summary = "show", .doc = "", .declare = declare_show};
constexpr Command org{.path = "org", .summary = "organizations", .doc = ""};
constexpr Command org_create{.path = "org create", .summary = "create", .doc = "", .declare = declare_create};
constexpr Command rotate_key{
    .path = "rotate-key", .summary = "rotate", .doc = "", .declare = declare_rotate, .alias = "agent rotate-key"};
constexpr Command revoke{.path = "revoke", .summary = "revoke", .doc = "", .declare = declare_rotate};
constexpr std::array<Command const *, 6> table{&agent, &agent_show, &org, &org_create, &revoke, &rotate_key};

/// As parse_command_line, without a context. Returns the line, and the connection's flags for the next command.
std::pair<Line, std::vector<std::string>> parse(std::vector<std::string> const &words) {
    given = {};
    GlobalOptions options;
    OptionSet globals;
    declare_globals(globals, options);
    OptionSet own;
    Line line = sort_words(words, table, globals, [&](Command const &command) -> OptionSet const & {
        command.declare(own);
        return own;
    });
    if (line.help || line.version) {
        return {std::move(line), {}};
    }
    bind_line(line, globals, own);
    return {std::move(line),
            connection_flags(resolve_globals(options, [](char const *) -> char const * { return nullptr; }))};
}

void check_texts(Error const &error) {
    auto const hides = [](std::string const &text) { return text.find(mark) == std::string::npos; };
    Hint const &hint = error.hint();
    require(hides(error.message()) && hides(hint.why), "no message repeats a secret");
    for (std::string const &line : advice_lines(hint.next, {})) {
        require(hides(line), "no advice repeats a secret");
    }
    require(std::all_of(hint.suggestions.begin(), hint.suggestions.end(), hides), "no suggestion repeats a secret");
}

void check(std::vector<std::string> const &words) {
    auto const read = accepted([&] {
        try {
            return parse(words);
        } catch (Error const &error) {
            check_texts(without_secrets(error, words));
            throw;
        }
    });
    if (!read) {
        return;
    }
    auto const &[line, next_flags] = *read;
    if (line.help || line.version) {
        return;
    }
    for (std::string const &word : next_flags) {
        require(word.find(mark) == std::string::npos, "the next command does not repeat a secret");
    }
    for (std::string const &word : line.positionals) {
        require(std::find(words.begin(), words.end(), word) != words.end(), "a word arrives whole");
    }
    require(line.command != nullptr, "a line that is accepted names a command");
    require(line.command->declare != declare_rotate || given.words == line.positionals,
            "each word arrives once, in order");
    require(!given.number || (*given.number >= 1 && *given.number <= 1000), "a number is within its bounds");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const *data, std::size_t size) {
    // Words end with a NUL, as in argv; a $ becomes a secret.
    std::string_view rest(reinterpret_cast<char const *>(data), size);
    if (rest.find(mark) != std::string_view::npos) {
        return 0;  // libFuzzer has found the password; on its own, nothing shows that it is one
    }
    std::vector<std::string> words;
    while (!rest.empty() && words.size() < 200) {
        std::string word(rest.substr(0, rest.find('\0')));
        rest.remove_prefix(std::min(word.size() + 1, rest.size()));
        for (std::size_t at = word.find('$'); at != std::string::npos; at = word.find('$', at + secret.size())) {
            word.replace(at, 1, secret);
        }
        words.push_back(std::move(word));
    }
    check(words);
    asks_for_json(words, nullptr);
    return 0;
}
