#pragma once

#include "cli/context.hpp"
#include "cli/output/document.hpp"

#include <string>
#include <vector>

namespace relay::cli {

/// The fields of a list that the user chose (`--fields`), in the order in which they were asked for. People
/// and machines get the same ones, and no others.
class FieldChoice {
  public:
    /// `fields`: keys, as in JSON; empty: everything. `all`: a record of the list. Throws Error (usage): a field that
    /// it does not have, or that is given twice; with `-o id`, which has no fields.
    FieldChoice(std::vector<std::string> fields, Record const &all, OutputFormat format);

    Record of(Record record) const;

  private:
    std::vector<std::string> m_fields;
};

}  // namespace relay::cli
