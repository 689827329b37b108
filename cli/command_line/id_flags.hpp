#pragma once

#include "cli/command_line/option_set.hpp"

#include <optional>
#include <string>
#include <string_view>

/// Flags and arguments for ids, spelled the same in every command.
namespace relay::cli {

/// An id that can be given as a word or as a flag: `AGENT | --id AGENT`.
struct SpelledId {
    std::optional<std::string> word{};
    std::optional<std::string> flag{};
    std::string_view word_name{};  ///< "AGENT"; set by the declaration, as is flag_name
    std::string_view flag_name{};  ///< "--id"

    /// Returns the text that was given, if any. Throws Error (usage) if word and flag differ.
    std::optional<std::string> given() const;
    /// Returns the text that was given. Throws Error (usage) `missing: AGENT` if there is none.
    std::string required() const;
};

/// `AGENT | --id,--agent,--agent-id AGENT`, for an existing agent.
void add_agent(OptionSet &set, SpelledId &target);
/// The same for a new agent; without them its id is generated.
void add_new_agent(OptionSet &set, SpelledId &target);
/// `ORG | --id,--org,--org-id ORG`.
void add_org(OptionSet &set, SpelledId &target);
void add_new_org(OptionSet &set, SpelledId &target);
/// `ROLE | --id,--role,--role-id ROLE`.
void add_role(OptionSet &set, SpelledId &target);
void add_new_role(OptionSet &set, SpelledId &target);
/// `ROLE` as a word only, because other words follow it.
void add_role_word(OptionSet &set, SpelledId &target);
/// `PLAN | --id,--plan-id PLAN`.
void add_plan(OptionSet &set, SpelledId &target);
void add_new_plan(OptionSet &set, SpelledId &target);
/// `KEY-ID | --id,--key-id KEY-ID`.
void add_key(OptionSet &set, SpelledId &target);
/// `DEVICE | --id,--device,--device-id DEVICE`.
void add_device(OptionSet &set, SpelledId &target);
/// `AGENT | --agent-id AGENT`, of rotate-key.
void add_rotated_agent(OptionSet &set, SpelledId &target);

enum class Need { optional, required };
/// `--org,--org-id ORG`, if the command is not about the organization itself.
void add_org_flag(OptionSet &set, std::string_view description, std::optional<std::string> &target,
                  Need need = Need::optional);
/// `--agent,--agent-id AGENT`, likewise.
void add_agent_flag(OptionSet &set, std::string_view description, std::optional<std::string> &target);

}  // namespace relay::cli
