#pragma once

#include "relay/crypto/secret_buffer.hpp"
#include "relay/scan/findings.hpp"

#include <cstddef>

namespace relay::scan {

/// Finds keys in one text, which it gets character by character.
///
/// There are no word borders: the key's checksum is its border. Inside a key, every character that a key cannot have is
/// skipped (line ends with their indentation, `> `, zero-width characters, a backslash), up to 256 of them in a row, and so
/// is markup: a tag of HTML, and a string of the terminal such as a link (`ESC ] 8;;URL BEL`). A carriage return counts
/// as the `r` at the start of a key, because `\relay_sk_...` reads like an escape.
class Matcher {
  public:
    Matcher(Collector &collector, std::vector<Encoding> const &layers);
    void put(char c, Origin const &origin) {
        if (!idle() || c == 'r' || c == '\r') {
            match(c, origin);
        }
    }
    /// Ends the text: what is not complete is cut.
    void end();
    /// Returns whether no key has begun.
    bool idle() const { return m_young.size == 0 && m_old.size == 0 && m_around.size == 0; }

  private:
    /// A text that is a key so far.
    struct Candidate {
        SecretBuffer text;
        std::size_t size = 0;
        std::size_t gap = 0;  ///< the characters that were skipped since the last one of the key
        bool id_on_one_line = true;
        Origin start{};
        Candidate();
    };

    void match(char c, Origin const &origin);
    void begin_markup(char c);
    void pass_markup(char c);
    void skip(Candidate &candidate, char c, Origin const &origin);
    void take(Candidate &candidate, char c, Origin const &origin);
    void drop(Candidate &candidate);
    void judge(Candidate &candidate);

    Collector *m_collector;
    std::vector<Encoding> const *m_layers;
    // Two are enough: `_` ends every candidate that has its prefix, except at one place, and a prefix has two of them.
    Candidate m_young;  ///< has not all of its prefix yet
    Candidate m_old;
    /// What began before a markup. It continues behind it, unless a key begins in the markup.
    Candidate m_around;
    char m_markup_end = '\0';
    char m_before = '\0';  ///< the last character
};

}  // namespace relay::scan
