#pragma once

#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <utility>
#include <vector>

/// Reads structured fields of HTTP, RFC 8941: only so much that members of other labels are skipped.
namespace gateway {

/// The request claims to be signed, and cannot be: it says why.
struct Malformed : std::runtime_error {
    using std::runtime_error::runtime_error;
};

using Parameters =
    std::vector<std::pair<std::string_view, std::string_view>>;  ///< name and value; a name alone: no value

/// Reads a text from left to right. Throws Malformed.
class Reader {
  public:
    explicit Reader(std::string_view text) : m_text(text) {}

    bool at_end() const { return m_at == m_text.size(); }
    std::size_t at() const { return m_at; }
    /// Takes the next character, or several, if they are these.
    bool take(char one);
    bool take(std::string_view text);
    /// Skips blanks; returns how many.
    std::size_t blanks(std::string_view set = " ");
    std::string_view key();
    Parameters parameters();
    /// An item or an inner list, with its parameters.
    void value();
    void require(bool holds) const;

  private:
    char next() const { return at_end() ? '\0' : m_text[m_at]; }
    template <typename Is>
    std::size_t run(Is const &is);
    void string();
    void number();
    std::string_view bare_item();
    void inner_list();

    std::string_view m_text;
    std::size_t m_at = 0;
};

/// Returns the value of the member `label` of a dictionary, as text; nothing: it has none. Throws Malformed.
std::optional<std::string_view> member(std::string_view text, std::string_view label);

bool is_in(char one, std::string_view set);
bool is_digit(char one);
bool is_lower(char one);
bool is_letter(char one);
bool is_token(char one);  ///< of a token of HTTP, such as a method

}  // namespace gateway
