#include "cli/input/csv.hpp"

#include <algorithm>

namespace relay::cli {

/// Reads a quoted field, from after the opening quote to after the closing one.
bool CsvReader::read_quoted(std::string &field, std::string &fault) {
    while (true) {
        std::size_t const quote = m_text.find('"', m_at);
        if (quote == m_text.npos) {
            fault = "a quoted field that never ends";
            m_at = m_text.size();
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
    if (!rest.empty() && rest.front() != m_separator && rest.front() != '\n' && !rest.starts_with("\r\n")) {
        fault = "text after a quoted field";
        return false;
    }
    return true;
}

/// Reads one field. Returns false at the end of the record, or if there is a fault.
bool CsvReader::read_field(Record &record) {
    std::string field;
    std::string_view const rest = m_text.substr(m_at);
    bool const is_quoted = rest.starts_with('"') || rest.starts_with("=\"");
    if (is_quoted) {
        m_at += rest.front() == '"' ? 1U : 2U;
        if (!read_quoted(field, record.fault)) {
            return false;
        }
    } else {
        char const ends[] = {m_separator, '\n'};
        std::size_t const end = std::min(m_text.find_first_of(std::string_view(ends, 2), m_at), m_text.size());
        field = m_text.substr(m_at, end - m_at);
        m_at = end;
        if (field.find('"') != field.npos) {
            record.fault = "a quote in an unquoted field";
            return false;
        }
        if (field.ends_with('\r') && (m_at == m_text.size() || m_text[m_at] == '\n')) {
            field.pop_back();
        }
    }
    record.fields.push_back(std::move(field));
    record.quoted.push_back(is_quoted);
    if (m_at < m_text.size() && m_text[m_at] == m_separator) {
        ++m_at;
        return true;
    }
    if (m_text.substr(m_at).starts_with("\r\n")) {
        ++m_at;
    }
    return false;
}

/// Reads one record. If it reaches the end of what is in memory, the rest may follow: then reads more and begins again.
CsvReader::Record CsvReader::read_record() {
    while (true) {
        m_text = m_source.view();
        m_at = 0;
        Record record{.line = m_line};
        while (read_field(record)) {}
        bool const at_the_end = m_at + 1 >= m_text.size();
        if (!at_the_end || m_source.ended()) {
            return record;
        }
        if (!m_source.read_on() && !m_source.ended()) {
            record.fault = "longer than 256 KiB, or a quoted field that never ends";
            return record;
        }
    }
}

std::optional<CsvReader::Record> CsvReader::next() {
    while (!m_source.view().empty() || m_source.read_on()) {
        Record record = read_record();
        if (!record.fault.empty()) {
            m_source.skip_line();
            ++m_line;
            return record;
        }
        m_line += static_cast<std::size_t>(
                      std::count(m_text.begin(), m_text.begin() + static_cast<std::ptrdiff_t>(m_at), '\n')) +
                  1;
        m_source.take(std::min(m_at + 1, m_text.size()));  // and the line end
        if (record.fields.size() > 1 || !record.fields.front().empty()) {
            return record;
        }
    }
    return std::nullopt;
}

}  // namespace relay::cli
