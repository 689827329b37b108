#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace relay {

/// What the operators call a database, and whether they have marked it as production. `relay.name_database` writes it
/// into the comment of schema relay, so that it is there for each login, before the version of the schema is known.
struct DatabaseLabel {
    std::optional<std::string> name{};  ///< none: it has no name yet
    bool production = false;
    bool operator==(DatabaseLabel const &) const = default;
};

/// Reads the comment of schema relay: `database NAME` or `production database NAME`. Any other text is not ours: no
/// name.
DatabaseLabel read_label(std::optional<std::string> const &comment);

/// Returns "eu-west (production)", for people; empty without a name.
std::string describe(DatabaseLabel const &label);

}  // namespace relay
