#pragma once

#include "relay/scan/dump.hpp"
#include "relay/scan/matcher.hpp"
#include "relay/scan/runs.hpp"
#include "relay/scan/unescape.hpp"

#include <array>
#include <memory>
#include <vector>

namespace relay::scan {

/// One text: the input, or what a decoder made of a part of a text.
///
/// Its characters pass through a fixed pipeline: NULs are dropped (which reads UTF-16 and UTF-32), escapes at any number of
/// levels are decoded, and what is left goes to the matcher and to the decoders of runs (base64, base32, hexadecimal) and of
/// dumps. What these make is a text of the next layer; there are at most `most_layers`. So the work for one byte has a
/// bound, whatever the text is.
class Layer {
  public:
    static constexpr std::size_t most_layers = 2;  ///< below the input

    explicit Layer(Collector &collector, std::vector<Encoding> encodings = {});
    ~Layer();
    void put(char c, Origin origin);
    /// Takes bytes of the input that follow each other.
    void read(std::string_view bytes, std::uint64_t offset);
    /// Ends the text. The layer can then be used for another one.
    void end();
    /// Returns whether a character that neither begins nor continues anything would change nothing.
    bool idle() const { return m_runs.idle() && !is_open(); }
    /// Returns whether the next line may continue anything.
    bool is_open() const {
        return !m_no_escape || m_after_nul || !m_dump.idle() || m_runs.has_begun() || !m_matcher.idle();
    }

  private:
    // What each level of escapes passes its characters to.
    auto to_second();
    auto to_third();
    auto to_all();
    void unescaped(char c, Origin const &origin);
    bool is_lowest() const { return m_depth == most_layers; }
    Layer &below(std::unique_ptr<Layer> &layer, Encoding encoding) const;

    friend class Runs;
    friend class Dump;

    Collector *m_collector;
    std::vector<Encoding> m_encodings;
    std::size_t m_depth;  ///< below the input
    bool m_used = false;
    bool m_after_nul = false;
    bool m_no_escape = true;  ///< none has begun, at any level
    Unescape m_first{0};
    Unescape m_second{1};
    Unescape m_third{2};
    Matcher m_matcher;
    Runs m_runs;
    Dump m_dump;
};

}  // namespace relay::scan
