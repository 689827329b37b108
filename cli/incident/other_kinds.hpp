#pragma once

#include "relay/incident/incident.hpp"
#include "relay/model/error.hpp"

#include <string>
#include <vector>

namespace relay::cli {

class Context;

/// What the ids of a batch are that were not found.
struct OtherKinds {
    std::size_t recognized = 0;  ///< the id of something else, or a name
    std::size_t unknown = 0;  ///< not in this database
    std::size_t not_read = 0;  ///< not looked up, because there are too many, or the database does not answer
};

/// Looks up what the ids are that were not found, at most 20 of them and for at most a second. The error of each that
/// is recognized then says what it is, and gives the command for it alone. Never throws.
OtherKinds explain_unknown(Context &context, std::vector<IncidentItem> &items);

/// Returns the error of one id of a batch, as with_other_kind does; looks at most a second. Never throws.
Error explain_one(Context &context, Error const &error);

/// Returns the last note of a batch in which ids were not found. Empty if every one has its command.
std::string note_of(OtherKinds const &kinds);

}  // namespace relay::cli
