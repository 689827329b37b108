#pragma once

#include "cli/output/document.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

/// The parts of the table format, which `render.hpp` puts together. Text is escaped for the terminal.
namespace relay::cli {

/// The reader of a table: a person at a terminal, or a pipe.
struct Reader {
    std::optional<std::size_t> columns{};  ///< width of the terminal; none: a pipe, where nothing is cut or wrapped
    std::optional<Instant> now{};  ///< show how far instants are from it; only at a terminal
};

/// Returns a value as people see it: as plain_text, and for a reader with a clock, each instant with its distance from
/// now.
std::string people_text(Value const &value, Reader const &reader);

struct ListText {
    std::string text{};
    std::vector<std::string> left_out{};  ///< labels of the columns that did not fit
};

/// Returns rows under headers, with those `columns` that have a label. A row's cells are found by key, so a row may
/// lack fields. At a terminal the columns are fitted (table_fit.hpp); if that is impossible, each row becomes a record,
/// one below the other.
ListText list_text(Record const &columns, std::vector<Record> const &items, Reader const &reader);

/// Returns a record as labelled lines. Fields without a label or a value are omitted. At a terminal, long values are
/// wrapped beside their label.
std::string record_text(Record const &record, Reader const &reader, std::size_t indent = 0);

}  // namespace relay::cli
