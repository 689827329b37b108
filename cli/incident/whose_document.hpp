#pragma once

#include "cli/output/document.hpp"
#include "relay/inspect/whose.hpp"

namespace relay::cli {

struct FileScan;

/// Returns a key and its owner. `scan` is the text in which it was found; null: it was looked up by an id.
Record whose_record(Whose const &whose, FileScan const *scan);

/// Returns a list of them without a stamp: the table that `whois` prints, and that `revoke --scan` shows before it asks.
Document whose_document(std::vector<Whose> const &items, FileScan const *scan);

}  // namespace relay::cli
