#include "relay/scan/matcher.hpp"

#include "relay/crypto/key_format.hpp"
#include "relay/scan/characters.hpp"

namespace relay::scan {
namespace {

constexpr std::size_t longest_gap_in_key = 256;

constexpr Table<bool> key_characters(is_key_character);
constexpr Table<bool> alphanumeric(is_letter_or_digit);
constexpr Table<bool> id_characters([](char c) { return KeyId::alphabet.find(c) != std::string_view::npos; });

/// Returns whether a key that begins with `text` may have `c` next.
bool may_follow(std::string_view text, char c) {
    std::size_t const at = text.size();
    if (at < detail::prefix_length) {
        auto const begins = [&](KeyType type) {
            std::string_view const prefix = detail::prefix_of(type);
            return prefix[at] == c && prefix.starts_with(text);
        };
        return begins(KeyType::agent) || begins(KeyType::org_admin) || begins(KeyType::device);
    }
    if (at < detail::separator_at) {
        return id_characters[c];
    }
    return at == detail::separator_at ? c == '_' : alphanumeric[c];
}

}  // namespace

Matcher::Candidate::Candidate() : text(ApiKey::length) {}

Matcher::Matcher(Collector &collector, std::vector<Encoding> const &layers)
    : m_collector(&collector), m_layers(&layers) {}

/// Sets aside what has begun, if a markup begins with the last character and this one.
void Matcher::begin_markup(char c) {
    bool const is_tag = m_before == '<' && (is_letter(c) || c == '/' || c == '!');
    if (!is_tag && !(m_before == '\x1b' && c == ']')) {
        return;
    }
    Candidate &candidate = m_old.size > 0 ? m_old : m_young;
    if (candidate.size > 0) {
        drop(m_around);
        std::swap(m_around, candidate);
        m_around.start.marks |= mark(is_tag ? Encoding::html : Encoding::ansi);
        m_markup_end = is_tag ? '>' : '\a';
    }
}

/// Looks for the end of the markup in which something was set aside.
void Matcher::pass_markup(char c) {
    if (c != m_markup_end) {
        if (++m_around.gap > longest_gap_in_key) {
            drop(m_around);
        }
    } else if (m_old.size > 0) {
        drop(m_around);
    } else {
        Candidate &candidate = m_around.size >= detail::prefix_length ? m_old : m_young;
        drop(candidate);
        std::swap(candidate, m_around);
    }
}

void Matcher::match(char c, Origin const &origin) {
    ++m_collector->steps;
    begin_markup(c);
    m_before = c;
    if (m_around.size > 0) {
        pass_markup(c);
    }
    if (key_characters[c]) {
        if (m_old.size > 0) {
            take(m_old, c, origin);
        }
        if (m_young.size > 0) {
            take(m_young, c, origin);
            if (m_young.size == detail::prefix_length) {
                drop(m_old);
                std::swap(m_old, m_young);
            }
        }
        if (c == 'r' && m_young.size == 0) {
            take(m_young, c, origin);
        }
        return;
    }
    if (m_old.size > 0) {
        skip(m_old, c, origin);
    }
    if (m_young.size > 0) {
        skip(m_young, c, origin);
    }
    if (c == '\r' && m_young.size == 0) {
        take(m_young, 'r', origin);
        m_young.gap = longest_gap_in_key;  // only for an `e` that comes next
    }
}

void Matcher::end() {
    drop(m_old);
    drop(m_young);
    drop(m_around);
    m_before = '\0';
}

void Matcher::skip(Candidate &candidate, char c, Origin const &origin) {
    if (++candidate.gap > longest_gap_in_key) {
        drop(candidate);
        return;
    }
    bool const line_end = c == '\n' || c == '\r';
    candidate.start.marks |= origin.marks | mark(line_end ? Encoding::line_ends : Encoding::separators);
    candidate.id_on_one_line = candidate.id_on_one_line && !(line_end && candidate.size < detail::separator_at);
}

void Matcher::take(Candidate &candidate, char c, Origin const &origin) {
    if (!may_follow(candidate.text.reveal().substr(0, candidate.size), c)) {
        drop(candidate);
        return;
    }
    if (candidate.size == 0) {
        candidate.start = origin;
        candidate.id_on_one_line = true;
    }
    candidate.start.marks |= origin.marks;
    candidate.start.outer |= origin.outer;
    candidate.text.writable()[candidate.size++] = c;
    candidate.gap = 0;
    if (candidate.size == ApiKey::length) {
        judge(candidate);
    }
}

void Matcher::judge(Candidate &candidate) {
    std::string_view const text = candidate.text.reveal();
    if (detail::find_fault(text) != detail::KeyFault::none) {
        drop(candidate);
        return;
    }
    // Characters between a line end and the rest of a key are its indentation.
    if ((candidate.start.marks & mark(Encoding::line_ends)) != 0) {
        candidate.start.marks &= ~mark(Encoding::separators);
    }
    m_collector->found(text, m_collector->place_of(candidate.start, *m_layers));
    candidate.size = 0;
}

void Matcher::drop(Candidate &candidate) {
    // An id that goes over a line end may be made of two lines that do not belong together.
    if (candidate.size >= detail::separator_at && candidate.id_on_one_line) {
        m_collector->cut(candidate.text.reveal().substr(detail::key_id_at, KeyId::length),
                         m_collector->place_of(candidate.start, *m_layers));
    }
    candidate.size = 0;
    candidate.gap = 0;
}

}  // namespace relay::scan
