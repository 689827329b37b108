#pragma once

#include "cli/output/document.hpp"
#include "relay/identity/records.hpp"

#include <string>
#include <vector>

namespace relay::cli {

/// Returns a block or revocation in force as the item of a list.
Record standing_record(Standing const &standing);
std::vector<Record> standing_records(std::vector<Standing> const &standing);

/// Returns "BLOCKED since 2026-11-22T01:02:03Z by ana (role relay_responder), INC-42: key seen in a public log".
Phrase describe_standing(Standing const &standing);

/// Returns each of them in words.
Phrase describe_standing(std::vector<Standing> const &standing);

/// Returns only `status` if nothing is in force; otherwise each block and revocation in words.
Phrase describe_status(Status status, std::vector<Standing> const &standing);

}  // namespace relay::cli
