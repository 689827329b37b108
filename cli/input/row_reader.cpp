#include "cli/input/row_reader.hpp"

#include "cli/input/blanks.hpp"
#include "cli/input/csv_rows.hpp"
#include "cli/input/json_rows.hpp"
#include "relay/model/text.hpp"

#include <algorithm>

namespace relay::cli {

namespace {

std::string hex_byte(unsigned char byte) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    return {'0', 'x', digits[byte >> 4U], digits[byte & 15U]};
}

}  // namespace

void put_column(InputRow &row, std::string const &column, std::string_view text) {
    std::string_view value = trimmed(text);
    if (value.starts_with("=\"") && value.ends_with('"') && value.size() > 3) {
        value = trimmed(value.substr(2, value.size() - 3));  // how Excel keeps the zeros of ="00123"
    }
    if (!value.empty() && value != "\\N" && value != "NULL") {
        row.columns[column] = value;
    }
}

std::string encoding_fault(std::string_view text) {
    for (std::size_t at = 0; at < text.size();) {
        DecodedCodePoint const point = decode_utf8(text, at);
        if (!point.valid) {
            bool const at_the_end = text.size() - at < 4 && static_cast<unsigned char>(text[at]) >= 0xC2;
            return "byte " + std::to_string(at + 1) + " of it (" + hex_byte(static_cast<unsigned char>(text[at])) +
                   ") is not UTF-8; if the file is " + (at_the_end ? "not cut off but " : "") +
                   "Windows-1252, convert it: iconv -f WINDOWS-1252 -t UTF-8";
        }
        if (point.value == 0) {
            return "byte " + std::to_string(at + 1) + " of it is zero (NUL)";
        }
        at += point.length;
    }
    return {};
}

std::size_t load_line(TextSource &source) {
    while (source.view().find('\n') == std::string_view::npos && source.read_on()) {}
    std::string_view const text = source.view();
    return text.empty() ? std::string_view::npos : std::min(text.find('\n'), text.size());
}

std::vector<std::string> read_rows(TextSource &source, std::string const &name, ColumnMap const &map,
                                   std::vector<std::string> const &known, std::string const &required,
                                   TakeRow const &take, AlsoColumn also) {
    WantedColumns const wanted{map, known, required, also};
    while (is_blank(source.view()) && source.read_on()) {}
    std::string_view const begun = trimmed(source.view());
    if (begun.starts_with('{') || begun.starts_with('[')) {
        return read_json_rows(source, name, wanted, take);
    }
    read_csv_rows(source, name, wanted, take);
    return {};
}

}  // namespace relay::cli
