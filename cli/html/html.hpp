#pragma once

#include "relay/model/time.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// HTML that is put together from parts. Markup has type Html. Text becomes Html only through escape(), so a variable
/// cannot add markup by mistake.
namespace relay::cli::html {

class Html {
  public:
    Html() = default;
    /// Takes only literals: the program's own markup.
    template <std::size_t N>
    Html(char const (&literal)[N]) : m_text(literal, N - 1) {}

    std::string const &text() const { return m_text; }
    bool empty() const { return m_text.empty(); }
    Html &operator+=(Html const &more) {
        m_text += more.m_text;
        return *this;
    }
    friend Html operator+(Html one, Html const &other) { return one += other; }

  private:
    friend Html escape(std::string_view text);
    std::string m_text{};
};

/// Escapes text for an element or an attribute: `& < > " '` become entities. Invisible characters and
/// malformed bytes, which no page should pass on, become visible escapes (escape_for_terminal).
Html escape(std::string_view text);
Html number(std::int64_t value);

struct Attribute {
    Html name;
    Html value;
};
using Attributes = std::vector<Attribute>;

/// `<name a="...">content</name>`
Html element(Html const &name, Attributes const &attributes, Html const &content);
inline Html element(Html const &name, Html const &content) { return element(name, {}, content); }

/// `<time datetime="2026-11-22T06:12:00Z">2026-11-22 06:12 UTC</time>`
Html time(Instant at);
/// As time(), but shows only the day.
Html day(Instant at);

}  // namespace relay::cli::html
