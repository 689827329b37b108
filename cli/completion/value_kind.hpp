#pragma once

#include <string_view>

namespace relay::cli {

/// What completion can offer for a value.
enum class ValueKind {
    text,  ///< nothing: a name, a time, the id of something new
    org,
    agent,
    key,
    role,
    device,
    check,  ///< a check of `doctor`
    file,
    folder,
    command,  ///< a relay-admin command, word by word
    program,  ///< a command line of another program
};

/// Returns the kind for the type name in an option's declaration: "ORG", "AGENT", "KEY-ID", "ROLE", "DEVICE", "CHECK", "FILE",
/// "SINK", "DIR", "COMMAND", "PROGRAM". Choices are text here, because the type name spells them out.
constexpr ValueKind value_kind(std::string_view type) {
    struct Known {
        std::string_view type;
        ValueKind kind;
    };
    constexpr Known known[] = {
        {"ORG", ValueKind::org},         {"AGENT", ValueKind::agent},   {"KEY-ID", ValueKind::key},
        {"ROLE", ValueKind::role},       {"CHECK", ValueKind::check},   {"FILE", ValueKind::file},
        {"SINK", ValueKind::file},       {"DIR", ValueKind::folder},    {"COMMAND", ValueKind::command},
        {"PROGRAM", ValueKind::program}, {"DEVICE", ValueKind::device},
    };
    for (Known const &one : known) {
        if (one.type == type) {
            return one.kind;
        }
    }
    return ValueKind::text;
}

/// Returns true for values that only the database knows.
constexpr bool is_id(ValueKind kind) {
    return kind == ValueKind::org || kind == ValueKind::agent || kind == ValueKind::key || kind == ValueKind::role ||
           kind == ValueKind::device;
}

}  // namespace relay::cli
