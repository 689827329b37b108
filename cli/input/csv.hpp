#pragma once

#include "cli/input/text_source.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace relay::cli {

/// Reads CSV by RFC 4180: fields parted by commas, quoted ones may hold commas, quotes (doubled) and line ends; LF or CRLF. A record that is
/// broken does not take the rest with it: the reading goes on at the next line.
class CsvReader {
  public:
    /// `source` must outlive the reader; a byte order mark at its start is passed over.
    explicit CsvReader(TextSource &source);

    struct Record {
        std::size_t line = 0;  ///< on which it begins; the first is 1
        std::vector<std::string> fields{};
        std::string fault{};  ///< why it is broken; then `fields` says nothing
    };
    /// The next record that is not an empty line; none at the end.
    std::optional<Record> next();

  private:
    Record read_record();
    bool read_field(Record &record);
    bool read_quoted(std::string &field, std::string &fault);
    void skip_line();

    TextSource &m_source;
    std::string_view m_text{};  ///< what of it is in memory
    std::size_t m_at = 0;  ///< in that
    std::size_t m_line = 1;
};

}  // namespace relay::cli
