#include "cli/command.hpp"
#include "cli/command_line/options.hpp"
#include "cli/context.hpp"
#include "cli/documents/fields.hpp"
#include "cli/manual/exit_table.hpp"
#include "cli/manual/help_layout.hpp"
#include "cli/manual/reason_table.hpp"
#include "cli/output/command_text.hpp"
#include "cli/output/output.hpp"
#include "cli/output/text_width.hpp"
#include "relay/model/error.hpp"
#include "relay/model/text.hpp"

#include <algorithm>
#include <memory>

namespace relay::cli::explain_command {

namespace {

/// A reason, or an exit code.
struct Topic {
    std::string name{};
    std::optional<int> exit_code{};
    std::string meaning{};
    std::string next{};

    bool is_called(std::string const &word) const {
        return name == word || (exit_code && std::to_string(*exit_code) == word);
    }
};

std::vector<Topic> all_topics() {
    std::vector<Topic> topics;
    for (Reason const &reason : reason_table()) {
        topics.push_back({std::string(reason.name), {}, std::string(reason.meaning), std::string(reason.next)});
    }
    for (ExitCode const &code : exit_table()) {
        topics.push_back({code.name, code.code, code.meaning, code.next});
    }
    return topics;
}

std::vector<Topic> topics_called(std::string const &word) {
    std::vector<Topic> topics = all_topics();
    std::vector<std::string> names;
    std::transform(topics.begin(), topics.end(), std::back_inserter(names), [](Topic const &one) { return one.name; });
    std::erase_if(topics, [&](Topic const &one) { return !one.is_called(word); });
    if (topics.empty()) {
        throw Error(ErrorKind::usage, quote_for_message(word) + " is neither a reason nor an exit code",
                    {.next = own_command({"explain"}), .suggestions = closest(word, names)});
    }
    return topics;
}

Record topic_record(Topic const &topic) {
    return {
        machine_only("topic", topic.exit_code ? "exit_code" : "reason"),
        {"name", "Name", topic.name},
        {"code", "Code", topic.exit_code ? Value(*topic.exit_code) : Value()},
        {"meaning", "Meaning", topic.meaning},
        {"next", "Next", topic.next},
    };
}

/// One topic in full.
std::string page_of(Topic const &topic) {
    std::string const title = topic.exit_code
                                  ? "exit code " + std::to_string(*topic.exit_code) + " (" + topic.name + ')'
                                  : "reason " + topic.name;
    std::vector<HelpEntry> const lines{{"meaning", topic.meaning}, {"next", topic.next}};
    return title + '\n' + two_columns(lines, column_for(lines));
}

/// The names and meanings of all topics.
std::string overview(std::vector<Topic> const &topics) {
    std::vector<HelpEntry> reasons;
    std::vector<HelpEntry> codes;
    for (Topic const &topic : topics) {
        if (topic.exit_code) {
            codes.push_back({pad_left(std::to_string(*topic.exit_code), 3) + "  " + topic.name, topic.meaning});
        } else {
            reasons.push_back({topic.name, topic.meaning});
        }
    }
    return "Reasons:\n" + two_columns(reasons, column_for(reasons)) + "\nExit codes:\n" +
           two_columns(codes, column_for(codes));
}

ExitStatus run(std::optional<std::string> const &word, Context &context) {
    std::vector<Topic> const topics = word ? topics_called(*word) : all_topics();
    if (context.globals().format == OutputFormat::table) {
        std::string text = word ? "" : overview(topics);
        for (Topic const &topic : word ? topics : std::vector<Topic>()) {
            text += (text.empty() ? "" : "\n") + page_of(topic);
        }
        context.output().print(text);
        return ExitStatus::ok;
    }
    Document document{.kind = "ExplanationList", .id_key = "name", .is_list = true};
    document.columns = blank(topic_record({}));
    std::transform(topics.begin(), topics.end(), std::back_inserter(document.items), topic_record);
    context.output().show(document);
    return ExitStatus::ok;
}

Runner declare(OptionSet &set) {
    auto const word = std::make_shared<std::optional<std::string>>();
    add_positional(
        set, {.names = "REASON|EXIT-CODE", .description = "such as blocked, 9 or unknown (default: list all)"}, *word);
    return [word](Context &context) { return run(*word, context); };
}

}  // namespace

extern Command const command;
Command const command{
    .path = "explain",
    .summary = "explain a reason or an exit code, and what to do",
    .doc =
        R"(Says what a reason means, and what to do about it. A gateway's check ends with a reason, such as blocked or
expired. The audit trail keeps it. `key due` has a reason for each key, too. You can give an exit code as its number, or by
its name, as in JSON errors. Without an argument, the command lists all of them.

It needs no database.

Exit 0: explained. 2: there is no such reason or exit code; the error suggests similar ones.

EXAMPLES
  relay-admin explain agent_mismatch
  relay-admin explain 9
  # list all
  relay-admin explain)",
    .declare = declare,
    .audience = Audience::other,
};

}  // namespace relay::cli::explain_command
