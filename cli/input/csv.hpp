#pragma once

#include "cli/input/text_source.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace relay::cli {

/// Reads CSV as in RFC 4180: fields separated by commas or another character; quoted fields may contain separators,
/// doubled quotes and line ends; lines end with LF or CRLF. A field `="00123"`, as Excel writes it to keep the zeros,
/// is a quoted one. If a record is malformed, reading continues at the next line.
class CsvReader {
  public:
    /// `source` must outlive the reader; it is at the start of line `line`.
    explicit CsvReader(TextSource &source, char separator = ',', std::size_t line = 1)
        : m_source(source), m_separator(separator), m_line(line) {}

    struct Record {
        std::size_t line = 0;  ///< where the record begins; the first line is 1
        std::vector<std::string> fields{};
        std::vector<bool> quoted{};  ///< which of the fields were in quotes
        std::string fault{};  ///< why the record is malformed; `fields` is then meaningless
    };
    /// Returns the next record that is not an empty line; none at the end.
    std::optional<Record> next();

  private:
    Record read_record();
    bool read_field(Record &record);
    bool read_quoted(std::string &field, std::string &fault);

    TextSource &m_source;
    char m_separator;
    std::string_view m_text{};  ///< the part in memory
    std::size_t m_at = 0;  ///< position in m_text
    std::size_t m_line;
};

}  // namespace relay::cli
