#include "cli/input/csv.hpp"

#include <algorithm>

namespace relay::cli {

namespace {

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

}  // namespace

CsvReader::CsvReader(std::string_view text) : m_text(text) {
    if (m_text.starts_with(byte_order_mark)) {
        m_at = byte_order_mark.size();
    }
}

void CsvReader::skip_line() {
    std::size_t const end = m_text.find('\n', m_at);
    m_at = end == m_text.npos ? m_text.size() : end + 1;
    ++m_line;
}

/// Behind the opening quote. Leaves the place behind the closing one.
bool CsvReader::read_quoted(std::string &field, std::string &fault) {
    while (true) {
        std::size_t const quote = m_text.find('"', m_at);
        if (quote == m_text.npos) {
            fault = "a quoted field that never ends";
            return false;
        }
        field.append(m_text, m_at, quote - m_at);
        m_at = quote + 1;
        if (m_at == m_text.size() || m_text[m_at] != '"') {
            break;
        }
        field += '"';
        ++m_at;
    }
    std::string_view const rest = m_text.substr(m_at);
    if (!rest.empty() && rest.front() != ',' && rest.front() != '\n' && !rest.starts_with("\r\n")) {
        fault = "text behind a quoted field";
        return false;
    }
    return true;
}

/// Returns false at the end of the record, or with a fault.
bool CsvReader::read_field(Record &record) {
    std::string field;
    if (m_at < m_text.size() && m_text[m_at] == '"') {
        ++m_at;
        if (!read_quoted(field, record.fault)) {
            return false;
        }
    } else {
        std::size_t const end = std::min(m_text.find_first_of(",\n", m_at), m_text.size());
        field = m_text.substr(m_at, end - m_at);
        m_at = end;
        if (field.find('"') != field.npos) {
            record.fault = "a quote in a field that is not quoted";
            return false;
        }
        if (field.ends_with('\r') && (m_at == m_text.size() || m_text[m_at] == '\n')) {
            field.pop_back();
        }
    }
    record.fields.push_back(std::move(field));
    if (m_at < m_text.size() && m_text[m_at] == ',') {
        ++m_at;
        return true;
    }
    if (m_text.substr(m_at).starts_with("\r\n")) {
        ++m_at;
    }
    return false;
}

std::optional<CsvReader::Record> CsvReader::next() {
    while (m_at < m_text.size()) {
        std::size_t const start = m_at;
        Record record{.line = m_line};
        while (read_field(record)) {}
        if (!record.fault.empty()) {
            m_at = start;
            skip_line();
            return record;
        }
        m_line += static_cast<std::size_t>(std::count(m_text.begin() + static_cast<std::ptrdiff_t>(start),
                                                      m_text.begin() + static_cast<std::ptrdiff_t>(m_at), '\n')) +
                  1;
        m_at = std::min(m_at + 1, m_text.size());  // the line's end
        if (record.fields.size() > 1 || !record.fields.front().empty()) {
            return record;
        }
    }
    return std::nullopt;
}

}  // namespace relay::cli
