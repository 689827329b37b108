#pragma once

#include "cli/output/document.hpp"
#include "relay/registry/registry.hpp"

namespace relay::cli {

/// Returns an agent of the registry: the item of a list, and the beginning of the document about one.
Record registered_record(RegisteredAgent const &agent);
/// Returns an agent for the columns of a list.
RegisteredAgent sample_registered();
/// "late by 28 s", "draining", "gone without a word"; nothing if there is nothing to say.
std::string registered_note(RegisteredAgent const &agent);

std::vector<Record> instance_records(std::vector<Instance> const &instances);

}  // namespace relay::cli
