#include "relay/scan/log_lines.hpp"

#include <algorithm>
#include <utility>

namespace relay::scan {
namespace {

/// Returns whether a line may have something that the next one continues: what is at its end may be a part of a key, of a run, or
/// of a field of JSON; or it may be a line of a dump, which has two blanks somewhere. `after` is what follows the line.
bool may_continue(std::string_view line, std::string_view after) {
    constexpr std::string_view key = "relay";
    line.remove_suffix(line.ends_with('\r') ? 1 : 0);
    std::size_t const blank = line.find_last_of(" \t");
    std::string_view const end = line.substr(blank == line.npos ? 0 : blank + 1);
    bool const is_word = end.size() > 1 && is_key_character(end.back()) && end.find('\x1b') == end.npos;
    if (!is_word || end.size() >= Runs::shortest || end.find(key) != end.npos) {
        return true;
    }
    for (std::size_t size = 1; size < key.size(); ++size) {
        if (end.ends_with(key.substr(0, size))) {  // many words end with `r` or `re`
            std::string_view const next = after.substr(0, longest_log_prefix);
            return next.size() < longest_log_prefix || next.find(key.substr(size)) != next.npos;
        }
    }
    return line.find("  ") != line.npos;
}

}  // namespace

void LogLines::feed(std::string_view piece) {
    for (std::size_t at = 0; at < piece.size();) {
        std::string_view const left = piece.substr(at);
        std::uint64_t const offset = m_read + at;
        switch (m_state) {
            case State::prefix: at += take_prefix(left, offset); break;
            case State::text: at += take_text(left, offset); break;
            case State::json: at += take_json(left, offset); break;
            case State::rest:
                at = std::min(piece.find('\n', at), piece.size() - 1) + 1;
                m_state = piece[at - 1] == '\n' ? State::prefix : State::rest;
                break;
        }
    }
    m_read += piece.size();
}

void LogLines::end() {
    if (m_state == State::prefix && m_head_size > 0) {
        begin_text({m_head.value.data(), m_head_size}, m_read - m_head_size);
    }
    m_text.end();
    m_state = State::prefix;
    m_head_size = 0;
    m_is_part = false;
    m_ended = false;
    m_read = 0;
}

/// Takes the start of a line, up to its end or the longest prefix.
std::size_t LogLines::take_prefix(std::string_view piece, std::uint64_t offset) {
    std::string_view const head = piece.substr(0, std::min(piece.find('\n'), longest_log_prefix - m_head_size));
    bool const is_whole = head.size() < piece.size() || m_head_size + head.size() == longest_log_prefix;
    if (m_head_size == 0 && !m_text.is_open()) {
        std::size_t const line_end = piece.find('\n');
        if (line_end != piece.npos && !may_continue(piece.substr(0, line_end), piece.substr(line_end))) {
            m_ended = true;
            return line_end + 1;
        }
    }
    if (m_head_size == 0 && is_whole) {
        begin_text(head, offset);
        return head.size();
    }
    std::copy(head.begin(), head.end(), m_head.value.begin() + static_cast<std::ptrdiff_t>(m_head_size));
    m_head_size += head.size();
    if (is_whole) {
        std::size_t const size = std::exchange(m_head_size, 0);
        begin_text({m_head.value.data(), size}, offset + head.size() - size);
    }
    return head.size();
}

void LogLines::begin_text(std::string_view head, std::uint64_t offset) {
    LogPrefix const prefix = read_log_prefix(head);
    if (prefix.size == 0) {
        m_state = State::rest;
        return;
    }
    if (m_ended && !prefix.joins) {
        m_text.put('\n', {.offset = offset});
    }
    m_is_part = prefix.is_part;
    m_ended = !m_is_part;
    m_escaped = false;
    m_line_end = false;
    m_state = prefix.is_json ? State::json : State::text;
    head.remove_prefix(prefix.size);
    for (std::size_t at = 0; at < head.size();) {
        std::string_view const left = head.substr(at);
        at += m_state == State::json   ? take_json(left, offset + prefix.size + at)
              : m_state == State::text ? take_text(left, offset + prefix.size + at)
                                       : left.size();
    }
}

std::size_t LogLines::take_text(std::string_view piece, std::uint64_t offset) {
    std::string_view const text = piece.substr(0, piece.find('\n'));
    bool const ends = text.size() < piece.size();
    m_text.read(text.substr(0, text.size() - (ends && text.ends_with('\r') ? 1 : 0)), offset);
    m_state = ends ? State::prefix : State::text;
    return text.size() + (ends ? 1 : 0);
}

/// Takes a string of JSON up to its closing quote, with its escapes.
std::size_t LogLines::take_json(std::string_view piece, std::uint64_t offset) {
    std::size_t size = 0;
    for (; size < piece.size(); ++size) {
        char const c = piece[size];
        if (c == '\n' || (c == '"' && !m_escaped)) {
            m_state = State::rest;
            m_ended = !m_is_part || m_line_end;
            break;
        }
        m_line_end = m_escaped && c == 'n';
        m_escaped = c == '\\' && !m_escaped;
    }
    m_text.read(piece.substr(0, size), offset);
    return size;
}

}  // namespace relay::scan
