#pragma once

#include "cli/output/document.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

/// The parts of the table format: what `render.hpp` puts together. Text is escaped for the terminal.
namespace relay::cli {

/// For whom a table is made.
struct Reader {
    std::optional<std::size_t>
        columns{};  ///< of the terminal; none: a pipe, which gets everything, nothing cut, on one line
    std::optional<Instant> now{};  ///< instants are told with their distance from it; only at a terminal
};

/// What people see of a value: as plain_text, and for a reader with a clock each instant with its distance from now.
std::string people_text(Value const &value, Reader const &reader);

struct ListText {
    std::string text{};
    std::vector<std::string> left_out{};  ///< labels of the columns for which there was no room
};

/// Columns under headers, those of `columns` that have a label; a row's cells are found by key, so that a row may leave fields out.
/// For a terminal they are fitted (table_fit.hpp); where they cannot be, one record stands below the other.
ListText list_text(Record const &columns, std::vector<Record> const &items, Reader const &reader);

/// Labelled lines for one thing. Fields without a label or a value are left out. For a terminal long values are wrapped beside their label.
std::string record_text(Record const &record, Reader const &reader, std::size_t indent = 0);

}  // namespace relay::cli
