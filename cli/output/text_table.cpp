#include "cli/output/text_table.hpp"

#include "cli/output/text_width.hpp"

#include <algorithm>

namespace relay::cli {

void TextTable::add_column(std::string_view header) {
    std::string capitals(header);
    std::transform(capitals.begin(), capitals.end(), capitals.begin(), [](char letter) {
        return letter >= 'a' && letter <= 'z' ? static_cast<char>(letter - 'a' + 'A') : letter;
    });
    m_headers.push_back(std::move(capitals));
    m_right.push_back(false);
}

std::string TextTable::str() const {
    std::vector<std::size_t> widths;
    for (std::string const &header : m_headers) {
        widths.push_back(display_width(header));
    }
    for (auto const &row : m_rows) {
        for (std::size_t i = 0; i < widths.size(); ++i) {
            widths[i] = std::max(widths[i], display_width(row[i]));
        }
    }
    std::string text;
    auto const add = [&](std::vector<std::string> const &cells) {
        std::string line;
        for (std::size_t i = 0; i < widths.size(); ++i) {
            line += (i == 0 ? "" : "  ");
            line += m_right[i] ? pad_left(cells[i], widths[i]) : pad_right(cells[i], widths[i]);
        }
        line.erase(line.find_last_not_of(' ') + 1);
        text += line + '\n';
    };
    add(m_headers);
    std::for_each(m_rows.begin(), m_rows.end(), add);
    return text;
}

}  // namespace relay::cli
