#pragma once

#include "cli/input/row_reader.hpp"
#include "relay/legacy/import.hpp"

#include <map>
#include <set>
#include <string>
#include <vector>

namespace relay::cli {

/// Returns the names of the columns of an inventory.
std::vector<std::string> const &legacy_columns();

/// Turns columns of texts, from a file or a table, into rows to import, and remembers what was not understood.
class LegacyRows {
  public:
    using Columns = std::map<std::string, std::string>;

    /// `words` are those that mean revoked in the column `revoked`; if there are none, a yes and a time do.
    explicit LegacyRows(std::vector<std::string> words) : m_words(std::move(words)) {}

    LegacyRow make(std::size_t line, Columns columns, std::string fault = {});
    LegacyRow make(InputRow row);

    /// Returns what the user must know about the rows so far. `unused` are names in --map that no row has.
    std::vector<std::string> warnings(std::vector<std::string> const &unused = {}) const;

  private:
    void read_revocation(LegacyRow &row, Columns &columns);

    std::vector<std::string> m_words;
    std::set<std::string> m_used{};  ///< of m_words
    std::set<std::string> m_unknown{};  ///< the first texts that mean neither yes nor no
};

}  // namespace relay::cli
