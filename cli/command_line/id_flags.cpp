#include "cli/command_line/id_flags.hpp"

#include "cli/command_line/options.hpp"
#include "relay/model/error.hpp"
#include "relay/model/text.hpp"

namespace relay::cli {

namespace {

struct Spelling {
    std::string_view word;  ///< "AGENT"
    std::string_view description;
    std::string_view flags;  ///< "--id,--agent,--agent-id"
    std::string_view flag_name = "--id";  ///< the one that errors name
    std::string_view type{};  ///< empty: the same as `word`
    std::string_view flag_description = "the same, as a flag";
};

void add(OptionSet &set, Spelling const &spelling, SpelledId &target) {
    std::string_view const type = spelling.type.empty() ? spelling.word : spelling.type;
    target.word_name = spelling.word;
    target.flag_name = spelling.flag_name;
    add_positional(set, {.names = spelling.word, .type = type, .description = spelling.description}, target.word);
    if (!spelling.flags.empty()) {
        add_value(set, {.names = spelling.flags, .type = type, .description = spelling.flag_description}, target.flag);
    }
}

constexpr std::string_view agent_flags = "--id,--agent,--agent-id";
constexpr std::string_view org_flags = "--id,--org,--org-id";
constexpr std::string_view role_flags = "--id,--role,--role-id";
constexpr std::string_view plan_flags = "--id,--plan-id";

}  // namespace

std::optional<std::string> SpelledId::given() const {
    if (word && flag && *word != *flag) {
        throw Error(ErrorKind::usage, std::string(word_name) + " is " + quote_for_message(*word) + ", but " +
                                          std::string(flag_name) + " is " + quote_for_message(*flag) +
                                          "; give only one of them");
    }
    return word ? word : flag;
}

std::string SpelledId::required() const {
    auto text = given();
    if (!text) {
        throw Error(ErrorKind::usage, "missing: " + std::string(word_name),
                    {.next = "give it as " + std::string(word_name) + " or as " + std::string(flag_name)});
    }
    return *std::move(text);
}

void add_agent(OptionSet &set, SpelledId &target) {
    add(set, {.word = "AGENT", .description = "the agent", .flags = agent_flags}, target);
}

void add_new_agent(OptionSet &set, SpelledId &target) {
    add(set,
        {.word = "AGENT",
         .description = "id of the new agent (default: generated)",
         .flags = agent_flags,
         .type = "ID"},
        target);
}

void add_org(OptionSet &set, SpelledId &target) {
    add(set, {.word = "ORG", .description = "the organization", .flags = org_flags}, target);
}

void add_new_org(OptionSet &set, SpelledId &target) {
    add(set,
        {.word = "ORG",
         .description = "id of the new organization (default: generated)",
         .flags = org_flags,
         .type = "ID"},
        target);
}

void add_role(OptionSet &set, SpelledId &target) {
    add(set, {.word = "ROLE", .description = "the role", .flags = role_flags}, target);
}

void add_new_role(OptionSet &set, SpelledId &target) {
    add(set, {.word = "ROLE", .description = "id of the new role", .flags = role_flags, .type = "ID"}, target);
}

void add_plan(OptionSet &set, SpelledId &target) {
    add(set, {.word = "PLAN", .description = "the plan", .flags = plan_flags}, target);
}

void add_new_plan(OptionSet &set, SpelledId &target) {
    add(set, {.word = "PLAN", .description = "id of the new plan", .flags = plan_flags, .type = "ID"}, target);
}

void add_role_word(OptionSet &set, SpelledId &target) {
    add(set, {.word = "ROLE", .description = "the role", .flags = {}}, target);
}

void add_key(OptionSet &set, SpelledId &target) {
    add(set,
        {.word = "KEY-ID",
         .description = "the key's id (12 characters), not the key",
         .flags = "--id,--key-id",
         .flag_name = "--key-id"},
        target);
}

void add_device(OptionSet &set, SpelledId &target) {
    add(set, {.word = "DEVICE", .description = "the device", .flags = "--id,--device,--device-id"}, target);
}

void add_rotated_agent(OptionSet &set, SpelledId &target) {
    add(set,
        {.word = "AGENT",
         .description = "the agent's id",
         .flags = "--agent-id",
         .flag_name = "--agent-id",
         .flag_description = "the same, as a flag"},
        target);
}

void add_org_flag(OptionSet &set, std::string_view description, std::optional<std::string> &target, Need need) {
    add_value(
        set, {.names = "--org,--org-id", .type = "ORG", .description = description, .required = need == Need::required},
        target);
}

void add_agent_flag(OptionSet &set, std::string_view description, std::optional<std::string> &target) {
    add_value(set, {.names = "--agent,--agent-id", .type = "AGENT", .description = description}, target);
}

}  // namespace relay::cli
