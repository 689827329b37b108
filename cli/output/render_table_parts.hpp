#pragma once

#include "cli/output/document.hpp"
#include "cli/output/table_fit.hpp"

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

/// Rows under headers, with those columns that have a label. A row's cells are found by key, so a row may lack fields. At
/// a terminal the columns are fitted (table_fit.hpp); if that is impossible, each row becomes a record, one below the
/// other.
///
/// The widths are those of the `first` rows, because a list may be longer than memory: a wider cell that comes later
/// moves the rest of its line to the right, or is cut if its column may be.
class Table {
  public:
    Table(Record const &columns, std::vector<Record> const &first, Reader const &reader);
    ~Table();
    Table(Table const &) = delete;
    Table &operator=(Table const &) = delete;

    std::string header() const;
    void add(Record const &row, std::string &text);
    /// Returns a note that names the columns that did not fit; none if all did.
    std::vector<std::string> notes() const;

  private:
    struct Column;
    void lay_out(std::vector<Record> const &first);
    void add_as_record(Record const &row, std::string &text);
    Value const *cell(Column &column, Record const &row) const;

    std::vector<Column> m_columns;
    Reader m_reader;
    TimeForm m_form = TimeForm::both;
    bool m_as_records = false;
    bool m_is_empty = true;
};

/// Returns a record as labelled lines. Fields without a label or a value are omitted. At a terminal, long values are
/// wrapped beside their label.
std::string record_text(Record const &record, Reader const &reader, std::size_t indent = 0);

}  // namespace relay::cli
